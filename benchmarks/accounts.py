"""Things with certificates on the local cloud that no workflow made, and MQTT connections with
them.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from awscrt import io, mqtt5

from benchmarks.clients import Server
from playground.home.state import LocalState
from tests.device.pki import KeyPair, elliptic, pem, signing_request
from tests.playground_cloud import Cloud

CONNECT_LIMIT = 30.0
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}],
}


@dataclass(frozen=True)
class Member:
    """A thing with its certificate and key."""

    name: str
    certificate_arn: str
    pair: KeyPair


@contextlib.contextmanager
def member(cloud: Cloud, name: str, policy: str) -> Iterator[Member]:
    """A thing whose certificate carries `policy`; all of it is removed at the end, its shadow
    too.
    """
    iot = cloud.client("iot")
    iot.create_thing(thingName=name)
    made = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_policy(policyName=policy, target=made["certificateArn"])
    iot.attach_thing_principal(thingName=name, principal=made["certificateArn"])
    try:
        yield Member(
            name,
            made["certificateArn"],
            KeyPair(made["certificatePem"], made["keyPair"]["PrivateKey"]),
        )
    finally:
        remove(cloud, name, made["certificateArn"], policy)


def remove(cloud: Cloud, name: str, certificate_arn: str, policy: str) -> None:
    """Undo what made a member."""
    iot, data = cloud.client("iot"), cloud.client("iot-data")
    certificate_id = certificate_arn.rpartition("/")[2]
    iot.detach_policy(policyName=policy, target=certificate_arn)
    iot.detach_thing_principal(thingName=name, principal=certificate_arn)
    iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
    iot.delete_certificate(certificateId=certificate_id)
    with contextlib.suppress(data.exceptions.ResourceNotFoundException):
        data.delete_thing_shadow(thingName=name)
    iot.delete_thing(thingName=name)


def member_by_request(cloud: Cloud, policy: str, name: str) -> Member:
    """A thing with a certificate of a signing request, by the calls of AWS IoT alone."""
    iot, key = cloud.client("iot"), elliptic()
    request = signing_request(name, key)
    iot.create_thing(thingName=name)
    made = iot.create_certificate_from_csr(certificateSigningRequest=request, setAsActive=True)
    iot.attach_policy(policyName=policy, target=made["certificateArn"])
    iot.attach_thing_principal(thingName=name, principal=made["certificateArn"])
    return Member(name, made["certificateArn"], KeyPair(made["certificatePem"], pem(key)))


@contextlib.contextmanager
def policy_for_everything(cloud: Cloud, name: str) -> Iterator[str]:
    """An IoT policy that allows all; removed at the end."""
    iot = cloud.client("iot")
    iot.create_policy(policyName=name, policyDocument=json.dumps(EVERYTHING))
    try:
        yield name
    finally:
        iot.delete_policy(policyName=name)


class Connection:
    """An MQTT 5 connection of a member; `heard` is called on awscrt's thread with topic and
    payload.
    """

    def __init__(
        self,
        name: str,
        pair: KeyPair,
        server: Server,
        heard: Callable[[str, bytes], None] = lambda *_: None,
    ) -> None:
        self._connected, self._stopped = threading.Event(), threading.Event()
        options = io.TlsContextOptions.create_client_with_mtls(
            pair.certificate.encode(), pair.private_key.encode()
        )
        options.override_default_trust_store(server.ca_file.read_bytes())
        self._client = mqtt5.Client(
            mqtt5.ClientOptions(
                host_name=server.host,
                port=server.port,
                bootstrap=io.ClientBootstrap.get_or_create_static_default(),
                tls_ctx=io.ClientTlsContext(options),
                connect_options=mqtt5.ConnectPacket(client_id=name, keep_alive_interval_sec=60),
                on_publish_callback_fn=lambda data: heard(
                    data.publish_packet.topic, data.publish_packet.payload or b""
                ),
                on_lifecycle_event_connection_success_fn=lambda _: self._connected.set(),
                on_lifecycle_event_stopped_fn=lambda _: self._stopped.set(),
            )
        )

    def __enter__(self) -> "Connection":
        self._client.start()
        if not self._connected.wait(CONNECT_LIMIT):
            raise TimeoutError("the local cloud did not accept a connection")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.stop()
        self._stopped.wait(CONNECT_LIMIT)

    def subscribe(self, *filters: str) -> None:
        """With QoS 0: this side's acknowledgements are not to be measured."""
        subscriptions = [mqtt5.Subscription(name, mqtt5.QoS.AT_MOST_ONCE) for name in filters]
        self._client.subscribe(mqtt5.SubscribePacket(subscriptions)).result(CONNECT_LIMIT)

    def publish(self, topic: str, content: Any) -> None:
        """With QoS 1, without waiting for the acknowledgement."""
        payload = json.dumps(content).encode()
        self._client.publish(mqtt5.PublishPacket(payload, mqtt5.QoS.AT_LEAST_ONCE, topic=topic))


def mqtt_server(cloud: Cloud) -> Server:
    """Where the local cloud's broker is."""
    return Server("localhost", LocalState.load(cloud.paths).mqtt_port, cloud.paths.ca)
