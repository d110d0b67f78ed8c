"""IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK: does a denial deny less than it seems to?

https://docs.aws.amazon.com/iot-device-defender/latest/devguide/audit-chk-iot-misconfigured-policies.html

`+` and `#` are literal in a policy, so a denial that has them denies next to nothing. And a denial
of `a/secret/*` does not keep a device from subscribing to `a/#`, where `a/*` is allowed, and from
receiving what is published to `a/secret/x`, unless receiving is denied as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditing.statements import Statement, covers, statements

LITERAL_WILDCARDS = "POLICY_CONTAINS_MQTT_WILDCARDS_IN_DENY_STATEMENT"
DENIED_IN_VAIN = "TOPIC_FILTERS_INTENDED_TO_DENY_ALLOWED_USING_WILDCARDS"
SUBSCRIBE, RECEIVE = "iot:Subscribe", "iot:Receive"


@dataclass(frozen=True)
class Doubt:
    """A denial that may not do what it is meant to."""

    reason_code: str
    reason: str


def doubts(document: Mapping[str, Any]) -> list[Doubt]:
    """All of a document's; empty for one that is clear."""
    read = statements(document)
    denials = [statement for statement in read if not statement.allows]
    allowed = [filter_ for filter_ in _filters(read, allows=True) if filter_.endswith("*")]
    return list(dict.fromkeys([*_literal(denials), *_in_vain(denials, allowed)]))


def _literal(denials: Sequence[Statement]) -> Iterator[Doubt]:
    for resource in (resource for denial in denials for resource in denial.resources):
        if "+" in resource or "#" in resource:
            yield Doubt(
                LITERAL_WILDCARDS, f"a denial names {resource}, where + and # stand for themselves"
            )


def _in_vain(denials: Sequence[Statement], allowed: Sequence[str]) -> Iterator[Doubt]:
    unheard = [
        topic
        for denial in denials
        if denial.names(RECEIVE)
        for topic in denial.resources_of("topic")
    ]
    for denied in _filters(denials, allows=False):
        for wide in allowed:
            around = wide[:-1] + "#"
            if wide != denied and covers(wide, denied) and not covers(denied, around):
                if any(covers(topic, denied) for topic in unheard):
                    continue
                yield Doubt(
                    DENIED_IN_VAIN,
                    (
                        f"{denied} can't be subscribed to, but {around} can, and receiving "
                        f"{denied} is not denied"
                    ),
                )


def _filters(read: Sequence[Statement], *, allows: bool) -> list[str]:
    wanted = [
        statement for statement in read if statement.allows is allows and statement.names(SUBSCRIBE)
    ]
    return [filter_ for statement in wanted for filter_ in statement.resources_of("topicfilter")]
