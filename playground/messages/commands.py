"""Give a device a command and wait for its reply: request and response of MQTT 5, see
docs/contracts.md.
"""

import math
import queue
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from awscrt import mqtt5
from awscrt.exceptions import AwsCrtError

from common.jsonvalues import encode, told
from playground.devices.devices import Devices
from playground.errors import CommandError
from playground.home.homes import Home
from playground.messages.watch import connection, message_of, subscribe

ACKNOWLEDGED = 10.0
"""Seconds that the broker may take to acknowledge the request."""


@dataclass(frozen=True)
class Reply:
    """What the device answered: `result` when it accepted, else `error` with the `field` at fault
    and the `reason`.
    """

    command: str
    status: str
    result: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether the device did what it was told."""
        return self.status == "accepted"

    @classmethod
    def from_payload(cls, command: str, payload: Any) -> Self:
        """From a reply to `command`. Raises CommandError when it is none."""
        if not isinstance(payload, dict) or not isinstance(payload.get("status"), str):
            raise CommandError(f"The device's answer is not a valid reply: {told(payload)}.")
        result, error = payload.get("result") or {}, payload.get("error") or {}
        if not isinstance(result, dict) or not isinstance(error, dict):
            raise CommandError(f"The device's answer is not a valid reply: {told(payload)}.")
        return cls(command, payload["status"], result, error)


def ask(home: Home, name: str, command: str, arguments: Mapping[str, Any], limit: float) -> Reply:
    """The device's reply. Raises CommandError when it is not online, or has not replied within
    `limit` seconds.
    """
    status = Devices(home).row(name).get("status")
    if status != "ONLINE":
        raise CommandError(f"{name} is {status}: a command needs a device that is online.")
    token = uuid.uuid4()
    inbox: queue.Queue[mqtt5.PublishPacket] = queue.Queue()
    with connection(home, inbox.put) as client:
        packet = _request(name, token, encode({"command": command, "arguments": arguments}), limit)
        subscribe(client, [str(packet.response_topic)])
        try:
            client.publish(packet).result(ACKNOWLEDGED)
        except (AwsCrtError, TimeoutError) as error:
            raise CommandError(f"The command could not be sent: {error}.") from error
        return Reply.from_payload(command, _wait(inbox, token, name, limit))


def _request(name: str, token: uuid.UUID, payload: bytes, limit: float) -> mqtt5.PublishPacket:
    """It expires with our patience: a device that comes back later is not to do what nobody waits
    for.
    """
    return mqtt5.PublishPacket(
        payload=payload,
        qos=mqtt5.QoS.AT_LEAST_ONCE,
        topic=f"cmd/playground/{name}/req",
        response_topic=f"cmd/playground/{name}/res/{token.hex}",
        correlation_data_bytes=token.bytes,
        message_expiry_interval_sec=math.ceil(limit),
    )


def _wait(
    inbox: "queue.Queue[mqtt5.PublishPacket]", token: uuid.UUID, name: str, limit: float
) -> Any:
    deadline = time.monotonic() + limit
    while (left := deadline - time.monotonic()) > 0:
        try:
            packet = inbox.get(timeout=left)
        except queue.Empty:
            break
        if packet.correlation_data_bytes == token.bytes:
            return message_of(packet).payload
    raise CommandError(f"{name} has not replied within {limit:g} s.")
