"""Listen to devices over MQTT 5 on a WebSocket, signed with AWS credentials: no certificate is left
behind.
"""

import queue
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from awscrt import auth, io, mqtt5
from awscrt.exceptions import AwsCrtError

from common.jsontext import decode
from common.jsonvalues import NotJsonError
from playground.devices.devices import Devices
from playground.errors import WatchError
from playground.home.homes import Home
from playground.messages.mqtt_connection import CONNECT_LIMIT, Broker, Lost, Receive, opened
from playground.messages.topic_filters import fault

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

# https://docs.aws.amazon.com/general/latest/gr/iot-core.html: subscriptions per SUBSCRIBE request
MAX_FILTERS_IN_SUBSCRIBE = 8
WORKFLOW_TOPICS = "$workflow/"
# Of the 50 subscriptions that a connection may have, a device takes ten or eleven, and one more for
# each new topic.
MOST_DEVICES = 4
SHADOW_ANSWERS = ("update/accepted", "update/delta", "update/rejected")


@dataclass(frozen=True)
class Message:
    """One message; `payload` is the parsed JSON, or text when it is none.

    `device` is whose message it is, where the topic does not say it.
    """

    topic: str
    payload: Any
    device: str = ""


def filters(name: str, topic: str | None = None) -> list[str]:
    """Topic filters for all that a device says and is told; `topic` is where its telemetry goes
    now.
    """
    found = [f"{kind}/playground/{name}/#" for kind in ("dt", "evt", "cmd")]
    # Not shadow/#: the requests and the documents say the same things again, at length.
    found += [f"$aws/things/{name}/shadow/{answer}" for answer in SHADOW_ANSWERS]
    found.append(f"$aws/events/presence/+/{name}")
    # The replies to these are the service's own: AWS IoT lets nobody else subscribe to them.
    found.append(f"$aws/commands/things/{name}/executions/+/request/json")
    return [*found, topic] if topic and not topic.startswith(f"dt/playground/{name}/") else found


def workflow_topic(workflow: str, step: str) -> str:
    """What a step of a workflow is shown under. No device can publish there: the topic is
    nobody's.
    """
    return f"{WORKFLOW_TOPICS}{workflow}/{step}"


def kind_of(topic: str) -> str:
    """telemetry, shadow, metrics, event, presence, command or workflow."""
    if topic.startswith(WORKFLOW_TOPICS):
        return "workflow"
    if topic.startswith("evt/playground/") and topic.endswith("/metrics"):
        return "metrics"
    if topic.startswith("$aws/things/"):
        return "shadow"
    if topic.startswith("$aws/events/presence/"):
        return "presence"
    if topic.startswith("$aws/commands/"):
        return "command"
    return {"evt": "event", "cmd": "command"}.get(topic.split("/", 1)[0], "telemetry")


def new_topic(message: Message) -> str | None:
    """The telemetry topic that a shadow message reports, if it reports one."""
    topic = reported_by(message).get("topic")
    return topic if is_topic(topic) else None


def reported_by(message: Message) -> Mapping[str, Any]:
    """What a shadow message says that a device reports. A device can publish there too, and
    anything.
    """
    if not message.topic.endswith("/shadow/update/accepted") or not isinstance(
        message.payload, dict
    ):
        return {}
    state = message.payload.get("state")
    reported = state.get("reported") if isinstance(state, dict) else None
    return reported if isinstance(reported, dict) else {}


def is_topic(topic: object) -> bool:
    """Whether one can subscribe to it as to one topic: it is no wildcard, and not too long."""
    return (
        isinstance(topic, str)
        and not fault(topic)
        and not {"+", "#"} & set(topic)
        and topic.isprintable()
    )


@dataclass
class Watcher:
    """An open connection; iterate over `messages` to get them as they come."""

    client: mqtt5.Client
    name: str
    inbox: "queue.Queue[Message | WatchError]" = field(default_factory=queue.Queue)
    subscribed: set[str] = field(default_factory=set)

    def subscribe(self, wanted: list[str]) -> None:
        """Subscribe to filters that are not subscribed yet. Raises WatchError when the broker
        refuses.
        """
        missing = [item for item in wanted if item not in self.subscribed]
        for start in range(0, len(missing), MAX_FILTERS_IN_SUBSCRIBE):
            subscribe(self.client, missing[start : start + MAX_FILTERS_IN_SUBSCRIBE])
        self.subscribed.update(missing)

    def messages(self, limit: float | None = None) -> Iterator[Message]:
        """Messages as they come; ends when none has come for `limit` seconds. Raises WatchError
        when it is lost.
        """
        while True:
            try:
                # A wait without a limit cannot be interrupted by Ctrl-C on every system.
                message = self.inbox.get(timeout=limit or 3600.0)
            except queue.Empty:
                if limit is not None:
                    return
                continue
            if isinstance(message, WatchError):
                raise message
            topic = new_topic(message)
            if topic is not None:
                self.subscribe(filters(message.topic.split("/")[2], topic))
            yield message


