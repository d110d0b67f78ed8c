"""Many devices in one process: starts them one after the other, and takes them all down on a
signal.
"""

import logging
import signal
from collections.abc import Callable, Iterable
from functools import partial

from virtual_device.base.errors import StateUnusableError
from virtual_device.base.reactor import Reactor
from virtual_device.connection.mqtt import Network
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


class Host:
    """All devices of this process, on one reactor and one network."""

    def __init__(self, environment: Environment, store: Store) -> None:
        self._reactor = Reactor()
        self._shared = Shared(environment, environment.read_ca(), store, Network(self._reactor))
        self._devices: list[Device] = []
        self._leaving = False
        self._staying = 0
        self._all_taken = False
        self._postponed: set[str] = set()

    def run(self, enrolments: Iterable[Enrolment]) -> bool:
        """Host these devices until SIGTERM or SIGINT. False when not one could be started.

        One whose memory can't be read for now is started later: without it, it would be another
        one.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._reactor.post(self._leave))
        # One call each, so that the first devices are served while the last ones are still being
        # built.
        waiting = iter(list(enrolments))
        self._reactor.post(partial(self._start_next, waiting.__next__))
        self._reactor.run()
        return bool(self._devices)

    def _start_next(self, take: Callable[[], Enrolment]) -> None:
        if self._leaving:
            return
        try:
            enrolment = take()
        except StopIteration:
            self._all_taken = True
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
            self._postponed.add(name)
            self._reactor.after(LATER_SECONDS, partial(self._start, enrolment))
            return
        except ValueError as error:
            log.error("%s can't be started: %s", name, error)  # noqa: TRY400 - it says it all
            self._postponed.discard(name)
            self._stop_if_idle()
            return
        self._postponed.discard(name)
        self._devices.append(device)
        device.start()

    def _stop_if_idle(self) -> None:
        if self._all_taken and not self._devices and not self._postponed:
            self._reactor.stop()

    def _leave(self) -> None:
        if self._leaving:
            return
        self._leaving = True
        self._staying = len(self._devices)
        log.info("leaving", extra={"data": {"devices": self._staying}})
        self._reactor.after(GOODBYE_SECONDS if self._staying else 0, self._reactor.stop)
        for device in self._devices:
            device.goodbye(self._left)

    def _left(self) -> None:
        self._staying -= 1
        if self._staying == 0:
            self._reactor.stop()
