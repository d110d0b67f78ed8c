"""A roll and the restarts that it starts, with the functions of both workflows, over one device."""

import pytest

from hosting.device_tasks import RESTARTED
from rolling import next_device, put_back
from tests.unit.doubles.ecr import MemoryEcr
from tests.unit.restarting import THING, Restart, World
from tests.unit.stack import IMAGE_TAG, OTHER_RESTART, ROLL

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("turns")]


def images_of(world: World) -> list[str]:
    """What each task of the device was started with, in order."""
    return [task.environment["IMAGE_DIGEST"] for task in world.ecs.tasks.values()]


def come_up(world: World, restart: Restart) -> None:
    """The device connects with its new certificate, and the restart ends."""
    restart.run("wait")
    world.connect(restart.data["certificate"]["certificateId"])
    restart.run()


def test_the_device_comes_up_with_the_new_image(lamp: World, ecr: MemoryEcr) -> None:
    # given
    before, first, second = lamp.row, ecr.tags[IMAGE_TAG], ecr.push("second", IMAGE_TAG)
    # when
    progress = lamp.call(next_device, input={}, roll=ROLL, progress={})
    come_up(lamp, Restart(lamp, {"thingName": progress["thingName"], "once": True}))
    # then
    row = lamp.row
    assert images_of(lamp) == [first, second]
    assert (row["status"], row["image_digest"]) == ("ONLINE", second)
    assert row["certificate_id"] != before["certificate_id"]
    assert list(lamp.iot.certificates) == [row["certificate_arn"]]
    assert lamp.shadows.desired[THING]["time"] == 7
    assert len(lamp.ecs.running()) == 1
    assert lamp.call(next_device, input={}, roll=ROLL, progress=progress)["verdict"] == "DONE"
    # and nobody takes the task that the roll has stopped for a device to bring back
    assert lamp.tell(before["task_arn"], RESTARTED) == "IGNORED"


@pytest.mark.parametrize("state", Restart.STATES)
def test_wherever_the_restart_fails_the_device_is_back_with_the_old_image(
    lamp: World, ecr: MemoryEcr, state: str
) -> None:
    # given
    first = ecr.tags[IMAGE_TAG]
    ecr.push("second", IMAGE_TAG)
    progress = lamp.call(next_device, input={}, roll=ROLL, progress={})
    restart = Restart(lamp, {"thingName": THING, "once": True})
    restart.run(state if state != "finish" else "wait")
    # when it fails in that state
    assert restart.undo("TaskStopped") is False
    assert "task_arn" not in lamp.row
    judged = lamp.call(put_back, roll=ROLL, progress=progress)
    come_up(lamp, Restart(lamp, {"thingName": THING}, OTHER_RESTART))
    # then
    assert judged["verdict"] == "RESTORE"
    assert "restart failed: TaskStopped: injected" in judged["back"]
    row = lamp.row
    assert (row["status"], row["image_digest"]) == ("ONLINE", first)
    assert images_of(lamp)[-1] == first == ecr.tags[IMAGE_TAG]
    assert list(lamp.iot.certificates) == [row["certificate_arn"]]
    assert lamp.shadows.desired[THING]["time"] == 7
    assert len(lamp.ecs.running()) == 1
    assert lamp.call(next_device, input={}, roll=ROLL, progress={})["verdict"] == "DONE"
