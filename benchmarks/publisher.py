"""python -m benchmarks.publisher WAKES QOS (CONFIG | DIRECTORY)

The floor of telemetry: the bare client of benchmarks.follower, which also publishes one and the
same payload, with QoS 1, once a second. It makes nothing, and looks at no acknowledgement. The
process wakes so many times a second and has its share of the clients publish; 0: for each client
by itself, as it does for devices, each of which has a moment of its own.
"""

import itertools
import os
import sys
import time
from pathlib import Path

from awscrt import io, mqtt5

from benchmarks.follower import Follower, clients

EVERY = 1.0
PAYLOAD = (
    b'{"thingName":"bench-100","timestamp":"2026-11-30T12:00:00.000Z","sequence":100,'
    b'"unit":"metric","temperature":21.1,"humidity":50.1}'
)
"""As long as that of a device of the type `generic`."""


class Publisher(Follower):
    """One client."""

    __slots__ = ()

    def send(self) -> None:
        """Publish once; while there is no connection it fails, which nobody notices."""
        topic = f"dt/playground/{self.name}/telemetry"
        self._client.publish(mqtt5.PublishPacket(PAYLOAD, mqtt5.QoS.AT_LEAST_ONCE, topic=topic))


def main(wakes: str, qos: str, place: str) -> None:
    """Publish until the process is ended."""
    group = io.EventLoopGroup(1)
    bootstrap = io.ClientBootstrap(group, io.DefaultHostResolver(group))
    ca = Path(os.environ["IOT_CA_FILE"]).read_bytes()
    publishers = [Publisher(path, ca, bootstrap, int(qos)) for path in clients(place)]
    parts = int(wakes) or len(publishers)
    due = time.monotonic()
    for part in itertools.cycle(range(parts)):
        due += EVERY / parts
        time.sleep(max(0.0, due - time.monotonic()))
        for publisher in publishers[part::parts]:
            publisher.send()


if __name__ == "__main__":
    main(*sys.argv[1:])
