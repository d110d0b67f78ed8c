"""Where the `playground` command begins: Ctrl-C ends it without a traceback from the first moment
on.
"""

import sys

from playground import exit_codes
from playground.line import surroundings


def main() -> None:
    """Run the command. A moment goes by while it is loaded, in which somebody may think better of
    it.
    """
    try:
        surroundings.settle()
        from playground.line.app import app  # noqa: PLC0415 - what is loaded here may be interrupted

        app()
    except KeyboardInterrupt:
        sys.exit(exit_codes.INTERRUPTED)
