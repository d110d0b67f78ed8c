"""A metrics report as AWS IoT Device Defender takes it. Pure: no MQTT, no clock, no psutil.

Device Defender developer guide, "Sending metrics from devices": `metrics` has the standard metrics
by their long names, `custom_metrics` those of our own, each an array with one `{"number": n}`.
Whatever is counted, in either, is what has been added since the report before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from virtual_device.base.jsonvalue import Json, JsonObject
from virtual_device.connection.traffic import Counts

VERSION = "1.0"
MAX_LISTED = 50
"""Ports or connections that are listed; `total` counts all. A report must fit into one message (128
KB).
"""


class Network(NamedTuple):
    """Bytes and packets of all network interfaces, since the system was started."""

    bytes_in: int = 0
    bytes_out: int = 0
    packets_in: int = 0
    packets_out: int = 0


class Port(NamedTuple):
    """A port that the process listens on; `interface` is None for all."""

    port: int
    interface: str | None


class Connection(NamedTuple):
    """An established TCP connection of the process."""

    remote_host: str
    remote_port: int
    local_port: int
    interface: str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at the process and the system."""

    network: Network
    tcp_ports: Sequence[Port] = ()
    udp_ports: Sequence[Port] = ()
    connections: Sequence[Connection] = ()


class Totals(NamedTuple):
    """What reports are the differences of."""

    network: Network
    counts: Counts


def build(report_id: int, reading: Reading, counts: Counts, before: Totals) -> JsonObject:
    """The report; `report_id` must be higher than that of the report before."""
    added = _added(counts, before.counts)
    return {
        "header": {"report_id": report_id, "version": VERSION},
        "metrics": {
            "listening_tcp_ports": _ports(reading.tcp_ports),
            "listening_udp_ports": _ports(reading.udp_ports),
            "network_stats": _added(reading.network, before.network),
            "tcp_connections": {"established_connections": _connections(reading.connections)},
        },
        "custom_metrics": {name: [{"number": number}] for name, number in added.items()},
    }


def _added(now: Network | Counts, before: Network | Counts) -> dict[str, Json]:
    # Not below zero: an interface that goes takes its counts along.
    pairs = zip(now._asdict().items(), before, strict=True)
    return {name: max(0, value - old) for (name, value), old in pairs}


def _ports(ports: Sequence[Port]) -> Json:
    listed: list[Json] = [
        _with_interface({"port": found.port}, found.interface) for found in ports[:MAX_LISTED]
    ]
    return {"ports": listed, "total": len(ports)}


def _connections(connections: Sequence[Connection]) -> Json:
    listed: list[Json] = [
        _with_interface(
            {"remote_addr": _address(found), "local_port": found.local_port},
            found.interface,
            "local_",
        )
        for found in connections[:MAX_LISTED]
    ]
    return {"connections": listed, "total": len(connections)}


def _address(connection: Connection) -> str:
    host = connection.remote_host
    return (
        f"[{host}]:{connection.remote_port}" if ":" in host else f"{host}:{connection.remote_port}"
    )


def _with_interface(fields: dict[str, Json], interface: str | None, prefix: str = "") -> Json:
    return fields if interface is None else {**fields, f"{prefix}interface": interface}


@dataclass(frozen=True, slots=True)
class Rejection:
    """What the service says about a report that it doesn't take."""

    report_id: Json
    code: Json
    reason: Json

    @classmethod
    def from_payload(cls, document: JsonObject) -> "Rejection":
        """From the payload of `rejected`; what isn't there is None."""
        details = document.get("statusDetails")
        details = details if isinstance(details, dict) else {}
        return cls(document.get("reportId"), details.get("ErrorCode"), details.get("ErrorMessage"))
