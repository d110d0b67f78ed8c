"""device/ as one zip file that is the same, byte for byte, wherever it is packed from the same
files.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playground.errors import ImageError

# Not what the image is made of: samples for jobs, and what the lock file is made from.
LEFT_OUT = ("firmware", "requirements.in")
HIDDEN_BUT_NEEDED = (".dockerignore",)
# The earliest that a zip file can say.
EPOCH = (1980, 1, 1, 0, 0, 0)
NEEDED = ("Dockerfile", "requirements.txt", "virtual_device/__main__.py")


@dataclass(frozen=True)
class Source:
    """The packed sources and their SHA-256 (64 hexadecimal digits), which is the image's content
    tag.
    """

    sha256: str
    data: bytes

    @property
    def key(self) -> str:
        """Where it is uploaded to, in the source bucket."""
        return f"source/{self.sha256}.zip"


def pack(folder: Path) -> Source:
    """Everything that the image is made of. Raises ImageError when a part of it is missing."""
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise ImageError(f"{folder} has no {', '.join(missing)}, so it is not a device folder.")
    target = io.BytesIO()
    # Stored as they are: two versions of zlib compress the same bytes differently.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(_files(folder), key=lambda path: path.relative_to(folder).as_posix()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
            entry.create_system = 3  # Unix, also when packed elsewhere
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes())
    data = target.getvalue()
    return Source(hashlib.sha256(data).hexdigest(), data)


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts) and path.name not in HIDDEN_BUT_NEEDED
        made = "__pycache__" in parts or path.suffix == ".pyc"
        if path.is_file() and not hidden and not made and parts[0] not in LEFT_OUT:
            yield path
