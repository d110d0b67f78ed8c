"""SettleFleet: who is in the fleet now is written down, and the fleet is let go.

A fleet without a device is gone: its item and its objects are removed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.clients import session, transient_faults_named
from common.environment import Environment, environment
from common.errors import FleetBusy
from common.observability import Handler, logger, metrics, observed
from fleets import wiring
from fleets.lists import MEMBERS, Lists
from fleets.members import Catalog
from fleets.register import Register

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session


@dataclass(frozen=True)
class Settled:
    """How many devices the fleet has, and how many that it should have are not there."""

    devices: int
    missing: int


@dataclass(frozen=True)
class Settling:
    """Ends what an execution has done to a fleet."""

    register: Register
    catalog: Catalog
    lists_of: Callable[[str], Lists]

    def settle(self, name: str, execution_arn: str, *, made: bool) -> Settled:
        """Repeatable. `made`: the fleet was brought to what its file says, and is not being removed.

        Raises FleetBusy when another execution holds the fleet.
        """
        there = self.register.fleet(name)
        if there is None or "execution_arn" not in there:
            return Settled(int(there["devices"]) if there else 0, 0)  # an earlier attempt did it
        if there["execution_arn"] != execution_arn:
            raise FleetBusy(f"name: {name} was taken over by {there['execution_arn']}")
        lists = self.lists_of(name)
        members = lists.members()
        own = self.catalog.own(members)
        if not own:
            lists.remove()
            self.register.forget(name, execution_arn)
            return Settled(0, len(members))
        lists.put_members(MEMBERS, [one for one in members if one.thing_name in own])
        if made:
            lists.accept()
        self.register.let_go(name, execution_arn, len(own))
        return Settled(len(own), len(members) - len(own))


def build(environment: Environment, session: "Session") -> Handler[dict[str, int]]:
    """State SettleFleet. Gives `{devices, missing}`."""
    settling = Settling(
        wiring.register(environment, session),
        wiring.catalog(environment, session),
        wiring.lists_of(environment, session),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, int]:
        with transient_faults_named():
            found = settling.settle(event["name"], event["execution"], made=event["made"])
        metrics.add_metric("FleetsSettled", unit="Count", value=1)
        logger.info("fleet settled", fleet_name=event["name"], devices=found.devices)
        return {"devices": found.devices, "missing": found.missing}

    return handler


handler = observed(build(environment, session))
