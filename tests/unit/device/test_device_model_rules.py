"""The rules of the language of models: what is refused, and that checker, schema and messages agree
about any model there is.
"""

import json
import re
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.device.saying import BEGIN, NAME
from virtual_device.base.jsonvalue import Json, decode, encode
from virtual_device.shadow import settings as table
from virtual_device.telemetry import kinds, measures, telemetry
from virtual_device.telemetry.messages import MAX_BYTES
from virtual_device.telemetry.model import Model, ModelInvalidError, parse
from virtual_device.telemetry.model_schema import schema
from virtual_device.telemetry.thing import Thing

SCHEMA = jsonschema_rs.validator_for(schema())


# --- what is refused


def of(member: Any, **more: Any) -> dict[str, Any]:
    return {"telemetry": {"t": member}, **more}


ONE = {"constant": 1}
REFUSED: list[tuple[Any, str]] = [
    (of(ONE, messages=[]), "messages: stands in the place of telemetry"),
    ({"messages": []}, "messages: must be an array of 1 to 50 objects"),
    ({"messages": [5]}, "messages[0]: must be an object with telemetry or content"),
    ({"messages": [{}]}, "messages[0]: must have exactly one of telemetry, content"),
    ({"messages": [{"content": ONE, "x": 1}]}, "messages[0].x: is not known here"),
    ({"messages": [{"content": ONE, "every": 0}]}, "messages[0].every: must be a number > 0"),
    ({"messages": [{"content": ONE, "as": "xml"}]}, "messages[0].as: must be one of json, text"),
    ({"messages": [{"content": ONE, "topic": "a//b"}]}, "messages[0].topic: must be a string"),
    ({"messages": [{"content": ONE, "topic": "a/#"}]}, "messages[0].topic: must be a string"),
    ({"messages": [{"content": ONE, "topic": "a/b/c/d/e/f"}]}, "messages[0].topic: must be a"),
    ({"messages": [{"content": ONE, "topic": "../../x"}] * 51}, "messages: must be an array of"),
    ({"messages": [{"content": ONE, "envelope": True}]}, "messages[0].envelope: is for telemetry"),
    ({"messages": [{"telemetry": {"unit": ONE}}]}, "messages[0].telemetry.unit: is in every"),
    (of(ONE, envelope={"time": "t"}), "envelope: must be true, false, or an object that says"),
    (of(ONE, envelope={"unit": ""}), "envelope: must be true, false, or an object that says"),
    (of(ONE, envelope={"unit": "timestamp"}), "envelope: has timestamp twice"),
    (of(ONE, envelope={"unit": "t"}), "telemetry.t: is in every message already"),
    (of(ONE, values={}), "values: must be an object of 1 to 50 generators"),
    (of(ONE, values={"v": 5}), "values.v: must be an object with exactly one generator of"),
    (
        of({"value": "v"}, values={"w": ONE}),
        "telemetry.t.value: must be one of the model's values that are read before",
    ),
    (of(ONE, values={"v": {"value": "v"}}), "values.v.value: must be one of the model's values"),
    (of({"array": {}}), "telemetry.t.array: must have exactly one of of, item"),
    (of({"array": {"of": 5}}), "telemetry.t.array.of: must be an array of 0 to 100 members"),
    (of({"array": {"of": [5]}}), "telemetry.t.array.of[0]: must be an object with a generator"),
    (of({"array": {"item": ONE}}), "telemetry.t.array.count: is missing"),
    (
        of({"array": {"item": ONE, "count": 101}}),
        "telemetry.t.array.count: must be an integer from",
    ),
    (
        of({"array": {"item": ONE, "count": {"constant": "a"}}}),
        "telemetry.t.array.count: must give numbers",
    ),
    (
        of({"array": {"item": ONE, "count": {"index": {}}, "every": 5}}),
        "telemetry.t.array.every: needs a count",
    ),
    (of({"array": {"of": [], "count": 5}}), "telemetry.t.array.count: is for item"),
    (of({"text": {}}), "telemetry.t.text: must have exactly one of pattern, uuid, hex"),
    (of({"text": {"pattern": "{"}}), "telemetry.t.text.pattern: must be a string of 1 to 1024"),
    (
        of({"text": {"pattern": "{a}"}}),
        "telemetry.t.text.pattern: has {a}, which is no member of with",
    ),
    (of({"text": {"pattern": "{thing:d}"}}), "telemetry.t.text.pattern: has {thing}, which is no"),
    (
        of({"text": {"pattern": "{a:d}", "with": {"a": {"thing": "name"}}}}),
        "telemetry.t.text.pattern: has {a:d}, which is for numbers",
    ),
    (
        of({"text": {"pattern": "{a:s}", "with": {"a": ONE}}}),
        "telemetry.t.text.pattern: must be a string",
    ),
    (
        of({"text": {"pattern": "a", "once": True}}),
        "telemetry.t.text.once: is of no use with pattern",
    ),
    (of({"text": {"hex": 4, "with": {"a": ONE}}}), "telemetry.t.text.with: is for pattern"),
    (of({"text": {"uuid": True, "upper": True}}), "telemetry.t.text.upper: is for hex"),
    (of({"text": {"uuid": False}}), "telemetry.t.text.uuid: must be true"),
    (
        of({"text": {"hex": 4, "once": True, "every": 5}}),
        "telemetry.t.text.every: is of no use with once",
    ),
    (of({"timestamp": {"pattern": "%B"}}), "telemetry.t.timestamp.pattern: must be a string"),
    (
        of({"timestamp": {"pattern": "%Y", "format": "iso"}}),
        "telemetry.t.timestamp.pattern: is of no",
    ),
    (
        of({"timestamp": {"format": "seconds", "offset": 1}}),
        "telemetry.t.timestamp.offset: is for texts",
    ),
    (of({"states": {"of": []}}), "telemetry.t.states.of: must be an array of 1 to 500 states"),
    (of({"states": {"of": [{"is": 1}]}}), "telemetry.t.states.of: must be an array of 1 to 500"),
    (
        of({"states": {"of": [{"is": 1, "for": [5, 1]}]}}),
        "telemetry.t.states.of: has a state whose",
    ),
    (
        of({"states": {"of": [{"is": 1, "for": 1, "weight": 20}] * 3}}),
        "telemetry.t.states.of: has weights",
    ),
    (of({"case": {"of": ONE, "is": {}}}), "telemetry.t.case.is: must be an object of 1 to 100"),
    (
        of({"case": {"of": ONE, "is": {"1": 5}}}),
        "telemetry.t.case.is.1: must be an object with exactly",
    ),
    (of({"case": {"is": {"1": ONE}}}), "telemetry.t.case.of: is missing"),
    (
        of({"follows": {"of": {"uniform": BEGIN}, "lag": 5}}),
        "telemetry.t.follows.of: must go with time",
    ),
    (
        of({"follows": {"of": {"thing": "name"}, "lag": 5}}),
        "telemetry.t.follows.of: must give numbers",
    ),
    (of({"scale": {"by": 2}}), "telemetry.t.scale.of: is missing: must be a generator of numbers"),
    (of({"product": [ONE]}), "telemetry.t.product: must be an array of 2 to 10 generators"),
    (of({"thing": "colour"}), "telemetry.t.thing: must be name, type, or attributes."),
    (
        of({"part": {"of": {"constant": {"a": "x"}}, "at": "a"}, "decimals": 1}),
        "telemetry.t.decimals: is for numbers",
    ),
    (of({"index": {"start": "a"}}), "telemetry.t.index.start: must be a number"),
    (
        of({"array": {"item": {"array": {"item": ONE, "count": 100}}, "count": 100}}),
        "telemetry: asks 30302 generators",
    ),
    (of({"array": {"item": {"constant": "x" * 2000}, "count": 100}}), "telemetry: may have 200"),
]


