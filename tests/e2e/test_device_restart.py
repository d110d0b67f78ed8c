"""A device whose task is stopped by others comes back: same thing, same shadow, new certificate."""

import json
import os
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from playground.local.task_events import task_event
from tests.playground_cloud import Cloud, Execution, wait_for
from tests.secrets_found import places_with

pytestmark = pytest.mark.thorough

MACHINE = "RestartDeviceStateMachineArn"


@pytest.fixture
def device(cloud: Cloud, nothing_left: None) -> Iterator[Mapping[str, Any]]:
    """A bulb that is online and has settings of its own; removed afterwards."""
    made = cloud.provision({"deviceType": "bulb", "attributes": {"room": "kitchen"}})
    assert made.status == "SUCCEEDED", made
    cloud.desire(made.output["thingName"], time=7, status="on")
    cloud.wait_until_reported(made.output["thingName"], time=7, status="on")
    yield made.output
    assert cloud.deprovision(made.output["thingName"]).status == "SUCCEEDED"


def stop_task(cloud: Cloud, thing: str) -> None:
    """What a user of AWS types."""
    row = cloud.row(thing)
    cloud.run(
        "aws",
        "ecs",
        "stop-task",
        "--cluster",
        row["cluster_arn"],
        "--task",
        row["task_arn"],
        "--reason",
        "Spot",
    )


def back(cloud: Cloud, thing: str, old: str) -> Mapping[str, Any]:
    """The row, once the device is online under another certificate than the old one and nobody
    works on it.
    """

    def look() -> Mapping[str, Any] | None:
        row = cloud.row(thing)
        ready = (
            row["certificate_id"] != old and row["status"] == "ONLINE" and "restarting" not in row
        )
        return row if ready else None

    return wait_for(f"{thing} to be back", look, limit=60)


def certificates_of(cloud: Cloud, thing: str) -> list[str]:
    """Ids of the thing's certificates."""
    principals = cloud.client("iot").list_thing_principals(thingName=thing)["principals"]
    return [principal.rpartition("/")[2] for principal in principals]


def restarts_of(cloud: Cloud, thing: str) -> list[Execution]:
    """All restart executions of the device, ended."""
    sfn = cloud.client("stepfunctions")
    pages = sfn.get_paginator("list_executions").paginate(
        stateMachineArn=cloud.home.output(MACHINE)
    )
    arns = [execution["executionArn"] for page in pages for execution in page["executions"]]
    mine = [
        arn
        for arn in arns
        if json.loads(sfn.describe_execution(executionArn=arn)["input"])["thingName"] == thing
    ]
    return [cloud.finished(arn) for arn in mine]


def process_of(cloud: Cloud, thing: str) -> psutil.Process | None:
    """The device's process; the agent keeps one for each task, with the task's id in its state
    directory.
    """
    task_id = cloud.row(thing)["task_arn"].rpartition("/")[2]
    for process in psutil.process_iter(["cmdline"]):
        if "virtual_device" in (process.info["cmdline"] or []) and task_id in process.environ().get(
            "STATE_DIR", ""
        ):
            return process
    return None


def test_a_stopped_task_is_replaced(cloud: Cloud, device: Mapping[str, Any]) -> None:
    # given
    thing, old = device["thingName"], device["certificateId"]
    before = cloud.row(thing)
    planted = set(
        places_with(cloud, "PRIVATE KEY")
    )  # another test leaves the words in an execution's input
    # when
    stop_task(cloud, thing)
    # then: same thing, new certificate, the old one gone
    row = back(cloud, thing, old)
    assert certificates_of(cloud, thing) == [row["certificate_id"]]
    iot = cloud.client("iot")
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_certificate(certificateId=old)
    assert row["task_arn"] != before["task_arn"]
    assert row["execution_arn"] == before["execution_arn"]
    assert not row.keys() & {
        "task_token",
        "identity_pending",
        "next_certificate_id",
        "status_reason",
    }
    # and the shadow is kept, and followed
    assert cloud.shadow(thing)["desired"].items() >= {"time": 7, "status": "on"}.items()
    cloud.wait_until_reported(thing, time=7, status="on")
    cloud.desire(thing, time=8)
    cloud.wait_until_reported(thing, time=8)
    # and its key is nowhere but with the device
    assert set(places_with(cloud, "PRIVATE KEY")) <= planted
    assert [end.output["result"] for end in restarts_of(cloud, thing)] == ["OK"]


