"""What `playground listen` has left when it was killed: found by the names of its policies, and removed."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from playground.homes import Home
from playground.listen_identity import policies, remove
from playground.paths import Paths
from playground.processes import ProcessId
from playground.sweep import Swept


@dataclass(frozen=True)
class Leftover:
    """The policy of a listener that is not there any more, and why that is certain."""

    policy: str
    reason: str


def leftovers(paths: Paths, home: Home) -> list[Leftover]:
    """Of listeners whose time is over, or that ran on this machine and are gone; those that run are none."""
    found = [(policy, _reason(paths, policy, until)) for policy, until in policies(home)]
    return [Leftover(policy, reason) for policy, reason in found if reason]


def _reason(paths: Paths, policy: str, until: datetime) -> str:
    if until < datetime.now(UTC):
        return f"a listener's time was over at {until:%Y-%m-%d %H:%M:%S} UTC"
    try:
        process = ProcessId(**json.loads((paths.listening / policy).read_text()))
    except (OSError, ValueError, TypeError):
        return ""
    return "" if process.alive() else f"the listener was killed: process {process.pid} of this machine"


def sweep_listeners(paths: Paths, home: Home, *, dry_run: bool) -> list[Swept]:
    """Remove what killed listeners have left, and tell, as the stack's sweep does."""
    found = []
    for left in leftovers(paths, home):
        outcome, error = "found" if dry_run else "removed", ""
        try:
            if not dry_run:
                remove(home, left.policy)
                (paths.listening / left.policy).unlink(missing_ok=True)
        except ClientError as refused:
            outcome, error = "failed", str(refused)
        found.append(Swept("listener", left.policy, left.reason, outcome, error))
    return found
