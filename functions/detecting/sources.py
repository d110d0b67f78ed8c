"""The sources: what IoT rules, the log of AWS IoT, the queue of messages and Device Defender tell, as observations.

None of it is trusted to have the form that it should: half of it was written by a device that misbehaves. What has not
is left out, and so is what users of the account do, who may connect under any name.
"""

import base64
import binascii
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from detecting.observation import Observation, Report, certificate_of

SHADOW_BYTES = 8_192
"""Largest shadow document (AWS IoT Device Shadow quotas)."""

BAD_CERTIFICATE = "CERTIFICATE"
"""What the `reason` of a refused TLS connection begins with: in the local cloud; AWS documents no such entry."""

LONGEST_TEXT = 256

LARGEST_NUMBER = 2**53
"""What a device says of itself beyond this is no count of anything."""

Event = Mapping[str, Any]
Seen = Iterator[Observation | Report]


def observations(event: Event, message_bytes: int) -> Seen:
    """What an event of any source tells. Raises ValueError for an event of no source that is known."""
    if "awslogs" in event:
        yield from _logged(event)
    elif "Records" in event:
        for record in event["Records"]:
            yield from _recorded(record, message_bytes)
    else:
        source = event.get("source")
        if source not in _BY_RULE:
            raise ValueError(f"no source sends such an event: {sorted(event)}")
        yield from _BY_RULE[source](event)


def _disconnected(event: Event) -> Seen:
    """https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html."""
    rule = {"AUTH_ERROR": "auth-error", "DUPLICATE_CLIENTID": "clone"}.get(event.get("disconnectReason", ""))
    if rule is not None and certificate_of(event.get("principalIdentifier")):
        yield _of_presence(rule, event, {"disconnectReason": event["disconnectReason"]})


def _connect_failed(event: Event) -> Seen:
    """A refused CONNECT. Whether the client id is a stranger's is for whoever knows the thing."""
    if event.get("connectFailureReason") == "AUTHORIZATION_FAILED":
        yield _of_presence("stranger", event, {"claimedClientId": event["clientId"]})


def _of_presence(rule: str, event: Event, seen: Mapping[str, Any]) -> Observation:
    address = {"ip": event["ipAddress"]} if "ipAddress" in event else {}
    return Observation(
        rule=rule,
        at_ms=int(event["timestamp"]),
        evidence=f"{event['sessionIdentifier']}-{event['eventType']}",
        principal=certificate_of(event.get("principalIdentifier")),
        client_id=event["clientId"],
        seen={**seen, **address},
    )


def _tampered(event: Event) -> Seen:
    sender = _sender(event)
    if sender["principal"]:
        yield Observation("tamper", **sender, seen={"detail": _text(event.get("detail", ""))})


def _metrics(event: Event) -> Seen:
    """https://docs.aws.amazon.com/iot-device-defender/latest/devguide/detect-device-side-metrics.html."""
    try:
        numbers = event["custom_metrics"]
        report_id = int(event["header"]["report_id"])
        sent, refused = (int(numbers[name][0]["number"]) for name in ("messages_sent", "publishes_refused"))
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return
    sender = _sender(event)
    if sender["principal"] and all(0 <= number < LARGEST_NUMBER for number in (report_id, sent, refused)):
        yield Report(report_id, sender["at_ms"], sender["principal"], sender["client_id"], sent, refused)


def _sender(event: Event) -> dict[str, Any]:
    """Who has published: by what AWS IoT says, not by what stands in the message."""
    return {
        "at_ms": int(event["at"]),
        "evidence": str(event["evidence"]),
        "principal": certificate_of(event.get("principal")),
        "client_id": str(event.get("client_id", "")),
    }


_BY_RULE: Mapping[object, Callable[[Event], Seen]] = {
    "disconnected": _disconnected,
    "connect_failed": _connect_failed,
    "tamper": _tampered,
    "metrics": _metrics,
}


def _recorded(record: Event, message_bytes: int) -> Seen:
    if record.get("eventSource") == "aws:sqs":
        yield from _message(json.loads(record["body"]), message_bytes)
    elif record.get("EventSource") == "aws:sns":
        yield from _violation(record["Sns"])


def _message(message: Event, message_bytes: int) -> Seen:
    """A message of a device, any of them: one more for a flood, and perhaps too large."""
    sender = _sender(message)
    if not sender["principal"]:
        return
    yield Observation("flood", **sender)
    size, limit = _decoded_size(message.get("payload")), message_bytes
    topic = _text(message.get("topic", ""))
    if topic.startswith("$aws/things/"):
        limit = SHADOW_BYTES
    if size > limit:
        yield Observation("oversized", **sender, seen={"topic": topic, "bytes": size, "limit": limit})


def _decoded_size(payload: object) -> int:
    try:
        return len(base64.b64decode(str(payload or ""), validate=True))
    except (binascii.Error, ValueError):
        return 0


def _violation(notification: Event) -> Seen:
    """https://docs.aws.amazon.com/iot-device-defender/latest/devguide/detect-device-side-metrics.html, "Alerts"."""
    message = json.loads(notification["Message"])
    if message.get("violationEventType") != "in-alarm":
        return
    behavior = message.get("behavior", {})
    yield Observation(
        rule="defender",
        at_ms=int(message["violationEventTime"]),
        evidence=str(message.get("violationId", notification["MessageId"])),
        client_id=str(message["thingName"]),
        seen={"behavior": _text(behavior.get("name", "")), "profile": _text(message.get("securityProfileName", ""))},
    )


def _logged(event: Event) -> Seen:
    """A subscription to the log of AWS IoT, https://docs.aws.amazon.com/iot/latest/developerguide/cwl-format.html."""
    content = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    for entry in content.get("logEvents", []):
        try:
            line = json.loads(entry["message"])
        except ValueError:
            continue
        if isinstance(line, dict) and line.get("status") == "Failure":
            yield from _failure(line, int(entry["timestamp"]), str(entry["id"]))


def _failure(line: Event, logged_at: int, evidence: str) -> Seen:
    reason, kind = str(line.get("reason", "")), line.get("eventType")
    client_id = str(line.get("clientId", ""))
    at_ms, evidence = _time(line.get("timestamp"), logged_at), str(line.get("traceId", evidence))
    if kind in ("Publish-In", "Subscribe") and reason == "AUTHORIZATION_FAILURE":
        topic = _text(line.get("topicName", ""))
        rule = "foreign-shadow" if _is_foreign(topic, client_id) else "forbidden-topic"
        principal = certificate_of(line.get("principalId"))
        if "principalId" in line and not principal:
            return  # a user of the account, who may call himself like a device
        yield Observation(rule, at_ms, evidence, principal, client_id, {"topic": topic, "operation": kind})
    elif kind == "Connect" and reason.startswith(BAD_CERTIFICATE):
        # Nothing that the client has said of itself is proven.
        seen = {"reason": reason, "details": _text(line.get("details", ""))}
        yield Observation("bad-certificate", at_ms, evidence, seen=seen)


def _is_foreign(topic: str, client_id: str) -> bool:
    levels = topic.split("/")
    return topic.startswith("$aws/things/") and len(levels) > 3 and levels[2] != client_id


def _time(text: object, otherwise: int) -> int:
    """Milliseconds, from `2017-08-10 15:37:23.476`, which is UTC."""
    try:
        return int(datetime.fromisoformat(str(text)).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return otherwise


def _text(value: object) -> str:
    return str(value)[:LONGEST_TEXT]
