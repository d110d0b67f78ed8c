"""Which statement decides, and which comes nearest."""

from typing import Any

import pytest

from common.errors import InvalidInput
from explaining.asked import Asked
from explaining.policies import ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY, Policy, decide
from explaining.principal import Principal

BASE = "arn:aws:iot:eu-west-1:123456789012:"
THING = "${iot:Connection.Thing.ThingName}"
VARIABLES = {
    "iot:ClientId": "lamp",
    "iot:Connection.Thing.ThingName": "lamp",
    "iot:Connection.Thing.IsAttached": "true",
}
STATEMENTS: list[dict[str, Any]] = [
    {
        "Effect": "Allow",
        "Action": "iot:Connect",
        "Resource": f"{BASE}client/{THING}",
        "Condition": {"Bool": {"iot:Connection.Thing.IsAttached": "true"}},
    },
    {"Effect": "Allow", "Action": "iot:Publish", "Resource": f"{BASE}topic/dt/{THING}/*"},
    {"Effect": "Allow", "Action": "iot:Publish", "Resource": f"{BASE}topic/evt/{THING}/+"},
    {"Effect": "Deny", "Action": "iot:*", "Resource": f"{BASE}topic/dt/*/secret"},
    {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": f"{BASE}topicfilter/cmd/{THING}/#"},
]
LAMP = Principal("lamp", f"{BASE}cert/abc", (Policy("p", {"Statement": STATEMENTS}),), VARIABLES)


@pytest.mark.parametrize(
    ("verb", "resource", "decision", "statement", "nearest"),
    [
        ("connect", "lamp", ALLOWED, 0, None),
        ("publish", "dt/lamp/a/b", ALLOWED, 1, None),
        ("publish", "dt/wall/a", IMPLICIT_DENY, None, 1),
        ("publish", "evt/wall/x", IMPLICIT_DENY, None, 2),
        # The wildcards of MQTT are plain characters of a policy.
        ("publish", "evt/lamp/x", IMPLICIT_DENY, None, 2),
        ("publish", "dt/lamp/secret", EXPLICIT_DENY, 3, None),
        ("subscribe", "cmd/lamp/#", ALLOWED, 4, None),
        ("subscribe", "cmd/lamp/req", IMPLICIT_DENY, None, 4),
        ("receive", "cmd/lamp/req", IMPLICIT_DENY, None, None),
    ],
)
def test_the_deciding_statement(
    verb: str, resource: str, decision: str, statement: int | None, nearest: int | None
) -> None:
    found = LAMP.decide(Asked(verb, resource))
    assert found.decision == decision
    assert (found.statement and found.statement.index) == statement
    assert (found.nearest and found.nearest.index) == nearest


def test_the_sentence_names_statement_and_policy_counted_from_one() -> None:
    asked = Asked("publish", "dt/lamp/a")
    assert LAMP.sentence(asked, LAMP.decide(asked)) == (
        "lamp may publish to dt/lamp/a: statement 2 of the policy p allows it."
    )
    asked = Asked("publish", "dt/wall/a")
    assert LAMP.sentence(asked, LAMP.decide(asked)) == (
        "lamp may not publish to dt/wall/a: no statement allows it. "
        "The nearest, statement 2 of the policy p, is for topic/dt/lamp/* only."
    )
    asked = Asked("publish", "dt/lamp/secret")
    assert "statement 4 of the policy p denies it" in LAMP.sentence(asked, LAMP.decide(asked))


def test_another_client_id_is_another_thing() -> None:
    asked = Asked("connect", "wall")
    found = LAMP.decide(asked)
    assert (found.decision, found.lacking) == (IMPLICIT_DENY, "resource")


def test_a_condition_that_does_not_hold_is_what_is_lacking() -> None:
    detached = Principal(
        "lamp", f"{BASE}cert/abc", LAMP.policies,
        {**VARIABLES, "iot:Connection.Thing.IsAttached": "false"},
    )  # fmt: skip
    asked = Asked("connect", "lamp")
    found = detached.decide(asked)
    assert (found.decision, found.lacking) == (IMPLICIT_DENY, "condition")
    assert "its condition does not hold" in detached.sentence(asked, found)


def test_without_policy_and_without_certificate() -> None:
    bare = Principal("lamp", f"{BASE}cert/abc", (), VARIABLES)
    asked = Asked("publish", "a")
    assert "no policy is attached" in bare.sentence(asked, bare.decide(asked))
    gone = Principal("lamp", None)
    assert "has no certificate" in gone.sentence(asked, gone.decide(asked))


def test_a_variable_without_a_value_stands_for_nothing() -> None:
    statement = {"Effect": "Allow", "Action": "iot:Publish", "Resource": f"{BASE}topic/{THING}*"}
    found = decide([Policy("p", {"Statement": statement})], "iot:Publish", f"{BASE}topic/lamp", {})
    assert found.decision == IMPLICIT_DENY


def test_a_value_is_no_pattern() -> None:
    statement = {
        "Effect": "Allow",
        "Action": "iot:Publish",
        "Resource": f"{BASE}topic/${{iot:ClientId}}",
    }
    policy = Policy("p", {"Statement": [statement]})
    for topic, decision in (("a", IMPLICIT_DENY), ("*", ALLOWED)):
        found = decide([policy], "iot:Publish", f"{BASE}topic/{topic}", {"iot:ClientId": "*"})
        assert found.decision == decision


@pytest.mark.parametrize(
    ("verb", "resource", "field"),
    [
        ("dance", "a", "action"),
        ("publish", "", "resource"),
        ("publish", "a/+", "resource"),
        ("receive", "#", "resource"),
        ("publish", "a\nb", "resource"),
        ("publish", "ä" * 129, "resource"),
        ("subscribe", "a/#/b", "resource"),
        ("subscribe", "a/b+", "resource"),
        ("subscribe", "a#", "resource"),
    ],
)
def test_what_nobody_may_is_refused_by_field_and_rule(verb: str, resource: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Asked(verb, resource)
    assert caught.value.field == field
