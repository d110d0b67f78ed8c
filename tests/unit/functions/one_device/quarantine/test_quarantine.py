"""A device is confined: state by state, of two at once, of one that is otherwise engaged."""

from collections.abc import Callable
from typing import Any

import pytest

from common.errors import (
    DeviceBusy,
    InvalidInput,
    ThingNotFound,
)
from quarantine import claim_quarantine
from tests.unit.confining import REASON, Confinement, is_confined, picture, quarantine, release
from tests.unit.doubles.topics import MemoryTopics
from tests.unit.restarting import THING, World
from tests.unit.stack import OTHER_QUARANTINE, QUARANTINE

pytestmark = pytest.mark.thorough


def test_a_device_is_confined(lamp: World, topics: MemoryTopics) -> None:
    # when
    done = quarantine(lamp, topics, verdict={"rule": "topic"}).run()
    # then
    is_confined(lamp)
    assert done.status == "QUARANTINED"
    assert (lamp.row["quarantine_reason"], lamp.row["quarantined_by"]) == (REASON, QUARANTINE)
    assert done.data["dropped"] == {"connection": "DELETED"}
    assert lamp.shadows.connected == set()
    (told,) = topics.told
    assert {**told, "at": ""} == {
        "event": "QUARANTINED",
        "thingName": THING,
        "reason": REASON,
        "at": "",
        "execution": QUARANTINE,
        "verdict": {"rule": "topic"},
    }


def test_a_certificate_is_never_without_a_policy(
    lamp: World, topics: MemoryTopics, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    seen: list[set[str]] = []
    detach = lamp.iot.detach_policy

    def look(policyName: str, target: str) -> None:  # noqa: N803
        detach(policyName, target)
        seen.append(set(lamp.iot.certificates[target].policies))

    monkeypatch.setattr(lamp.iot, "detach_policy", look)
    # when
    quarantine(lamp, topics).run()
    release(lamp, topics).run()
    # then
    assert seen
    assert all(seen)


def test_every_certificate_of_the_device_is_confined(lamp: World, topics: MemoryTopics) -> None:
    # given: a successor that was made for a job, and one that somebody attached
    for _ in range(2):
        arn = lamp.iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
        lamp.iot.attach_policy("playground-device", arn)
    lamp.iot.attach_thing_principal(THING, arn)
    lamp.set(
        next_certificate_arn=next(
            iter(lamp.iot.certificates.keys() - lamp.iot.things[THING].principals)
        )
    )
    # when
    quarantine(lamp, topics).run()
    # then
    assert len(lamp.iot.certificates) == 3
    is_confined(lamp)


def test_a_device_without_a_connection_is_confined_too(lamp: World, topics: MemoryTopics) -> None:
    lamp.disconnect(lamp.row["certificate_id"])
    lamp.shadows.connected.clear()
    assert quarantine(lamp, topics).run().data["dropped"] == {"connection": "NONE"}
    is_confined(lamp)


@pytest.mark.parametrize("make", [quarantine, release])
def test_a_second_one_has_nothing_to_do(
    lamp: World, topics: MemoryTopics, make: Callable[..., Confinement]
) -> None:
    # given
    quarantine(lamp, topics).run()
    if make is release:
        release(lamp, topics).run()
    before = picture(lamp)
    # when
    again = make(lamp, topics, arn=OTHER_QUARANTINE).run()
    # then
    assert again.data["claim"]["verdict"] == "NOTHING"
    assert picture(lamp) == before
    assert not again.undo()
    assert picture(lamp) == before


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"deprovisioning": "arn"}, DeviceBusy),
        ({"restarting": "arn"}, DeviceBusy),
        ({"task_token": "token"}, DeviceBusy),
        ({"status": "PROVISIONING"}, DeviceBusy),
        ({"status": "FAILED", "given_up_at": "now"}, DeviceBusy),
        ({"status": "FAILED"}, ThingNotFound),
        ({"status": "TERMINATED"}, ThingNotFound),
    ],
    ids=str,
)
def test_who_is_otherwise_engaged_is_not_confined(
    lamp: World, topics: MemoryTopics, change: dict[str, Any], error: type[Exception]
) -> None:
    # given
    lamp.set(**change)
    before = picture(lamp)
    # when
    with pytest.raises(error):
        quarantine(lamp, topics).run()
    # then
    assert picture(lamp) == before


@pytest.mark.parametrize(
    ("purpose", "asked", "field"),
    [
        ("quarantine", [], "input"),
        ("quarantine", {"thingName": THING}, "reason"),
        ("quarantine", {"thingName": THING, "reason": " "}, "reason"),
        ("quarantine", {"thingName": THING, "reason": "x" * 513}, "reason"),
        ("quarantine", {"thingName": THING, "reason": "x", "verdict": "bad"}, "verdict"),
        ("quarantine", {"thingName": THING, "reason": "x", "force": True}, "force"),
        ("quarantine", {"thingName": "a/b", "reason": "x"}, "thingName"),
        ("release", {"thingName": THING, "force": "yes"}, "force"),
        ("release", {"thingName": THING, "reason": "x"}, "reason"),
    ],
)
def test_bad_input_is_told_with_its_field(
    lamp: World, purpose: str, asked: Any, field: str
) -> None:
    with pytest.raises(InvalidInput, match=f"^{field}: "):
        lamp.call(claim_quarantine, purpose=purpose, input=asked, execution=QUARANTINE)


def test_of_two_at_once_one_waits(lamp: World, topics: MemoryTopics) -> None:
    # given
    first = quarantine(lamp, topics).run("claim")
    lamp.workflows.runs(QUARANTINE)
    # when
    with pytest.raises(DeviceBusy, match="by another execution"):
        quarantine(lamp, topics, OTHER_QUARANTINE).run("claim")
    first.run()
    # then
    assert quarantine(lamp, topics, OTHER_QUARANTINE).run().data["claim"]["verdict"] == "NOTHING"


def test_one_takes_over_from_one_that_is_dead(lamp: World, topics: MemoryTopics) -> None:
    # given
    dead = quarantine(lamp, topics).run("isolate")
    # when: Step Functions does not know it yet
    with pytest.raises(DeviceBusy, match="by another execution"):
        quarantine(lamp, topics, OTHER_QUARANTINE).run("claim")
    # and when it has ended
    lamp.workflows.ended(QUARANTINE, "ABORTED")
    quarantine(lamp, topics, OTHER_QUARANTINE).run()
    # then
    is_confined(lamp)
    assert not dead.die()
    is_confined(lamp)
