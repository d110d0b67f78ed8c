"""Links in the catalog: `links` of a switch, `linked_from` of a bulb, both string sets, and who
works on a switch's.

A right is never without its link, nor a link without its way back: what the policy allows is in the
switch's `links`, and for each of these the switch is in the bulb's `linked_from`, at any moment and
after any interruption. So whoever removes a bulb finds every switch that may have a right to it.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase
from botocore.exceptions import BotoCoreError, ClientError

from common.errors import DeviceBusy, ThingNotFound
from common.items import touching, update_if
from common.moments import as_text, now
from common.observability import about_row, logger
from common.row import Row
from common.waiting import Patience
from holding.conditions import fulfilled, holds, ready, unheld
from holding.purposes import RULES, Purpose

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

# Longer than the function may run (template.yaml, Globals: 30 s), and what clocks may differ by:
# who holds a switch longer than that has ended, and nothing that it has begun can still come.
HELD_SECONDS = 40
WAIT_FOR_OTHERS = Patience(8, pause=0.2)

MARK = RULES[Purpose.LINK].attribute


def is_alive(row: Row) -> bool:
    """Whether the device is there, and no workflow works on it."""
    return fulfilled(ready(Purpose.LINK), row)


@dataclass(frozen=True)
class Held:
    """A switch whose links nobody else changes; its row as it was when it was taken."""

    thing_name: str
    mark: str
    row: Row

    @property
    def links(self) -> frozenset[str]:
        """The names of the linked devices."""
        return frozenset(self.row.get("links", ()))

    @property
    def condition(self) -> ConditionBase:
        """It is held so still."""
        return holds([Purpose.LINK], self.mark)


@dataclass(frozen=True)
class LinkRows:
    """Reads and conditional writes; every method can be repeated."""

    table: "Table"

    def row(self, thing_name: str) -> Row | None:
        """The row as it is now, or None."""
        row = self.table.get_item(Key={"thing_name": thing_name}, ConsistentRead=True).get("Item")
        if row is not None:
            # The first one of an invocation, which is the switch's, says which execution its lines
            # are about.
            about_row(row)
        return row

    @contextmanager
    def holding(self, thing_name: str, request_id: str) -> Iterator[Held]:
        """Within the block nobody else changes the switch's links; `request_id` is the Lambda
        invocation's.

        Raises ThingNotFound without a row, DeviceBusy when another one does not come to an end.
        """
        held = self._taken(thing_name, request_id)
        try:
            yield held
        except Exception:
            self._let_go(held)
            raise
        self._let_go(held)

    def add_way_back(self, target: str, switch: str) -> None:
        """The switch into the target's `linked_from`. Raises DeviceBusy when the target is not
        alive any more.
        """
        alive, values = ready(Purpose.LINK), {":switches": {switch}}
        if self._write(target, "ADD linked_from :switches", alive, values) is None:
            raise DeviceBusy(f"target: {target} is being removed or restarted")

    def add_link(self, held: Held, target: str) -> frozenset[str]:
        """The target into the switch's `links`, which are given. Raises DeviceBusy when it is not
        alive any more.
        """
        alive, values = ready(Purpose.LINK), {":targets": {target}}
        row = self._write(held.thing_name, "ADD links :targets", held.condition & alive, values)
        if row is None:
            raise DeviceBusy(f"thingName: {held.thing_name} is being removed or restarted")
        return frozenset(row["links"])

    def drop_links(self, held: Held, targets: Collection[str]) -> None:
        """Out of the switch's `links`. Raises DeviceBusy when the switch is held by another one by
        now.
        """
        values = {":targets": set(targets)}
        if not targets:
            return
        if self._write(held.thing_name, "DELETE links :targets", held.condition, values) is None:
            raise DeviceBusy(f"thingName: somebody else changes the links of {held.thing_name}")

    def drop_way_back(self, target: str, switch: str) -> None:
        """The switch out of the target's `linked_from`, whatever has become of the target."""
        there, values = Attr("thing_name").exists(), {":switches": {switch}}
        self._write(target, "DELETE linked_from :switches", there, values)

    def _taken(self, thing_name: str, request_id: str) -> Held:
        for _ in WAIT_FOR_OTHERS.tries():
            mark = f"{_later(HELD_SECONDS)} {request_id}"
            nobodys = unheld(Purpose.LINK, mark, dead=_later(0))
            condition = Attr("thing_name").exists() & nobodys
            row = self._write(thing_name, f"SET {MARK} = :mark", condition, {":mark": mark})
            if row is not None:
                return Held(thing_name, mark, row)
            if self.row(thing_name) is None:
                raise ThingNotFound(f"thingName: the catalog knows no device {thing_name}")
        raise DeviceBusy(f"thingName: somebody else changes the links of {thing_name}")

    def _let_go(self, held: Held) -> None:
        try:
            self._write(held.thing_name, f"REMOVE {MARK}", held.condition, {})
        except (BotoCoreError, ClientError) as error:
            # It is over by itself when its time is up.
            logger.warning("not let go", error=str(error))

    def _write(
        self, thing_name: str, expression: str, condition: ConditionBase, values: Mapping[str, Any]
    ) -> Row | None:
        """Gives the new row, None when the condition does not hold."""
        filled = {**values, ":now": now()}
        return update_if(
            self.table, {"thing_name": thing_name}, touching(expression), condition, filled
        )


def _later(seconds: float) -> str:
    """That many seconds from now, as the catalog writes times: the later one is the greater
    text.
    """
    return as_text(datetime.now(UTC) + timedelta(seconds=seconds))