def test_every_problem_of_every_message_is_told_at_once() -> None:
    backwards: Json = {"uniform": {"min": 2, "max": 1}}
    messages: list[Json] = [
        {"topic": "a/b/c/d/e/f", "content": backwards},
        {"every": 0, "envelope": 5, "telemetry": {"t": {"sine": 5}}},
    ]

    with pytest.raises(ModelInvalidError) as refused:
        parse({"messages": messages})

    places = [problem.partition(": ")[0] for problem in refused.value.problems]
    assert places == [
        "messages[0].topic",
        "messages[0].content.uniform.max",
        "messages[1].every",
        "messages[1].envelope",
        "messages[1].telemetry.t.sine",
    ]


@pytest.mark.parametrize(("document", "problem"), REFUSED, ids=[text[:70] for _, text in REFUSED])
def test_a_broken_rule_is_told_with_its_path(document: Any, problem: str) -> None:
    with pytest.raises(ModelInvalidError) as refusal:
        parse(document)
    assert len(refusal.value.problems) == 1, refusal.value.problems
    assert refusal.value.problems[0].startswith(problem)


BETWEEN = re.compile(
    r"at least min|must lie between|as many numbers|not all be 0|10 m apart|is for |give numbers"
    r"|bytes as JSON|Unicode|is no number|out of range|nested|no member of with|of no use"
    r"|the model's values|asks \d|twice|needs a count|go with time|has a state whose|has weights"
    r"|is in every message|is missing: how many|member of telemetry|has more digits"
)
"""What the schema can't say (model_schema.py): rules between members, and what a message costs."""


