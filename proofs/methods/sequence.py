"""What has happened between the parts of the playground while a device was provisioned, in one row.

Four records are put together: the execution's history, the calls that came to the proxy, the log of
AWS IoT (AWSIotLogsV2), and the moments of start and end.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from proofs.fault_matrix.proxy import Record

YOU, STEPS, LAMBDA, IOT, DEVICE = "You", "Step Functions", "Lambda", "AWS IoT", "Device"
SERVICES: Mapping[str, str] = {
    "iot": IOT,
    "iot-data": IOT,
    "s3": "S3",
    "dynamodb": "DynamoDB",
    "ecs": "ECS",
    "ecr": "ECR",
    "sqs": "SQS",
    "stepfunctions": STEPS,
}
PACKETS: Mapping[str, tuple[str, str, str]] = {
    "Connect": (DEVICE, IOT, "CONNECT"),
    "Disconnect": (DEVICE, IOT, "DISCONNECT"),
    "Subscribe": (DEVICE, IOT, "SUBSCRIBE"),
    "Unsubscribe": (DEVICE, IOT, "UNSUBSCRIBE"),
    "Publish-In": (DEVICE, IOT, "PUBLISH"),
    "Publish-Out": (IOT, DEVICE, "PUBLISH"),
}
MESSAGES = ("Publish-In", "Publish-Out")
TOGETHER = 0.25
"""Seconds within which filters count as one SUBSCRIBE."""


@dataclass(frozen=True)
class Step:
    """One arrow: `at` seconds after the start, who, to whom, what. `by`: the function that calls.

    `times`: so many of them, one after another.
    """

    at: float
    source: str
    target: str
    what: str
    by: str = ""
    times: int = 1

    def as_json(self) -> Mapping[str, Any]:
        """Its fields, the time in whole milliseconds."""
        fields = {name: value for name, value in asdict(self).items() if name != "at"}
        return {"ms": round(self.at * 1000), **fields}


@dataclass(frozen=True)
class Course:
    """One provisioning, as it was recorded. Times are in seconds since 1970."""

    thing: str
    started: float
    ended: float
    events: Sequence[Mapping[str, Any]]
    """Of the execution."""
    records: Sequence[Record]
    """Of the proxy."""
    entries: Sequence[Mapping[str, Any]]
    """Of the log of AWS IoT, each with its `at`."""

    @property
    def seconds(self) -> float:
        """From StartExecution to SUCCEEDED."""
        return self.ended - self.started

    @property
    def transitions(self) -> int:
        """States that were entered, which is what Step Functions bills."""
        return sum(event["type"].endswith("StateEntered") for event in self.events)

    @property
    def states(self) -> list[str]:
        """The states that take time, tasks and waits, in order, each once."""
        entered = [
            event["stateEnteredEventDetails"]["name"]
            for event in self.events
            if event["type"] in ("TaskStateEntered", "WaitStateEntered")
        ]
        return list(dict.fromkeys(entered))

    @property
    def invocations(self) -> int:
        """How many times a function ran for it, as far as it has called anything."""
        return len({r.call.invocation for r in self._calls if r.call.invocation})

    @property
    def calls(self) -> int:
        """How many calls functions have made to AWS."""
        return len(self._calls)

    @property
    def messages(self) -> int:
        """MQTT messages, in and out."""
        return sum(entry["eventType"] in MESSAGES for entry in self._heard)

    @property
    def connections(self) -> int:
        """MQTT connections that the device has made."""
        return sum(entry["eventType"] == "Connect" for entry in self._heard)

    def steps(self, hidden: Mapping[str, str]) -> list[Step]:
        """All arrows in the order of time; in what they say, names that differ from run to run are
        written as what they are called in `hidden`.
        """
        found = sorted([*self._of_workflow(), *self._of_calls(), *self._of_mqtt()], key=_moment)
        whole = [
            Step(0, YOU, STEPS, "StartExecution"),
            *found,
            Step(self.seconds, STEPS, YOU, "SUCCEEDED"),
        ]
        return list(_counted(replace(step, what=_plain(step.what, hidden)) for step in whole))

    @property
    def _calls(self) -> list[Record]:
        return [r for r in self.records if r.call.function and self.started <= r.at <= self.ended]

    @property
    def _heard(self) -> list[Mapping[str, Any]]:
        return [entry for entry in self.entries if self.started <= entry["at"] <= self.ended]

    def _of_workflow(self) -> Iterator[Step]:
        for event in self.events:
            details = event.get("stateEnteredEventDetails")
            if details and event["type"] == "TaskStateEntered":
                at = event["timestamp"].timestamp() - self.started
                yield Step(at, STEPS, LAMBDA, details["name"])

    def _of_calls(self) -> Iterator[Step]:
        states, met = set(self.states), set[str]()
        for record in self.records:
            if not self.started <= record.at <= self.ended:
                continue
            call, at = record.call, record.at - self.started
            if not call.function:
                yield Step(at, DEVICE, SERVICES[call.service], call.operation)
                continue
            if call.function not in states and call.invocation not in met:
                yield Step(at, IOT, LAMBDA, call.function)
            met.add(call.invocation)
            yield Step(at, LAMBDA, SERVICES[call.service], call.operation, by=call.function)

    def _of_mqtt(self) -> Iterator[Step]:
        filters: list[str] = []
        begun = 0.0
        for entry in [*self._heard, {"eventType": "", "at": self.ended + TOGETHER}]:
            kind, at = entry["eventType"], entry["at"] - self.started
            if filters and (kind != "Subscribe" or at - begun > TOGETHER):
                yield Step(begun, DEVICE, IOT, _subscribed(filters))
                filters = []
            if kind == "Subscribe":
                begun = begun if filters else at
                filters.append(entry["topicName"])
            elif kind:
                source, target, verb = PACKETS[kind]
                about = entry.get("topicName") or f"as {entry['clientId']}"
                refused = "" if entry["status"] == "Success" else ": refused"
                yield Step(at, source, target, f"{verb} {about}{refused}")


def _subscribed(filters: Sequence[str]) -> str:
    more = f" and {len(filters) - 1} more" if len(filters) > 1 else ""
    return f"SUBSCRIBE {filters[0]}{more}"


def _moment(step: Step) -> float:
    return step.at


def _plain(what: str, hidden: Mapping[str, str]) -> str:
    for name, called in hidden.items():
        what = what.replace(name, called)
    return re.sub(r"claim\.[0-9a-f]{32}", "claim.DIGEST", what)


def _counted(steps: Iterable[Step]) -> Iterator[Step]:
    """Equal ones that follow one another become one, at the time of the first."""
    last: Step | None = None
    for step in steps:
        if last is not None and replace(step, at=last.at, times=last.times) == last:
            last = replace(last, times=last.times + 1)
            continue
        if last is not None:
            yield last
        last = step
    if last is not None:
        yield last
