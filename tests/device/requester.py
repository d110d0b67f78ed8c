"""Who gives devices commands: an MQTT 5 client that sends requests and hears replies, with their
properties.
"""

import json
import queue
from dataclasses import dataclass
from threading import Event
from typing import Any

from awscrt import io, mqtt5

from tests.device.broker import Broker
from tests.device.tls import context_of

LIMIT_SECONDS = 120.0


@dataclass(frozen=True)
class Reply:
    """A reply that has come in."""

    topic: str
    content: Any
    correlation_data: bytes | None


class Requester:
    """One connection, subscribed to all replies."""

    def __init__(self, broker: Broker, bootstrap: io.ClientBootstrap) -> None:
        self._replies: queue.Queue[Reply] = queue.Queue()
        self._connected, self._stopped = Event(), Event()
        pair = broker.authority.device("requester")
        self._client = mqtt5.Client(
            mqtt5.ClientOptions(
                host_name=broker.host,
                port=broker.port,
                bootstrap=bootstrap,
                tls_ctx=context_of(
                    pair.certificate, pair.private_key, broker.authority.pem.encode()
                ),
                connect_options=mqtt5.ConnectPacket(
                    client_id="requester", keep_alive_interval_sec=60
                ),
                on_publish_callback_fn=lambda data: self._replies.put(_reply(data.publish_packet)),
                on_lifecycle_event_connection_success_fn=lambda _: self._connected.set(),
                on_lifecycle_event_stopped_fn=lambda _: self._stopped.set(),
            )
        )

    def start(self) -> None:
        """Connect and subscribe."""
        self._client.start()
        assert self._connected.wait(LIMIT_SECONDS)
        filters = ("cmd/playground/+/res/#", "$aws/commands/things/+/executions/+/response/json")
        packet = mqtt5.SubscribePacket(
            [mqtt5.Subscription(name, mqtt5.QoS.AT_LEAST_ONCE) for name in filters]
        )
        self._client.subscribe(packet).result(LIMIT_SECONDS)

    def stop(self) -> None:
        """Disconnect."""
        self._client.stop()
        assert self._stopped.wait(LIMIT_SECONDS)

    def send(self, topic: str, request: Any, **properties: Any) -> None:
        """Publish a request, bytes as they are."""
        payload = request if isinstance(request, bytes) else json.dumps(request).encode()
        packet = mqtt5.PublishPacket(payload, mqtt5.QoS.AT_LEAST_ONCE, topic=topic, **properties)
        self._client.publish(packet).result(LIMIT_SECONDS)

    def ask(self, thing: str, request: Any, **properties: Any) -> Reply:
        """Send a command and wait for the next reply."""
        self.send(f"cmd/playground/{thing}/req", request, **properties)
        return self.reply()

    def reply(self) -> Reply:
        """Wait for the next reply."""
        return self._replies.get(timeout=LIMIT_SECONDS)

    def silence(self, seconds: float) -> bool:
        """Whether nothing more comes for so long."""
        try:
            self._replies.get(timeout=seconds)
        except queue.Empty:
            return True
        return False


def _reply(packet: Any) -> Reply:
    return Reply(packet.topic, json.loads(packet.payload), packet.correlation_data_bytes)
