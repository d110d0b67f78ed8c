"""An MQTT client that tries something once, and tells whether it was let."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from awscrt import exceptions, io, mqtt5

from benchmarks.clients import Server
from tests.device.pki import KeyPair

LIMIT_SECONDS = 20.0
ALLOWED = "allowed"


@dataclass(frozen=True)
class Visit:
    """What became of a connection: `client` is None when it was refused."""

    outcome: str
    client: mqtt5.Client | None = None


@contextmanager
def visit(
    server: Server,
    client_id: str,
    pair: KeyPair | None,
    inbox: "queue.Queue[str] | None" = None,
    will: str | None = None,
) -> Iterator[Visit]:
    """Connect once, with this certificate or none; `inbox` gets the topics of what arrives. Closed
    afterwards.

    `will` is the topic of a last will.
    """
    last = mqtt5.PublishPacket(b"{}", mqtt5.QoS.AT_LEAST_ONCE, topic=will) if will else None
    said: queue.Queue[str] = queue.Queue()
    stopped = threading.Event()
    client = mqtt5.Client(
        mqtt5.ClientOptions(
            host_name=server.host,
            port=server.port,
            tls_ctx=io.ClientTlsContext(_tls(server, pair)),
            connect_options=mqtt5.ConnectPacket(
                client_id=client_id, keep_alive_interval_sec=60, will=last
            ),
            # It tries again by itself after a failure; one answer is enough, and the next try is
            # far off.
            min_reconnect_delay_ms=600_000,
            max_reconnect_delay_ms=600_000,
            on_publish_callback_fn=lambda data: (
                inbox.put(data.publish_packet.topic) if inbox else None
            ),
            on_lifecycle_event_connection_success_fn=lambda _: said.put(ALLOWED),
            on_lifecycle_event_connection_failure_fn=lambda data: said.put(_refusal(data)),
            on_lifecycle_event_stopped_fn=lambda _: stopped.set(),
        )
    )
    client.start()
    try:
        outcome = said.get(timeout=LIMIT_SECONDS)
        yield Visit(outcome, client if outcome == ALLOWED else None)
    finally:
        client.stop()
        assert stopped.wait(LIMIT_SECONDS)


def publish(client: mqtt5.Client, topic: str, *, retain: bool = False) -> str:
    """`allowed`, or the reason code of the refusal. QoS 1, for QoS 0 is never answered."""
    packet = mqtt5.PublishPacket(b"{}", mqtt5.QoS.AT_LEAST_ONCE, topic=topic, retain=retain)
    try:
        acknowledged = client.publish(packet).result(LIMIT_SECONDS).puback
    except exceptions.AwsCrtError as error:
        return f"{error.name}"
    return _said(acknowledged.reason_code)


def subscribe(client: mqtt5.Client, topic_filter: str) -> str:
    """`allowed`, or the reason code of the refusal."""
    packet = mqtt5.SubscribePacket([mqtt5.Subscription(topic_filter, mqtt5.QoS.AT_LEAST_ONCE)])
    try:
        acknowledged = client.subscribe(packet).result(LIMIT_SECONDS)
    except exceptions.AwsCrtError as error:
        return f"{error.name}"
    return _said(acknowledged.reason_codes[0])


def _said(reason: int) -> str:
    """Reason codes from 128 on are refusals: MQTT 5, section 2.4."""
    return ALLOWED if reason < 128 else f"reason code {int(reason)}"


def _refusal(data: mqtt5.LifecycleConnectFailureData) -> str:
    if data.connack_packet is not None:
        return f"CONNACK, reason code {int(data.connack_packet.reason_code)}"
    return str(data.exception.name)


def _tls(server: Server, pair: KeyPair | None) -> io.TlsContextOptions:
    if pair is None:
        options = io.TlsContextOptions()
    else:
        options = io.TlsContextOptions.create_client_with_mtls(
            pair.certificate.encode(), pair.private_key.encode()
        )
    options.override_default_trust_store(server.ca_file.read_bytes())
    return options
