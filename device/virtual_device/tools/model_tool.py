"""python -m virtual_device.tools.model_tool list | schema | check FILE

Prints JSON: the bundled models with their replies and a sample message each; the JSON Schema of
model files; or what is wrong with a model file (- is standard input), `{"problems": [...]}`, and
the file's content, `{"model": {...}}`, when nothing is.

Exit codes: 0; 1 when a model has problems or can't be read; 2 for wrong usage.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from virtual_device.base.jsonvalue import Json
from virtual_device.shadow import settings
from virtual_device.telemetry import telemetry
from virtual_device.telemetry.model import ModelInvalidError, bundled, read
from virtual_device.telemetry.model_schema import schema
from virtual_device.telemetry.thing import DEVICE_TYPES, Thing

SAMPLE_NAME = "dev-SAMPLE"


def main(arguments: Sequence[str]) -> int:
    """Run one of the commands; the exit code."""
    match arguments:
        case ["list"]:
            return _print(listing(time.time()))
        case ["schema"]:
            return _print(schema())
        case ["check", file]:
            return _check(file)
    print(__doc__, file=sys.stderr)
    return 2


def listing(wall: float) -> Json:
    """Name, description, replies and a message at the Unix time `wall` of each bundled model."""
    return [
        {
            "name": name,
            "description": bundled(name).document.get("description"),
            "replies": {row.name: row.description for row in bundled(name).replies},
            "sample": sample(Thing(SAMPLE_NAME, name), wall),
        }
        for name in sorted(DEVICE_TYPES)
    ]


def sample(thing: Thing, wall: float) -> Json:
    """The first message of a thing with default settings."""
    return telemetry.generate(thing, settings.defaults(thing), wall, 0)


def _check(file: str) -> int:
    try:
        model = read(sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes())
    except OSError as error:
        return _print({"problems": [f"can't be read: {error.strerror}"]}, code=1)
    except ModelInvalidError as error:
        return _print({"problems": list(error.problems)}, code=1)
    return _print({"model": dict(model.document)})


def _print(value: Json, code: int = 0) -> int:
    print(json.dumps(value, indent=2, ensure_ascii=False))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
