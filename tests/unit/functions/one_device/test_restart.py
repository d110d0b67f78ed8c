"""The restart of a device whose task was stopped, state by state and interrupted; what starts
one.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from common.clients import NEVER_REPEAT
from common.errors import TransientError
from common.identifiers import IDENTITIES
from provisioning import write_config
from tests.unit.built import CLIENTS
from tests.unit.doubles import faults
from tests.unit.doubles.ecr import MemoryEcr
from tests.unit.restarting import BY_HAND, THING, Restart, World, is_back
from tests.unit.stack import BUCKET, IMAGE_TAG, OTHER_RESTART

pytestmark = pytest.mark.thorough


def test_a_stopped_task_is_shown_and_starts_one_restart(lamp: World) -> None:
    # when
    task_arn = lamp.stop()
    done = [lamp.tell(task_arn) for _ in range(3)]
    # then
    assert done == ["RESTARTING"] * 3
    assert list(lamp.workflows.started.values()) == [{"thingName": THING, "stoppedTask": task_arn}]
    row = lamp.row
    assert row["status"] == "OFFLINE"
    assert row["status_reason"] == "task stopped: SpotInterruption: Your Spot Task was interrupted."


def test_the_url_in_the_event_is_neither_logged_nor_handed_on(
    lamp: World, printed: Callable[[], str]
) -> None:
    # when
    lamp.tell(lamp.stop())
    # then
    assert "task stopped" in (said := printed())
    assert "SECRET" not in said + json.dumps(lamp.workflows.started) + json.dumps(
        lamp.row, default=str
    )


@pytest.mark.parametrize(
    "change",
    [
        {"deprovisioning": "arn"},
        {"status": "TERMINATED"},
        {"status": "FAILED"},
        {"status": "PROVISIONING"},
        {"task_arn": "arn:another"},
    ],
    ids=str,
)
def test_a_stop_that_does_not_matter_is_ignored(lamp: World, change: dict[str, Any]) -> None:
    # given
    task_arn = lamp.stop()
    lamp.set(**change)
    before = lamp.row
    # when
    assert lamp.tell(task_arn) == "IGNORED"
    # then
    assert lamp.row == before
    assert lamp.workflows.started == {}


def test_a_task_of_nobody_is_ignored(lamp: World) -> None:
    assert (
        lamp.tell("arn:aws:ecs:eu-west-1:123456789012:task/devices/of-somebody-else") == "IGNORED"
    )


def test_a_workflow_that_waits_for_the_device_is_told_at_once(lamp: World) -> None:
    # given
    task_arn = lamp.stop()
    lamp.set(task_token="token-2")
    lamp.workflows.waiting.add("token-2")
    # when
    assert [lamp.tell(task_arn) for _ in range(2)] == ["TOLD", "IGNORED"]
    # then
    reason = "task stopped: SpotInterruption: Your Spot Task was interrupted."
    assert lamp.workflows.answers[-1] == ("token-2", {"error": "TaskStopped", "cause": reason})
    assert lamp.workflows.started == {}


@pytest.mark.parametrize("first", ["device", "workflow"])
def test_a_device_comes_back_under_a_new_certificate(
    stopped: tuple[World, Restart], first: str
) -> None:
    # given
    world, restart = stopped
    old = world.row["certificate_id"]
    # when: whichever of the two is faster
    restart.run("task")
    new = restart.data["certificate"]["certificateId"]
    if first == "device":
        world.connect(new)
    restart.run("wait")
    if first == "workflow":
        world.connect(new)
    restart.run()
    # then
    is_back(world, old, restart)
    assert world.shadows.desired[THING]["time"] == 7
    assert [status for token, status in world.workflows.answers if token != "token"] == [
        {"status": "ONLINE"}
    ]


def test_the_old_connection_is_not_taken_for_the_new_one(lamp: World) -> None:
    # given: the broker has not missed the old connection yet
    old = lamp.row["certificate_id"]
    restart = Restart(lamp, BY_HAND).run("task")
    before = len(lamp.workflows.answers)
    # when its event is delivered once more, before and after the workflow waits
    lamp.connections -= 1
    lamp.connect(old)
    restart.run("wait")
    lamp.connections -= 1
    lamp.connect(old)
    # then
    assert len(lamp.workflows.answers) == before
    assert "devices/lamp/identity.json" in lamp.objects()


@pytest.mark.parametrize("method", IDENTITIES)
def test_who_has_made_the_key_makes_the_next_one_and_no_claim_is_used_again(
    lamp: World, method: str
) -> None:
    # given
    lamp.set(identity=method)
    restart = Restart(lamp, BY_HAND)
    # when
    restart.step("claim")
    lamp.call(write_config, thingName=THING, restart=restart.arn)
    # then: the workflow goes by the one, the device by the other
    own_key = method in {"csr", "claim-csr", "jitr"}
    assert restart.data["device"]["identity"] == ("csr" if own_key else "keys")
    found = lamp.s3.get_object(Bucket=BUCKET, Key="devices/lamp/config.json")
    config = json.loads(found["Body"].read())
    assert ("csrUrl" in config) is own_key
    assert not config.keys() & {"provisioningTemplate", "ownKey"}
    # and the row still says how it came
    assert lamp.row["identity"] == method


def test_a_device_keeps_its_type_its_attributes_and_its_model(world: World) -> None:
    # given
    model = {"telemetry": {"queen": {"constant": True}}}
    world.provision(model=model)
    restart = Restart(world, BY_HAND)
    # when
    restart.run("config")
    # then
    config = world.objects()["devices/lamp/config.json"]
    assert (config["deviceType"], config["attributes"], config["model"]) == (
        "bulb",
        {"room": "kitchen"},
        model,
    )


def test_a_restart_by_hand_ends_the_task_that_runs(lamp: World) -> None:
    # given
    old = lamp.row["certificate_id"]
    (first,) = lamp.ecs.tasks
    restart = Restart(lamp, BY_HAND)
    # when
    restart.run("task")
    # then
    assert lamp.ecs.tasks[first].desired_status == "STOPPED"
    assert len(lamp.ecs.running()) == 1
    lamp.connect(restart.data["certificate"]["certificateId"])
    restart.run()
    is_back(lamp, old, restart)


def test_what_aws_refuses_to_make_is_not_looked_for(stopped: tuple[World, Restart]) -> None:
    # given
    world, restart = stopped
    restart.run("claim")
    # when
    refusal = faults.refused(
        CLIENTS.client("iot", NEVER_REPEAT), "CreateKeysAndCertificate", "ThrottlingException", 429
    )
    with refusal, pytest.raises(TransientError):
        restart.step("renew")
    # then
    assert "certificate_requests" not in world.row


@pytest.mark.parametrize("state", Restart.STATES)
@pytest.mark.parametrize("how", faults.HOW)
def test_a_state_that_is_interrupted_anywhere_is_completed_by_its_repetition(
    stopped: tuple[World, Restart], function_clients: list[Any], state: str, how: str
) -> None:
    world, restart = stopped
    old = world.row["certificate_id"]
    before = Restart.STATES.index(state)
    if before:
        restart.run(Restart.STATES[before - 1])
    if state == "finish":
        world.connect(restart.data["certificate"]["certificateId"])
    # when it fails at its first call, at its second, and so on, and is repeated each time
    for at in range(1, 30):
        with faults.interrupted(function_clients, at, how) as interruption:
            try:
                restart.step(state)
            except (TransientError, faults.Killed):
                restart.done = restart.done[:before]
                continue
        if not interruption.operation:
            break
    else:
        pytest.fail("it never came to its end")
    # then
    restart.run("task")
    if state != "finish":
        world.connect(restart.data["certificate"]["certificateId"])
    restart.run()
    abandoned = {
        arn
        for arn, certificate in world.iot.certificates.items()
        if certificate.status == "INACTIVE"
    }
    # A function that was killed between the certificate and the row leaves one that never was
    # active, and the row says when it was asked for.
    assert len(abandoned) <= len(world.row.get("certificate_requests", ()))
    for arn in abandoned:
        del world.iot.certificates[arn]
    world.catalog.table.update_item(
        Key={"thing_name": THING}, UpdateExpression="REMOVE certificate_requests"
    )
    is_back(world, old, restart)


def test_a_restarted_device_is_said_to_run_the_image_that_is_current(
    lamp: World, ecr: MemoryEcr
) -> None:
    # given
    assert lamp.row["image_digest"] == ecr.tags[IMAGE_TAG]
    second = ecr.push("second", IMAGE_TAG)
    restart = Restart(lamp, BY_HAND).run("wait")
    assert lamp.row["image_digest"] != second  # it has not come up yet
    # when
    lamp.connect(restart.data["certificate"]["certificateId"])
    restart.run()
    # then
    assert lamp.row["image_digest"] == second
    # and when it is gone
    lamp.delete()
    assert "image_digest" not in lamp.row


def test_a_task_that_ends_just_before_its_restart_does_is_waited_for(
    stopped: tuple[World, Restart],
) -> None:
    # given
    world, restart = stopped
    restart.run("wait")
    world.connect(restart.data["certificate"]["certificateId"])
    world.workflows.runs(restart.arn)
    # when
    task_arn = world.stop()
    assert world.tell(task_arn) == "RESTARTING"
    second = Restart(world, {"thingName": THING, "stoppedTask": task_arn}, OTHER_RESTART)
    verdicts = [second.run("claim").data["device"]["verdict"]]
    restart.run()
    second.done.clear()
    verdicts.append(second.run("claim").data["device"]["verdict"])
    # then
    assert verdicts == ["WAIT", "RESTART"]


def test_no_key_is_told_to_anybody(
    stopped: tuple[World, Restart], printed: Callable[[], str]
) -> None:
    # when
    world, restart = stopped
    restart.run("wait")
    # then
    said = printed() + json.dumps(restart.data, default=str) + json.dumps(world.row, default=str)
    assert "PRIVATE" not in said
    assert "X-Amz-Signature" not in said
    assert "PRIVATE" in json.dumps(world.objects())
