"""Many devices in one process: starts them one after the other, and takes them all down on a
signal. One of the type `host` may have others started and taken down meanwhile.
"""

import logging
import signal
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import Any

from virtual_device.base import descriptors
from virtual_device.base.errors import StateUnusableError
from virtual_device.base.reactor import Reactor
from virtual_device.base.workers import Workers
from virtual_device.connection.mqtt import Network
from virtual_device.core.lodging import NoRoomError
from virtual_device.core.shared import Shared
from virtual_device.device import Device
from virtual_device.state.config import Environment
from virtual_device.state.store import Enrolment, Store

log = logging.getLogger(__name__)

LATER_SECONDS = 5.0
GOODBYE_SECONDS = 4.5
"""How long a goodbye may take. Amazon ECS kills a task 30 s after SIGTERM, Docker after 10 s, we
say 5 s.
"""


ENROLLING_THREADS = 32
"""So many devices may wait for their certificates at once."""


class Host:
    """All devices of this process, on one reactor and one network. Of a device of the type `host`
    it is the `Lodging`.
    """

    def __init__(self, environment: Environment, store: Store) -> None:
        self._reactor = Reactor()
        self._shared = Shared(
            environment, environment.read_ca(), store, Network(self._reactor), lodging=self
        )
        self._enrolling = Workers(ENROLLING_THREADS)
        self._devices: dict[str, Device] = {}
        self._evicted: dict[str, Callable[[], None]] = {}
        self._leaving = False
        self._staying = 0
        self._expected: set[str] = set()
        """Names of those that were to be started with the process, and are not yet."""

    def run(self, enrolments: Iterable[Enrolment]) -> bool:
        """Host these devices until SIGTERM or SIGINT. False when not one could be started.

        One whose memory can't be read for now is started later: without it, it would be another
        one.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._reactor.post(self._leave))
        # One call each, so that the first devices are served while the last ones are still being
        # built.
        wanted = list(enrolments)
        self._expected = {enrolment.config.thing.name for enrolment in wanted}
        waiting = iter(wanted)
        self._reactor.post(partial(self._start_next, waiting.__next__))
        self._reactor.run()
        return bool(self._devices)

    # --- what a device of the type `host` may do (lodging.Lodging)

    @property
    def manifest_token(self) -> str | None:
        """What the process was told by its environment."""
        return self._shared.environment.manifest_token

    def lodge(self, enrolment: Enrolment) -> None:
        """Start a device, if there is room for it."""
        name = enrolment.config.thing.name
        if self._leaving or self.has(name):
            raise NoRoomError(f"{name}: this process has it already, or is about to end")
        descriptors.require(len(self._devices) + 1)
        device = Device(enrolment, self._shared)
        self._devices[name] = device
        device.start()

    def evict(self, thing_name: str, gone: Callable[[], None]) -> None:
        """Have a device say goodbye for good; what does not end by itself ends all the same."""
        device = self._devices.get(thing_name)
        if device is None:
            gone()
        elif thing_name not in self._evicted:
            self._evicted[thing_name] = gone
            end = partial(self._end, thing_name, device)
            self._reactor.after(GOODBYE_SECONDS, end)
            device.goodbye(end)

    def has(self, thing_name: str) -> bool:
        """Whether a device of this name is here, or will be."""
        return thing_name in self._devices or thing_name in self._expected

    def is_online(self, thing_name: str) -> bool:
        """Whether it has a connection."""
        device = self._devices.get(thing_name)
        return device is not None and device.online

    def enrol(self, call: Callable[[], Any], done: "Callable[[Future[Any]], None]") -> None:
        """Have `call` made on one of the threads for it."""
        post = self._reactor.post
        self._enrolling.submit(call, lambda outcome: post(partial(done, outcome)))

    def _end(self, thing_name: str, device: Device) -> None:
        """The goodbye is said, or has taken too long; the process itself may be leaving by now."""
        if self._leaving or self._devices.get(thing_name) is not device:
            return
        del self._devices[thing_name]
        device.discard()
        self._evicted.pop(thing_name)()

    # --- starting and leaving

    def _start_next(self, take: Callable[[], Enrolment]) -> None:
        if self._leaving:
            return
        try:
            enrolment = take()
        except StopIteration:
            self._stop_if_idle()
            return
        self._start(enrolment)
        self._reactor.post(partial(self._start_next, take))

    def _start(self, enrolment: Enrolment) -> None:
        if self._leaving:
            return
        name = enrolment.config.thing.name
        try:
            device = Device(enrolment, self._shared)
        except StateUnusableError as error:
            log.error("%s is started later: %s", name, error)  # noqa: TRY400 - it says it all
            self._reactor.after(LATER_SECONDS, partial(self._start, enrolment))
            return
        except ValueError as error:
            log.error("%s can't be started: %s", name, error)  # noqa: TRY400 - it says it all
            self._expected.discard(name)
            self._stop_if_idle()
            return
        self._expected.discard(name)
        self._devices[name] = device
        device.start()

    def _stop_if_idle(self) -> None:
        if not self._devices and not self._expected:
            self._reactor.stop()

    def _leave(self) -> None:
        if self._leaving:
            return
        self._leaving = True
        self._staying = len(self._devices)
        log.info("leaving", extra={"data": {"devices": self._staying}})
        self._reactor.after(GOODBYE_SECONDS if self._staying else 0, self._reactor.stop)
        for device in self._devices.values():
            device.goodbye(self._left)

    def _left(self) -> None:
        self._staying -= 1
        if self._staying == 0:
            self._reactor.stop()
