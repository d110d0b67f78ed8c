"""The states of a row as a device lives through them: the arrows of docs/holding.md, no other."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer

from common.row import is_free
from holding.page import arrows
from holding.purposes import THERE, State
from restart.decision import MOST_RESTARTS
from tests.unit.confining import quarantine, release
from tests.unit.doubles.topics import MemoryTopics
from tests.unit.restarting import BY_HAND, THING, Restart, World
from tests.unit.stack import OTHER_QUARANTINE, OTHER_RELEASE, OTHER_RESTART

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("functions")]

Arrow = tuple[State, State]


def state_of(row: Mapping[str, Any]) -> State:
    """What the row says."""
    if is_free(row):
        return State.FREE
    return State.GIVEN_UP if "given_up_at" in row else State(row["status"])


@pytest.fixture
def walked(function_clients: list[Any]) -> Iterator[set[Arrow]]:
    """From which state to which other one a write of a function has brought the row so far."""
    seen, found = [State.FREE], set[Arrow]()
    plain = TypeDeserializer().deserialize

    def look(parsed: Mapping[str, Any], **_: Any) -> None:
        if "Attributes" not in parsed or "status" not in parsed["Attributes"]:
            return
        state = state_of({name: plain(value) for name, value in parsed["Attributes"].items()})
        if state is not seen[-1]:
            found.add((seen[-1], state))
            seen.append(state)

    everything = {id(one): one for one in function_clients}.values()
    tables = [one for one in everything if one.meta.service_model.service_name == "dynamodb"]
    for client in tables:
        client.meta.events.register("after-call.dynamodb.UpdateItem", look)
    yield found
    for client in tables:
        client.meta.events.unregister("after-call.dynamodb.UpdateItem", look)


def given_up(world: World, restart_arn: str) -> None:
    """The device has lost its task once too often."""
    world.set(restarts=MOST_RESTARTS)
    task_arn = world.stop()
    world.tell(task_arn)
    Restart(world, {"thingName": THING, "stoppedTask": task_arn}, restart_arn).run().give_up()


def brought_back(world: World, restart_arn: str) -> None:
    """By hand."""
    restart = Restart(world, BY_HAND, restart_arn).run("wait")
    world.connect(restart.data["certificate"]["certificateId"])
    restart.run()


def test_a_row_goes_from_state_to_state_as_the_page_says(
    world: World, topics: MemoryTopics, walked: set[Arrow]
) -> None:
    # when
    world.provision()
    world.shadows.connected.add(THING)
    world.disconnect(world.row["certificate_id"])
    world.connect(world.row["certificate_id"])
    quarantine(world, topics).run()
    release(world, topics).run()
    world.disconnect(world.row["certificate_id"])
    begun = quarantine(world, topics, OTHER_QUARANTINE).run("isolate")
    begun.die()
    given_up(world, f"{OTHER_RESTART}-1")
    brought_back(world, f"{OTHER_RESTART}-2")
    quarantine(world, topics, f"{OTHER_QUARANTINE}-2").run()
    given_up(world, f"{OTHER_RESTART}-3")
    brought_back(world, f"{OTHER_RESTART}-4")
    release(world, topics, OTHER_RELEASE).run()
    brought_back(world, f"{OTHER_RESTART}-5")
    world.delete()
    # then
    assert walked <= arrows().keys()
    # Who tries to remove it in every state is in test_holding.py.
    removed = {(state, State.FREE) for state in THERE - {State.ONLINE}}
    assert arrows().keys() - walked == removed | {(State.PROVISIONING, State.OFFLINE)}
