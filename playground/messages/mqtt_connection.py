"""One MQTT 5 connection, however it is authenticated: open while a block of code runs, and closed
after it.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from awscrt import io, mqtt5

from playground.errors import WatchError

CONNECT_LIMIT = 10.0
STOP_LIMIT = 3.0

Receive = Callable[[mqtt5.PublishPacket], None]
Lost = Callable[[WatchError], None]


@dataclass(frozen=True)
class Broker:
    """Where to connect to, and as whom. `sign` signs the handshake of a WebSocket.

    A `patient` one is tried again until the limit: AWS needs moments to know a new certificate
    everywhere.
    """

    label: str
    host: str
    port: int
    client_id: str
    tls: io.ClientTlsContext | None = None
    sign: Callable[[mqtt5.WebsocketHandshakeTransformArgs], None] | None = None
    patient: bool = False


@contextmanager
def opened(
    broker: Broker, receive: Receive, lost: Lost = lambda _error: None
) -> Iterator[mqtt5.Client]:
    """An open connection. `receive` gets what arrives, `lost` is told of its end, both on a thread
    of the CRT.

    Raises WatchError when there is no connection within 10 seconds.
    """
    connected: Future[None] = Future()
    stopped: Future[None] = Future()
    failures: list[Any] = []

    def on_failure(data: mqtt5.LifecycleConnectFailureData) -> None:
        failures.append(data.exception)
        if not broker.patient and not connected.done():
            connected.set_exception(_unconnected(broker, data.exception))

    def on_success(_data: mqtt5.LifecycleConnectSuccessData) -> None:
        if not connected.done():
            connected.set_result(None)

    client = mqtt5.Client(
        mqtt5.ClientOptions(
            host_name=broker.host,
            port=broker.port,
            tls_ctx=broker.tls,
            connect_options=mqtt5.ConnectPacket(client_id=broker.client_id),
            websocket_handshake_transform=broker.sign,
            on_publish_callback_fn=lambda data: receive(data.publish_packet),
            on_lifecycle_event_connection_success_fn=on_success,
            on_lifecycle_event_connection_failure_fn=on_failure,
            on_lifecycle_event_disconnection_fn=lambda data: lost(_disconnected(broker, data)),
            on_lifecycle_event_stopped_fn=lambda _data: stopped.set_result(None),
        )
    )
    client.start()
    try:
        try:
            connected.result(CONNECT_LIMIT)
        except TimeoutError:
            raise _unconnected(
                broker, failures[-1] if failures else f"none within {CONNECT_LIMIT:.0f} s"
            ) from None
        yield client
    finally:
        client.stop()
        _stopped_in_time(stopped)


def _stopped_in_time(stopped: "Future[None]") -> None:
    """Give the goodbye its time, but no more."""
    try:
        stopped.result(STOP_LIMIT)
    except TimeoutError:
        return


def _unconnected(broker: Broker, why: Any) -> WatchError:
    return WatchError(f"No MQTT connection to {broker.label}: {why}.")


def _disconnected(broker: Broker, data: mqtt5.LifecycleDisconnectData) -> WatchError:
    packet = data.disconnect_packet
    why = (
        f"{packet.reason_code.name} {packet.reason_string or ''}".strip()
        if packet
        else data.exception
    )
    return WatchError(f"The MQTT connection to {broker.label} was lost: {why}.")