def test_the_row_says_what_ecs_said(cloud: Cloud, device: Mapping[str, Any]) -> None:
    # given a restart that cannot begin
    thing = device["thingName"]
    functions, claim = cloud.client("lambda"), cloud.functions["ClaimRestartFunction"]
    functions.put_function_concurrency(FunctionName=claim, ReservedConcurrentExecutions=0)
    try:
        # when
        stop_task(cloud, thing)
        # then
        wait_for("the reason", lambda: "status_reason" in cloud.row(thing))
        row = cloud.row(thing)
        assert (row["status"], row["status_reason"]) == (
            "OFFLINE",
            "task stopped: UserInitiated: Spot",
        )
    finally:
        functions.delete_function_concurrency(FunctionName=claim)
    # A restart that could not begin for too long has failed: then somebody asks for the next.
    wait_for("that restart to end", lambda: not cloud.running())
    if cloud.row(thing)["status"] == "OFFLINE":
        cloud.start(MACHINE, {"thingName": thing})
    back(cloud, thing, device["certificateId"])


def test_the_deployed_rule_lets_the_agents_event_pass(
    cloud: Cloud, device: Mapping[str, Any]
) -> None:
    """The agent calls the function in the rule's place; so its event must be one that the rule lets
    pass.
    """
    # given
    cluster, events = cloud.home.output("DeviceClusterName"), cloud.client("events")
    task = cloud.client("ecs").describe_tasks(cluster=cluster, tasks=[device["taskArn"]])["tasks"][
        0
    ]
    function = cloud.client("lambda").get_function(
        FunctionName=cloud.functions["TaskStoppedFunction"]
    )
    rules = events.list_rule_names_by_target(TargetArn=function["Configuration"]["FunctionArn"])[
        "RuleNames"
    ]
    patterns = [events.describe_rule(Name=rule)["EventPattern"] for rule in rules]

    def passes(**changes: str) -> bool:
        event = json.dumps(task_event({**task, **changes}, cloud.home))
        return any(
            events.test_event_pattern(EventPattern=pattern, Event=event)["Result"]
            for pattern in patterns
        )

    # then
    assert passes(stoppedReason="Spot", stopCode="SpotInterruption")
    assert not passes(stoppedReason="the playground removes this device")
    assert not passes(stoppedReason="Spot", clusterArn=f"{task['clusterArn']}-of-somebody-else")
    # Of a host somebody is told in any case: the devices that it ran.
    assert passes(stoppedReason="the playground removes this device", group="host:host-1")


def test_two_events_of_one_stop_start_one_restart(cloud: Cloud, device: Mapping[str, Any]) -> None:
    # given
    thing, old = device["thingName"], device["certificateId"]
    cluster, function = (
        cloud.home.output("DeviceClusterName"),
        cloud.functions["TaskStoppedFunction"],
    )
    # when: the agent's event, and four more
    cloud.client("ecs").stop_task(cluster=cluster, task=device["taskArn"], reason="Spot")
    task = cloud.client("ecs").describe_tasks(cluster=cluster, tasks=[device["taskArn"]])["tasks"][
        0
    ]
    event = json.dumps(task_event(task, cloud.home))
    with ThreadPoolExecutor(4) as pool:
        answers = [
            pool.submit(
                cloud.client("lambda").invoke, FunctionName=function, Payload=event
            ).result()
            for _ in range(4)
        ]
    # then
    assert all("FunctionError" not in answer for answer in answers)
    row = back(cloud, thing, old)
    assert certificates_of(cloud, thing) == [row["certificate_id"]]
    assert len(restarts_of(cloud, thing)) == 1


