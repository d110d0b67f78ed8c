"""What the devices of a process share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from virtual_device.base.clock import Now, clock
from virtual_device.base.workers import Workers
from virtual_device.connection.mqtt import Network
from virtual_device.core.lodging import Lodging, NoLodging
from virtual_device.state.config import Environment
from virtual_device.state.store import Store


@dataclass(frozen=True, slots=True)
class Shared:
    """One for all. `ca` is PEM."""

    environment: Environment
    ca: bytes
    store: Store
    network: Network
    clock: Callable[[], Now] = clock
    workers: Workers = field(default_factory=Workers)
    lodging: Lodging = field(default_factory=NoLodging)
