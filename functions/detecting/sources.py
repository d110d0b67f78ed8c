"""The sources: what IoT rules, the log of AWS IoT, the queue of messages and Device Defender tell,
as observations.

None of it is trusted to have the form that it should: half of it was written by a device that
misbehaves. What has not is left out, and so is what users of the account do, who may connect under
any name.
"""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from common.jsontext import read
from detecting.log_entries import logged
from detecting.observation import Observation, Report, certificate_of, text

SHADOW_BYTES = 8_192
"""Largest shadow document (AWS IoT Device Shadow quotas)."""

MOST_BYTES = 1_048_576
"""Of a message of SQS or SNS, which holds a device's own message in base64 (Amazon SQS quotas)."""

LARGEST_NUMBER = 2**53
"""What a device says of itself beyond this is no count of anything."""

Event = Mapping[str, Any]
Seen = Iterator[Observation | Report]


def observations(event: Event, message_bytes: int) -> Seen:
    """What an event of any source tells. Raises ValueError for an event of no source that is
    known.
    """
    if "awslogs" in event:
        yield from logged(event)
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
    rule = {"AUTH_ERROR": "auth-error", "DUPLICATE_CLIENTID": "clone"}.get(
        event.get("disconnectReason", "")
    )
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
        # By the rule's clock: of the event's own time AWS says that it is right to 2 minutes. See
        # `windows.fullest`.
        at_ms=int(event.get("at", event["timestamp"])),
        evidence=f"{event['sessionIdentifier']}-{event['eventType']}",
        principal=certificate_of(event.get("principalIdentifier")),
        client_id=event["clientId"],
        seen={**seen, **address},
    )


def _tampered(event: Event) -> Seen:
    sender = _sender(event)
    if sender["principal"]:
        yield Observation("tamper", **sender, seen={"detail": text(event.get("detail", ""))})


def _metrics(event: Event) -> Seen:
    """https://docs.aws.amazon.com/iot-device-defender/latest/devguide/detect-device-side-metrics.html."""
    try:
        numbers = event["custom_metrics"]
        report_id = int(event["header"]["report_id"])
        sent, refused = (
            int(numbers[name][0]["number"]) for name in ("messages_sent", "publishes_refused")
        )
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return
    sender = _sender(event)
    if sender["principal"] and all(
        0 <= number < LARGEST_NUMBER for number in (report_id, sent, refused)
    ):
        yield Report(
            report_id, sender["at_ms"], sender["principal"], sender["client_id"], sent, refused
        )


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
        yield from _message(_told(record["body"]), message_bytes)
    elif record.get("EventSource") == "aws:sns":
        yield from _violation(record["Sns"])


def _told(body: str) -> Event:
    """What a rule or Device Defender has written. Raises ValueError when it is no JSON object."""
    message = read(body, MOST_BYTES)
    if not isinstance(message, dict):
        raise ValueError(f"no source sends such a message: {type(message).__name__}")  # noqa: TRY004 - as of all else
    return message


def _message(message: Event, message_bytes: int) -> Seen:
    """A message of a device, any of them: one more for a flood, and perhaps too large."""
    sender = _sender(message)
    if not sender["principal"]:
        return
    yield Observation("flood", **sender)
    size, limit = _decoded_size(message.get("payload")), message_bytes
    topic = text(message.get("topic", ""))
    if topic.startswith("$aws/things/"):
        limit = SHADOW_BYTES
    if size > limit:
        yield Observation(
            "oversized", **sender, seen={"topic": topic, "bytes": size, "limit": limit}
        )


def _decoded_size(payload: object) -> int:
    try:
        return len(base64.b64decode(str(payload or ""), validate=True))
    except (binascii.Error, ValueError):
        return 0


def _violation(notification: Event) -> Seen:
    """https://docs.aws.amazon.com/iot-device-defender/latest/devguide/detect-device-side-metrics.html,
    "Alerts".
    """
    message = _told(notification["Message"])
    if message.get("violationEventType") != "in-alarm":
        return
    behavior = message.get("behavior", {})
    yield Observation(
        rule="defender",
        at_ms=int(message["violationEventTime"]),
        evidence=str(message.get("violationId", notification["MessageId"])),
        client_id=str(message["thingName"]),
        seen={
            "behavior": text(behavior.get("name", "")),
            "profile": text(message.get("securityProfileName", "")),
        },
    )
