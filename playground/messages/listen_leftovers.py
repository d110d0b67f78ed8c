"""What `playground listen` has left when it was killed: found by the names of its policies, and
removed.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from common.jsontext import decode
from playground.base.processes import ProcessId
from playground.devices.sweep import Swept
from playground.home.homes import Home
from playground.home.paths import Paths, is_there
from playground.messages.listen_identity import SUFFIX, TIME, policies, remove


@dataclass(frozen=True)
class Leftover:
    """The policy of a listener that is not there any more, and why that is certain."""

    policy: str
    reason: str


def leftovers(paths: Paths, home: Home) -> list[Leftover]:
    """Of listeners whose time is over, or that ran on this machine and are gone; those that run are
    none.
    """
    found = [(policy, _reason(paths, policy, until)) for policy, until in policies(home)]
    return [Leftover(policy, reason) for policy, reason in found if reason]


def _reason(paths: Paths, policy: str, until: datetime) -> str:
    if until < datetime.now(UTC):
        return f"a listener's time was over at {until:%Y-%m-%d %H:%M:%S} UTC"
    try:
        process = ProcessId(**decode((paths.listening / policy).read_bytes()))
    except (OSError, ValueError, TypeError):
        return ""
    return (
        "" if process.alive() else f"the listener was killed: process {process.pid} of this machine"
    )


def sweep_listeners(paths: Paths, home: Home, *, dry_run: bool) -> list[Swept]:
    """Remove what killed listeners have left, and tell, as the stack's sweep does."""
    if not dry_run:
        _forget_expired(paths, datetime.now(UTC))
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


def _forget_expired(paths: Paths, now: datetime) -> None:
    """Records of listeners whose time is over: in either home their policies' names say as much."""
    for record in sorted(paths.listening.iterdir()) if is_there(paths.listening) else ():
        found = re.search(f"-listen-{SUFFIX.pattern}$", record.name)
        if found and datetime.strptime(found[1], TIME).replace(tzinfo=UTC) < now:
            record.unlink(missing_ok=True)
