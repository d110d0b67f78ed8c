"""What a device is held for by nobody who lives, and who is to end it.

Whoever undoes an execution that has ended lets its device go. What was killed at that, or came too
late, is found here, whatever it held the device for. The lock of a roll is free once the roll has
ended (rolling/lock.py).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from common.row import Row
from holding.conditions import is_held
from holding.dead import DeadHolds
from holding.purposes import Purpose
from sweeping.findings import Finding, undo

UNDO_RESTART, UNDO_QUARANTINE = "undo-restart", "undo-quarantine"


@dataclass(frozen=True)
class Holds:
    """Tells them in rows of devices that are there."""

    dead: DeadHolds

    def of(self, row: Row) -> Iterator[Finding]:
        """Those of one device; of one that is being removed nothing but its removal is ended."""
        removed = is_held(row, Purpose.DEPROVISION)
        for purpose, holder in self.dead.of(row):
            if removed and purpose is not Purpose.DEPROVISION:
                return
            yield MENDED[purpose](row, holder)
            if purpose is Purpose.PROVISION and row["status"] == "PROVISIONING":
                return  # All of it goes.
        if not removed and not is_held(row, Purpose.RESTART) and "retired_certificate_arn" in row:
            told = {"retired": row["retired_certificate_arn"]}
            yield _left(row, "its former certificate was not deleted", told)


def in_vain(row: Row, maker: str) -> Finding:
    """What its provisioning has made is removed."""
    name, reason = row["thing_name"], f"its provisioning has failed: {maker}"
    return Finding("device", name, reason, undo(name, maker))


def _removal(row: Row, remover: str) -> Finding:
    name, maker = row["thing_name"], row["execution_arn"]
    told = {"input": {"thingName": name}, "deprovisioning": remover, "resumed": True}
    event = undo(name, maker) if remover == maker else told
    return Finding("device", name, f"its removal has ended half-way: {remover}", event)


def _restart(row: Row, arn: str) -> Finding:
    name = row["thing_name"]
    error = {"Error": "Swept", "Cause": "the restart had ended, but still held the device"}
    told = {"restart": arn, "data": {"asked": {"thingName": name}, "error": error, "ended": True}}
    reason = f"its restart has ended but still holds it: {arn}"
    return Finding("device", name, reason, told, UNDO_RESTART)


def _confinement(row: Row, arn: str, reason: str) -> Finding:
    name = row["thing_name"]
    told = {"input": {"thingName": name}, "execution": arn}
    return Finding("device", name, reason, told, UNDO_QUARANTINE)


def _quarantine(row: Row, arn: str) -> Finding:
    return _confinement(row, arn, f"its quarantine has ended but still holds it: {arn}")


def _release(row: Row, arn: str) -> Finding:
    return _confinement(row, arn, f"its release has ended but still holds it: {arn}")


def _half_let_out(row: Row, _mark: str) -> Finding:
    reason = "its release from quarantine was interrupted"
    return _confinement(row, row.get("quarantined_by", ""), reason)


def _provisioning(row: Row, maker: str) -> Finding:
    if row["status"] == "PROVISIONING":
        return in_vain(row, maker)
    return _left(row, "it is marked as being made, but no execution makes it", {"waiting": True})


def _linking(row: Row, _mark: str) -> Finding:
    return _left(row, "a change of its links was cut off", {"links": True})


def _change(row: Row, job: str) -> Finding:
    reason = f"the job that changes its certificate has ended half-way: {job}"
    return _left(row, reason, {"successor": row["next_certificate_id"]})


def _left(row: Row, reason: str, what: dict[str, Any]) -> Finding:
    name = row["thing_name"]
    return Finding("device", name, reason, {"leftover": {"thingName": name, **what}})


# What the row of a device can say; a roll is in no device's row.
MENDED: Mapping[Purpose, Callable[[Row, str], Finding]] = {
    Purpose.DEPROVISION: _removal,
    Purpose.RESTART: _restart,
    Purpose.QUARANTINE: _quarantine,
    Purpose.READMIT: _half_let_out,
    Purpose.RELEASE: _release,
    Purpose.PROVISION: _provisioning,
    Purpose.LINK: _linking,
    Purpose.ROTATE: _change,
}
