"""Whoever has a claim certificate, and what it can do with it: as a client of its own, beside the
device's code that is tried.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from awscrt import mqtt5

from playground.home.state import LocalState
from tests.device.tls import context_of
from tests.playground_cloud import Cloud
from virtual_device.connection import claiming
from virtual_device.state.config import Config, Environment, Identity
from virtual_device.state.store import Store

SHARED_KEY = "claims/claim.json"
LIMIT = 20.0
"""Seconds that any answer is waited for."""
NOT_AUTHORIZED = 135
"""MQTT 5, 2.4: Not authorized."""


def template_of(cloud: Cloud) -> str:
    """The stack's; it is the only one."""
    (found,) = cloud.client("iot").list_provisioning_templates()["templates"]
    return str(found["templateName"])


def shared_claim(cloud: Cloud) -> Mapping[str, str]:
    """As a thief has it who may read the bucket."""
    found = cloud.client("s3").get_object(
        Bucket=cloud.home.output("ConfigBucketName"), Key=SHARED_KEY
    )
    content: Mapping[str, str] = json.loads(found["Body"].read())
    return content


def own_claim(cloud: Cloud) -> Mapping[str, str]:
    """One that is good for five minutes, as who may make it has it."""
    made = cloud.client("iot").create_provisioning_claim(templateName=template_of(cloud))
    return {
        "certificateId": made["certificateId"],
        "certificatePem": made["certificatePem"],
        "privateKey": made["keyPair"]["PrivateKey"],
    }


def exchanged(
    cloud: Cloud, claim: Mapping[str, str], thing: str, folder: Path, **more: Any
) -> Identity:
    """What whoever has the claim gets for a device of that name."""
    document: dict[str, Any] = {
        "version": 1,
        "thingName": thing,
        "deviceType": "bulb",
        "endpoint": "localhost",
        "port": LocalState.load(cloud.paths).mqtt_port,
        "provisioningTemplate": template_of(cloud),
        **more,
    }
    config, identity = Config.from_document(document), Identity.from_document(dict(claim))
    environment = Environment(folder, ca_file=cloud.paths.ca)
    return claiming.exchange(config, identity, Store(folder), environment, LIMIT)


@contextmanager
def connected(cloud: Cloud, claim: Mapping[str, str], client_id: str) -> Iterator[mqtt5.Client]:
    """A client with this certificate, while the block runs. Raises ConnectionRefusedError."""
    there, failed, stopped = threading.Event(), list[str](), threading.Event()
    ca = cloud.paths.ca.read_bytes()

    def on_failure(data: Any) -> None:
        failed.append(str(data.exception))
        there.set()

    client = mqtt5.Client(
        mqtt5.ClientOptions(
            host_name="localhost",
            port=LocalState.load(cloud.paths).mqtt_port,
            tls_ctx=context_of(claim["certificatePem"], claim["privateKey"], ca),
            connect_options=mqtt5.ConnectPacket(client_id=client_id),
            on_lifecycle_event_connection_success_fn=lambda _: there.set(),
            on_lifecycle_event_connection_failure_fn=on_failure,
            on_lifecycle_event_stopped_fn=lambda _: stopped.set(),
        )
    )
    client.start()
    try:
        assert there.wait(LIMIT)
        if failed:
            raise ConnectionRefusedError(failed[0])
        yield client
    finally:
        client.stop()
        assert stopped.wait(LIMIT)


def published(client: mqtt5.Client, topic: str) -> int:
    """The reason code of the answer."""
    packet = mqtt5.PublishPacket(b"{}", mqtt5.QoS.AT_LEAST_ONCE, topic=topic)
    return int(client.publish(packet).result(LIMIT).puback.reason_code)
