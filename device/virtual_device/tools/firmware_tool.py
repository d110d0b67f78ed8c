"""python -m virtual_device.tools.firmware_tool FILE | -

Prints JSON: what is wrong with a firmware image, `{"problems": [...]}`, or, when nothing is, what a
job document says of it: `{"version": "1.1.0", "size": 1204, "sha256": "..."}`.

Exit codes: 0; 1 when the image has problems or can't be read; 2 for wrong usage.
"""

import json
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from virtual_device.firmware.image import FirmwareInvalidError, read


def main(arguments: Sequence[str]) -> int:
    """Check the file; the exit code."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        content = (
            sys.stdin.buffer.read() if arguments[0] == "-" else Path(arguments[0]).read_bytes()
        )
        version = read(content).version
    except OSError as error:
        return _print({"problems": [f"can't be read: {error.strerror}"]}, code=1)
    except FirmwareInvalidError as error:
        return _print({"problems": error.problems}, code=1)
    return _print({"version": version, "size": len(content), "sha256": sha256(content).hexdigest()})


def _print(value: object, code: int = 0) -> int:
    print(json.dumps(value, indent=2, ensure_ascii=False))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
