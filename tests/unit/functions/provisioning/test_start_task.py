"""StartTask: one task per execution, whose reference to its config stays out of the workflow."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError

from common.clients import NEVER_REPEAT
from common.errors import NoDeviceImage, TaskNotStarted, TaskStillRunning, TransientError
from common.identifiers import owner_of
from provisioning import start_task
from tests.unit.built import CLIENTS, built
from tests.unit.doubles import faults
from tests.unit.doubles.ecr import MemoryEcr
from tests.unit.doubles.ecs import MemoryEcs
from tests.unit.stack import BUCKET, CLUSTER, ENVIRONMENT, EXECUTION, IMAGE_TAG, OTHER_EXECUTION

Start = Callable[..., dict[str, str]]


@pytest.fixture
def start(ecs: MemoryEcs, context: Any) -> Start:
    """One attempt of the state."""

    def attempt(execution: str = EXECUTION) -> dict[str, str]:
        event = {"thingName": "lamp", "execution": execution}
        answer: dict[str, str] = built(start_task)(event, context)
        return answer

    return attempt


def test_a_fargate_task_runs_in_the_stacks_network(
    start: Start, ecs: MemoryEcs, ecr: MemoryEcr
) -> None:
    # when
    answer = start()
    # then
    ((arn, task),) = ecs.tasks.items()
    assert answer == {"taskArn": arn, "clusterArn": CLUSTER, "imageDigest": ecr.tags[IMAGE_TAG]}
    assert task.started_by == task.client_token == owner_of(EXECUTION)
    assert task.asked["launchType"] == "FARGATE"
    assert task.asked["taskDefinition"] == ENVIRONMENT["TASK_DEFINITION_ARN"]
    assert task.asked["networkConfiguration"]["awsvpcConfiguration"] == {
        "subnets": ["subnet-a", "subnet-b"],
        "securityGroups": ["sg-1"],
        "assignPublicIp": "ENABLED",
    }
    assert task.asked["overrides"]["containerOverrides"][0]["name"] == "virtual-device"


def test_the_task_gets_a_reference_that_is_good_for_fifteen_minutes(
    start: Start, ecs: MemoryEcs
) -> None:
    # when
    start()
    # then
    (task,) = ecs.running()
    assert list(task.environment) == ["CONFIG_FILE_URL", "IMAGE_DIGEST"]
    url = urlsplit(task.environment["CONFIG_FILE_URL"])
    assert url.netloc.startswith(f"{BUCKET}.s3")
    assert url.path == "/devices/lamp/config.json"
    assert parse_qs(url.query)["X-Amz-Expires"] == ["900"]
    assert parse_qs(url.query)["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


def test_the_reference_is_told_to_the_task_only(
    start: Start, ecs: MemoryEcs, printed: Callable[[], str]
) -> None:
    # when
    answer = start()
    # then
    output = printed()
    assert "task started" in output
    for told in (json.dumps(answer), output):
        assert "X-Amz-" not in told
        assert "https://" not in told


def test_a_second_call_finds_the_task_that_runs(start: Start, ecs: MemoryEcs) -> None:
    # given: the client token has expired on ECS's side
    first = start()
    ecs.tasks[first["taskArn"]].client_token = "forgotten"
    # when
    second = start()
    # then
    assert second == first
    assert len(ecs.tasks) == 1


def test_a_second_call_that_conflicts_with_the_first_gets_its_task(
    start: Start, ecs: MemoryEcs, ecr: MemoryEcr
) -> None:
    # given: ECS does not list the task yet, and the URL of the second call is signed for itself
    first = start()
    ecs.listed_late.add(first["taskArn"])
    ecs.tasks[first["taskArn"]].asked["overrides"]["containerOverrides"][0]["environment"][0][
        "value"
    ] += "1"
    ecr.push("second", IMAGE_TAG)
    # then
    assert start() == first
    assert len(ecs.tasks) == 1
    # and a conflict that does not tell the task is tried again until it is listed
    ecs.tells = False
    with pytest.raises(TransientError):
        start()
    ecs.listed_late.clear()
    assert start() == first


def test_every_execution_has_a_task_of_its_own(start: Start, ecs: MemoryEcs) -> None:
    # when
    arns = {start()["taskArn"], start(OTHER_EXECUTION)["taskArn"]}
    # then
    assert arns == set(ecs.tasks)
    assert len(arns) == 2


def test_a_task_that_ecs_does_not_place_is_an_error_with_ecs_reasons(
    start: Start, ecs: MemoryEcs
) -> None:
    # given
    ecs.no_capacity = ["Capacity is unavailable at this time", "RESOURCE:ENI"]
    # when
    with pytest.raises(TaskNotStarted) as error:
        start()
    # then
    assert "Capacity is unavailable at this time; RESOURCE:ENI" in str(error.value)
    assert ecs.tasks == {}


def test_a_retry_after_missing_capacity_starts_the_task(start: Start, ecs: MemoryEcs) -> None:
    # given
    ecs.no_capacity = ["Capacity is unavailable at this time"]
    with pytest.raises(TaskNotStarted):
        start()
    ecs.no_capacity = []
    # when
    answer = start()
    # then
    assert list(ecs.tasks) == [answer["taskArn"]]


@pytest.mark.parametrize("how", faults.HOW)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_an_attempt_after_any_interruption_leaves_one_task(
    start: Start, ecs: MemoryEcs, function_clients: list[Any], at: int, how: str
) -> None:
    # given
    with (
        faults.interrupted(function_clients, at, how),
        pytest.raises((TransientError, faults.Killed)),
    ):
        start()
    # when
    answer = start()
    # then
    assert list(ecs.tasks) == [answer["taskArn"]]


def test_a_restart_starts_a_task_of_its_own_and_finds_it_again(
    start: Start, ecs: MemoryEcs, context: Any
) -> None:
    # given: ECS still lists the old task as running, and its containers have ended
    old = start()["taskArn"]
    ecs.tasks[old].last_status = "DEPROVISIONING"
    asked = {
        "thingName": "lamp",
        "execution": EXECUTION,
        "restart": "arn:restart",
        "restarts": 1,
        "replaced": [old],
    }
    # when
    new = [built(start_task)(asked, context)["taskArn"] for _ in range(2)]
    ecs.tasks[new[0]].last_status = "STOPPED"
    another = built(start_task)({**asked, "restarts": 2, "replaced": [old, new[0]]}, context)[
        "taskArn"
    ]
    # then
    assert new[0] == new[1]
    assert len({old, new[0], another}) == 3
    assert {task.started_by for task in ecs.tasks.values()} == {owner_of(EXECUTION)}
    assert len({task.client_token for task in ecs.tasks.values()}) == 3


def test_a_device_never_has_two_tasks_at_once(start: Start, ecs: MemoryEcs, context: Any) -> None:
    # given: the old task was told to stop, and says its goodbye
    old = start()["taskArn"]
    ecs.stop_task(CLUSTER, old, "the playground restarts this device")
    ecs.tasks[old].last_status = "STOPPING"
    asked = {
        "thingName": "lamp",
        "execution": EXECUTION,
        "restart": "arn:restart",
        "restarts": 1,
        "replaced": [old],
    }
    # when
    with pytest.raises(TaskStillRunning, match=old):
        built(start_task)(asked, context)
    # then
    assert list(ecs.tasks) == [old]
    # and when it has ended
    ecs.tasks[old].last_status = None
    assert built(start_task)(asked, context)["taskArn"] != old


def test_without_an_image_no_task_is_started_and_the_error_says_what_to_do(
    start: Start, ecs: MemoryEcs, ecr: MemoryEcr
) -> None:
    # given
    ecr.tags.clear()
    # when
    with pytest.raises(NoDeviceImage, match="run `playground push`"):
        start()
    # then
    assert ecs.tasks == {}


def test_a_push_between_two_attempts_does_not_change_what_the_task_is_said_to_run(
    start: Start, ecr: MemoryEcr
) -> None:
    # given
    first = start()
    # when
    ecr.push("second", IMAGE_TAG)
    # then
    assert start() == first


def test_running_a_task_is_never_repeated_by_the_client(
    refusing_network: Callable[[Any], list[str]],
) -> None:
    """Only `clientToken` would keep a repetition from starting a second task, and not every home
    heeds it.
    """
    # given
    client = CLIENTS.client("ecs", NEVER_REPEAT)
    sent = refusing_network(client)
    # when
    with pytest.raises(ClientError):
        client.run_task(cluster=CLUSTER, taskDefinition="device")
    # then
    assert len(sent) == 1