@pytest.mark.parametrize(("document", "problem"), REFUSED, ids=[text[:70] for _, text in REFUSED])
def test_the_schema_refuses_what_the_device_refuses(document: Any, problem: str) -> None:
    found = parsed(document)
    assert isinstance(found, list)
    assert found[0].startswith(problem)
    assert not SCHEMA.is_valid(document) or BETWEEN.search(found[0])


@pytest.mark.parametrize(
    ("envelope", "taken"),
    [
        (None, True),
        (True, True),
        (False, False),
        ({"unit": False}, False),
        ({"unit": "u"}, False),
        ({}, True),
        ({"unit": True}, True),
        ({"unit": "unit"}, True),
    ],
)
def test_the_schema_knows_the_names_of_the_envelope(envelope: Any, *, taken: bool) -> None:
    own = {} if envelope is None else {"envelope": envelope}
    row = {"telemetry": {"unit": ONE}}
    documents = [{**own, **row}, {**own, "messages": [row]}, {"messages": [{**own, **row}]}]
    for document in documents:
        assert SCHEMA.is_valid(document) != taken
        assert accepted(document) != taken


def accepted(document: Any) -> bool:
    try:
        parse(document)
    except ModelInvalidError:
        return False
    return True


# --- any model

names = st.sampled_from(["a", "b c", "1.8.0", "switch:0", "timestamp", "ü"])
small = st.sampled_from([0, 1, 2.5, -3, 0.001, 60, 1e6])
scalars = st.none() | st.booleans() | small | st.sampled_from(["", "x", "on", "ü{"])
turns = st.fixed_dictionaries({}, optional={"every": st.sampled_from([1, 60])})


