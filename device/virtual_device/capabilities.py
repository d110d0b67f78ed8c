"""The table of capabilities: a new one is a module of its own and a line here."""

from collections.abc import Callable, Mapping

from virtual_device.commands.command_client import CommandClient
from virtual_device.core.capability import Capability, Surroundings
from virtual_device.hosting.hosting import Hosting
from virtual_device.jobs.job_client import JobClient
from virtual_device.links import Links
from virtual_device.metrics.metrics import Metrics
from virtual_device.rogue.rogue import RogueBehaviour
from virtual_device.rotation.rotator import Rotator
from virtual_device.telemetry.thing import HOST

TABLE: tuple[Callable[[Surroundings], Capability], ...] = (
    CommandClient,
    Rotator,
    JobClient,
    Links,
    Metrics,
)

OF_TYPES: Mapping[str, tuple[Callable[[Surroundings], Capability], ...]] = {
    "rogue": (RogueBehaviour,),
    HOST: (Hosting,),
}
"""What devices of one type have besides; the others pay nothing for it."""


def of_device(surroundings: Surroundings) -> tuple[Capability, ...]:
    """One of each for a device."""
    return tuple(
        make(surroundings) for make in (*TABLE, *OF_TYPES.get(surroundings.thing.device_type, ()))
    )
