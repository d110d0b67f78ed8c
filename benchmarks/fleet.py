"""What a fleet's telemetry costs the local cloud: CPU of the emulator, with the stack's rules on.

The devices are real ones, hosted in one process. Their identities are made by the calls of AWS IoT
alone, without the workflow; each has a row in the catalog, so that its messages are judged as any
other device's.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from benchmarks.accounts import (
    Connection,
    Member,
    member,
    member_by_request,
    mqtt_server,
    policy_for_everything,
    remove,
)
from benchmarks.clients import running, write_config
from benchmarks.control_plane import BATCH
from benchmarks.processes import cpu_seconds, emulator_of
from benchmarks.progress import say
from tests.playground_cloud import Cloud, wait_for

FLEETS = ((173, 1), (1000, 10))
"""Devices, and seconds between two messages of each."""
OBSERVER = "bench-observer"
TELEMETRY = "dt/playground/+/telemetry"
GONE = "$aws/events/presence/disconnected/+"
AT_A_TIME = 4
SETTLING_SECONDS = 15.0
LIMIT = 300.0
MIB = 2**20


@dataclass(frozen=True)
class Fleet:
    """`cores` and `functions` are seconds of CPU in a second; memory is in MiB."""

    devices: int
    interval: int
    messages: float
    """Telemetry a second, as a subscriber heard it just before."""
    cores: float
    """Of the emulator's process."""
    functions: float
    """Of the processes that run functions, all together."""
    memory: float
    grown: float
    """What of that came in the measured seconds."""
    left: float
    """Seconds from the sudden end of all devices to the event of the last one's disconnection."""

    @property
    def each_us(self) -> float:
        """Microseconds of the emulator for a message, with everything that follows from it."""
        return self.cores / self.messages * 1e6


def measure(cloud: Cloud, fleets: Sequence[tuple[int, int]], seconds: float) -> list[Fleet]:
    """One fleet after the other, each measured for so long."""
    results = []
    for devices, interval in fleets:
        say(f"fleet: {devices} devices, a message of each in {interval} s")
        names = [f"bench-{number}" for number in range(devices)]
        with _made(cloud, names, interval) as members, tempfile.TemporaryDirectory() as folder:
            results.append(_one(cloud, members, interval, Path(folder), seconds))
    return results


def _one(
    cloud: Cloud,
    members: Sequence[Member],
    interval: int,
    folder: Path,
    seconds: float,
) -> Fleet:
    server, emulator = mqtt_server(cloud), emulator_of(cloud)
    for one in members:
        write_config(folder / "configs", one.name, one.pair, server)
    with running("device", folder / "configs", server, folder) as process:
        for one in members:
            wait_for(f"{one.name} to report", partial(_reports, cloud, one.name, interval), LIMIT)
        time.sleep(SETTLING_SECONDS)
        messages = _heard(cloud, max(10.0, 2.0 * interval))
        begun, before, resident = time.monotonic(), _used(emulator), emulator.memory_info().rss
        time.sleep(seconds)
        took, after, memory = time.monotonic() - begun, _used(emulator), emulator.memory_info().rss
        with _observed(cloud, GONE) as gone:
            process.kill()
            killed = time.monotonic()
            wait_for("the end of all sessions", lambda: len(gone) == len(members), LIMIT)
            left = time.monotonic() - killed
    cores, functions = ((now - then) / took for now, then in zip(after, before, strict=True))
    grown = (memory - resident) / MIB
    return Fleet(len(members), interval, messages, cores, functions, memory / MIB, grown, left)


def _reports(cloud: Cloud, name: str, interval: int) -> bool:
    """Whether a device runs as it was told to."""
    return bool(cloud.shadow(name).get("reported", {}).get("time") == interval)


def _used(emulator: psutil.Process) -> tuple[float, float]:
    """Seconds of CPU so far, of the emulator and of the functions that it runs."""
    return cpu_seconds(emulator), sum(map(cpu_seconds, emulator.children()))


def _heard(cloud: Cloud, seconds: float) -> float:
    """Telemetry messages in a second."""
    with _observed(cloud, TELEMETRY) as heard:
        before, begun = len(heard), time.monotonic()
        time.sleep(seconds)
        return (len(heard) - before) / (time.monotonic() - begun)


@contextmanager
def _observed(cloud: Cloud, topics: str) -> Iterator[list[str]]:
    """The topics of all messages that come while this lasts."""
    heard: list[str] = []
    server = mqtt_server(cloud)
    with (
        policy_for_everything(cloud, OBSERVER) as policy,
        member(cloud, OBSERVER, policy) as one,
        Connection(one.name, one.pair, server, lambda topic, _: heard.append(topic)) as connection,
    ):
        connection.subscribe(topics)
        yield heard


@contextmanager
def _made(cloud: Cloud, names: Sequence[str], interval: int) -> Iterator[list[Member]]:
    """Things with certificates, the devices' own policy and a wish; all of it is removed again."""
    policy = cloud.home.output("DevicePolicyName")
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        members = list(pool.map(partial(member_by_request, cloud, policy), names))
        try:
            list(pool.map(lambda name: cloud.desire(name, time=interval), names))
            with _rows(cloud, names):
                yield members
        finally:
            list(pool.map(lambda it: remove(cloud, it.name, it.certificate_arn, policy), members))


@contextmanager
def _rows(cloud: Cloud, names: Sequence[str]) -> Iterator[None]:
    """A row in the catalog for each."""
    table, dynamodb = cloud.home.output("DeviceCatalogTableName"), cloud.client("dynamodb")

    def write(kind: str, what: str, items: Sequence[dict[str, dict[str, str]]]) -> None:
        for start in range(0, len(items), BATCH):
            some = [{kind: {what: item}} for item in items[start : start + BATCH]]
            dynamodb.batch_write_item(RequestItems={table: some})

    keys = [{"thing_name": {"S": name}} for name in names]
    row = {"status": {"S": "ONLINE"}, "device_type": {"S": "generic"}}
    write("PutRequest", "Item", [key | row for key in keys])
    try:
        yield
    finally:
        write("DeleteRequest", "Key", keys)
