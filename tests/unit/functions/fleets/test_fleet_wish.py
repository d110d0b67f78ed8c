"""What a fleet file may say, and what it is told when it says something else."""

from itertools import pairwise
from typing import Any

import pytest

from common.errors import InvalidInput
from common.fleet_stages import Act, Action, Measure, Stop
from common.fleet_wish import MAX_PLAN_BYTES, MOST_DEVICES, MOST_GROUPS, FleetWish

LAMPS = {"name": "lamp", "count": 2, "deviceType": "bulb"}


def fleet(*groups: Any, **more: Any) -> dict[str, Any]:
    return {"name": "office", "groups": list(groups or [LAMPS]), **more}


def test_each_device_gets_the_input_of_its_provisioning() -> None:
    # given
    meters = {"name": "meter", "count": 1, "thingName": "m{number}x", "attributes": {"floor": "2"}}
    # when
    wish = FleetWish.of(fleet(LAMPS, meters, tolerated=1))
    # then
    assert wish.devices() == {
        "office-lamp-0001": {"deviceType": "bulb", "thingName": "office-lamp-0001"},
        "office-lamp-0002": {"deviceType": "bulb", "thingName": "office-lamp-0002"},
        "m0001x": {"attributes": {"floor": "2"}, "thingName": "m0001x"},
    }
    assert (wish.name, wish.count, wish.tolerated) == ("office", 3, 1)


def test_a_larger_group_has_the_devices_of_the_smaller_one_first() -> None:
    small, large = (FleetWish.of(fleet({**LAMPS, "count": count})) for count in (3, 12))
    assert list(large.devices())[:3] == list(small.devices())


MODEL = {"telemetry": {"x": {"generator": "constant", "value": 1}}}
WRONG: list[tuple[Any, str]] = [
    ("office", "input: must be a JSON object, got 'office'"),
    ({}, "name: must match"),
    ({"name": "a b", "groups": [LAMPS]}, "name: must match"),
    ({"name": "x" * 41, "groups": [LAMPS]}, "name: must match"),
    ({"name": "office"}, "groups: must be an array of 1 to 50 groups, got None"),
    (fleet() | {"groups": []}, "groups: must be an array"),
    (fleet() | {"groups": {}}, "groups: must be an array"),
    (fleet(*[LAMPS] * (MOST_GROUPS + 1)), "groups: must be an array"),
    (fleet(steps=[]), "steps: is not a field here; there are name, groups, tolerated"),
    (fleet(seed=-1), "seed: must be a whole number of at least 0, got -1"),
    (fleet(tolerated=-1), "tolerated: must be a whole number of at least 0, got -1"),
    (fleet(tolerated=True), "tolerated: must be a whole number"),
    (fleet(tolerated="1"), "tolerated: must be a whole number"),
    (fleet(LAMPS, "lamp"), "groups[1]: must be a JSON object"),
    (fleet({**LAMPS, "size": 2}), "groups[0].size: is not a field here; there are name, count,"),
    (fleet({"count": 2}), "groups[0].name: must match"),
    (fleet(LAMPS, LAMPS), "groups[1].name: lamp is the name of another group, too"),
    (fleet({"name": "lamp"}), "groups[0].count: must be a whole number of at least 0, got None"),
    (fleet({**LAMPS, "count": 1.5}), "groups[0].count: must be a whole number"),
    (fleet({**LAMPS, "count": True}), "groups[0].count: must be a whole number"),
    (fleet({**LAMPS, "count": 10**9}), f"groups[0].count: must be at most {MOST_DEVICES}"),
    (fleet({**LAMPS, "arrival": None}), "groups[0].arrival: must be a JSON object, got None"),
    (fleet({**LAMPS, "arrival": 5}), "groups[0].arrival: must be a JSON object, got 5"),
    (fleet({**LAMPS, "arrival": {}}), "groups[0].arrival: must have exactly one of over, rate"),
    (
        fleet({**LAMPS, "arrival": {"over": 1, "rate": 1}}),
        "groups[0].arrival: must have exactly one of over, rate",
    ),
    (fleet({**LAMPS, "arrival": {"within": 1}}), "groups[0].arrival.within: is not a field here"),
    (
        fleet({**LAMPS, "arrival": {"over": 86_401}}),
        "groups[0].arrival.over: must be a number from 0 to 86400",
    ),
    (fleet({**LAMPS, "arrival": {"over": True}}), "groups[0].arrival.over: must be a number"),
    (fleet({**LAMPS, "arrival": {"rate": -1}}), "groups[0].arrival.rate: must be a number from 0"),
    (
        fleet({**LAMPS, "arrival": {"rate": 0}}),
        "groups[0].arrival.rate: must bring the 2 devices within 86400 s, got 0",
    ),
    (
        fleet({**LAMPS, "count": 5000, "arrival": {"rate": 0.01}}),
        "groups[0].arrival.rate: must bring the 5000 devices within 86400 s, got 0.01",
    ),
    (fleet({**LAMPS, "count": 0}), f"groups: must have 1 to {MOST_DEVICES} devices together"),
    (
        fleet({**LAMPS, "count": MOST_DEVICES}, {**LAMPS, "name": "b", "count": 1}),
        f"groups: must have 1 to {MOST_DEVICES} devices together, got {MOST_DEVICES + 1}",
    ),
    (fleet({**LAMPS, "thingName": "lamp"}), "groups[0].thingName: must be a name with {number}"),
    (fleet({**LAMPS, "thingName": 7}), "groups[0].thingName: must be a name with {number}"),
    (fleet({**LAMPS, "thingName": "{number}-{number}"}), "groups[0].thingName: must be a name"),
    (fleet({**LAMPS, "thingName": "a b{number}"}), "groups[0].thingName: must match"),
    (fleet({**LAMPS, "thingName": "x" * 125 + "{number}"}), "groups[0].thingName: must match"),
    (
        fleet(
            {**LAMPS, "thingName": "a{number}"}, {**LAMPS, "name": "b", "thingName": "a{number}"}
        ),
        "groups[1].thingName: gives the name a0001, which groups[0] gives, too",
    ),
    (fleet({**LAMPS, "deviceType": "fridge"}), "groups[0].deviceType: must be one of"),
    (fleet({**LAMPS, "identity": "none"}), "groups[0].identity: must be one of keys, csr"),
    (fleet({**LAMPS, "attributes": {"a b": "1"}}), "groups[0].attributes: 'a b' can't name"),
    (fleet({**LAMPS, "attributes": {"a": 1}}), "groups[0].attributes.a: must be a string"),
    (fleet({**LAMPS, "model": {}}), "groups[0].model: must be a device model"),
    (
        fleet({**LAMPS, "count": 2000, "model": {**MODEL, "x": "y" * 16_000}}),
        f"groups: models of all devices: at most {MAX_PLAN_BYTES} bytes",
    ),
]