def row(name: str, arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return arguments.map(lambda value: {name: value})


def ranged(low: float, high: float, more: dict[str, Any]) -> dict[str, Any]:
    return {"min": min(low, high), "max": max(low, high), **more}


leaves = st.one_of(
    row("constant", scalars),
    row("uniform", st.builds(ranged, small, small, turns)),
    row("pick", st.fixed_dictionaries({"of": st.lists(scalars, min_size=1, max_size=3)})),
    row("sequence", st.fixed_dictionaries({"of": st.lists(scalars, min_size=1, max_size=3)})),
    row("sine", st.fixed_dictionaries({"amplitude": small, "period": st.sampled_from([1, 3600])})),
    row("counter", st.fixed_dictionaries({"step": small}, optional={"wrap": st.just(256)})),
    row("walk", st.just({"start": 1, "step": 0.5, "min": 0, "max": 9})),
    row("index", st.fixed_dictionaries({}, optional={"start": small})),
    row("thing", st.sampled_from(["name", "type", "attributes.room", "attributes.none"])),
    row("setting", st.sampled_from(kinds.SETTINGS)),
    row("value", st.sampled_from(["v", "w"])),
    row("text", st.sampled_from([{"uuid": True}, {"hex": 7}, {"base64": 3}, {"words": 2}])),
    row(
        "timestamp",
        st.sampled_from([{}, {"format": "local"}, {"format": "fraction"}, {"pattern": "%H"}]),
    ),
    row(
        "states",
        st.lists(
            st.fixed_dictionaries(
                {"is": scalars, "for": st.sampled_from([1, 60, [5, 9]])},
                optional={"weight": st.integers(1, 3)},
            ),
            min_size=1,
            max_size=3,
        ).map(lambda of: {"of": of}),
    ),
)


def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, max_size=3)
    members = st.dictionaries(names, inner, min_size=1, max_size=3)
    return st.one_of(
        row("sum", st.lists(inner, min_size=2, max_size=3)),
        row("product", st.lists(inner, min_size=2, max_size=3)),
        row("object", members),
        row("array", st.fixed_dictionaries({"of": some})),
        row(
            "array",
            st.fixed_dictionaries(
                {"item": inner, "count": st.integers(0, 3) | inner}, optional={"every": st.just(10)}
            ),
        ),
        row(
            "case",
            st.fixed_dictionaries(
                {
                    "of": inner,
                    "is": st.dictionaries(
                        st.sampled_from(["on", "1", "true"]), inner, min_size=1, max_size=2
                    ),
                },
                optional={"else": inner},
            ),
        ),
        row(
            "follows",
            st.fixed_dictionaries(
                {"of": inner, "lag": st.sampled_from([1, 600])}, optional={"gain": small}
            ),
        ),
        row("scale", st.fixed_dictionaries({"of": inner}, optional={"by": small, "plus": small})),
        row("above", st.fixed_dictionaries({"of": inner, "limit": small})),
        row("part", st.fixed_dictionaries({"of": inner, "at": st.sampled_from(["a", "a.b"])})),
        row(
            "text",
            st.fixed_dictionaries(
                {
                    "pattern": st.sampled_from(["{a}", "x{a:.2f}", "{{{thing}}}"]),
                    "with": st.fixed_dictionaries({"a": inner}),
                }
            ),
        ),
    )


generators = st.recursive(leaves, deeper, max_leaves=5)
members = st.dictionaries(names, generators, min_size=1, max_size=3)
envelopes = st.fixed_dictionaries(
    {}, optional={"envelope": st.booleans() | st.just({"timestamp": "ts", "unit": False})}
)
rows = st.one_of(
    st.builds(lambda telemetry, own: {"telemetry": telemetry, **own}, members, envelopes),
    st.fixed_dictionaries(
        {"content": generators},
        optional={
            "as": st.just("text"),
            "every": st.just(5),
            "topic": st.sampled_from(["x", "{thing}/y", "a//b"]),
        },
    ),
)
documents = st.builds(
    lambda sent, own, values: {**sent, **own, **values},
    st.builds(lambda telemetry: {"telemetry": telemetry}, members)
    | st.builds(lambda several: {"messages": several}, st.lists(rows, min_size=1, max_size=3)),
    envelopes,
    st.fixed_dictionaries(
        {}, optional={"values": st.fixed_dictionaries({"v": generators, "w": generators})}
    ),
)


def parsed(document: Any) -> Model | list[str]:
    try:
        return parse(document)
    except ModelInvalidError as error:
        return list(error.problems)


@given(
    documents,
    st.floats(0, 4e9),
    st.integers(0, 2**40),
    st.sampled_from(["metric", "imperial"]),
)
def test_any_model_that_is_taken_sends_json_that_is_the_same_again(
    document: Any, wall: float, sequence: int, unit: str
) -> None:
    model = parsed(document)
    if isinstance(model, list):
        return
    again = parse(json.loads(encode(document)))
    for number, one in enumerate(model.messages):
        thing = Thing(NAME, "bulb", {"room": "hall"}, model)
        chosen = {**table.defaults(thing), "unit": unit}
        sent = telemetry.payload(thing, chosen, wall, sequence, number)
        same = telemetry.payload(replace(thing, model=again), chosen, wall, sequence, number)
        assert sent == same
        if sent is not None:
            generator: Any = getattr(one.content, "generator", one.content)
            assert len(sent) <= measures.most_bytes(generator) + 300 < MAX_BYTES + 300
            assert one.bare or encode(decode(sent)) == sent


@given(documents)
def test_the_schema_takes_what_the_device_takes_and_refuses_what_it_refuses(document: Any) -> None:
    found = parsed(document)
    if isinstance(found, Model):
        assert SCHEMA.is_valid(document)
    elif not any(BETWEEN.search(problem) for problem in found):
        assert not SCHEMA.is_valid(document)
