"""On message X, reply Y: which requests match, what is answered, and which declarations are refused."""

from typing import Any

import pytest

from virtual_device import topics
from virtual_device.model_parser import Parser
from virtual_device.moment import Moment
from virtual_device.replies import RESPONSES, THING, Answer, answer, matches, parse

MOMENT = Moment("0/dev-TEST", 1_767_323_045.678, 12, {"unit": "imperial", "status": "on"})
WARM = {"constant": 20, "quantity": "temperature"}


def declared(on: Any = None, reply: Any = None) -> dict[str, Any]:
    """A declaration with these members instead of valid ones."""
    return {
        "on": {"message": {"command": "weather"}} if on is None else on,
        "reply": {"message": {"t": WARM}} if reply is None else reply,
    }


def problems_of(value: Any) -> list[str]:
    parser = Parser()
    parse(parser, value)
    return parser.problems


def test_the_first_that_matches_answers() -> None:
    # given
    general = declared({"message": {"command": "weather"}})
    special = declared(
        {"message": {"command": "weather", "arguments": {"at": "sea"}}},
        {"topic": f"{RESPONSES}/sea", "message": {"wet": {"constant": True}}},
    )
    replies = parse(Parser(), [special, general])
    # when, then
    at_sea: Any = {"command": "weather", "arguments": {"at": "sea", "depth": 1}}
    assert answer(replies, "dev-TEST", at_sea, MOMENT) == Answer("cmd/playground/dev-TEST/res/sea", {"wet": True})
    assert answer(replies, "dev-TEST", {"command": "weather"}, MOMENT) == Answer(
        "cmd/playground/dev-TEST/res", {"t": 68.0}
    )
    assert answer(replies, "dev-TEST", {"command": "time"}, MOMENT) is None
    assert answer(replies, "dev-TEST", ["weather"], MOMENT) is None


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, True),
        ({"a": {"b": 1}}, {"a": 1}, False),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"a": None}, {}, False),
    ],
)
def test_a_request_matches_when_it_has_every_member(wanted: Any, found: Any, *, expected: bool) -> None:
    assert matches(wanted, found) is expected


REFUSED = [
    ({}, "replies: must be an array of 1 to 20"),
    ([], "replies: must be an array of 1 to 20"),
    ([declared()] * 21, "replies: must be an array of 1 to 20"),
    ([5], "replies[0]: must be an object of two objects"),
    ([{**declared(), "x": 1}], "replies[0]: must be an object of two objects"),
    ([declared(), declared(on={})], "replies[1].on.message: must be an object of members"),
    ([declared(on={"message": {}})], "replies[0].on.message: must be an object of members"),
    ([declared(on={"message": {"a": 1}, "qos": 1})], "replies[0].on.qos: is not known here; there are topic, message"),
    ([declared(on={"message": {"a": 1}, "topic": "cmd/playground/dev-OTHER/req"})], "replies[0].on.topic: must be cmd"),
    ([declared(on={"message": {"a": 1}, "topic": "#"})], "replies[0].on.topic: must be cmd/playground/{thing}/req"),
    ([declared(reply={"message": {}})], "replies[0].reply.message: must be an object of 1 to 100 members"),
    ([declared(reply={"message": {"t": 5}})], "replies[0].reply.message.t: must be an object with a generator"),
    *(
        ([declared(reply={"message": {"t": WARM}, "topic": topic})], "replies[0].reply.topic: must be cmd/playground/")
        for topic in (5, "x", "cmd/playground/{thing}/req", f"{RESPONSES}/", f"{RESPONSES}/+", f"{RESPONSES}/a/b/c/d")
    ),
]


@pytest.mark.parametrize(("value", "problem"), REFUSED)
def test_a_broken_rule_is_told_with_its_path(value: Any, problem: str) -> None:
    found = problems_of(value)
    assert len(found) == 1
    assert found[0].startswith(problem)


def test_the_longest_reply_topic_fits_the_broker() -> None:
    longest = f"{RESPONSES}/{'/'.join(['x' * 32] * 3)}"
    assert problems_of([declared(reply={"message": {"t": WARM}, "topic": longest})]) == []
    topic = longest.replace(THING, "n" * 128)
    assert len(topic) <= topics.MAX_TOPIC_BYTES
    assert topic.count("/") <= topics.MAX_SLASHES