def test_restarts_by_hand_exclude_each_other(cloud: Cloud, device: Mapping[str, Any]) -> None:
    # given
    thing = device["thingName"]
    # when: at once, for a restart may be over before a slow machine has begun the next
    both = [cloud.start(MACHINE, {"thingName": thing}) for _ in range(2)]
    refused, done = sorted((cloud.finished(arn) for arn in both), key=lambda end: end.status)
    # then
    assert (refused.status, done.status) == ("FAILED", "SUCCEEDED")
    why = json.loads(refused.cause)["errorMessage"]
    assert why == f"thingName: {thing} is being restarted already"
    row = back(cloud, thing, device["certificateId"])
    assert certificates_of(cloud, thing) == [row["certificate_id"]]


@pytest.mark.parametrize("when", ["restarting", "next_certificate_id", "task_token"])
def test_a_device_that_is_deleted_during_its_restart_is_gone(
    cloud: Cloud, nothing_left: None, when: str
) -> None:
    # given a restart that has come so far
    made = cloud.provision({}).output
    thing = made["thingName"]
    execution = cloud.start(MACHINE, {"thingName": thing})
    wait_for(
        f"{when} in the catalog",
        lambda: when in cloud.row(thing) or "restarted_at" in cloud.row(thing),
    )
    # when: again, should the restart attach something just where AWS wants nothing attached
    wait_for("the deletion", lambda: cloud.deprovision(thing).status == "SUCCEEDED")
    # then: the fixture counts what is left
    cloud.finished(execution)
    row = cloud.row(thing)
    assert row["status"] == "TERMINATED"
    assert not row.keys() & {"restarting", "next_certificate_id", "task_token", "identity_pending"}


def break_device(cloud: Cloud, thing: str) -> None:
    """Damage the device's identity and kill it: what starts again ends for good, with exit code
    2.
    """
    process = wait_for(f"the process of {thing}", lambda: process_of(cloud, thing))
    identity = Path(process.environ()["STATE_DIR"]) / thing / "identity.json"
    wait_for("its identity", identity.exists)
    identity.write_text("damaged")
    os.kill(process.pid, signal.SIGKILL)


@pytest.mark.timeout(900)
def test_a_crash_loop_is_given_up_and_can_be_mended_by_hand(
    cloud: Cloud, nothing_left: None
) -> None:
    # given
    made = cloud.provision({"thingName": "crasher"}).output
    certificate = made["certificateId"]
    # when it breaks again whenever it has been brought back
    for _ in range(3):
        break_device(cloud, "crasher")
        certificate = back(cloud, "crasher", certificate)["certificate_id"]
    break_device(cloud, "crasher")
    # then it is given up, for all to see
    wait_for("it to be given up", lambda: cloud.row("crasher")["status"] == "FAILED", limit=60)
    reason = cloud.row("crasher")["status_reason"]
    assert reason.startswith(
        "failed after 3 restarts in a row; task stopped: EssentialContainerExited"
    )
    assert "exit code 2" in reason
    assert "failed after" in cloud.playground("list").stdout
    shown = json.loads(cloud.playground("show", "crasher", "--output", "json").stdout)
    assert shown["catalog"]["certificate_status"] == "INACTIVE"
    assert shown["shadow"]["desired"]["time"] == 60
    # and its name is not free
    refused = cloud.provision({"thingName": "crasher"})
    assert refused.status == "FAILED"
    assert "exists already" in refused.cause
    assert cloud.row("crasher")["status"] == "FAILED"
    # when it is restarted by hand
    cloud.playground("restart", "crasher", timeout=90)
    # then
    row = back(cloud, "crasher", certificate)
    assert row["restarts"] == "1"
    assert "given_up_at" not in row
    # and when it is deleted
    cloud.playground("delete", "crasher")
    assert cloud.row("crasher")["status"] == "TERMINATED"


