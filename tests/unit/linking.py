"""Switches and bulbs that are there, and their links, as the real functions make them."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from common.links import links_policy_name
from links import link_devices
from provisioning import clean_up
from sweeping import sweep
from tests.unit.built import built
from tests.unit.stack import LINKS_PREFIX
from tests.unit.world import World

MACHINE = "arn:aws:states:eu-west-1:123456789012:execution:playground-{0}-device:{1}"
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def topic(bulb: str) -> str:
    return f"$aws/things/{bulb}/shadow/update"


@dataclass
class House:
    """Devices in a world. `pause` lets so many seconds go by, for whoever holds a switch."""

    world: World
    pause: Callable[[float], None]
    made: int = 0

    def device(self, name: str, device_type: str) -> None:
        """One that is online."""
        self.made += 1
        execution = MACHINE.format("provision", f"{name}-{self.made}")
        self.world.ecs.tasks.clear()
        self.world.provision(name, execution, device_type=device_type)
        self.write(name, status="ONLINE")

    def write(self, name: str, **values: Any) -> None:
        """Into the row, as somebody who need not ask."""
        self.world.catalog.table.put_item(Item={**self.world.row(name), **values})

    def ask(self, action: str, switch: str, target: str | None = None) -> list[str]:
        """What LinkDevices answers."""
        event = {"action": action, "thingName": switch} | ({"target": target} if target else {})
        links: list[str] = built(link_devices)(event, self.world.context)["links"]
        return links

    def link(self, switch: str, bulb: str) -> list[str]:
        return self.ask("link", switch, bulb)

    def unlink(self, switch: str, bulb: str) -> list[str]:
        return self.ask("unlink", switch, bulb)

    def delete(self, name: str) -> None:
        event = {
            "input": {"thingName": name},
            "deprovisioning": MACHINE.format("deprovision", name),
        }
        built(clean_up)(event, self.world.context)

    def sweep(self, **request: Any) -> list[tuple[str, str, str]]:
        """Kind, name and outcome of what a sweep finds that spares nothing for its youth."""
        found = built(sweep)({"olderThanSeconds": 0, **request}, self.world.context)["findings"]
        return [(one["kind"], one["name"], one["outcome"]) for one in found]

    def policy(self, switch: str) -> str | None:
        """The name of the policy of its links, if there is one."""
        name = links_policy_name(LINKS_PREFIX, switch)
        return name if name in self.world.iot.policies else None

    def rights(self, switch: str) -> set[str]:
        """Topics that any certificate of the switch may publish to by its links."""
        row = self.world.row(switch)
        named = {str(row.get(name)) for name in ("certificate_arn", "next_certificate_arn")}
        arns = named & self.world.iot.certificates.keys()
        return set().union(*(self.world.iot.may_publish(arn) for arn in arns))

    def desired(self, switch: str) -> list[str]:
        """What its shadow has it drive."""
        found: list[str] = self.world.shadows.desired.get(switch, {}).get("links", [])
        return found

    def links(self, switch: str) -> set[str]:
        return set(self.world.row(switch).get("links", ()))

    def check(self, switch: str, *bulbs: str) -> None:
        """These it drives, and no others: by its rights, by its shadow and by the catalog."""
        assert self.rights(switch) == {topic(bulb) for bulb in bulbs}
        assert self.desired(switch) == sorted(bulbs)
        assert self.links(switch) == set(bulbs)
        assert (self.policy(switch) is not None) == bool(bulbs)
        for bulb in bulbs:
            assert switch in self.world.row(bulb)["linked_from"]

    def check_at_any_moment(self, switch: str) -> None:
        """No right without a link, no link without its way back."""
        assert self.rights(switch) <= {topic(bulb) for bulb in self.links(switch)}
        for bulb in self.links(switch):
            assert switch in self.world.row(bulb).get("linked_from", ())

    def memory(self) -> Callable[[], None]:
        """Remembers everything; gives what brings it back."""
        iot, shadows = self.world.iot, self.world.shadows
        names = ("things", "certificates", "policies", "versions", "documents", "detaching")
        kept = copy.deepcopy({name: getattr(iot, name) for name in names})
        desired, rows = copy.deepcopy(shadows.desired), self.world.catalog.table.scan()["Items"]

        def restore() -> None:
            for name, value in copy.deepcopy(kept).items():
                setattr(iot, name, value)
            shadows.desired = copy.deepcopy(desired)
            for row in rows:
                self.world.catalog.table.put_item(Item=row)

        return restore


def as_text(seconds: float) -> str:
    """A time that many seconds after noon, as the catalog writes it."""
    return (
        (NOON + timedelta(seconds=seconds))
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
