"""Holders that have ended without letting go: nobody works on the device that they hold."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from common.executions import Executions
from common.row import Row
from holding.conditions import is_held, takers_of
from holding.purposes import CONFINING, RULES, Life, Purpose

Running = Callable[[Row, str], bool]
JobGoesOn = Callable[[str, str], bool]


def holder_of(row: Row, purpose: Purpose) -> str | None:
    """Who holds the device for it, as the row names them; None where nobody does."""
    return str(row[RULES[purpose].attribute]) if is_held(row, purpose) else None


def dead_holder(
    row: Row | None,
    purpose: Purpose,
    taker: str,
    executions: Executions,
) -> str | None:
    """The execution that holds what `taker` wants for the same purpose, if it has ended.

    None too where the taker holds it itself, and where nobody does.
    """
    holder = None if row is None else holder_of(row, purpose)
    if row is None or holder is None or holder == taker:
        return None
    return None if executions.running(holder, row.get(RULES[purpose].named_at)) else holder


@dataclass(frozen=True)
class DeadHolds:
    """Tells them in a row. `running`: whether the execution that a row names is under way.

    `job_goes_on`: whether the job of that id is still the thing's to carry out. `cutoff`: until
    then the time of a hold that has one must have been up.
    """

    running: Running
    job_goes_on: JobGoesOn
    cutoff: datetime

    def of(self, row: Row) -> Iterator[tuple[Purpose, str]]:
        """What the device is held for by a dead holder, and its name.

        What somebody has taken over, alive or dead, is theirs to end.
        """
        for purpose in RULES:
            holder = holder_of(row, purpose)
            if holder is None or is_held(row, *takers_of(purpose)):
                continue
            if self._is_dead(row, purpose, holder):
                yield purpose, holder

    def _is_dead(self, row: Row, purpose: Purpose, holder: str) -> bool:
        match RULES[purpose].life:
            case Life.EXECUTION:
                return not self.running(row, holder)
            case Life.WITHIN:
                return not is_held(row, *CONFINING)
            case Life.TIME:
                return datetime.fromisoformat(holder.partition(" ")[0]) <= self.cutoff
            case Life.JOB:
                return not self.job_goes_on(row["thing_name"], holder)
