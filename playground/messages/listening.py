"""Listen to any topics of the account, as a client with a certificate and a policy of its own."""

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from awscrt import io, mqtt5

from playground.base.signals import orderly_end
from playground.errors import WatchError
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.home.state import HOST
from playground.messages.listen_identity import Identity, own_identity
from playground.messages.listen_leftovers import sweep_listeners
from playground.messages.mqtt_connection import Broker, opened
from playground.messages.packets import Packet
from playground.messages.topic_filters import asked_for
from playground.messages.watch import data_endpoint, subscribe


@dataclass(frozen=True)
class Limits:
    """When to end: after so many messages, after so many seconds."""

    count: int | None
    seconds: float


@contextmanager
def listening(
    paths: Paths, home: Home, topic_filter: str, limits: Limits, tell: Callable[[str], None]
) -> Iterator[Iterator[Packet]]:
    """The messages as they come, until a limit; certificate and policy are gone after the block,
    however it ends.

    Raises WatchError when the connection cannot be made, or is lost.
    """
    for left in sweep_listeners(paths, home, dry_run=False):
        tell(f"{left.name} {left.outcome}: {left.reason}. {left.error}".rstrip())
    inbox: queue.Queue[Packet | WatchError] = queue.Queue()
    with orderly_end(), own_identity(paths, home, topic_filter, limits.seconds) as identity:

        def receive(packet: mqtt5.PublishPacket) -> None:
            if asked_for(topic_filter, packet.topic):
                inbox.put(Packet.of(packet))

        with opened(_broker(home, identity), receive, inbox.put) as client:
            subscribe(client, [topic_filter])
            tell(f"Listening to {topic_filter} as {identity.policy}. Ctrl-C ends this.")
            yield _packets(inbox, limits)
        tell("Removing certificate and policy.")


def _packets(inbox: "queue.Queue[Packet | WatchError]", limits: Limits) -> Iterator[Packet]:
    deadline = time.monotonic() + limits.seconds
    count = 0
    while limits.count is None or count < limits.count:
        try:
            found = inbox.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return
        if isinstance(found, WatchError):
            raise found
        count += 1
        yield found


def _broker(home: Home, identity: Identity) -> Broker:
    """MQTT over TLS, with the key from memory."""
    tls = io.TlsContextOptions.create_client_with_mtls(
        identity.certificate.pem.encode(), identity.certificate.key
    )
    if home.ca_file is not None:
        tls.override_default_trust_store(home.ca_file.read_bytes())
    host = HOST if home.endpoint else data_endpoint(home)
    context = io.ClientTlsContext(tls)
    return Broker(home.label, host, home.mqtt_port, identity.client_id, tls=context, patient=True)
