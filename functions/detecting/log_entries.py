"""The log of AWS IoT, which comes by a subscription filter: refused messages, and connections that
never came about.
"""

import base64
import gzip
from collections.abc import Iterator, Mapping
from typing import Any

from common.jsontext import read, read_or_none
from common.moments import logged_milliseconds
from detecting.observation import Observation, certificate_of, text

MOST_BYTES = 64 * 1024 * 1024
"""Of one event when it is unpacked: what a device can have written in it are texts, which are read
by themselves.
"""

BAD_CERTIFICATE = {"Connect": "CERTIFICATE", "Connection.AuthNError": "DEVICE_CERTIFICATE"}
"""What the `reason` of a refused TLS connection begins with, by the type of the entry: of the local
cloud, and of AWS.

AWS has DEVICE_CERTIFICATE_INACTIVE, _NOT_REGISTERED and _REVOKED, and writes such entries only when
the account asks for that type:
https://docs.aws.amazon.com/iot/latest/developerguide/cwl-format.html, "Connection.AuthNError log
entry".
"""


def logged(event: Mapping[str, Any]) -> Iterator[Observation]:
    """A subscription to the log of AWS IoT,
    https://docs.aws.amazon.com/iot/latest/developerguide/cwl-format.html.
    """
    content = read(gzip.decompress(base64.b64decode(event["awslogs"]["data"])), MOST_BYTES)
    for entry in content.get("logEvents", []):
        line = read_or_none(entry["message"])
        if isinstance(line, dict) and line.get("status") == "Failure":
            yield from _failure(line, int(entry["timestamp"]), str(entry["id"]))


def _failure(line: Mapping[str, Any], logged_at: int, evidence: str) -> Iterator[Observation]:
    reason, kind = str(line.get("reason", "")), line.get("eventType")
    client_id = text(line.get("clientId", ""))
    at_ms, evidence = (
        logged_milliseconds(line.get("timestamp"), logged_at),
        text(line.get("traceId", evidence)),
    )
    if kind in ("Publish-In", "Subscribe") and reason == "AUTHORIZATION_FAILURE":
        topic = text(line.get("topicName", ""))
        rule = "foreign-shadow" if _is_foreign(topic, client_id) else "forbidden-topic"
        principal = certificate_of(line.get("principalId"))
        if "principalId" in line and not principal:
            return  # a user of the account, who may call himself like a device
        yield Observation(
            rule, at_ms, evidence, principal, client_id, {"topic": topic, "operation": kind}
        )
    elif kind in BAD_CERTIFICATE and reason.startswith(BAD_CERTIFICATE[kind]):
        # Nothing that the client has said of itself is proven: a certificate is public, and may be
        # anybody's.
        seen = {"reason": reason, "details": text(line.get("details", ""))}
        yield Observation("bad-certificate", at_ms, evidence, seen=seen)


def _is_foreign(topic: str, client_id: str) -> bool:
    levels = topic.split("/")
    return topic.startswith("$aws/things/") and len(levels) > 3 and levels[2] != client_id
