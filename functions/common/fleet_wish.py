"""What a fleet file may say, and the rules that it must keep (docs/contracts.md, "Fleet file").

Standard library only: the command imports this module from outside Lambda.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.checking import checked_object, whole
from common.device_wish import FIELDS as OF_A_DEVICE
from common.device_wish import DeviceWish
from common.errors import InvalidInput
from common.fleet_arrival import AT_ONCE, Arrival, arrival_of
from common.fleet_stages import Stage, Stop, stages_of, stops_of
from common.identifiers import JITR, NOWHERE, checked_thing_name
from common.jsonvalues import encode, told

NAME = re.compile(r"[a-zA-Z0-9_-]{1,40}")
TO_RUN = ("seed", "stages", "stops")
FIELDS = ("name", "groups", "tolerated", *TO_RUN)
ARRIVAL = "arrival"
OF_THE_GROUP = ("name", "count", ARRIVAL)
OF_A_GROUP = (*OF_THE_GROUP, *(field for field in OF_A_DEVICE if field != "csr"))
NUMBER = "{number}"
# Of numbers: the tenth device of a group stands behind the ninth, also in a list by name.
DIGITS = 4
MOST_GROUPS = 50
MOST_DEVICES = 5000
# What all devices of a fleet are asked for with, as JSON: it is held in a function's memory.
MAX_SEED = 2**31 - 1
MAX_PLAN_BYTES = 16_777_216


@dataclass(frozen=True)
class Group:
    """Devices that differ in their names alone. `pattern` has NUMBER in it, `asked` is the input of
    their provisioning without a name.
    """

    name: str
    count: int
    pattern: str
    asked: Mapping[str, Any]
    arrival: Arrival = AT_ONCE

    def names(self) -> Iterator[str]:
        """Their thing names, from number 1 on."""
        for number in range(1, self.count + 1):
            yield self.pattern.replace(NUMBER, f"{number:0{DIGITS}}")

    def arriving(self, names: Collection[str], seed: str) -> Iterator[tuple[str, float]]:
        """Those of its devices that are among `names`, and when each may come."""
        own = [name for name in self.names() if name in names]
        return zip(own, self.arrival.moments(own, seed), strict=True)


@dataclass(frozen=True)
class FleetWish:
    """A fleet file, checked. So many devices as `tolerated` may fail without the fleet failing."""

    name: str
    groups: tuple[Group, ...]
    tolerated: int
    seed: int = 0
    """By which devices arrive, and are chosen for an action: the same again with the same seed."""
    stages: tuple[Stage, ...] = ()
    stops: tuple[Stop, ...] = ()
    to_run: Mapping[str, Any] = field(default_factory=dict)
    """Seed, stages and stops as they were given."""

    @classmethod
    def of(cls, asked: object) -> "FleetWish":
        """From `{name, groups: [{name, count, thingName?, ...}], tolerated?, seed?, stages?,
        stops?}`; raises InvalidInput with the path of the field.
        """
        fleet = checked_object("input", asked, FIELDS)
        name = checked_fleet_name(fleet.get("name"))
        found = fleet.get("groups")
        if not isinstance(found, list) or not 0 < len(found) <= MOST_GROUPS:
            raise InvalidInput(
                "groups", f"must be an array of 1 to {MOST_GROUPS} groups, got {told(found)}"
            )
        groups = tuple(_group(f"groups[{at}]", group, name) for at, group in enumerate(found))
        wish = cls(
            name=name,
            groups=groups,
            tolerated=min(whole("tolerated", fleet.get("tolerated", 0), 0), MOST_DEVICES),
            seed=whole("seed", fleet.get("seed", 0), 0, MAX_SEED),
            stages=stages_of(fleet.get("stages", []), [group.name for group in groups]),
            stops=stops_of(fleet.get("stops", [])),
            to_run={key: fleet[key] for key in TO_RUN if key in fleet},
        )
        wish._check_all()
        return wish

    @property
    def count(self) -> int:
        """How many devices it is to have."""
        return sum(group.count for group in self.groups)

    def devices(self) -> dict[str, Mapping[str, Any]]:
        """The input of each device's provisioning, by its thing name."""
        return {
            name: {**group.asked, "thingName": name}
            for group in self.groups
            for name in group.names()
        }

    def arriving(self, names: Collection[str]) -> dict[str, float]:
        """Of these devices: how many seconds after the beginning each may come, the first ones
        first.
        """
        found = {
            name: moment
            for group in self.groups
            for name, moment in group.arriving(names, f"{self.seed}/{group.name}")
        }
        return dict(sorted(found.items(), key=lambda one: one[1]))

    def _check_all(self) -> None:
        _check_distinct([group.name for group in self.groups])
        if not 0 < self.count <= MOST_DEVICES:
            raise InvalidInput(
                "groups", f"must have 1 to {MOST_DEVICES} devices together, got {self.count}"
            )
        size = sum(group.count * len(encode(group.asked)) for group in self.groups)
        if size > MAX_PLAN_BYTES:
            raise InvalidInput(
                "groups", f"models of all devices: at most {MAX_PLAN_BYTES} bytes, got {size}"
            )
        owners: dict[str, int] = {}
        for at, group in enumerate(self.groups):
            for name in group.names():
                if name in owners:
                    raise InvalidInput(
                        f"groups[{at}].thingName",
                        f"gives the name {name}, which groups[{owners[name]}] gives, too",
                    )
                owners[name] = at


def checked_fleet_name(value: object, field: str = "name") -> str:
    """`value` as a fleet's or a group's name; raises InvalidInput."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise InvalidInput(field, f"must match {NAME.pattern}, got {told(value)}")
    return value


def _group(path: str, asked: object, fleet: str) -> Group:
    group = checked_object(path, asked, OF_A_GROUP)
    name = checked_fleet_name(group.get("name"), f"{path}.name")
    count = whole(f"{path}.count", group.get("count"), 0, MOST_DEVICES)
    pattern = group.get("thingName", f"{fleet}-{name}-{NUMBER}")
    if not isinstance(pattern, str) or pattern.count(NUMBER) != 1:
        raise InvalidInput(
            f"{path}.thingName", f"must be a name with {NUMBER} in it once, got {told(pattern)}"
        )
    arrival = AT_ONCE
    if ARRIVAL in group:
        arrival = arrival_of(f"{path}.{ARRIVAL}", group[ARRIVAL], count)
    if group.get("hosting") == NOWHERE:
        raise InvalidInput(f"{path}.hosting", "must be one of task, shared: a fleet is virtual")
    device = {key: value for key, value in group.items() if key not in OF_THE_GROUP}
    with_name = {**device, "thingName": pattern.replace(NUMBER, "0" * DIGITS)}
    try:
        checked_thing_name(with_name["thingName"])
        wish = DeviceWish.of(with_name)
    except InvalidInput as error:
        raise InvalidInput(f"{path}.{error.field}", error.rule) from error
    if wish.identity == JITR:
        field = "method" if "method" in device else "identity"
        raise InvalidInput(f"{path}.{field}", "can't be jitr: nobody signs for a fleet's devices")
    device.pop("thingName", None)
    return Group(name, count, pattern, device, arrival)


def _check_distinct(names: list[str]) -> None:
    for at, name in enumerate(names):
        if name in names[:at]:
            raise InvalidInput(f"groups[{at}].name", f"{name} is the name of another group, too")
