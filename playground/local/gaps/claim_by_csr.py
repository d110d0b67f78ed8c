"""CreateCertificateFromCsr over MQTT: fleet provisioning for a device that makes its own key.

AWS answers `$aws/certificates/create-from-csr/json` with a certificate for the request in it, and
an ownership token. The certificate waits for RegisterThing as one with a key from AWS IoT does.
AWS does not list the names of its errors. Here they are those of the HTTP API, without `Exception`;
a message that can't be read is refused as RegisterThing refuses it.

Source: https://docs.aws.amazon.com/iot/latest/developerguide/fleet-provision-api.html

Emulator: takes the message, and nobody answers.
"""

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import iot

TOPIC = "$aws/certificates/create-from-csr/json"
OPERATION = "create-from-csr"

Reply = tuple[str, dict[str, Any]]


def fill() -> None:
    """Have the emulator know the topic, and answer on it."""
    known, replied = iot._parse_fleet_provisioning_topic, iot._fleet_provisioning_reply

    def parsed(topic: str) -> tuple[str, str | None] | None:
        if topic == TOPIC:
            return OPERATION, None
        found: tuple[str, str | None] | None = known(topic)
        return found

    async def reply(account: str, region: str, operation: str, *asked: Any) -> Reply:
        if operation != OPERATION:
            other: Reply = await replied(account, region, operation, *asked)
            return other
        _template, payload, _connection = asked
        return _certified(account, region, payload)

    iot._parse_fleet_provisioning_topic, iot._fleet_provisioning_reply = parsed, reply


def _certified(account: str, region: str, payload: bytes) -> Reply:
    try:
        request = json.loads(payload)
    except ValueError:
        request = None
    if not isinstance(request, dict):
        refused: Reply = iot._fleet_rejected("InvalidPayload", "Message cannot be parsed")
        return refused
    with request_scope(account, region):
        status, _, body = iot._create_certificate_from_csr(request, {})
        answer = json.loads(body)
        if status != 200:
            return _rejected(status, answer)
        return "accepted", _pending(answer)


def _rejected(status: int, error: Mapping[str, Any]) -> Reply:
    name = str(error["__type"]).rpartition("#")[2].removesuffix("Exception")
    refused: Reply = iot._fleet_rejected(name, error["message"], status)
    return refused


def _pending(made: Mapping[str, Any]) -> dict[str, Any]:
    """The certificate as it waits for RegisterThing, and the token that stands for it."""
    certificate_id, token = made["certificateId"], secrets.token_urlsafe(48)
    record = iot._certificates[certificate_id]
    iot._certificates[certificate_id] = {**record, "status": "PENDING_ACTIVATION"}
    iot._drop_expired(iot._ownership_tokens)
    iot._ownership_tokens[token] = {
        "certificateId": certificate_id,
        "expiration": time.time() + iot._OWNERSHIP_TOKEN_SECONDS,
    }
    return {
        "certificateId": certificate_id,
        "certificatePem": made["certificatePem"],
        "certificateOwnershipToken": token,
    }
