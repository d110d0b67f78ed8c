"""What several states of the two workflows are made of (devices/wiring.py)."""

from typing import TYPE_CHECKING

from common.clients import CONFIG
from common.environment import Environment
from devices import wiring
from quarantine.isolation import Isolation

if TYPE_CHECKING:
    from boto3 import Session


def isolation(environment: Environment, session: "Session") -> Isolation:
    """The stack's way to confine a device, and to let it out."""
    return Isolation(
        catalog=wiring.catalog(environment, session),
        iot=session.client("iot", config=CONFIG),
        policies=wiring.policies(environment),
        group=environment.required("QUARANTINE_GROUP"),
    )
