"""python -m benchmarks.follower QOS (CONFIG | DIRECTORY)

The bare client that the device is held against: awscrt alone, in the least code that still follows
`desired.time`. It reads the device's config documents, and IOT_CA_FILE (docs/contracts.md),
connects, subscribes with that QoS, reads its shadow, and answers every change at once. It checks
nothing, remembers nothing and sends no telemetry.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from awscrt import io, mqtt5

FIRST = 60


class Follower:
    """One client; it works on awscrt's own thread."""

    __slots__ = ("_client", "_prefix", "_qos", "name")

    def __init__(self, path: Path, ca: bytes, bootstrap: Any, qos: int) -> None:
        config = json.loads(path.read_bytes())
        identity = json.loads(Path(urlsplit(config["identityUrl"]).path).read_bytes())
        self.name = config["thingName"]
        self._prefix = f"$aws/things/{self.name}/shadow/"
        self._qos = mqtt5.QoS(qos)
        options = io.TlsContextOptions.create_client_with_mtls(
            identity["certificatePem"].encode(), identity["privateKey"].encode()
        )
        options.override_default_trust_store(ca)
        self._client = mqtt5.Client(
            mqtt5.ClientOptions(
                host_name=config["endpoint"],
                port=config["port"],
                bootstrap=bootstrap,
                tls_ctx=io.ClientTlsContext(options),
                connect_options=mqtt5.ConnectPacket(
                    client_id=self.name, keep_alive_interval_sec=60
                ),
                on_publish_callback_fn=self._on_publish,
                on_lifecycle_event_connection_success_fn=self._on_connected,
            )
        )
        self._client.start()

    def _on_connected(self, _data: Any) -> None:
        print(json.dumps({"message": "connected", "time": time.time()}), flush=True)
        filters = [
            mqtt5.Subscription(self._prefix + name, self._qos) for name in ("update/delta", "get/+")
        ]
        self._client.subscribe(mqtt5.SubscribePacket(filters)).add_done_callback(
            lambda _: self._publish("get", {})
        )

    def _on_publish(self, data: Any) -> None:
        packet = data.publish_packet
        content = json.loads(packet.payload)
        if packet.topic.endswith("/update/delta"):
            desired = content["state"]
        else:
            desired = content.get("state", {}).get("desired", {})
        self._publish("update", {"state": {"reported": {"time": desired.get("time", FIRST)}}})

    def _publish(self, operation: str, content: Any) -> None:
        payload = json.dumps(content).encode()
        self._client.publish(
            mqtt5.PublishPacket(payload, mqtt5.QoS.AT_LEAST_ONCE, topic=self._prefix + operation)
        )


def clients(place: str) -> list[Path]:
    """The config documents that a path names: one, or a folder's."""
    return sorted(Path(place).glob("*.json")) if Path(place).is_dir() else [Path(place)]


def main(qos: str, place: str) -> None:
    """Follow until SIGTERM."""
    group = io.EventLoopGroup(1)
    bootstrap = io.ClientBootstrap(group, io.DefaultHostResolver(group))
    ca = Path(os.environ["IOT_CA_FILE"]).read_bytes()
    followers = [Follower(path, ca, bootstrap, int(qos)) for path in clients(place)]
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    # No goodbye: the process ends, and with it the followers.
    os._exit(0 if followers else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
