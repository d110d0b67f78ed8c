"""A switch with its shadow: pressed while it is away, and after it has lost its memory."""

from typing import Any

from tests.device.stage import MemoryStore, stage

LIGHT = "$aws/things/dev-LIGHT/shadow/update"


def light(status: str) -> dict[str, Any]:
    return {"state": {"desired": {"status": status}}}


def test_a_press_while_the_switch_is_away_reaches_the_light_once() -> None:
    with stage("switch") as scene:
        # given
        scene.connect()
        scene.app(links=["dev-LIGHT"])
        scene.run()
        scene.lose_connection()
        # when
        scene.app(position="on")
        scene.connect()
        scene.lose_connection()
        scene.connect()
        # then
        assert scene.published(LIGHT) == [light("off"), light("on")]
        assert scene.settings["position"] == "on"


def test_a_switch_that_was_told_before_it_first_came_online_tells_its_light() -> None:
    with stage("switch") as scene:
        scene.app(links=["dev-LIGHT"], position="on")
        scene.connect()
        assert scene.published(LIGHT) == [light("on")]


def test_a_switch_that_lost_its_memory_leaves_the_light_as_it_is() -> None:
    store = MemoryStore()
    with stage("switch", store) as scene:
        # given
        scene.connect()
        scene.app(links=["dev-LIGHT"], position="on")
        scene.run()
        assert scene.published(LIGHT) == [light("on")]
        # when
        store.settings = None
        scene.switch_on()
        scene.connect()
        # then
        assert scene.settings["position"] == "on"
        assert scene.published(LIGHT) == [light("on")]