def stage(*actions: Any, **more: Any) -> dict[str, Any]:
    return fleet(stages=[{"name": "one", "seconds": 10, "actions": list(actions), **more}])


STOP = {"measure": "messages", "above": 10}
WRONG_STAGES: list[tuple[Any, str]] = [
    (fleet(stages={}), "stages: must be an array of at most 50"),
    (fleet(stages=["steady"]), "stages[0]: must be a JSON object"),
    (stage(speed=2), "stages[0].speed: is not a field here; there are name, seconds, actions"),
    (stage(name=""), "stages[0].name: must be a text of 1 to 40 letters"),
    (stage(seconds=0), "stages[0].seconds: must be a number from 1 to 86400, got 0"),
    (stage(seconds=True), "stages[0].seconds: must be a number"),
    (fleet(stages=stage()["stages"] * 2), "stages[1].name: is taken: one is another stage's"),
    (stage({}), "stages[0].actions[0]: must have exactly one of desired, reconnect, offline"),
    (stage({"offline": 1, "desired": {"time": 1}}), "stages[0].actions[0]: must have exactly"),
    (stage({"desired": {}}), "stages[0].actions[0].desired: must be an object of settings"),
    (stage({"reconnect": "now"}), 'stages[0].actions[0].reconnect: must be "abrupt" or "clean"'),
    (stage({"offline": 0}), "stages[0].actions[0].offline: must be a whole number of at least 1"),
    (stage({"offline": 90_000}), "stages[0].actions[0].offline: must be at most 86400"),
    (
        stage({"offline": 1, "groups": ["meter"]}),
        "stages[0].actions[0].groups[0]: must be a group, one of lamp, got 'meter'",
    ),
    (stage({"offline": 1, "share": 1.1}), "stages[0].actions[0].share: must be a number from 0"),
    (stage({"offline": 1, "over": 11}), "stages[0].actions[0].over: must be a number from 0 to 10"),
    (fleet(stops=[{**STOP, "measure": "mood"}]), "stops[0].measure: must be one of seconds"),
    (fleet(stops=[{"measure": "seconds"}]), "stops[0].above: must be a number from 0 to 1e+12"),
    (fleet(stops=[{**STOP, "above": 10**400}]), "stops[0].above: must be a number from 0 to 1e+12"),
    (fleet(stops=[{**STOP, "for": -1}]), "stops[0].for: must be a number from 0 to 86400"),
]


