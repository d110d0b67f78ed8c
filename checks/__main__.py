"""`python -m checks [--write-licences]`: exit code 1 when one of them found something."""

import sys
from collections.abc import Callable

from checks import dependencies, licences, secrets
from checks.tools import CheckError


def main(arguments: list[str]) -> int:
    """Run every check, also after one that failed."""
    code = 0
    all_checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("secrets", secrets.check),
        ("licences", lambda: licences.check(write="--write-licences" in arguments)),
        ("dependencies", dependencies.check),
    )
    for name, check in all_checks:
        try:
            print(check())
        except CheckError as error:
            print(f"{name}:\n{error}", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
