"""python -m benchmarks.shadow_service HOST PORT DIRECTORY

Plays the Device Shadow service for many devices on mosquitto (and that of jobs, as far as to say
that there are none), in a process of its own so that its cost is not theirs. Takes a JSON array a
line on standard input and answers with one: `["first", N]` waits until N things have reported,
`["change", {...}]` changes `desired` of all of them and waits until all have reported that. The
answer is the time (Unix, seconds) of the first change, or null, followed by the times at which the
reports came.
"""

import json
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from awscrt import io, mqtt5

from tests.shadow_double import Shadow

LIMIT = 300.0


class ShadowService:
    """The shadows, and when each was last reported to."""

    def __init__(self, host: str, port: int, directory: Path) -> None:
        self._shadows: dict[str, Shadow] = defaultdict(Shadow)
        self._reported_at: dict[str, float] = {}
        self._news = threading.Condition()
        self._connected = threading.Event()
        group = io.EventLoopGroup(1)
        pair = [(directory / name).read_bytes() for name in ("service.pem", "service.key")]
        options = io.TlsContextOptions.create_client_with_mtls(*pair)
        options.override_default_trust_store((directory / "ca.pem").read_bytes())
        self._client = mqtt5.Client(
            mqtt5.ClientOptions(
                host_name=host,
                port=port,
                bootstrap=io.ClientBootstrap(group, io.DefaultHostResolver(group)),
                tls_ctx=io.ClientTlsContext(options),
                connect_options=mqtt5.ConnectPacket(
                    client_id="service", keep_alive_interval_sec=60
                ),
                on_publish_callback_fn=self._on_publish,
                on_lifecycle_event_connection_success_fn=lambda _: self._connected.set(),
            )
        )

    def start(self) -> None:
        """Connect and subscribe. QoS 0: this side's acknowledgements are not to be measured."""
        self._client.start()
        assert self._connected.wait(LIMIT)
        filters = [
            mqtt5.Subscription(f"$aws/things/+/{name}", mqtt5.QoS.AT_MOST_ONCE)
            for name in ("shadow/get", "shadow/update", "jobs/$next/get")
        ]
        self._client.subscribe(mqtt5.SubscribePacket(filters)).result(LIMIT)

    def first(self, count: int) -> list[float | None]:
        """Wait for `count` things' first reports."""
        return [None, *self._wait(lambda: len(self._reported_at) == count)]

    def change(self, desired: dict[str, Any]) -> list[float | None]:
        """Change `desired` everywhere and wait for everybody's report."""
        begun = time.time()
        with self._news:
            things = list(self._shadows)
        for thing in things:
            with self._news:
                self._request(thing, "update", {"state": {"desired": desired}})
        return [
            begun,
            *self._wait(
                lambda: all(desired.items() <= s.reported.items() for s in self._shadows.values())
            ),
        ]

    def _wait(self, condition: Callable[[], bool]) -> list[float]:
        with self._news:
            while not condition():
                if not self._news.wait(LIMIT):
                    raise TimeoutError("the devices did not report")
            return sorted(self._reported_at.values())

    def _on_publish(self, data: Any) -> None:
        packet = data.publish_packet
        request = json.loads(packet.payload or b"{}")
        if packet.topic.endswith("/jobs/$next/get"):
            self._publish(f"{packet.topic}/accepted", {"clientToken": request["clientToken"]})
            return
        _, _, thing, _, operation = packet.topic.split("/")
        with self._news:
            if "reported" in request.get("state", {}):
                self._reported_at[thing] = time.time()
            self._request(thing, operation, request)
            self._news.notify_all()

    def _request(self, thing: str, operation: str, request: dict[str, Any]) -> None:
        for suffix, content in getattr(self._shadows[thing], operation)(request):
            self._publish(f"$aws/things/{thing}/shadow/{suffix}", content)

    def _publish(self, topic: str, content: dict[str, Any]) -> None:
        self._client.publish(
            mqtt5.PublishPacket(json.dumps(content).encode(), mqtt5.QoS.AT_LEAST_ONCE, topic=topic)
        )


def main(host: str, port: str, directory: str) -> None:
    """Serve until standard input ends; Ctrl-C is for the one who started this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    service = ShadowService(host, int(port), Path(directory))
    service.start()
    print("[]", flush=True)
    for line in sys.stdin:
        command, argument = json.loads(line)
        print(json.dumps(getattr(service, command)(argument)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
