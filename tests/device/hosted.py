"""Devices in this process: the real device, its real connection and files, and their log as a
list.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from tests.device.pki import CertificateAuthority
from virtual_device.base.clock import clock
from virtual_device.base.log import THINGS
from virtual_device.base.reactor import Reactor
from virtual_device.connection.mqtt import Network
from virtual_device.core.shared import Shared
from virtual_device.device import Device
from virtual_device.state.config import Config, Environment, Identity
from virtual_device.state.store import Enrolment, Store
from virtual_device.telemetry.thing import Thing

LIMIT_SECONDS = 120.0


class Server(Protocol):
    """Where to connect."""

    host: str
    port: int
    authority: CertificateAuthority


class Hosted:
    """Many devices on one reactor, as `virtual_device.host` has them, but without signals."""

    def __init__(self, state_dir: Path, ca: str, tell_time: Callable[[], Any] = clock) -> None:
        self.reactor = Reactor()
        self.records: list[logging.LogRecord] = []
        environment = Environment(state_dir)
        self._shared = Shared(
            environment, ca.encode(), Store(state_dir), Network(self.reactor), tell_time
        )
        self._devices: list[Device] = []
        self._staying = 0
        self._thread = threading.Thread(target=self.reactor.run, name="reactor", daemon=True)
        self._thread.start()

    def add(self, thing: str, server: Server, device_type: str = "generic") -> None:
        """Start a device; it has been built, with the timing that `mqtt` has now, when this
        returns.
        """
        pair = server.authority.device(thing)
        config = Config(Thing(thing, device_type), server.host, server.port)
        enrolment = Enrolment(config, Identity("0" * 64, pair.certificate, pair.private_key))

        built = threading.Event()

        def start() -> None:
            device = Device(enrolment, self._shared)
            self._devices.append(device)
            device.start()
            built.set()

        self.reactor.post(start)
        assert built.wait(LIMIT_SECONDS)

    def said(self, thing: str, message: str) -> list[dict[str, Any]]:
        """The log's lines of a device that begin so: their fields."""
        return [
            {
                "level": record.levelname,
                "message": record.getMessage(),
                **getattr(record, "data", {}),
            }
            for record in list(self.records)
            if record.name == f"{THINGS}.{thing}" and record.getMessage().startswith(message)
        ]

    def wait_for_log(self, thing: str, message: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for so many lines that begin so."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while len(found := self.said(thing, message)) < count:
            assert time.monotonic() < deadline, (
                message,
                [record.getMessage() for record in self.records[-20:]],
            )
            time.sleep(0.01)
        return found

    def unexpected(self) -> list[str]:
        """Errors that nobody has foreseen."""
        return [str(record.exc_info) for record in list(self.records) if record.exc_info]

    def leave(self) -> None:
        """Say goodbye for all of them."""
        self.reactor.post(self._leave)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _leave(self) -> None:
        self._staying = len(self._devices)
        self.reactor.after(3.0 if self._staying else 0.0, self.reactor.stop)
        for device in self._devices:
            device.goodbye(self._left)

    def _left(self) -> None:
        self._staying -= 1
        if not self._staying:
            self.reactor.stop()


class _Ear(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)


@contextmanager
def hosted(
    state_dir: Path, authority: CertificateAuthority, tell_time: Callable[[], Any] = clock
) -> Iterator[Hosted]:
    """A host whose devices leave in the end; none may have met an error that nobody has
    foreseen.
    """
    host = Hosted(state_dir, authority.pem, tell_time)
    ear = _Ear(host.records)
    loggers = [logging.getLogger(THINGS), logging.getLogger("virtual_device")]
    for logger in loggers:
        logger.addHandler(ear)
        logger.setLevel(logging.INFO)
    try:
        yield host
    finally:
        host.leave()
        for logger in loggers:
            logger.removeHandler(ear)
    assert host.unexpected() == []
