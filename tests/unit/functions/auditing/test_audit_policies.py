"""Which policies are overly permissive, and which may be misconfigured: AWS's own examples, ours,
and made-up ones.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditing.misconfigured import DENIED_IN_VAIN, LITERAL_WILDCARDS, doubts
from auditing.permissive import ACTIONS, Breadth, breadths
from auditing.repair import restrictive
from auditing.statements import THING_NAME, covers

ARN = "arn:aws:iot:eu-west-1:123456789012:"
DEVICE_POLICY = restrictive(f"{ARN}policy/playground-device")
ATTACHED = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}


def allow(action: Any, *resources: str, **more: Any) -> dict[str, Any]:
    named = [
        resource if resource.startswith(("*", "arn:")) else ARN + resource for resource in resources
    ]
    return {
        "Effect": "Allow",
        "Action": action,
        "Resource": named[0] if len(named) == 1 else named,
        **more,
    }


def deny(action: Any, *resources: str, **more: Any) -> dict[str, Any]:
    return {**allow(action, *resources, **more), "Effect": "Deny"}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def is_broad(*statements: dict[str, Any]) -> bool:
    return bool(breadths(document(*statements)))


# --- overly permissive:
# https://docs.aws.amazon.com/iot-device-defender/latest/devguide/audit-chk-iot-policy-permissive.html


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iot:Connect", "client/*"),
        ("iot:Connect", "client/${iot:ClientId}"),
        ("iot:Publish", "topic/$aws/things/*/shadow/update"),
        ("iot:Publish", "topic/$aws/things/*"),
        ("iot:Subscribe", "topicfilter/$aws/things/*"),
        ("iot:Subscribe", "topicfilter/$aws/things/#"),
        ("iot:Subscribe", "topicfilter/$aws/things/+/shadow/update"),
        *((name, "thing/*") for name in ACTIONS if "Thing" in name or "Job" in name),
        # and of our own
        ("iot:*", "*"),
        ("*", "*"),
        ("iot:Publish*", "topic/*"),
        ("IOT:PUBLISH", "topic/dt/*"),
        (["iot:Connect", "iot:Publish"], f"topic/$aws/*/{THING_NAME}"),
        ("iot:Publish", f"topic/*/{THING_NAME}"),
        ("iot:Publish", f"topic/*{THING_NAME}"),
        ("iot:Publish", f"topic/$aws/things/x{THING_NAME}*"),
        ("iot:Publish", "arn:aws:iot:*"),
        ("iot:Publish", "t*"),
        ("iot:Publish", "topic/dt/playground/dev-???"),
        ("iot:Subscribe", "topicfilter/#"),
    ],
)
def test_a_broad_policy_is_found(action: Any, resource: str) -> None:
    # when
    found = breadths(document(allow(action, resource)))
    # then
    assert found
    assert all(broad.resource.endswith(resource) for broad in found)


@pytest.mark.parametrize(
    "statement",
    [
        allow("iot:Connect", f"client/{THING_NAME}", Condition=ATTACHED),
        allow("iot:Connect", "client/${iot:ClientId}", Condition=ATTACHED),
        allow("iot:Publish", f"topic/$aws/things/{THING_NAME}/shadow/*"),
        allow(
            "iot:Subscribe",
            f"topicfilter/$aws/things/{THING_NAME}/shadow/*",
            f"topicfilter/$aws/things/{THING_NAME}/jobs/*",
        ),
        allow("iot:Receive", "topic/$aws/things/*"),
        allow(["iot:GetThingShadow", "iot:UpdateThingShadow"], "thing/MyThing1", "thing/MyThing2"),
        # and of our own
        allow("iot:Publish", f"topic/dt/*/{THING_NAME}"),
        allow("iot:Publish", "client/*"),
        allow("iot:Subscribe", f"topicfilter/cmd/{THING_NAME}/#"),
        allow("iot:CreateThing", "*"),
        deny("iot:*", "*"),
    ],
)
def test_a_narrow_policy_is_not(statement: dict[str, Any]) -> None:
    assert not is_broad(statement)


def test_the_stacks_own_device_policy_is_not_and_each_of_its_denials_is_needed() -> None:
    # given
    *others, denial = DEVICE_POLICY["Statement"]
    reserved, _elsewhere = denial["Resource"]
    # then: what AWS's examples are about, the topics that are reserved for others, is denied
    assert breadths(DEVICE_POLICY) == []
    assert breadths(document(*others)) == [Breadth("iot:Publish", f"{ARN}topic/*/{THING_NAME}")]
    assert breadths(document(*others, {**denial, "Resource": reserved})) == []
    assert doubts(DEVICE_POLICY) == []


def test_what_is_denied_is_not_allowed_unless_the_denial_has_conditions() -> None:
    wide = allow("iot:Publish", "topic/a/*")
    assert is_broad(wide)
    assert not is_broad(wide, deny("iot:P*", "topic/*"))
    assert not is_broad(wide, deny("iot:Publish", "*"))
    assert is_broad(wide, deny("iot:Publish", "topic/a/b/*"))
    assert is_broad(wide, deny("iot:Subscribe", "*"))
    assert is_broad(
        wide, deny("iot:Publish", "*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    )
    assert is_broad(wide, deny("iot:Publish", "t*/b"))


@pytest.mark.parametrize("inverted", ["NotAction", "NotResource"])
def test_a_statement_that_allows_all_but_something_is_broad(inverted: str) -> None:
    statement = {"Effect": "Allow", "Action": "iot:Publish", inverted: "iot:Connect"}
    assert is_broad(statement)


def test_one_statement_alone_is_a_document_too() -> None:
    assert breadths({"Version": "2012-10-17", "Statement": allow("iot:*", "*")})


names = st.text("abc-_0", min_size=1, max_size=4)
own_rest = st.lists(names | st.just("*"), max_size=3).map("/".join)
own = st.builds("{}/{}/{}".format, names, st.just(THING_NAME), own_rest)
narrow = st.one_of(
    st.builds(lambda rest: allow("iot:Publish", f"topic/{rest}"), own),
    st.builds(lambda rest: allow("iot:Subscribe", f"topicfilter/{rest}"), own),
    st.builds(
        lambda rest: allow("iot:Receive", f"topic/{rest}"),
        st.lists(names | st.just("*")).map("/".join),
    ),
    st.builds(lambda name: allow("iot:GetThingShadow", f"thing/{name}"), names),
)
wide = st.one_of(
    st.builds(lambda head: allow("iot:Publish", f"topic/{head}*"), names),
    st.builds(lambda head: allow("iot:Subscribe", f"topicfilter/{head}/#"), names),
    st.builds(lambda action: allow(action, "*"), st.sampled_from(sorted(ACTIONS))),
)


@given(st.lists(narrow, max_size=5))
def test_whatever_is_below_the_own_name_is_good(statements: list[dict[str, Any]]) -> None:
    assert not is_broad(*statements)


@given(st.lists(narrow, max_size=4), wide, st.data())
def test_one_wide_statement_makes_a_policy_broad_wherever_it_stands(
    statements: list[dict[str, Any]], broad: dict[str, Any], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(statements)))
    assert is_broad(*statements[:at], broad, *statements[at:])
    assert not is_broad(*statements, broad, deny("*", "*"))


@given(st.lists(narrow | wide, max_size=4), narrow | wide)
def test_allowing_more_never_makes_a_policy_narrower(
    statements: list[dict[str, Any]], one: dict[str, Any]
) -> None:
    before = set(breadths(document(*statements)))
    assert before <= set(breadths(document(*statements, one)))
    assert set(breadths(document(*statements, {**one, "Effect": "Deny"}))) <= before


@given(st.text("ab/*?", max_size=6), st.text("ab/*?", max_size=6), st.data())
def test_what_covers_a_pattern_covers_all_that_the_pattern_stands_for(
    one: str, other: str, data: st.DataObject
) -> None:
    if covers(one, other):
        letters = st.text("ab/", max_size=3)
        parts = [
            data.draw(letters if sign == "*" else st.just("a") if sign == "?" else st.just(sign))
            for sign in other
        ]
        assert covers(one, "".join(parts))


# ---
# https://docs.aws.amazon.com/iot-device-defender/latest/devguide/audit-chk-iot-misconfigured-policies.html

BUILDING = (
    allow("iot:Subscribe", "topicfilter/building/*"),
    allow("iot:Receive", "topic/building/*"),
)


def codes(*statements: dict[str, Any]) -> list[str]:
    return [doubt.reason_code for doubt in doubts(document(*statements))]


def test_mqtt_wildcards_in_a_denial_are_found() -> None:
    denial = deny("iot:Subscribe", "topicfilter/building/control_room/#")
    assert LITERAL_WILDCARDS in codes(*BUILDING, denial)
    assert codes(allow("iot:Subscribe", "topicfilter/building/control_room/#")) == []


def test_a_denied_filter_that_a_wider_one_contains_is_found_unless_receiving_is_denied_too() -> (
    None
):
    # given
    denial = deny("iot:Subscribe", "topicfilter/building/control_room/*")
    # then
    assert codes(*BUILDING, denial) == [DENIED_IN_VAIN]
    assert codes(*BUILDING, denial, deny("iot:Receive", "topic/building/control_room/*")) == []
    assert codes(denial) == []
    assert codes(allow("iot:Subscribe", "topicfilter/other/*"), denial) == []
    assert codes(*BUILDING, deny("iot:Subscribe", "topicfilter/building/*")) == []
