"""What several states of the two workflows are made of (devices/wiring.py)."""

from common import environment
from common.clients import CONFIG, session
from devices import wiring
from quarantine.isolation import Isolation


def isolation() -> Isolation:
    """The stack's way to confine a device, and to let it out."""
    return Isolation(
        catalog=wiring.catalog(),
        iot=session.client("iot", config=CONFIG),
        policies=wiring.policies(),
        group=environment.required("QUARANTINE_GROUP"),
    )