@contextmanager
def watching(home: Home, name: str, *others: str) -> Iterator[Watcher]:
    """A connection that is subscribed to all that the devices say; they need not be there yet.
    Raises WatchError.
    """
    names = list(dict.fromkeys((name, *others)))
    if len(names) > MOST_DEVICES:
        raise WatchError(
            f"At most {MOST_DEVICES} devices at a time: AWS IoT lets a connection have "
            "50 subscriptions."
        )
    inbox: queue.Queue[Message | WatchError] = queue.Queue()
    with connection(home, lambda packet: inbox.put(message_of(packet)), inbox.put) as client:
        watcher = Watcher(client, name, inbox)
        for one in names:
            reported = Devices(home).shadow(one).get("state", {}).get("reported", {})
            topic = reported.get("topic")
            watcher.subscribe(filters(one, topic if is_topic(topic) else None))
        yield watcher


@contextmanager
def connection(
    home: Home, receive: Receive, lost: Lost = lambda _error: None
) -> Iterator[mqtt5.Client]:
    """An open connection; `receive` gets what arrives, `lost` its end, on a thread of the CRT.
    Raises WatchError.
    """
    broker = Broker(
        label=home.label,
        host="127.0.0.1" if home.endpoint else data_endpoint(home),
        port=home.port,
        client_id=f"playground-{uuid.uuid4().hex[:12]}",
        tls=None if home.endpoint else io.ClientTlsContext(io.TlsContextOptions()),
        sign=signer(home),
    )
    with opened(broker, receive, lost) as client:
        yield client


def subscribe(client: mqtt5.Client, wanted: Sequence[str]) -> None:
    """Subscribe with QoS 1. Raises WatchError when the broker refuses."""
    packet = mqtt5.SubscribePacket(
        [mqtt5.Subscription(item, mqtt5.QoS.AT_LEAST_ONCE) for item in wanted]
    )
    try:
        answer = client.subscribe(packet).result(CONNECT_LIMIT)
    except (AwsCrtError, TimeoutError) as error:
        raise WatchError(f"The subscription to {wanted[0]} failed: {error}.") from error
    refused = [item for item, code in zip(wanted, answer.reason_codes, strict=True) if code >= 128]
    if refused:
        raise WatchError(f"The broker refuses a subscription to {refused[0]}.")


def message_of(packet: mqtt5.PublishPacket) -> Message:
    """A packet with its payload read."""
    payload = (
        packet.payload if isinstance(packet.payload, bytes) else str(packet.payload or "").encode()
    )
    try:
        return Message(packet.topic, decode(payload))
    except NotJsonError:
        return Message(packet.topic, payload.decode(errors="replace"))


def data_endpoint(home: Home) -> str:
    """Where MQTT and shadows are, on AWS."""
    client: IoTClient = home.client("iot")
    return client.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]


def signer(home: Home) -> Callable[[mqtt5.WebsocketHandshakeTransformArgs], None]:
    """Signs the WebSocket handshake, as "Device communication protocols" in the AWS IoT guide says:
    query parameters, service `iotdevicegateway`, and the session token outside the signature.
    """

    # The CRT passes the argument by this name.
    def transform(transform_args: mqtt5.WebsocketHandshakeTransformArgs) -> None:
        try:
            if home.endpoint:
                # The emulator tells services apart by host name, and this one does not resolve.
                transform_args.http_request.headers.set(
                    "Host", f"iot.{home.region}.localhost:{home.port}"
                )
            signed = auth.aws_sign_request(transform_args.http_request, _signing_config(home))
            signed.add_done_callback(lambda future: transform_args.set_done(future.exception()))
        except Exception as error:  # noqa: BLE001 - what is raised here is lost in the CRT's thread, and nobody answers
            transform_args.set_done(error)

    return transform


def _signing_config(home: Home) -> auth.AwsSigningConfig:
    credentials = home.session.get_credentials()
    if credentials is None:
        raise WatchError("There are no AWS credentials.")
    frozen = credentials.get_frozen_credentials()
    return auth.AwsSigningConfig(
        algorithm=auth.AwsSigningAlgorithm.V4,
        signature_type=auth.AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS,
        credentials_provider=auth.AwsCredentialsProvider.new_static(
            frozen.access_key or "", frozen.secret_key or "", frozen.token
        ),
        region=home.region,
        service="iotdevicegateway",
        omit_session_token=True,
    )
