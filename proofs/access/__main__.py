"""`python -m proofs.access [--no-write]`: tries everything in a local cloud of its own.

Writes docs/evidence/access.md. Ends with 1 when something was allowed that must not be, or the
other way round.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playground.base.signals import orderly_end
from playground.home.paths import PROJECT
from proofs import evidence
from proofs.access import device_attempts, function_attempts
from proofs.access.page import page
from tests.playground_cloud import own_cloud

PAGE = evidence.FOLDER / "access.md"


def main(arguments: Sequence[str]) -> int:
    """Exit code."""
    print("bringing up a local cloud ...", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder, own_cloud(Path(folder), {}) as cloud:
        devices = device_attempts.attempts(cloud)
        functions = list(function_attempts.attempts(cloud))
    wrong = (
        [one for one in devices if not one.is_right],
        [one for one in functions if not one.is_refused],
    )
    for found in (*wrong[0], *wrong[1]):
        print(found, file=sys.stderr)
    print(f"{len(devices)} attempts of devices, {len(functions)} of functions")
    if "--no-write" not in arguments:
        evidence.write(PAGE, page(devices, functions), evidence.standing())
        print(PAGE.relative_to(PROJECT))
    return 1 if any(wrong) else 0


if __name__ == "__main__":
    with orderly_end():  # its cloud is taken down, however it is ended
        sys.exit(main(sys.argv[1:]))
