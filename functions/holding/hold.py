"""One holder's writes into a device's row: what the table of purposes says is their condition."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import ConditionBase

from common.items import change, update_if
from common.moments import now
from common.row import Row
from holding.conditions import fulfilled, holds, may_take
from holding.purposes import RULES, Purpose

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


@dataclass(frozen=True)
class Hold:
    """A device, and who holds it or wants to, for one of the purposes.

    `holder`: the ARN of an execution. `undoing`: it is whoever undoes that execution who asks and
    writes, not one of its states (holding/undone.py).
    """

    table: "Table"
    thing_name: str
    holder: str
    purposes: tuple[Purpose, ...]
    undoing: bool = False

    @property
    def condition(self) -> ConditionBase:
        """It has the device."""
        return holds(self.purposes, self.holder, undoing=self.undoing)

    def is_in(self, row: Row | None) -> bool:
        """Whether the row says that it has the device."""
        return row is not None and fulfilled(self.condition, row)

    def checked(self, row: Row | None) -> Row:
        """The row. Raises what the table says (RestartLost, ...) unless it has the device."""
        if row is None or not self.is_in(row):
            raise self._lost()
        return row

    def take(
        self,
        *,
        dead: str | None = None,
        seen: ConditionBase | None = None,
        remove: tuple[str, ...] = (),
        **values: Any,
    ) -> Row | None:
        """Write the holder's name, and `values`; None when the row does not allow it.

        `dead`: another holder that has ended. `seen`: what else must be as it was judged.
        """
        (purpose,) = self.purposes
        condition = may_take(purpose, self.holder, dead)
        return self._write(
            condition if seen is None else condition & seen,
            {RULES[purpose].attribute: self.holder, **values},
            remove=remove,
        )

    def update(
        self,
        *,
        condition: ConditionBase | None = None,
        remove: tuple[str, ...] = (),
        add: Mapping[str, set[str]] | None = None,
        take_out: Mapping[str, set[str]] | None = None,
        **values: Any,
    ) -> Row:
        """Set `values`, `add` to sets, `take_out` of sets, remove attributes; gives the whole item.

        Raises what the table says, RestartLost for a restart, unless it has the device and the
        `condition` is fulfilled.
        """
        held = self.condition if condition is None else self.condition & condition
        row = self._write(held, values, remove=remove, add=add, take_out=take_out)
        if row is None:
            raise self._lost()
        return row

    def let_go(self, *, remove: tuple[str, ...] = (), **clauses: Any) -> Row:
        """The last write: `update`, which takes the holder's name out of the row too."""
        (purpose,) = self.purposes
        return self.update(remove=(*remove, RULES[purpose].attribute), **clauses)

    def _write(
        self,
        condition: ConditionBase,
        values: Mapping[str, Any],
        **clauses: Any,
    ) -> Row | None:
        update, filled = change({**values, "updated_at": now()}, **clauses)
        return update_if(self.table, {"thing_name": self.thing_name}, update, condition, filled)

    def _lost(self) -> Exception:
        lost = RULES[self.purposes[0]].lost
        return lost(f"{self.thing_name} is not held by {self.holder} any more")
