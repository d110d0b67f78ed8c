"""Packs what `sam build` has made once, for `sam deploy` to upload.

All functions share one build. `sam deploy` packs it anew for each of them, and reads the template
as YAML nineteen times: both take longer than everything else that it does. A code path that is an
archive is uploaded as it is, and a template in JSON is read in no time.
"""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import yaml

FUNCTION = "AWS::Serverless::Function"
BEGINNING = (1980, 1, 1, 0, 0, 0)
MODE = 0o755
"""What the SAM CLI gives every file that a Lambda function runs."""


def pack(build: Path) -> Path:
    """Archives beside the built template, and a template that names them; gives its path.

    `build` is the build directory of `sam build`, with `template.yaml` in it. Raises OSError, and
    YAMLError for a template that is none.
    """
    template = yaml.load((build / "template.yaml").read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader  # nosec B506
    packed: dict[str, str] = {}
    for resource in template["Resources"].values():
        if resource.get("Type") != FUNCTION:
            continue
        code = resource["Properties"].get("CodeUri")
        if isinstance(code, str) and (build / code).is_dir():
            if code not in packed:
                packed[code] = _archive(build / code).name
            resource["Properties"]["CodeUri"] = packed[code]
    return _written(build / "packed.json", json.dumps(template).encode())


def _archive(folder: Path) -> Path:
    """The same bytes for the same files, so that an unchanged function stays as it is."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for directory, folders, files in os.walk(folder, followlinks=True):
            folders.sort()
            for name in sorted(files):
                file = Path(directory, name)
                entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), BEGINNING)
                entry.create_system = 3  # Unix
                entry.external_attr = (0o100000 | MODE) << 16
                archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return _written(folder.with_name(f"{folder.name}.zip"), packed.getvalue())


def _written(target: Path, content: bytes) -> Path:
    """Whole or not at all: clouds of one build may be deployed at the same time."""
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """As the SAM CLI reads a template: what looks like a date is text."""


def _text(loader: Any, node: yaml.ScalarNode) -> str:
    text: str = loader.construct_scalar(node)
    return text


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)