@pytest.mark.parametrize(("asked", "told"), WRONG_STAGES, ids=[told for _, told in WRONG_STAGES])
def test_a_stage_that_breaks_a_rule_is_told_with_its_path(asked: Any, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        FleetWish.of(asked)
    assert str(refused.value).startswith(told)


def test_an_action_is_for_all_groups_at_once_unless_it_says_otherwise() -> None:
    # given
    meters = {"name": "meter", "count": 1}
    actions = [{"offline": 5.0}, {"desired": {"time": 1}, "groups": ["meter"], "over": 3}]
    stages = [{"name": "steady", "seconds": 2.5}, {"name": "a", "seconds": 9, "actions": actions}]
    # when
    wish = FleetWish.of(fleet(LAMPS, meters, seed=7, stages=stages, stops=[STOP | {"for": 3}]))
    # then
    assert wish.seed == 7
    steady, second = wish.stages
    assert (steady.name, steady.seconds, steady.actions) == ("steady", 2.5, ())
    assert second.actions == (
        Action(Act.OFFLINE, 5, ("lamp", "meter"), 1.0, 0.0),
        Action(Act.DESIRED, {"time": 1}, ("meter",), 1.0, 3.0),
    )
    assert wish.stops == (Stop(Measure.MESSAGES, 10.0, 3.0),)


@pytest.mark.parametrize(("asked", "told"), WRONG, ids=[told for _, told in WRONG])
def test_a_file_that_breaks_a_rule_is_told_the_field_and_the_rule(asked: Any, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        FleetWish.of(asked)
    assert str(refused.value).startswith(told)


def test_a_number_is_whole_as_json_schema_has_it() -> None:
    wish = FleetWish.of(fleet({**LAMPS, "count": 2.0}, tolerated=1e300))
    assert (wish.count, wish.tolerated) == (2, MOST_DEVICES)
    assert list(wish.devices()) == ["office-lamp-0001", "office-lamp-0002"]


def test_a_name_that_is_taken_by_aws_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"groups\[0\].thingName"):
        FleetWish.of(fleet({**LAMPS, "thingName": "x:{number}/y"}))


@pytest.mark.parametrize(
    ("arrival", "count", "part"), [({"over": 30}, 60, 0.5), ({"rate": 2}, 20, 0.5)]
)
def test_devices_arrive_one_by_one_each_in_its_part_of_the_time(
    arrival: Any, count: int, part: float
) -> None:
    # given
    wish = FleetWish.of(fleet({**LAMPS, "count": count, "arrival": arrival}))
    # when
    moments = wish.arriving(wish.devices())
    # then
    assert list(moments) == list(wish.devices())
    for at, moment in enumerate(moments.values()):
        assert at * part <= moment < (at + 1) * part
    pauses = {round(later - one, 6) for one, later in pairwise(moments.values())}
    assert len(pauses) > count / 2  # nobody keeps step


def test_the_same_seed_brings_the_devices_at_the_same_moments() -> None:
    # given
    lamps, meters = {**LAMPS, "arrival": {"over": 60}}, {"name": "meter", "count": 2}
    wishes = [FleetWish.of(fleet(lamps, meters, seed=seed)) for seed in (7, 7, 8)]
    # when
    once, again, other = [wish.arriving(wish.devices()) for wish in wishes]
    # then
    assert once == again != other
    # and whoever has no arrival comes at once, before all others
    assert list(once)[:2] == ["office-meter-0001", "office-meter-0002"]
    assert list(once.values())[:2] == [0, 0]


def test_groups_arrive_side_by_side() -> None:
    # given
    slow = {"name": "slow", "count": 3, "arrival": {"over": 30}}
    fast = {"name": "fast", "count": 3, "arrival": {"rate": 0.2}}
    # when
    moments = FleetWish.of(fleet(slow, fast)).arriving(FleetWish.of(fleet(slow, fast)).devices())
    # then
    assert sorted(moments.values()) == list(moments.values())
    assert max(moments[name] for name in moments if "fast" in name) < 15
    assert max(moments[name] for name in moments if "slow" in name) >= 20


def test_only_new_devices_are_spread() -> None:
    wish = FleetWish.of(fleet({**LAMPS, "count": 10, "arrival": {"over": 10}}))
    moments = wish.arriving({"office-lamp-0009", "office-lamp-0010"})
    assert list(moments) == ["office-lamp-0009", "office-lamp-0010"]
    assert 0 <= moments["office-lamp-0009"] < 5 <= moments["office-lamp-0010"] < 10
