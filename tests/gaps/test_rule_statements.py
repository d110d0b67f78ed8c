"""A rule's statement is read once, whatever comes, and means what it meant."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gaps.modules import gap, service

SQL = (
    "SELECT *, topic() AS topic, clientid() AS client, state.reported.value AS value, "
    "1 + level AS up FROM '#' WHERE topic(1) <> '$aws' AND regexp_matches(principal(), "
    "'^[0-9a-f]{4}$') "
    "AND level > 2"
)


def evaluated(iot: Any, topic: str, payload: bytes) -> list[Any]:
    """What the rule hands on of a message."""
    handed: list[Any] = []

    async def dispatched(*what: Any) -> None:
        handed.append(what[-1])

    iot._dispatch_rule_action = dispatched
    rule = {"ruleName": "all", "sql": SQL, "actions": [{"sqs": {}}]}
    iot._topic_rules._data["111122223333", "us-east-1", "all"] = rule
    with iot._rule_message_scope("00ff"):
        asyncio.run(iot._evaluate_topic_rules("111122223333", "us-east-1", topic, payload, "d"))
    return handed


def reads(iot: Any) -> list[str]:
    """Predicates that are read from now on."""
    read: list[str] = []
    terms = iot._split_where_terms

    def split(predicate: str, keyword: str) -> Any:
        read.append(predicate)
        return terms(predicate, keyword)

    iot._split_where_terms = split
    return read


def test_a_statement_is_read_with_the_first_message_alone() -> None:
    iot = service("iot")
    gap("rule_statements").fill()
    read = reads(iot)
    first = evaluated(iot, "a/b", b'{"level": 3}')
    assert first == [{"level": 3, "topic": "a/b", "client": "d", "up": 4}]
    assert read

    read.clear()
    assert evaluated(iot, "a/c", b'{"level": 4}')[0]["topic"] == "a/c"
    assert evaluated(iot, "a/c", b'{"level": 2}') == []
    assert evaluated(iot, "$aws/things/d/shadow/update", b'{"level": 4}') == []
    assert read == []


def test_the_emulator_itself_reads_it_with_every_message() -> None:
    """Once it does not, the gap can go."""
    iot = service("iot")
    evaluated(iot, "a/b", b'{"level": 3}')
    read = reads(iot)
    evaluated(iot, "a/b", b'{"level": 3}')

    assert read


def test_it_means_the_same_for_any_message() -> None:
    iot = service("iot")
    as_it_is = {name: getattr(iot, name) for name in gap("rule_statements").READERS}
    gap("rule_statements").fill()
    remembering = {name: getattr(iot, name) for name in gap("rule_statements").READERS}
    payloads = st.dictionaries(
        st.sampled_from(["level", "state", "x"]),
        st.integers(0, 5) | st.text(max_size=3) | st.just({"reported": {"value": 1}}),
    )

    @settings(deadline=None)
    @given(
        st.sampled_from(["a", "a/b", "$aws/x"]),
        payloads.map(lambda payload: iot.json.dumps(payload).encode()),
    )
    def any_message(topic: str, payload: bytes) -> None:
        answers = []
        for readers in (as_it_is, remembering):
            vars(iot).update(readers)
            answers.append(evaluated(iot, topic, payload))
        assert answers[0] == answers[1]

    any_message()
