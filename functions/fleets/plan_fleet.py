"""PlanFleet: what is to be made and removed so that a fleet is as its file says.

Every field is checked before anything is written. A fleet that is there already is changed: devices
that its file has no more leave, new ones arrive, and all others stay as they are.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.clients import session, transient_faults_named
from common.environment import Environment, environment
from common.errors import ThingExists
from common.fleet_wish import ARRIVAL, FleetWish, Group
from common.moments import of_milliseconds
from common.observability import Handler, about, logger, observed
from common.row import is_free
from fleets import wiring
from fleets.lists import ARRIVING, WANTED, Lists
from fleets.members import Catalog, Member, member
from fleets.register import PROVISIONING, Register

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session

MOST_NAMED = 5


@dataclass(frozen=True)
class Difference:
    """Between the fleet that there is and the one that is wanted."""

    members: list[Member]
    """All that are there or will be."""
    arriving: list[Member]
    leaving: list[Member]


@dataclass(frozen=True)
class Planner:
    """Plans fleets."""

    register: Register
    catalog: Catalog
    lists_of: Callable[[str], Lists]
    clock: Callable[[], float] = time.time

    def plan(self, wish: FleetWish, execution_arn: str) -> dict[str, Any]:
        """Take the fleet and write its lists; gives what the workflow goes by. Repeatable.

        Raises FleetBusy, and ThingExists for a name that is somebody else's.
        """
        lists = self.lists_of(wish.name)
        # Looked at before the fleet is taken, so that a refusal changes nothing.
        self._difference(wish, lists, execution_arn)
        self.register.take(wish.name, execution_arn, PROVISIONING)
        found = self._difference(wish, lists, execution_arn)
        devices = wish.devices()
        # Who is in the fleet is written down before the first one is made.
        lists.put_members(found.members)
        lists.put(WANTED, _file(wish))
        inputs = [
            {**one.data, "input": devices[one.thing_name], "at": at}
            for one, at in self._in_time(wish, found.arriving)
        ]
        return {
            "name": wish.name,
            "devices": wish.count,
            "arriving": len(found.arriving),
            "arrivingKey": lists.put(ARRIVING, inputs),
            "leaving": len(found.leaving),
            "leavingKey": lists.put_leaving(found.leaving, self.catalog),
            "tolerated": wish.tolerated,
        }

    def _in_time(self, wish: FleetWish, arriving: list[Member]) -> Iterator[tuple[Member, str]]:
        """Each with the time at which it may begin. The first ones come first: an item that waits
        has a place of the Map, and nobody behind it may begin before it.
        """
        begins = self.clock()
        members = {one.thing_name: one for one in arriving}
        for name, after in wish.arriving(members.keys()).items():
            yield members[name], of_milliseconds(round((begins + after) * 1000))

    def _difference(self, wish: FleetWish, lists: Lists, execution_arn: str) -> Difference:
        before = lists.members()
        own = self.catalog.own(before)
        wanted = wish.devices()
        new = [name for name in wanted if name not in own]
        rows = self.catalog.rows(new)
        _refuse([name for name in new if name in rows and not is_free(rows[name])])
        there = [one for one in before if one.thing_name in own]
        arriving = [member(name, execution_arn) for name in new]
        leaving = [one for one in there if one.thing_name not in wanted]
        return Difference([*there, *arriving], arriving, leaving)


def _refuse(taken: list[str]) -> None:
    if taken:
        more = f" and {len(taken) - MOST_NAMED} more" if len(taken) > MOST_NAMED else ""
        raise ThingExists(
            f"groups: taken names: {', '.join(taken[:MOST_NAMED])}{more}; "
            "delete these devices or choose another thingName"
        )


def _file(wish: FleetWish) -> dict[str, Any]:
    groups = [
        {
            "name": one.name,
            "count": one.count,
            "thingName": one.pattern,
            **_arrival(one),
            **one.asked,
        }
        for one in wish.groups
    ]
    return {"name": wish.name, "groups": groups, "tolerated": wish.tolerated, **wish.to_run}


def _arrival(group: Group) -> dict[str, Any]:
    return {ARRIVAL: found} if (found := group.arrival.data) else {}


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """State PlanFleet. Gives `{name, devices, arriving, arrivingKey, leaving, leavingKey,
    tolerated}`."""
    planner = Planner(
        wiring.register(environment, session),
        wiring.catalog(environment, session),
        wiring.lists_of(environment, session),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        wish = FleetWish.of(event["input"])
        about(fleet_name=wish.name)
        with transient_faults_named():
            planned = planner.plan(wish, event["execution"])
        logger.info("fleet planned", arriving=planned["arriving"], leaving=planned["leaving"])
        return planned

    return handler


handler = observed(build(environment, session))
