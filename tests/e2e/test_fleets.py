"""Fleets: many devices from one file, changed, removed, and gone when anything fails."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from playground import exit_codes
from tests.playground_cloud import Cloud, wait_for

PROVISION, REMOVE = "ProvisionFleetStateMachineArn", "RemoveFleetStateMachineArn"
LAMPS = {"name": "lamp", "count": 2, "deviceType": "bulb"}
METERS = {"name": "meter", "count": 1, "deviceType": "meter", "identity": "csr"}
FILE = {"name": "office", "groups": [LAMPS, METERS]}
WAIT_SCALE = 0.05
"""Of the fixture `cloud`: states wait for so much of their time."""
NEVER = {"telemetry": {"x": {"generator": "no such generator"}}}
"""A model with which a device does not start."""


def told(cloud: Cloud, *words: str, check: bool = True) -> Any:
    answer = cloud.playground("fleet", *words, "--output", "json", check=check)
    return json.loads(answer.stdout)


def statuses(cloud: Cloud) -> Mapping[str, str]:
    """Of all devices that there are."""
    found = json.loads(cloud.playground("list", "--output", "json").stdout)["devices"]
    return {row["thing_name"]: row["status"] for row in found}


def test_a_fleet_from_its_file_to_its_end(cloud: Cloud, nothing_left: None, tmp_path: Path) -> None:
    # given
    file = tmp_path / "office.json"
    file.write_text(json.dumps(FILE))
    # when
    made = told(cloud, "create", str(file))
    # then
    assert made == {"name": "office", "devices": 3, "missing": 0, "result": "OK"}
    names = ["office-lamp-0001", "office-lamp-0002", "office-meter-0001"]
    there = statuses(cloud)
    assert {name: there[name] for name in names} == dict.fromkeys(names, "ONLINE")
    # and when a setting of all is changed
    changed = told(cloud, "set", "office", "time=7")
    assert (changed["accepted"], changed["rejected"], changed["pending"]) == (3, {}, [])
    assert 0 < changed["seconds"]["p50"] <= changed["seconds"]["p99"]
    for name in names:
        assert cloud.shadow(name)["reported"]["time"] == 7
    refused = told(cloud, "set", "office", "unit=parsec", "--group", "lamp", check=False)
    assert refused["rejected"].keys() == set(names[:2])
    # and when it is made smaller
    assert told(cloud, "scale", "office", "lamp=1")["devices"] == 2
    assert names[1] not in statuses(cloud)
    shown = told(cloud, "show", "office")
    assert [group["statuses"] for group in shown["groups"]] == [{"ONLINE": 1}, {"ONLINE": 1}]
    (listed,) = told(cloud, "list")["fleets"]
    assert (listed["fleet_name"], listed["status"], listed["devices"]) == ("office", "READY", 2)
    # and removed
    assert told(cloud, "delete", "office") == {"name": "office", "devices": 0, "result": "OK"}
    assert told(cloud, "list") == {"fleets": []}
    gone = cloud.playground("fleet", "show", "office", check=False)
    assert gone.returncode == exit_codes.NOT_FOUND
    assert "There is no fleet office" in gone.stderr


@pytest.mark.thorough
def test_a_file_that_breaks_a_rule_is_refused_before_anything_is_made(
    cloud: Cloud, nothing_left: None, tmp_path: Path
) -> None:
    # given
    model = tmp_path / "model.json"
    model.write_text(json.dumps(NEVER))
    file = tmp_path / "office.json"
    for wrong, says in (
        ({**LAMPS, "count": "2"}, "groups[0].count: must be a whole number"),
        ({**LAMPS, "model": NEVER}, "groups[0].model: telemetry.x"),
        ({**LAMPS, "model": "model.json"}, "model.json: telemetry.x"),
        ({**LAMPS, "model": "none.json"}, "none.json can't be read"),
    ):
        file.write_text(json.dumps({"name": "office", "groups": [wrong]}))
        # when
        answer = cloud.playground("fleet", "create", str(file), check=False)
        # then
        assert answer.returncode != 0
        assert says in answer.stderr
    # and the workflow refuses what nobody has checked before
    end = cloud.execute(PROVISION, {"name": "office", "groups": [{**LAMPS, "size": 3}]})
    assert json.loads(end.cause)["errorMessage"].startswith("groups[0].size: is not a field here")


@pytest.mark.thorough
@pytest.mark.parametrize("tolerated", [0, 1])
def test_a_device_that_does_not_start_ends_the_fleet_or_is_tolerated(
    cloud: Cloud, nothing_left: None, tolerated: int
) -> None:
    # given
    bad = {"name": "bad", "count": 1, "model": NEVER}
    # when
    end = cloud.execute(PROVISION, {**FILE, "groups": [LAMPS, bad], "tolerated": tolerated})
    # then
    if tolerated:
        assert (end.status, end.output["devices"], end.output["missing"]) == ("SUCCEEDED", 2, 1)
        assert cloud.execute(REMOVE, {"name": "office"}).status == "SUCCEEDED"
    else:
        assert (end.status, end.error) == ("FAILED", "StepFailed")
        assert "States.ExceedToleratedFailureThreshold" in end.cause


def test_devices_arrive_when_their_group_says_and_not_after_a_stop(
    cloud: Cloud, nothing_left: None
) -> None:
    # given
    began = datetime.now(UTC)
    lamps = {**LAMPS, "arrival": {"rate": 1 / 60}}
    meters = {**METERS, "count": 3, "arrival": {"over": 86_400}}
    arn = cloud.start(PROVISION, {"name": "office", "groups": [lamps, meters], "tolerated": 2})
    names = ["office-lamp-0001", "office-lamp-0002"]
    wait_for(
        "the lamps", lambda: all(cloud.row(name).get("status") == "ONLINE" for name in names), 60
    )
    # then
    bucket, key = cloud.home.output("ConfigBucketName"), "fleets/office/arriving.json"
    listed = json.loads(cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    allowed = {item["thingName"]: item["at"] for item in listed}
    for name in names:
        waits = (datetime.fromisoformat(allowed[name]) - began) * WAIT_SCALE
        assert datetime.fromisoformat(cloud.row(name)["created_at"]) >= began + waits
    assert not any("meter" in name for name in statuses(cloud))
    # and when it is stopped, those that wait never come
    cloud.client("stepfunctions").stop_execution(executionArn=arn)
    wait_for("the undoing", lambda: not told(cloud, "list")["fleets"])
    assert not any("meter" in name for name in statuses(cloud))
    assert all(cloud.row(name)["status"] == "TERMINATED" for name in names)


@pytest.mark.thorough
def test_a_fleet_that_is_stopped_leaves_nothing(cloud: Cloud, nothing_left: None) -> None:
    # given
    arn = cloud.start(PROVISION, {"name": "office", "groups": [{**LAMPS, "count": 6}]})
    wait_for("the first devices", lambda: cloud.row("office-lamp-0002").get("certificate_id"))
    # when
    cloud.client("stepfunctions").stop_execution(executionArn=arn)
    # then
    wait_for("the undoing", lambda: not told(cloud, "list")["fleets"])
    assert cloud.finished(arn).status == "ABORTED"
    left = [name for name in statuses(cloud) if name.startswith("office")]
    assert [name for name in left if statuses(cloud)[name] != "FAILED"] == []


@pytest.mark.thorough
def test_somebody_elses_device_is_left_alone(cloud: Cloud, nothing_left: None) -> None:
    # given
    name = "office-lamp-0002"
    assert cloud.provision({"thingName": name}).status == "SUCCEEDED"
    before = cloud.row(name)
    # when
    end = cloud.execute(PROVISION, FILE)
    # then
    assert (end.status, end.error) == ("FAILED", "ThingExists")
    assert f"taken names: {name}" in end.cause
    assert cloud.row(name) == before
    assert cloud.deprovision(name).status == "SUCCEEDED"


WEIGHT = {
    "telemetry": {
        "a": {"uniform": {"min": 0, "max": 1}},
        "b": {"walk": {"start": 5, "step": 1, "min": 0, "max": 9}},
        "c": {"pick": {"of": ["x", "y", "z"]}},
    }
}
"""What it says depends on the thing's name and the message's number, and on no time."""


@pytest.mark.thorough
def test_a_fleet_that_is_made_again_says_the_same_again(cloud: Cloud, nothing_left: None) -> None:
    # given
    scales = {"name": "office", "groups": [{"name": "scale", "count": 3, "model": WEIGHT}]}

    def said() -> Mapping[tuple[str, int], Any]:
        assert cloud.execute(PROVISION, scales).status == "SUCCEEDED"
        told(cloud, "set", "office", "time=1")
        heard = cloud.playground(
            "listen", "dt/playground/+/telemetry", "--count", "15", "--output", "json"
        )
        assert cloud.execute(REMOVE, {"name": "office"}).status == "SUCCEEDED"
        found = [json.loads(line)["payload"] for line in heard.stdout.splitlines()]
        return {
            (one["thingName"], one["sequence"]): {**one, "timestamp": None}
            for one in found
            if one["thingName"].startswith("office-")
        }

    # when
    first, second = said(), said()
    # then: what was heard of both is the same
    both = first.keys() & second.keys()
    assert len(both) >= 3
    assert {key: first[key] for key in both} == {key: second[key] for key in both}


@pytest.mark.thorough
def test_a_fleet_is_stopped_and_started_and_its_shadows_stay(
    cloud: Cloud, nothing_left: None
) -> None:
    # given
    names = ["office-lamp-0001", "office-lamp-0002", "office-meter-0001"]
    assert cloud.execute(PROVISION, FILE).status == "SUCCEEDED"
    told(cloud, "set", "office", "time=7")
    # when
    ended = told(cloud, "stop", "office")["executions"]
    # then
    assert [one["status"] for one in ended] == ["SUCCEEDED"] * 3
    there = statuses(cloud)
    assert {name: there[name] for name in names} == dict.fromkeys(names, "STOPPED")
    assert json.loads(cloud.playground("cost", "office", "--output", "json").stdout)["hour"] == 0
    refused = cloud.playground("fleet", "stop", "office", check=False)
    assert "office has no device to stop" in refused.stderr
    # and when
    told(cloud, "start", "office")
    # then
    there = statuses(cloud)
    assert {name: there[name] for name in names} == dict.fromkeys(names, "ONLINE")
    for name in names:
        cloud.wait_until_reported(name, time=7)
    assert told(cloud, "delete", "office")["devices"] == 0


@pytest.mark.thorough
def test_a_device_that_was_made_again_by_hand_is_none_of_the_fleets(
    cloud: Cloud, nothing_left: None
) -> None:
    # given
    name = "office-lamp-0002"
    assert cloud.execute(PROVISION, FILE).status == "SUCCEEDED"
    assert cloud.deprovision(name).status == "SUCCEEDED"
    assert cloud.provision({"thingName": name}).status == "SUCCEEDED"
    cloud.wait_until_reported(name, time=60)
    # when
    changed = told(cloud, "set", "office", "time=7")
    # then
    assert changed["accepted"] == 2
    assert cloud.shadow(name)["reported"]["time"] == 60
    lamps, meters = told(cloud, "show", "office")["groups"]
    assert (lamps["statuses"], meters["statuses"]) == ({"ONLINE": 1}, {"ONLINE": 1})
    cost = json.loads(cloud.playground("cost", "office", "--output", "json").stdout)
    assert name not in [row["thing_name"] for row in cost["devices"]]
    # and when the fleet goes
    assert cloud.execute(REMOVE, {"name": "office"}).status == "SUCCEEDED"
    # then
    assert cloud.row(name)["status"] == "ONLINE"
    assert cloud.deprovision(name).status == "SUCCEEDED"


@pytest.mark.thorough
def test_of_two_at_once_one_has_the_fleet(cloud: Cloud, nothing_left: None) -> None:
    # given: one that is still at work when the others ask, however busy this machine is
    groups = [{**group, "arrival": {"over": 200}} for group in (LAMPS, METERS)]
    first = cloud.start(PROVISION, {**FILE, "groups": groups})
    wait_for("the fleet", lambda: told(cloud, "list")["fleets"])
    # when
    for machine, asked in ((PROVISION, FILE), (REMOVE, {"name": "office"})):
        end = cloud.execute(machine, asked)
        # then
        assert (end.status, end.error) == ("FAILED", "FleetBusy")
        assert f"office is being provisioned by {first}" in end.cause
    assert cloud.finished(first).status == "SUCCEEDED"
    assert cloud.execute(REMOVE, {"name": "office"}).status == "SUCCEEDED"


@pytest.mark.thorough
@pytest.mark.parametrize("state", ["PlanFleet", "ProvisionDevice", "SettleFleet"])
def test_whichever_state_fails_nothing_is_left(
    cloud: Cloud, nothing_left: None, state: str
) -> None:
    # when
    end = cloud.execute(PROVISION, FILE, case=f"{state}Fails")
    # then
    failed = ("FAILED", "StepFailed" if state == "ProvisionDevice" else "Injected.Fault")
    assert (end.status, end.error) == failed
    assert told(cloud, "list") == {"fleets": []}


@pytest.mark.thorough
@pytest.mark.parametrize("state", ["PlanRemoval", "DeprovisionDevice", "SettleFleet"])
def test_a_removal_that_fails_is_done_by_the_next(
    cloud: Cloud, nothing_left: None, state: str
) -> None:
    # given
    assert cloud.execute(PROVISION, FILE).status == "SUCCEEDED"
    # when
    end = cloud.execute(REMOVE, {"name": "office"}, case=f"{state}Fails")
    # then
    assert end.status == "FAILED"
    assert told(cloud, "list")["fleets"]
    assert cloud.execute(REMOVE, {"name": "office"}).status == "SUCCEEDED"
    assert told(cloud, "list") == {"fleets": []}


@pytest.mark.thorough
def test_what_the_undoing_could_not_do_the_rule_does(cloud: Cloud, nothing_left: None) -> None:
    # given an execution whose own undoing fails
    bad = {"name": "bad", "count": 1, "model": NEVER}
    # when
    end = cloud.execute(PROVISION, {**FILE, "groups": [LAMPS, bad]}, case="UndoFleetFails")
    # then
    assert end.status == "FAILED"
    wait_for("the rule's undoing", lambda: not told(cloud, "list")["fleets"])


def test_a_fleet_is_put_through_its_stages_and_a_report_is_kept(
    cloud: Cloud, nothing_left: None, tmp_path: Path
) -> None:
    # given
    file, page = tmp_path / "office.json", tmp_path / "report.html"
    stages = [
        {"name": "faster", "seconds": 4, "actions": [{"desired": {"time": 1}}]},
        {
            "name": "storm",
            "seconds": 8,
            "actions": [
                {"reconnect": "abrupt", "groups": ["lamp"]},
                {"desired": {"unit": "parsec"}, "groups": ["meter"]},
            ],
        },
        {"name": "asleep", "seconds": 8, "actions": [{"offline": 1, "share": 0.34}]},
    ]
    file.write_text(json.dumps({**FILE, "seed": 7, "stages": stages}))
    told(cloud, "create", str(file))
    # when
    report = told(cloud, "run", "office")
    # then
    faster, storm, asleep = report["stages"]
    assert (faster["changes"]["accepted"], faster["changes"]["pending"]) == (3, 0)
    assert faster["messages"]["heard"] >= 3
    assert 0 < faster["changes"]["seconds"]["p50"] <= faster["changes"]["seconds"]["p99"] < 4
    assert (storm["reconnects"]["done"], storm["reconnects"]["pending"]) == (2, 0)
    assert (storm["changes"]["rejected"], storm["disconnects"]) == (1, {"CONNECTION_LOST": 2})
    assert asleep["disconnects"] == {"CLIENT_INITIATED_DISCONNECT": 1}
    assert (report["endedBy"], report["total"]["messages"]["lost"]) == (None, 0)
    assert min(point["online"] for point in report["series"]) < 3
    assert report["series"][-1]["online"] == 3
    assert told(cloud, "report", "office", "--page", str(page)) == report
    assert page.read_text().count("<svg") >= 4
    # and when a stop holds
    stop = {"measure": "messages", "above": 2}
    file.write_text(json.dumps({**FILE, "stages": stages, "stops": [stop]}))
    told(cloud, "create", str(file))
    answer = cloud.playground("fleet", "run", "office", "--output", "json", check=False)
    # then
    assert answer.returncode == exit_codes.STOPPED
    assert "Stopped: messages was" in answer.stderr
    ended = told(cloud, "report", "office")["endedBy"]
    assert (ended["measure"], ended["above"]) == ("messages", 2)
    # and a setting that only a workflow sets, or that nobody knows, is refused before it begins
    for key in ("quarantine", "tiem"):
        wrong = [{"name": "one", "seconds": 1, "actions": [{"desired": {key: True}}]}]
        file.write_text(json.dumps({**FILE, "stages": wrong}))
        told(cloud, "create", str(file))
        refused = cloud.playground("fleet", "run", "office", check=False)
        assert (refused.returncode, key in refused.stderr) == (exit_codes.USAGE, True)
        assert key not in cloud.shadow("office-lamp-0001")["desired"]
    # and the report goes with its fleet
    told(cloud, "delete", "office")
    gone = cloud.playground("fleet", "report", "office", check=False)
    assert gone.returncode == exit_codes.NOT_FOUND


def test_a_fleet_is_put_through_an_hour_in_seconds(
    cloud: Cloud, nothing_left: None, tmp_path: Path
) -> None:
    # given
    file = tmp_path / "office.json"
    asleep = {"offline": 120, "groups": ["meter"], "over": 60}
    stages = [
        {"name": "hour", "seconds": 480, "actions": [{"desired": {"unit": "imperial"}}]},
        {"name": "asleep", "seconds": 480, "actions": [asleep]},
    ]
    file.write_text(json.dumps({**FILE, "stages": stages}))
    told(cloud, "create", str(file))
    # when: a message a minute, sixty times as fast
    report = told(cloud, "run", "office", "--speed", "60")
    # then
    hour, away = report["stages"]
    assert report["speed"] == 60
    assert 7 < hour["seconds"] < 20
    assert hour["messages"]["heard"] >= 3 * 6
    assert hour["changes"]["accepted"] == 3
    assert (away["disconnects"], report["series"][-1]["online"]) == (
        {"CLIENT_INITIATED_DISCONNECT": 1},
        3,
    )
    assert report["total"]["messages"]["lost"] == 0
    # and of timestamps that run ahead no delay is told
    assert report["total"]["messages"]["delay"] == report["total"]["messages"]["jitter"] == {}
    # and afterwards all clocks are as fast as time
    for name in ("office-lamp-0001", "office-meter-0001"):
        state = cloud.shadow(name)
        assert "speed" not in state["desired"]
        assert "speed" not in state["reported"]
    # and what would be too many messages is refused before anything is changed
    told(cloud, "set", "office", "time=1")
    refused = cloud.playground("fleet", "run", "office", "--speed", "101", check=False)
    assert refused.returncode == exit_codes.USAGE
    assert "would send 303 messages a second; a run takes at most 300" in refused.stderr
    told(cloud, "delete", "office")
