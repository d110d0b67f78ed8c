"""A fleet whose devices share one host's task: real processes over TLS, and all that happens to a
device happens to them too.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.census import hosts
from tests.playground_cloud import Cloud, wait_for

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]

COUNT = 8
LAMPS = {"name": "lamp", "count": COUNT, "deviceType": "bulb", "hosting": "shared"}
NAMES = [f"crowd-lamp-{number:04}" for number in range(1, COUNT + 1)]
RESTART, QUARANTINE, RELEASE = (
    f"{what}DeviceStateMachineArn" for what in ("Restart", "Quarantine", "Release")
)
Rows = Mapping[str, Mapping[str, Any]]


def told(cloud: Cloud, *words: str) -> Any:
    return json.loads(cloud.playground("fleet", *words, "--output", "json").stdout)


def rows(cloud: Cloud, names: Collection[str]) -> Rows:
    return {name: cloud.row(name) for name in names}


def at_rest(cloud: Cloud, names: Collection[str], before: Rows) -> Rows | None:
    """All online with another certificate than before, and nobody works on them."""
    found = rows(cloud, names)
    back = all(
        row["status"] == "ONLINE"
        and "restarting" not in row
        and row["certificate_id"] != before[name]["certificate_id"]
        for name, row in found.items()
    )
    return found if back else None


def tasks(cloud: Cloud) -> list[str]:
    found: list[str] = cloud.client("ecs").list_tasks(
        cluster=cloud.home.output("DeviceClusterName")
    )["taskArns"]
    return found


def restarts(cloud: Cloud) -> int:
    pages = cloud.client("stepfunctions").get_paginator("list_executions")
    found = pages.paginate(stateMachineArn=cloud.home.output(RESTART))
    return sum(len(page["executions"]) for page in found)


def is_connected_again(cloud: Cloud, thing: str, session: str) -> bool:
    row = cloud.row(thing)
    return row["presence_session"] != session and bool(row.get("presence_connected"))


def has_done(cloud: Cloud, thing: str, document: Any) -> str:
    """Have the device do a job; gives how that ended."""
    iot, job_id = cloud.client("iot"), f"of-{thing}"
    arn = iot.describe_thing(thingName=thing)["thingArn"]
    iot.create_job(jobId=job_id, targets=[arn], document=json.dumps(document))

    def over() -> str | None:
        found = iot.describe_job_execution(jobId=job_id, thingName=thing)["execution"]
        return None if found["status"] in ("QUEUED", "IN_PROGRESS") else str(found["status"])

    ended = wait_for(f"the end of {job_id}", over, 30)
    iot.delete_job(jobId=job_id, force=True)
    return ended


def test_a_fleet_on_one_host(cloud: Cloud, nothing_left: None, tmp_path: Path) -> None:
    # given
    file = tmp_path / "crowd.json"
    file.write_text(json.dumps({"name": "crowd", "groups": [LAMPS]}))
    running = set(tasks(cloud))
    # when
    made = told(cloud, "create", str(file))
    # then: all are online, by one task
    assert (made["devices"], made["result"]) == (COUNT, "OK")
    first = rows(cloud, NAMES)
    assert {row["status"] for row in first.values()} == {"ONLINE"}
    (host,) = hosts(cloud)
    assert {row["task_arn"].split("/")[1] for row in first.values()} == {host}
    of_host = cloud.row(host)
    assert set(tasks(cloud)) - running == {of_host["task_arn"]}
    # and what its shadow names opens nothing for who can read it, as many may
    url = cloud.shadow(host)["desired"]["manifest"]["url"]
    with pytest.raises(HTTPError, match="403"):
        urlopen(url)  # noqa: S310 - of the emulator
    # and each has a certificate, a connection and a shadow of its own
    assert len({row["certificate_id"] for row in first.values()}) == COUNT
    changed = told(cloud, "set", "crowd", "time=7")
    assert (changed["accepted"], changed["rejected"], changed["pending"]) == (COUNT, {}, [])
    for name in NAMES:
        assert cloud.shadow(name)["reported"]["time"] == 7
    # and when the host's task is stopped
    before = restarts(cloud)
    cloud.client("ecs").stop_task(
        cluster=of_host["cluster_arn"], task=of_host["task_arn"], reason="Spot"
    )
    # then all come back, by one restart each and one of the host
    both = {**first, host: of_host}
    second = wait_for("the host's devices", lambda: at_rest(cloud, both, both), 90)
    assert {row["task_arn"].split("/")[1] for row in rows(cloud, NAMES).values()} == {host}
    assert restarts(cloud) - before == COUNT + 1
    assert hosts(cloud) == [host]
    for name in NAMES:
        cloud.wait_until_reported(name, time=7)
    # and one of them is restarted alone
    one, two, *others = NAMES
    assert cloud.execute(RESTART, {"thingName": one}).status == "SUCCEEDED"
    third = rows(cloud, NAMES)
    assert third[one]["certificate_id"] != second[one]["certificate_id"]
    assert third[one]["task_arn"] != second[one]["task_arn"]
    for name in (two, *others):
        assert third[name]["certificate_id"] == second[name]["certificate_id"]
    # and one is confined, and let out
    session = cloud.row(two)["presence_session"]
    confined = cloud.execute(QUARANTINE, {"thingName": two, "reason": "a test"})
    assert confined.output["status"] == "QUARANTINED"
    cloud.wait_until_reported(two, quarantine=True)
    # Its connection was ended: it is let out when it has come again.
    wait_for("its next connection", lambda: is_connected_again(cloud, two, session))
    assert cloud.row(one)["status"] == "ONLINE"
    released = cloud.execute(RELEASE, {"thingName": two}, limit=90)
    assert (released.status, released.error) == ("SUCCEEDED", "")
    # and one obeys
    assert has_done(cloud, one, {"operation": "change-unit", "unit": "imperial"}) == "SUCCEEDED"
    assert "✓ ping" in cloud.playground("command", others[0], "ping").stdout
    # and when the fleet is removed, the host goes too
    assert told(cloud, "delete", "crowd")["devices"] == 0
    wait_for("the end of the host", lambda: not hosts(cloud), 90)
    assert set(tasks(cloud)) <= running
