"""Where the progress of something long is told: by who does it, to who shows it, and neither loads
the other.
"""

from collections.abc import Callable
from dataclasses import dataclass

Step = Callable[[str], None]


@dataclass(frozen=True)
class Reporter:
    """Where progress goes: `step` begins a part of the work, `line` is output within it."""

    step: Step
    line: Step
