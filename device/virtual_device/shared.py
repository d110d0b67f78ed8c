"""What the devices of a process share."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from virtual_device.config import Environment
from virtual_device.effects import Now
from virtual_device.mqtt import Network
from virtual_device.store import Store
from virtual_device.workers import Workers


def clock() -> Now:
    """The present moment."""
    return Now(time.time(), time.monotonic())


@dataclass(frozen=True, slots=True)
class Shared:
    """One for all. `ca` is PEM."""

    environment: Environment
    ca: bytes
    store: Store
    network: Network
    clock: Callable[[], Now] = clock
    workers: Workers = field(default_factory=Workers)