def test_a_device_that_was_given_up_can_be_deleted(cloud: Cloud, nothing_left: None) -> None:
    # given: one whose restart cannot be finished
    cloud.provision({"thingName": "hopeless"})
    end = cloud.execute(MACHINE, {"thingName": "hopeless"}, case="StartTaskFails")
    assert (end.status, end.error) == ("FAILED", "DeviceGivenUp")
    # when
    deleted = cloud.deprovision("hopeless")
    # then
    assert deleted.output["status"] == "TERMINATED"
    assert cloud.provision({"thingName": "hopeless"}).status == "SUCCEEDED"
    assert cloud.deprovision("hopeless").status == "SUCCEEDED"


def test_a_device_keeps_its_own_model(cloud: Cloud, nothing_left: None) -> None:
    # given
    model = {"telemetry": {"queen": {"walk": {"start": 5, "step": 1, "min": 0, "max": 9}}}}
    made = cloud.provision(
        {"thingName": "hive", "model": model, "attributes": {"room": "garden"}}
    ).output
    # when
    cloud.playground("restart", "hive", timeout=90)
    # then
    row = back(cloud, "hive", made["certificateId"])
    bucket = cloud.home.output("ConfigBucketName")
    config = json.loads(
        cloud.client("s3").get_object(Bucket=bucket, Key="devices/hive/config.json")["Body"].read()
    )
    assert config["model"] == model
    assert config["attributes"] == {"room": "garden"}
    assert row["device_type"] == "generic"
    # finally
    cloud.deprovision("hive")


def test_a_device_that_stopped_while_the_agent_was_away_comes_back(
    cloud: Cloud, nothing_left: None
) -> None:
    # given: its state directory is lost while the cloud is down, so its task cannot go on
    made = cloud.provision({"thingName": "sleeper"}).output
    task_id = made["taskArn"].rpartition("/")[2]
    cloud.playground("down")
    (cloud.paths.devices / task_id / "sleeper" / "identity.json").unlink()
    (cloud.paths.devices / task_id / "sleeper" / "identity.json").parent.rename(
        cloud.folder / "lost"
    )
    (cloud.paths.devices / task_id).rename(cloud.folder / "lost-directory")
    # when
    cloud.playground("up", timeout=120)
    # then
    back(cloud, "sleeper", made["certificateId"])
    # finally
    assert cloud.deprovision("sleeper").status == "SUCCEEDED"


def test_a_device_that_is_stopped_stays_so_until_it_is_restarted(
    cloud: Cloud, device: Mapping[str, Any]
) -> None:
    # given
    thing, old = device["thingName"], device["certificateId"]
    # when
    stopped = json.loads(cloud.playground("stop", thing, "--output", "json").stdout)
    # then: no task, and nobody brings it back
    assert stopped == {"thingName": thing, "status": "STOPPED", "result": "OK"}
    row = cloud.row(thing)
    assert (row["status"], "task_arn" in row) == ("STOPPED", False)
    tasks = cloud.client("ecs").list_tasks(cluster=row["cluster_arn"])["taskArns"]
    assert device["taskArn"] not in tasks
    iot = cloud.client("iot")
    certificate = iot.describe_certificate(certificateId=old)["certificateDescription"]
    assert certificate["status"] == "INACTIVE"
    why = json.loads(cloud.playground("why", thing, "--output", "json").stdout)
    assert f"{thing} was stopped." in [trouble["sentence"] for trouble in why["troubles"]]
    # and what is wished meanwhile waits for it
    cloud.desire(thing, time=9)
    cloud.playground("restart", thing)
    back(cloud, thing, old)
    cloud.wait_until_reported(thing, time=9)
