"""A switch and its lights: who is told, when, and what becomes of those that can't be."""

from typing import Any

import pytest

from tests.unit.doubles.surroundings import Device, Sent
from virtual_device.connection.transport import Failure
from virtual_device.links import REFUSED_LINKS, Links
from virtual_device.shadow import settings
from virtual_device.shadow.shadow import FACTS
from virtual_device.telemetry.thing import Thing

SWITCH = Thing("dev-SWITCH", "switch")
REFUSED = Failure("NOT_AUTHORIZED (135)", refused=True, code=135)
LOST = Failure("AWS_ERROR_MQTT5_USER_REQUESTED_STOP", refused=False)


class Wall:
    """A switch on its wall; `turn` is a change of its settings."""

    def __init__(self, thing: Thing = SWITCH) -> None:
        self.device = Device(thing)
        self.links = Links(self.device)

    def turn(self, **changes: Any) -> list[Sent]:
        """What is published because of it."""
        before, known = self.device.settings, len(self.device.sent)
        self.device.settings = {**before, **changes}
        self.links.on_settings(before)
        return self.device.sent[known:]


@pytest.fixture
def wall() -> Wall:
    """With two lights linked, that know its position."""
    wall = Wall()
    for sent in wall.turn(links=["dev-A", "dev-B"]):
        sent.done(None)
    return wall


def shadows(sent: list[Sent]) -> dict[str, Any]:
    return {message.topic: message.content for message in sent}


def test_a_new_position_goes_to_every_light(wall: Wall) -> None:
    assert shadows(wall.turn(position="on")) == {
        "$aws/things/dev-A/shadow/update": {"state": {"desired": {"status": "on"}}},
        "$aws/things/dev-B/shadow/update": {"state": {"desired": {"status": "on"}}},
    }


def test_a_new_link_alone_is_told_the_position(wall: Wall) -> None:
    assert list(shadows(wall.turn(links=["dev-B", "dev-C"]))) == ["$aws/things/dev-C/shadow/update"]


@pytest.mark.parametrize(
    "changes", [{"time": 5}, {"links": ["dev-B"]}, {"links": []}, {"links": ["dev-B", "dev-A"]}]
)
def test_what_changes_nothing_for_a_light_is_not_sent(wall: Wall, changes: dict[str, Any]) -> None:
    assert wall.turn(**changes) == []


def test_a_light_that_knows_is_not_told_again_with_the_next_connection(wall: Wall) -> None:
    known = len(wall.device.sent)
    wall.links.on_ready()
    assert len(wall.device.sent) == known


def test_what_was_lost_is_sent_with_the_next_connection_as_it_is_then(wall: Wall) -> None:
    # given
    first, second = wall.turn(position="on")
    first.done(LOST)
    second.done(None)
    # when
    wall.links.on_ready()
    # then
    again = wall.device.sent[-1]
    assert (again.topic, again.content["state"]["desired"]["status"]) == (
        "$aws/things/dev-A/shadow/update",
        "on",
    )
    again.done(None)
    known = len(wall.device.sent)
    wall.links.on_ready()
    assert len(wall.device.sent) == known


def test_an_old_acknowledgement_does_not_stand_for_a_newer_message(wall: Wall) -> None:
    old = wall.turn(position="on")[0]
    new = wall.turn(position="off")[0]
    old.done(None)
    new.done(LOST)
    known = len(wall.device.sent)
    wall.links.on_ready()
    assert [sent.content["state"]["desired"]["status"] for sent in wall.device.sent[known:]] == [
        "off",
        "off",
    ]


def test_a_link_that_is_no_more_is_not_sent_again(wall: Wall) -> None:
    for sent in wall.turn(position="on"):
        sent.done(LOST)
    wall.turn(links=[])
    known = len(wall.device.sent)
    wall.links.on_ready()
    assert len(wall.device.sent) == known


def test_a_refusal_is_told_and_not_tried_again_by_itself(wall: Wall) -> None:
    # given
    first, second = wall.turn(position="on")
    # when
    first.done(REFUSED)
    second.done(None)
    # then
    event = wall.device.sent[-1]
    assert event.topic == "evt/playground/dev-SWITCH/link-refused"
    assert event.content["event"] == "link-refused"
    assert (event.content["link"], event.content["reason"]) == ("dev-A", "NOT_AUTHORIZED (135)")
    assert wall.device.facts == {REFUSED_LINKS: ["dev-A"]}
    known = len(wall.device.sent)
    wall.links.on_ready()
    assert len(wall.device.sent) == known


def test_a_refused_link_is_mended_by_the_next_change_that_goes_through(wall: Wall) -> None:
    wall.turn(position="on")[0].done(REFUSED)
    wall.turn(position="off")[0].done(None)
    assert wall.device.facts == {REFUSED_LINKS: None}


def test_a_refused_link_that_is_removed_is_refused_no_more(wall: Wall) -> None:
    wall.turn(position="on")[0].done(REFUSED)
    wall.turn(links=["dev-B"])
    assert wall.device.facts == {REFUSED_LINKS: None}


def test_the_device_may_report_refused_links() -> None:
    assert REFUSED_LINKS in FACTS


def test_a_device_that_is_no_switch_has_no_links() -> None:
    wall = Wall(Thing("dev-BULB", "bulb"))
    assert wall.turn(status="on") == []


def test_a_switch_is_not_linked_to_itself() -> None:
    outcome = settings.apply(SWITCH, settings.defaults(SWITCH), {"links": ["dev-A", "dev-SWITCH"]})
    assert outcome.settings["links"] == []
    assert outcome.refused["links"].reason == "must not name the device itself"
