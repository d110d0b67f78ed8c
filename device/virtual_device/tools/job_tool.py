"""python -m virtual_device.tools.job_tool list | check THING DEVICE_TYPE

`list` prints the operations as JSON. `check` reads a job document from standard input and prints
what the thing would hold against it, `{"field", "reason"}`, or `{}`.
"""

import json
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

from virtual_device.base.jsonvalue import Json, NotJsonError, decode
from virtual_device.commands.requests import RefusedFieldError
from virtual_device.core.capability import Surroundings
from virtual_device.jobs import job_document, operations
from virtual_device.shadow import settings
from virtual_device.telemetry.thing import Thing


def main(arguments: Sequence[str]) -> int:
    """Run one of the commands; the exit code."""
    match arguments:
        case ["list"]:
            return _print(
                [{"name": row.name, "description": row.description} for row in operations.TABLE]
            )
        case ["check", name, device_type]:
            return _print(fault(sys.stdin.buffer.read(), Thing(name, device_type)))
    print(__doc__, file=sys.stderr)
    return 2


def fault(payload: bytes, thing: Thing) -> Json:
    """What is wrong with a document; an empty object when nothing is."""
    # Checking a document is checking it for somebody; what else a device has, no check may ask for.
    somebody = cast("Surroundings", SimpleNamespace(thing=thing, settings=settings.defaults(thing)))
    try:
        job_document.read(decode(payload), somebody)
    except NotJsonError as error:
        return {"field": "document", "reason": str(error)}
    except RefusedFieldError as error:
        return {"field": error.field, "reason": str(error)}
    return {}


def _print(value: Json) -> int:
    print(json.dumps(value, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
