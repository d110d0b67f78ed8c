"""The making and the end of links, in an order that can be interrupted anywhere (docs/links.md).

The right is the last thing that a link makes and the first that its end takes away. A call that was
interrupted is completed by calling again.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import DetachmentPending, DeviceBusy, InvalidInput, ThingNotFound, TransientError
from common.row import Row, is_free
from devices.confinement import is_confined
from holding.conditions import is_held, obstacle
from holding.purposes import Purpose
from links.policy import LinksPolicies
from links.rows import MARK, Held, LinkRows, is_alive

if TYPE_CHECKING:
    from types_boto3_iot_data import IoTDataPlaneClient

# The device's table of settings: a switch has `links`, and a bulb has the `status` that a switch
# sets.
DRIVER, DRIVEN = "switch", "bulb"
# What the setting `links` takes (docs/contracts.md, "Classic shadow").
MOST_LINKS = 10
MOST_BYTES = 512
# Of a row: the certificate in force, and one that is to succeed it.
CERTIFICATES = ("certificate_arn", "next_certificate_arn")
# How often to look at a row that changes all the time.
LOOKS = 5


@dataclass(frozen=True)
class Linker:
    """Makes links and ends them. `request_id` is the Lambda invocation's."""

    rows: LinkRows
    policies: LinksPolicies
    iot_data: "IoTDataPlaneClient"

    def link(self, switch: str, target: str, request_id: str) -> list[str]:
        """The switch drives the target from now on; gives all that it drives. Repeatable.

        Raises ThingNotFound, InvalidInput for a device of another type and for too many links,
        DeviceBusy for one that is not there yet, not for long, or in quarantine.
        """
        _checked(self.rows.row(switch), "thingName", switch, DRIVER)
        _checked(self.rows.row(target), "target", target, DRIVEN)
        with self.rows.holding(switch, request_id) as held:
            self.check_room(held.links | {target})
            self.rows.add_way_back(target, switch)
            # From here on the link stands, whatever a restart or a quarantine that begins now does
            # with certificates: both go by the row.
            links = self.rows.add_link(held, target)
            self.policies.grant(switch, links)
            if _is_going(self._settle(switch)):
                raise DeviceBusy(f"thingName: {switch} is being removed")
            self._desire(switch, links)
        return sorted(links)

    def unlink(self, switch: str, target: str, request_id: str) -> list[str]:
        """The switch drives the target no longer; gives what it still drives. Repeatable. Raises
        ThingNotFound.
        """
        row = self.rows.row(switch)
        if row is None or is_free(row):
            raise ThingNotFound(f"thingName: the catalog knows no device {switch}")
        with self.rows.holding(switch, request_id) as held:
            left = held.links - {target}
            self._restrict(switch, left)
            # A shadow that is written while its device is removed would stay behind.
            if not _is_going(held.row):
                self._desire(switch, left)
            self._drop(held, held.links & {target})
            self.rows.drop_way_back(target, switch)
        return sorted(left)

    def forget(self, thing_name: str, request_id: str) -> None:
        """End every link of a device that is being removed, and every link to it. Repeatable."""
        row = self.rows.row(thing_name)
        if row is None:
            return
        with self.rows.holding(thing_name, request_id) as held:
            self.policies.remove(thing_name)
            self._drop(held, held.links)
            for target in sorted(held.links):
                self.rows.drop_way_back(target, thing_name)
        for switch in sorted(held.row.get("linked_from", ())):
            try:
                self.unlink(switch, thing_name, request_id)
            except ThingNotFound:
                self.rows.drop_way_back(thing_name, switch)

    def mend(self, thing_name: str, request_id: str) -> list[str]:
        """Have the policy say what the row says; gives the links. For the sweep, and whoever has
        changed it by hand.

        Raises DetachmentPending when AWS IoT does not delete a policy yet that nothing hangs on any
        more.
        """
        if self.rows.row(thing_name) is None:
            self._remove(thing_name)
            return []
        with self.rows.holding(thing_name, request_id) as held:
            if not held.links or is_free(held.row):
                self._remove(thing_name)
                return []
            self.policies.grant(thing_name, held.links)
            self._settle(thing_name)
            return sorted(held.links)

    def check_room(self, links: Collection[str]) -> None:
        """Raises InvalidInput, which names the limit, when a switch can't have all these links."""
        if len(links) > MOST_LINKS:
            raise InvalidInput("target", f"too many links: a switch has at most {MOST_LINKS}")
        size = len(json.dumps(sorted(links), separators=(",", ":")))
        if size > MOST_BYTES:
            raise InvalidInput(
                "target",
                f"too many links: their names have at most {MOST_BYTES} bytes as JSON, not {size}",
            )
        self.policies.document(links)

    def _settle(self, switch: str) -> Row:
        """The policy onto the switch's certificates, or off them while it is in quarantine; gives
        the row by then.

        Read the row when the policy is there: whoever adds a certificate after that attaches the
        policy itself. And read it again when it is done: whoever says something else in the row
        after that sees what was done here.
        """
        row = self.rows.row(switch) or {}
        for _ in range(LOOKS):
            arns = _certificates(row)
            change = self.policies.detach if is_confined(row) else self.policies.attach
            change(switch, arns)
            seen, row = row, self.rows.row(switch) or {}
            if (is_confined(row), _certificates(row)) == (is_confined(seen), arns):
                return row
        raise TransientError(f"{switch} keeps changing; try again")

    def _drop(self, held: Held, targets: Collection[str]) -> None:
        """Out of the row; without a link the policy goes again.

        Whoever had read the row before may have given the policy to a certificate since it was
        removed, where it could only be detached. Whoever does so after this looks at the row again,
        and takes it back.
        """
        self.rows.drop_links(held, targets)
        if held.links <= set(targets):
            self.policies.remove(held.thing_name)

    def _restrict(self, switch: str, links: Collection[str]) -> None:
        if links:
            self.policies.grant(switch, links)
        else:
            self.policies.remove(switch)

    def _remove(self, thing_name: str) -> None:
        if not self.policies.remove(thing_name):
            raise DetachmentPending(
                f"the policy of the links of {thing_name} is detached, and can't be deleted yet"
            )

    def _desire(self, switch: str, links: Collection[str]) -> None:
        payload = json.dumps({"state": {"desired": {"links": sorted(links)}}}).encode()
        self.iot_data.update_thing_shadow(thingName=switch, payload=payload)


def _certificates(row: Row) -> list[str]:
    return [row[name] for name in CERTIFICATES if name in row]


def _is_going(row: Row) -> bool:
    """Whether the device is gone, or being removed."""
    return not row or is_held(row, Purpose.DEPROVISION) or is_free(row)


def _checked(row: Row | None, field: str, thing_name: str, device_type: str) -> Row:
    """The row of a device of that type that is there, and that no workflow works on."""
    if row is None or is_free(row):
        raise ThingNotFound(f"{field}: the catalog knows no device {thing_name}")
    if row["device_type"] != device_type:
        raise InvalidInput(
            field, f"must be a {device_type}: {thing_name} is a {row['device_type']}"
        )
    if not is_alive(row):
        # Who changes its links now is waited for later.
        others = obstacle(row, Purpose.LINK, row.get(MARK))
        doing = others or f"is {row['status']}"
        raise DeviceBusy(f"{field}: {thing_name} {doing}")
    return row
