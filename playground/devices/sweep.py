"""Ask the stack's sweep what no workflow has removed, and have it removed."""

from dataclasses import dataclass

from playground.devices.functions import ask
from playground.errors import SweepError
from playground.home.homes import Home


@dataclass(frozen=True)
class Swept:
    """Something that should not be there, and its fate: `found`, `ambiguous`, `removed`, `gone` or
    `failed`.
    """

    kind: str
    name: str
    reason: str
    outcome: str
    error: str


def sweep(home: Home, older_than: float, *, dry_run: bool = False) -> list[Swept]:
    """Sweep everything that has not changed for `older_than` seconds. Raises SweepError."""
    request = {"dryRun": dry_run, "olderThanSeconds": older_than, "everything": True}
    said = ask(home, "SweepFunctionName", request, SweepError, "The sweep failed: ")
    return [Swept(**found) for found in said["findings"]]
