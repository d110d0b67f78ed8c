"""What the process and its system look like to psutil. It takes milliseconds: call it on a worker's
thread.

One look serves all devices of the process for a second. psutil is loaded with the first one.
"""

import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from virtual_device.metrics.metrics_report import Connection, Network, Port, Reading

FRESH_SECONDS = 1.0


class Readings:
    """The latest reading, made anew when it is older than a second. For any thread."""

    def __init__(
        self, look: Callable[[], Reading], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look, self._clock = look, clock
        self._lock = threading.Lock()
        self._latest: tuple[float, Reading] | None = None

    def latest(self) -> Reading:
        """Raises what psutil raises."""
        with self._lock:
            if self._latest is None or self._clock() - self._latest[0] >= FRESH_SECONDS:
                self._latest = (self._clock(), self._look())
            return self._latest[1]


def look() -> Reading:
    """The network of the system, ports and connections of this process: no privilege is needed, on
    macOS either.
    """
    import psutil  # noqa: PLC0415 - costs time and memory, and most devices report no metrics

    counted = psutil.net_io_counters()
    sockets = psutil.Process().net_connections(kind="inet")
    names = _interfaces(psutil.net_if_addrs())
    tcp = [found for found in sockets if found.type == socket.SOCK_STREAM]
    return Reading(
        network=Network(
            counted.bytes_recv, counted.bytes_sent, counted.packets_recv, counted.packets_sent
        )
        if counted
        else Network(),
        tcp_ports=[_port(found, names) for found in tcp if found.status == psutil.CONN_LISTEN],
        udp_ports=[
            _port(found, names)
            for found in sockets
            if found.type == socket.SOCK_DGRAM and not found.raddr
        ],
        connections=[
            _connection(found, names) for found in tcp if found.status == psutil.CONN_ESTABLISHED
        ],
    )


def _interfaces(addresses: Mapping[str, Any]) -> dict[str, str]:
    """Names of interfaces by their addresses."""
    return {
        address.address.partition("%")[0]: name
        for name, found in addresses.items()
        for address in found
    }


def _port(found: Any, names: Mapping[str, str]) -> Port:
    return Port(found.laddr.port, names.get(found.laddr.ip))


def _connection(found: Any, names: Mapping[str, str]) -> Connection:
    return Connection(found.raddr.ip, found.raddr.port, found.laddr.port, names.get(found.laddr.ip))


of_process = Readings(look)
"""The one of this process."""
