"""Events as the detector's sources send them, and a memory and owners that need no table."""

import base64
import gzip
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from detecting.detector import Detector
from detecting.finding import Finding
from detecting.observation import Observation, Report
from detecting.rules import Rule, Thresholds
from detecting.sources import observations
from detecting.windows import Mark
from tests.unit.stack import FINDINGS
from tests.unit.tables import create_table

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

NOON = 1767268800000
LIMITS = Thresholds()


def findings_table() -> "Table":
    """Made anew, empty."""
    keys = ["thing_name", "verdict_id"]
    return create_table(FINDINGS, keys, keys)


# https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html: "+/- 2 minutes",
# nothing to go by in a window of one.
OFF = -120_000


def certificate(thing: str) -> str:
    """The certificate id of a thing, made of its name."""
    return thing.encode().hex().ljust(64, "0")[:64]


def disconnected(
    thing: str, reason: str, at: int = NOON, session: str = "s1", principal: str = ""
) -> dict[str, Any]:
    """As by the rule on presence."""
    return {
        "source": "disconnected",
        "at": at,
        "clientId": thing,
        "timestamp": at + OFF,
        "eventType": "disconnected",
        "sessionIdentifier": session,
        "principalIdentifier": principal or certificate(thing),
        "disconnectReason": reason,
        "versionNumber": 3,
    }


def connect_failed(
    client_id: str, principal: str, at: int = NOON, session: str = "s1"
) -> dict[str, Any]:
    """As by the rule on refused connections."""
    return {
        "source": "connect_failed",
        "at": at,
        "clientId": client_id,
        "timestamp": at + OFF,
        "eventType": "connect_failed",
        "connectFailureReason": "AUTHORIZATION_FAILED",
        "sessionIdentifier": session,
        "principalIdentifier": principal,
        "ipAddress": "192.0.2.9",
    }


def tampered(
    thing: str, at: int = NOON, evidence: str = "t1", detail: Any = "case opened"
) -> dict[str, Any]:
    """As by the rule on tamper events."""
    sender = {"principal": certificate(thing), "client_id": thing, "at": at, "evidence": evidence}
    return {"source": "tamper", "detail": detail, **sender}


def report(
    thing: str, report_id: int, sent: Any = 10, refused: Any = 0, at: int = NOON
) -> dict[str, Any]:
    """As by the rule on metrics."""
    return {
        "source": "metrics",
        "header": {"report_id": report_id, "version": "1.0"},
        "custom_metrics": {
            "messages_sent": [{"number": sent}],
            "publishes_refused": [{"number": refused}],
        },
        "principal": certificate(thing),
        "client_id": thing,
        "at": at,
        "evidence": f"trace-{report_id}",
    }


def message(
    thing: str,
    at: int = NOON,
    evidence: str = "m1",
    payload: bytes = b"{}",
    topic: str = "",
    principal: str = "",
) -> dict[str, Any]:
    """A record of the queue."""
    body = {
        "topic": topic or f"dt/playground/{thing}/telemetry",
        "payload": base64.b64encode(payload).decode(),
        "principal": principal or certificate(thing),
        "client_id": thing,
        "at": at,
        "evidence": evidence,
    }
    return {"eventSource": "aws:sqs", "body": json.dumps(body)}


def queue(*records: Mapping[str, Any]) -> dict[str, Any]:
    """A batch of the queue."""
    return {"Records": list(records)}


def refused(client_id: str, topic: str, evidence: str = "r1", **more: Any) -> dict[str, Any]:
    """A line of AWSIotLogsV2."""
    return {
        "timestamp": "2026-01-01 12:00:00.000",
        "logLevel": "ERROR",
        "traceId": evidence,
        "status": "Failure",
        "eventType": "Publish-In",
        "protocol": "MQTT",
        "topicName": topic,
        "clientId": client_id,
        "principalId": certificate(client_id),
        "reason": "AUTHORIZATION_FAILURE",
        "details": "Authorization Failure",
        **more,
    }


def logged(*lines: Any, at: int = NOON) -> dict[str, Any]:
    """What a subscription to a log group delivers."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    events = [
        {"id": str(number), "timestamp": at, "message": text} for number, text in enumerate(texts)
    ]
    content = {"messageType": "DATA_MESSAGE", "logGroup": "AWSIotLogsV2", "logEvents": events}
    return {
        "awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(content).encode())).decode()}
    }


def violation(thing: str, at: int = NOON, kind: str = "in-alarm") -> dict[str, Any]:
    """What Device Defender Detect publishes."""
    content = {
        "violationEventTime": at,
        "thingName": thing,
        "behavior": {"name": "messages-sent"},
        "violationEventType": kind,
        "violationId": "v1",
        "securityProfileName": "profile",
    }
    notification = {"MessageId": "n1", "Message": json.dumps(content)}
    return {"Records": [{"EventSource": "aws:sns", "Sns": notification}]}


def seen_in(event: Mapping[str, Any]) -> list[Observation | Report]:
    """The observations of an event."""
    return list(observations(event, LIMITS.message_bytes))


@dataclass
class MemoryOfMarks:
    """`detector.Memory`."""

    marks: dict[tuple[str, str], set[Mark]] = field(default_factory=dict)
    reports: dict[str, int] = field(default_factory=dict)

    def remember(self, rule: Rule, subject: str, marks: Collection[Mark]) -> Collection[Mark]:
        """All of them, within a window of the newest: what is older can be in no window of
        theirs.
        """
        known = self.marks.setdefault((rule.name, subject), set())
        known |= set(marks)
        low, high = min(marks).at_ms - rule.window_ms, max(marks).at_ms + rule.window_ms
        known -= {mark for mark in known if mark.at_ms < low - rule.window_ms}
        return {mark for mark in known if low <= mark.at_ms <= high}

    def previous_report(self, subject: str, report_id: int, at_ms: int) -> int | None:  # noqa: ARG002 - kept for ever
        """Of the newest."""
        before = self.reports.get(subject)
        if before is not None and before >= report_id:
            return None
        self.reports[subject] = report_id
        return before


@dataclass
class Registry:
    """`detector.Owners`: the things, each with the certificate that is made of its name."""

    things: Collection[str]

    def of_certificate(self, certificate_id: str) -> str | None:
        """By its name."""
        return next((thing for thing in self.things if certificate(thing) == certificate_id), None)

    def thing(self, name: str) -> str | None:
        """If it is there."""
        return name if name in self.things else None


@dataclass
class Watch:
    """A detector with nothing but memory: what it says of each event."""

    things: Collection[str] = ("lamp", "rogue")
    limits: Thresholds = LIMITS
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin."""
        self.detector = Detector(MemoryOfMarks(), Registry(self.things), self.limits)

    def see(self, *events: Mapping[str, Any]) -> list[Finding]:
        """The findings that these events lead to, one event after the other."""
        new = [
            finding
            for event in events
            for finding, _rule in self.detector.judge(
                observations(event, self.limits.message_bytes)
            )
        ]
        self.findings += new
        return new
