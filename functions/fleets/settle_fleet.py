"""SettleFleet: who is in the fleet now is written down, and the fleet is let go.

A fleet without a device is gone: its item and its objects are removed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.clients import session, transient_faults_named
from common.environment import Environment, environment
from common.errors import FleetBusy, TransientError
from common.observability import Handler, about, logger, observed
from fleets import wiring
from fleets.lists import Lists
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

    def settle(self, name: str, execution_arn: str, wanted: int) -> Settled:
        """Repeatable. `wanted`: so many devices the fleet's new file asks for; 0 when it is being
        removed.

        Raises FleetBusy when another execution holds the fleet, and TransientError when its item
        could not be read.
        """
        there, lists = self.register.fleet(name), self.lists_of(name)
        if there is not None and "execution_arn" not in there:
            return _settled(int(there["devices"]), wanted)  # an earlier attempt did it
        members = lists.members()
        if there is None:
            # An answer that was cut reads like one without an item. The lists go before it does.
            if wanted or members:
                raise TransientError(f"the item of {name} was not read")
            return _settled(0, wanted)
        if there["execution_arn"] != execution_arn:
            raise FleetBusy(f"name: {name} was taken over by {there['execution_arn']}")
        own = self.catalog.own(members)
        if not own:
            lists.remove()
            self.register.forget(name, execution_arn)
            return _settled(0, wanted)
        lists.put_members([one for one in members if one.thing_name in own])
        if wanted:
            lists.accept()
        self.register.let_go(name, execution_arn, len(own))
        return _settled(len(own), wanted)


def _settled(devices: int, wanted: int) -> Settled:
    return Settled(devices, max(wanted - devices, 0))


def build(environment: Environment, session: "Session") -> Handler[dict[str, int]]:
    """State SettleFleet. Gives `{devices, missing}`."""
    settling = Settling(
        wiring.register(environment, session),
        wiring.catalog(environment, session),
        wiring.lists_of(environment, session),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, int]:
        about(fleet_name=event["name"])
        with transient_faults_named():
            found = settling.settle(event["name"], event["execution"], event["wanted"])
        logger.info("fleet settled", devices=found.devices, missing=found.missing)
        return {"devices": found.devices, "missing": found.missing}

    return handler


handler = observed(build(environment, session))
