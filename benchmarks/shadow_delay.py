"""From `desired.time` to `reported.time`: the device beside bare awscrt clients on the same broker.

A third client publishes the change on the thing's `shadow/update` and hears `update/accepted`; time
runs from before its publish to the message that carries the reported value. MQTT on both ways,
because a signed HTTP request would add several noisy milliseconds to all alike. The three take
turns, so that noise hits all.
"""

import contextlib
import json
import queue
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.accounts import Connection, member, mqtt_server, policy_for_everything
from benchmarks.clients import Server, running, write_config
from benchmarks.figures import Spread
from benchmarks.progress import counted
from tests.playground_cloud import Cloud, wait_for

FIRST_VALUE = 1000
"""Above any run's length in seconds: no telemetry but what a new value sends."""

PAUSE_SECONDS = (0.08, 0.12)
"""Between exchanges: longer than a delayed TCP acknowledgement (40 ms), so that none is left over
from the last one.
"""

LIMIT = 30.0
WARM_UP = 5


@dataclass(frozen=True)
class ShadowDelay:
    """One client's delay in seconds."""

    client: str
    delay: Spread


class Observer:
    """Changes `desired.time` and sees when it is reported."""

    def __init__(self) -> None:
        self._reports: queue.SimpleQueue[tuple[float, str, int]] = queue.SimpleQueue()

    def heard(self, topic: str, payload: bytes) -> None:
        """An `update/accepted`."""
        at = time.perf_counter()
        reported = (json.loads(payload).get("state") or {}).get("reported") or {}
        if "time" in reported:
            self._reports.put((at, topic.split("/")[2], reported["time"]))

    def exchange(self, connection: Connection, thing: str, value: int) -> float:
        """Change it and wait; seconds."""
        begun = time.perf_counter()
        connection.publish(
            f"$aws/things/{thing}/shadow/update", {"state": {"desired": {"time": value}}}
        )
        while True:
            at, name, reported = self._reports.get(timeout=LIMIT)
            if (name, reported) == (thing, value):
                return at - begun


def measure(cloud: Cloud, exchanges: int) -> list[ShadowDelay]:
    """So many exchanges of each client, interleaved."""
    observer = Observer()
    samples: dict[str, list[float]] = {}
    server = mqtt_server(cloud)
    with contextlib.ExitStack() as stack:
        things = {
            "bare awscrt client, QoS 0": stack.enter_context(_bare(cloud, server, 0)),
            "bare awscrt client, QoS 1": stack.enter_context(_bare(cloud, server, 1)),
            "device": stack.enter_context(_device(cloud)),
        }
        policy = stack.enter_context(policy_for_everything(cloud, "bench-observer"))
        watching = stack.enter_context(member(cloud, "bench-observer", policy))
        connection = stack.enter_context(
            Connection(watching.name, watching.pair, server, observer.heard)
        )
        connection.subscribe(
            *(f"$aws/things/{thing}/shadow/update/accepted" for thing in things.values())
        )
        for number in counted(f"shadow: {exchanges} exchanges of each client", WARM_UP + exchanges):
            for client, thing in things.items():
                seconds = observer.exchange(connection, thing, FIRST_VALUE + number)
                if number >= WARM_UP:
                    samples.setdefault(client, []).append(seconds)
                time.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311 - no secret
    return [ShadowDelay(client, Spread.of(delays)) for client, delays in samples.items()]


@contextlib.contextmanager
def _bare(cloud: Cloud, server: Server, qos: int) -> Iterator[str]:
    name = f"bench-bare-{qos}"
    with (
        tempfile.TemporaryDirectory(prefix="playground-bench-") as folder,
        member(cloud, name, cloud.home.output("DevicePolicyName")) as thing,
    ):
        config = write_config(Path(folder) / "configs", name, thing.pair, server)
        cloud.desire(name, time=60)
        with running("bare client", config, server, Path(folder), qos):
            cloud.wait_until_reported(name, time=60)
            yield name


@contextlib.contextmanager
def _device(cloud: Cloud) -> Iterator[str]:
    made = cloud.provision({})
    if made.status != "SUCCEEDED":
        raise RuntimeError(f"provisioning ended as {made.status}: {made.error} {made.cause}")
    name = made.output["thingName"]
    try:
        wait_for("the first report", lambda: cloud.shadow(name).get("reported"))
        yield name
    finally:
        cloud.deprovision(name)
