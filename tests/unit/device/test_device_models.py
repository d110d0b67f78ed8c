"""Model files: what they may say, what is said about those that break a rule, and the ones that
come along.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import DEVICE_TYPES as OF_FUNCTIONS
from virtual_device.base.errors import ConfigInvalidError
from virtual_device.base.jsonvalue import encode
from virtual_device.shadow import settings as table
from virtual_device.state.config import Config
from virtual_device.telemetry import kinds, telemetry
from virtual_device.telemetry.envelope import PARTS as ENVELOPE
from virtual_device.telemetry.model import MAX_BYTES, Model, ModelInvalidError, bundled, parse, read
from virtual_device.telemetry.model_schema import schema
from virtual_device.telemetry.rules import MOST_CHOICES
from virtual_device.telemetry.thing import DEVICE_TYPES, Thing
from virtual_device.tools import model_tool

DOCS = Path(__file__).parents[3] / "docs"
WALL = 1_767_323_045.678
BEGIN = {"min": 0, "max": 1}


def of(member: Any, **more: Any) -> dict[str, Any]:
    """A model with one member."""
    return {"telemetry": {"t": member}, **more}


def deep(levels: int) -> Any:
    member: Any = {"constant": 1}
    for _ in range(levels):
        member = {"object": {"o": member}}
    return member


REFUSED = [
    ([], "model: must be a JSON object"),
    ({}, "telemetry: is missing"),
    ({"telemetry": []}, "telemetry: must be an object of 1 to 100 members"),
    ({"telemetry": {}}, "telemetry: must be an object of 1 to 100 members"),
    (of({"constant": 1}, colour="red"), "colour: is not known here; there are $schema, name,"),
    (of({"constant": 1}, name=5), "name: must be a string of 1 to 64 characters"),
    (of({"constant": 1}, seed=1.5), "seed: must be an integer or a string"),
    (of({"constant": 1}, seed=True), "seed: must be an integer or a string"),
    ({"telemetry": {"unit": {"constant": 1}}}, "telemetry.unit: is in every message already"),
    ({"telemetry": {"": {"constant": 1}}}, "telemetry.: is not a valid member name"),
    (
        {"telemetry": {"a" * 129: {"constant": 1}}},
        f"telemetry.{'a' * 129}: is not a valid member name, which must be a string of 1 to 128",
    ),
    (of(5), 'telemetry.t: must be an object with a generator, such as {"constant": 5}'),
    (of({}), "telemetry.t: must be an object with exactly one generator of uniform, "),
    (of({"decimals": 1}), "telemetry.t: must be an object with exactly one generator of uniform, "),
    (of({"sinus": {}}), "telemetry.t.sinus: is not a generator; there are uniform, sine, "),
    (
        of({"constant": 1, "uniform": BEGIN}),
        "telemetry.t: must be an object with exactly one generator",
    ),
    (of({"sine": 5}), "telemetry.t.sine: must be an object of mean, amplitude, period, phase"),
    (of({"sine": {"amplitude": 1, "period": 0}}), "telemetry.t.sine.period: must be a number > 0"),
    (
        of({"sine": {"amplitude": 1, "period": "60"}}),
        "telemetry.t.sine.period: must be a number > 0",
    ),
    (
        of({"sine": {"amplitude": True, "period": 60}}),
        "telemetry.t.sine.amplitude: must be a number",
    ),
    (
        of({"sine": {"amplitude": 1e16, "period": 60}}),
        "telemetry.t.sine.amplitude: must be a number",
    ),
    (of({"sine": {"period": 60}}), "telemetry.t.sine.amplitude: is missing: must be a number"),
    (
        of({"sine": {"amplitude": 1, "period": 60, "x": 1}}),
        "telemetry.t.sine.x: is not known here; there are mean, ",
    ),
    (of({"uniform": {"min": 2, "max": 1}}), "telemetry.t.uniform.max: must be at least min, 2"),
    (of({"uniform": {**BEGIN, "once": 1}}), "telemetry.t.uniform.once: must be true or false"),
    (
        of({"walk": {**BEGIN, "start": 2, "step": 1}}),
        "telemetry.t.walk.start: must lie between min and max",
    ),
    (of({"walk": {**BEGIN, "start": 1, "step": 0}}), "telemetry.t.walk.step: must be a number > 0"),
    (
        of({"decay": {"from": 1, "period": 1}}),
        "telemetry.t.decay.halfLife: is missing: must be a number > 0",
    ),
    (
        of({"pick": {"of": []}}),
        f"telemetry.t.pick.of: must be an array of 1 to {MOST_CHOICES} values",
    ),
    (
        of({"pick": {"of": [1, 2], "weights": [1]}}),
        "telemetry.t.pick.weights: must have as many numbers",
    ),
    (of({"pick": {"of": [1], "weights": [0]}}), "telemetry.t.pick.weights: must not all be 0"),
    (of({"pick": {"of": [1], "weights": [-1]}}), "telemetry.t.pick.weights: must be an array"),
    (of({"sequence": {"of": "ab"}}), "telemetry.t.sequence.of: must be an array"),
    (
        of({"sequence": {"of": [1], "every": None}}),
        "telemetry.t.sequence.every: must be a number > 0",
    ),
    (of({"counter": {"wrap": 0}}), "telemetry.t.counter.wrap: must be a number > 0"),
    (
        of({"timestamp": {"format": "rfc"}}),
        "telemetry.t.timestamp.format: must be one of iso, local, seconds, milliseconds, ",
    ),
    (
        of({"route": {"points": [[0, 0]], "speed": 1}}),
        "telemetry.t.route.points: must be an array of 2 to",
    ),
    (
        of({"route": {"points": [[0, 0], [91, 0]], "speed": 1}}),
        "telemetry.t.route.points: must be an array of 2 to",
    ),
    (
        of({"route": {"points": [[1, 1], [1, 1]], "speed": 1}}),
        "telemetry.t.route.points: must be 10 m apart",
    ),
    (of({"setting": "colour"}), "telemetry.t.setting: must be one of time, "),
    (of({"sum": [{"constant": 1}]}), "telemetry.t.sum: must be an array of 2 to 100 generators"),
    (of({"sum": [{"constant": 1}, {"constant": "a"}]}), "telemetry.t.sum[1]: must give numbers"),
    (
        of({"sum": [{"constant": 1}, {"sine": {"period": 60}}]}),
        "telemetry.t.sum[1].sine.amplitude: is missing",
    ),
    (
        of({"object": {"o": {"walk": {**BEGIN, "step": 1}}}}),
        "telemetry.t.object.o.walk.start: is missing",
    ),
    (
        of({"constant": 1, "quantity": "colour"}),
        "telemetry.t.quantity: must be one of temperature, ",
    ),
    (of({"constant": "a", "quantity": "mass"}), "telemetry.t.quantity: is for numbers"),
    (of({"constant": 1, "decimals": 10}), "telemetry.t.decimals: must be an integer from 0 to 9"),
    (of({"constant": 1, "decimals": True}), "telemetry.t.decimals: must be an integer from 0 to 9"),
    (of({"setting": "unit", "decimals": 1}), "telemetry.t.decimals: is for numbers"),
    (of({"constant": "x" * MAX_BYTES}), f"model: must have at most {MAX_BYTES} bytes as JSON"),
    (of({"constant": "\ud800"}), "model.telemetry.t.constant: is not valid Unicode"),
    (of({"constant": math.inf}), "model.telemetry.t.constant: inf is no number, or out of range"),
    (
        of({"constant": 2**63}),
        "model.telemetry.t.constant: 9223372036854775808 is out of range: integers have 64 bits",
    ),
    (of(deep(16)), "model: must not be nested more than 32 levels deep"),
]


@pytest.mark.parametrize(
    ("document", "problem"), REFUSED, ids=[problem[:60] for _, problem in REFUSED]
)
def test_a_broken_rule_is_told_with_its_path(document: Any, problem: str) -> None:
    with pytest.raises(ModelInvalidError) as refusal:
        parse(document)
    assert len(refusal.value.problems) == 1
    assert refusal.value.problems[0].startswith(problem)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ModelInvalidError) as refusal:
        parse({"x": 1, "telemetry": {"a": {"sine": {"period": -1}}, "b": 5, "c": {"constant": 1}}})
    places = [problem.partition(":")[0] for problem in refusal.value.problems]
    assert places == ["x", "telemetry.a.sine.period", "telemetry.a.sine.amplitude", "telemetry.b"]


def test_what_is_no_json_is_told_too() -> None:
    with pytest.raises(ModelInvalidError, match="model: "):
        read(b'{"telemetry": ')


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(kinds.ALL), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(kinds.ALL), values, max_size=2))
def test_any_member_is_either_refused_or_gives_json(member: dict[str, Any]) -> None:
    try:
        model = parse(of(member))
    except ModelInvalidError:
        return
    assert encode(model.messages[0].value(model.moment("dev-TEST", {"unit": "imperial"}, WALL, 3)))


# --- the bundled ones


def settings_of(thing: Thing, unit: str = "metric") -> dict[str, Any]:
    return {**table.defaults(thing), "unit": unit}


def test_every_device_type_of_the_workflow_is_a_model_of_the_device() -> None:
    assert set(OF_FUNCTIONS) == DEVICE_TYPES


@pytest.mark.parametrize("device_type", sorted(DEVICE_TYPES))
def test_a_bundled_model_is_valid_named_and_gives_telemetry(device_type: str) -> None:
    model = bundled(device_type)
    thing = Thing("dev-TEST", device_type)
    message: Any = telemetry.generate(thing, settings_of(thing), WALL, 12)
    assert model.document["name"] == device_type
    assert model.document["description"]
    assert list(message)[:4] == list(ENVELOPE)
    assert message.keys() > set(ENVELOPE)
    assert len(encode(message)) < 1024


@pytest.mark.parametrize("device_type", ["generic", "bulb", "switch", "rogue"])
def test_the_first_types_keep_their_contract(device_type: str) -> None:
    thing = Thing("dev-TEST", device_type)
    message: Any = telemetry.generate(thing, settings_of(thing), WALL, 12)
    assert 16.8 <= message["temperature"] <= 25.2
    assert 40 <= message["humidity"] <= 60
    assert message.get("status") == ("off" if device_type == "bulb" else None)


def numbers(value: Any, path: str = "") -> dict[str, float]:
    if isinstance(value, dict):
        return {
            k: v
            for name, inner in value.items()
            for k, v in numbers(inner, f"{path}.{name}").items()
        }
    return {path: value} if isinstance(value, int | float) else {}


def test_imperial_changes_declared_quantities_and_nothing_else() -> None:
    thing = Thing("dev-TEST", "vehicle")
    messages = [
        telemetry.generate(thing, settings_of(thing, unit), WALL, 3)
        for unit in ("metric", "imperial")
    ]
    metric, imperial = map(numbers, messages)
    changed = {path for path in metric if metric[path] != imperial[path]}
    assert changed == {".speed", ".fuel", ".engine.temperature", ".engine.oilPressure"}
    assert imperial[".speed"] == pytest.approx(metric[".speed"] / 1.609, abs=0.1)


def fleet(seed: Any = 0) -> list[Any]:
    """Ten messages of each of five devices whose model is parsed anew."""
    document = {**json.loads(encode(bundled("thermostat").document)), "seed": seed}
    things = [Thing(f"dev-{number}", "thermostat", {}, parse(document)) for number in range(5)]
    return [
        telemetry.generate(t, settings_of(t), WALL + 60 * n, n) for t in things for n in range(10)
    ]


def test_a_fleet_repeats_itself_exactly_and_no_device_is_like_another() -> None:
    first = fleet()
    assert first == fleet()
    assert first != fleet(seed="another")
    courses = [[m["temperature"] for m in first[start : start + 10]] for start in range(0, 50, 10)]
    assert len({tuple(course) for course in courses}) == 5


def test_these_numbers_stay_the_same_from_release_to_release() -> None:
    thing = Thing("dev-TEST", "thermostat")
    message: Any = telemetry.generate(thing, settings_of(thing), WALL, 7)
    assert {
        key: message[key] for key in ("temperature", "target", "humidity", "mode", "battery")
    } == PINNED


PINNED = {"temperature": 20.4, "target": 17, "humidity": 44.7, "mode": "heat", "battery": 95}


# --- on its way to the device

CONFIG: dict[str, Any] = {
    "version": 1,
    "thingName": "dev-TEST",
    "deviceType": "generic",
    "endpoint": "broker.example",
}


def test_a_model_of_its_own_replaces_the_types_and_is_kept() -> None:
    config = Config.from_document({**CONFIG, "model": of({"constant": 5})})
    message: Any = telemetry.generate(config.thing, {"unit": "metric"}, WALL, 0)
    assert message.keys() == {*ENVELOPE, "t"}
    assert config.as_document()["model"] == of({"constant": 5})
    assert Config.from_document(config.as_document()) == config


def test_devices_with_equal_models_share_one() -> None:
    one, other = (
        Config.from_document({**CONFIG, "model": of({"constant": 6})}).thing.model for _ in range(2)
    )
    assert isinstance(one, Model)
    assert one is other


def test_a_bad_model_is_a_bad_config() -> None:
    with pytest.raises(
        ConfigInvalidError, match=re.escape("config: model: telemetry.t: must be an object with a")
    ):
        Config.from_document({**CONFIG, "model": of(5)})


def test_a_device_without_a_model_keeps_none() -> None:
    assert "model" not in Config.from_document(CONFIG).as_document()


# --- the schema, and the tool


def test_the_published_schema_is_made_from_the_tables() -> None:
    assert json.loads((DOCS / "model.schema.json").read_text()) == schema()


def test_the_documentation_names_every_generator() -> None:
    text = (DOCS / "models.md").read_text()
    assert [name for name in kinds.ALL if f"`{name}`" not in text] == []


def test_a_member_may_tell_of_settings_that_there_are() -> None:
    assert set(kinds.SETTINGS) <= table.KEYS


def test_the_tool_checks_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "model.json"
    file.write_text(json.dumps(of({"constant": 5})))
    assert model_tool.main(["check", str(file)]) == 0
    assert json.loads(capsys.readouterr().out) == {"model": of({"constant": 5})}
    file.write_text(json.dumps(of(5)))
    assert model_tool.main(["check", str(file)]) == 1
    assert json.loads(capsys.readouterr().out)["problems"][0].startswith("telemetry.t: ")
    assert model_tool.main(["check", str(tmp_path / "none.json")]) == 1
    assert "No such file" in capsys.readouterr().out
    assert model_tool.main([]) == 2


def test_the_tool_lists_the_models_with_a_sample(capsys: pytest.CaptureFixture[str]) -> None:
    assert model_tool.main(["list"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in listed] == sorted(DEVICE_TYPES)
    assert all(row["sample"]["sequence"] == 0 and row["description"] for row in listed)
