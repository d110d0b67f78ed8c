"""A wire between device and broker that a test can cut."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.device.broker import Broker
from tests.device.pki import CertificateAuthority


@dataclass
class Relay:
    """Leads to the broker; `cut` drops what goes through it now."""

    host: str
    port: int
    authority: CertificateAuthority
    _target: int
    _open: list[socket.socket] = field(default_factory=list)

    def cut(self) -> None:
        """The wire is cut, and mended at once: both sides see a connection that is gone without a
        word.
        """
        while self._open:
            with contextlib.suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def serve(self, listener: socket.socket) -> None:
        """Lead connections to the broker until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((self.host, self._target))
                self._open += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with source, contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(broker: Broker) -> Iterator[Relay]:
    """A wire to this broker."""
    with wire_to(broker.host, broker.port, broker.authority) as wire:
        yield wire


@contextmanager
def wire_to(host: str, port: int, authority: Any = None) -> Iterator[Relay]:
    """A wire to whatever listens there."""
    with socket.create_server((host, 0)) as listener:
        wire = Relay(host, listener.getsockname()[1], authority, port)
        thread = threading.Thread(target=wire.serve, args=(listener,), daemon=True)
        thread.start()
        yield wire
        wire.cut()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
