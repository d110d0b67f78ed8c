"""What a telemetry message costs a device: CPU of the process that hosts many of them, beside bare
clients that publish a constant.

For those that publish all at once the process wakes once, for those that publish one by one, as
devices do, for each message.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.accounts import Connection
from benchmarks.clients import Kind, Server, running, write_config
from benchmarks.hosting import ask, cpu_seconds, own_broker, shadow_service
from benchmarks.progress import say
from tests.device.pki import CertificateAuthority

KINDS: Sequence[Kind] = ("bare, all at once", "bare, one by one", "device")
ROUNDS = 3
EVERY = 1
"""Seconds, the shortest `time`: benchmarks.publisher's too."""
OBSERVER = "observer"
TELEMETRY = "dt/playground/+/telemetry"
SETTLING_SECONDS = 5.0


@dataclass(frozen=True)
class Telemetry:
    """Of one kind, so many in a process: medians of all rounds."""

    client: Kind
    clients: int
    messages: float
    """In a second, as a subscriber heard them."""
    each_us: float
    """Microseconds of CPU for a message."""
    rounds_us: Sequence[float]


def measure(clients: int, seconds: float) -> list[Telemetry]:
    """All kinds by turns, each time with a broker and a process of its own."""
    authority = CertificateAuthority()
    found: dict[Kind, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    for number in range(ROUNDS):
        for kind in KINDS:
            say(f"telemetry: {clients} x {kind}, {number + 1} of {ROUNDS}")
            with tempfile.TemporaryDirectory(prefix="playground-bench-") as folder:
                found[kind].append(_one(kind, clients, authority, Path(folder), seconds))
    return [_joined(kind, clients, rounds) for kind, rounds in found.items()]


def _joined(kind: Kind, clients: int, rounds: Sequence[tuple[float, float]]) -> Telemetry:
    messages, each = zip(*rounds, strict=True)
    return Telemetry(kind, clients, statistics.median(messages), statistics.median(each), each)


def _one(
    kind: Kind, clients: int, authority: CertificateAuthority, folder: Path, seconds: float
) -> tuple[float, float]:
    """Messages in a second, and microseconds for each."""
    with own_broker(folder, authority) as broker, shadow_service(folder, broker) as service:
        server = Server(broker.host, broker.port, broker.ca_file)
        for number in range(clients):
            thing = f"bench-{number}"
            write_config(folder / "configs", thing, authority.device(thing), server)
        heard: list[str] = []
        with (
            running(kind, folder / "configs", server, folder) as process,
            Connection(
                OBSERVER, authority.device(OBSERVER), server, lambda topic, _: heard.append(topic)
            ) as observer,
        ):
            ask(service, "first", clients)
            ask(service, "change", {"time": EVERY})
            observer.subscribe(TELEMETRY)
            time.sleep(SETTLING_SECONDS)
            begun, before, sent = time.monotonic(), cpu_seconds(process.process.pid), len(heard)
            time.sleep(seconds)
            used, sent = cpu_seconds(process.process.pid) - before, len(heard) - sent
            return sent / (time.monotonic() - begun), used / sent * 1e6
