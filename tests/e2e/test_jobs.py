"""Jobs in the local cloud: the real jobs service, real IoT policies, a real device."""

import json
import os
import signal
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest

from tests.census import census
from tests.playground_cloud import Cloud, wait_for


@pytest.fixture(scope="module")
def shared(cloud: Cloud) -> Iterator[str]:
    """The name of the device of all these tests; removed after the last one, with all that is left
    of it.
    """
    before = census(cloud)
    made = cloud.provision({"deviceType": "generic"})
    assert made.status == "SUCCEEDED", made
    name: str = made.output["thingName"]
    cloud.wait_until_reported(name, time=60)
    yield name
    assert cloud.deprovision(name).status == "SUCCEEDED"
    assert census(cloud) == before


@pytest.fixture
def device(cloud: Cloud, shared: str, nothing_left: None) -> str:
    """The same device, whatever the test before has done to it: online, without a job, its unit
    metric.
    """
    wait_for("the device to be online", lambda: cloud.row(shared)["status"] == "ONLINE")
    cloud.desire(shared, unit="metric")
    cloud.wait_until_reported(shared, unit="metric")
    return shared


class Jobs:
    """Jobs as a user of AWS makes them."""

    def __init__(self, cloud: Cloud, thing: str) -> None:
        self._iot, self._thing = cloud.client("iot"), thing
        self._arn = self._iot.describe_thing(thingName=thing)["thingArn"]
        self.ids: list[str] = []

    def create(self, document: Any, **given: Any) -> str:
        """A job for the device; gives its id."""
        job_id = f"test-{uuid.uuid4().hex[:12]}"
        self._iot.create_job(
            jobId=job_id, targets=[self._arn], document=json.dumps(document), **given
        )
        self.ids.append(job_id)
        return job_id

    def execution(self, job_id: str) -> Mapping[str, Any]:
        """The device's execution of a job."""
        found: Mapping[str, Any] = self._iot.describe_job_execution(
            jobId=job_id, thingName=self._thing
        )["execution"]
        return found

    def ended(self, job_id: str, limit: float = 30.0) -> Mapping[str, Any]:
        """The execution when it has ended."""

        def over() -> Mapping[str, Any] | None:
            found = self.execution(job_id)
            return None if found["status"] in ("QUEUED", "IN_PROGRESS") else found

        return wait_for(f"the end of job {job_id}", over, limit)


IMPERIAL = {"operation": "change-unit", "unit": "imperial"}
METRIC = {"operation": "change-unit", "unit": "metric"}


@pytest.fixture
def jobs(cloud: Cloud, device: str) -> Iterator[Jobs]:
    """Jobs of the device, deleted afterwards."""
    jobs = Jobs(cloud, device)
    yield jobs
    for job_id in jobs.ids:
        cloud.client("iot").delete_job(jobId=job_id, force=True)


def test_case_22_completes_a_job_execution(cloud: Cloud, device: str, jobs: Jobs) -> None:
    # when
    job = jobs.create(IMPERIAL)
    # then
    ended = jobs.ended(job)
    assert (ended["status"], ended["statusDetails"]["detailsMap"]["unit"]) == (
        "SUCCEEDED",
        "imperial",
    )
    cloud.wait_until_reported(device, unit="imperial")


@contextmanager
def stalled(cloud: Cloud, device: str) -> Iterator[None]:
    """Within the block the device does not hear of changes of its shadow, so `change-unit` stays in
    progress.
    """
    iot, name = cloud.client("iot"), f"test-stalled-{device}"
    topics = f"arn:aws:iot:{cloud.home.region}:{cloud.home.account}:topic"
    topic = f"{topics}/$aws/things/{device}/shadow/update/*"
    statement = {"Effect": "Deny", "Action": "iot:Receive", "Resource": topic}
    iot.create_policy(
        policyName=name,
        policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    (principal,) = iot.list_thing_principals(thingName=device)["principals"]
    iot.attach_policy(policyName=name, target=principal)
    try:
        yield
    finally:
        iot.detach_policy(policyName=name, target=principal)
        iot.delete_policy(policyName=name)


def in_progress(jobs: Jobs, job: str) -> None:
    wait_for(f"job {job} to begin", lambda: jobs.execution(job)["status"] == "IN_PROGRESS")


def kill(cloud: Cloud, device: str) -> None:
    """End the device's process at once; the agent starts another one."""
    process = wait_for("the device's process", lambda: cloud.device_process(device))
    os.kill(process.pid, signal.SIGKILL)


@pytest.mark.thorough
def test_jobs_for_a_device_that_is_away_are_done_in_their_order(
    cloud: Cloud, device: str, jobs: Jobs
) -> None:
    # given a device that does not answer, and three jobs that are queued meanwhile
    process = wait_for("the device's process", lambda: cloud.device_process(device))
    os.kill(process.pid, signal.SIGSTOP)
    queued = [jobs.create(document) for document in (IMPERIAL, METRIC, IMPERIAL)]
    assert [jobs.execution(job)["status"] for job in queued] == ["QUEUED"] * 3
    # when it goes down and is started again
    os.kill(process.pid, signal.SIGKILL)
    # then it does one after the other
    ended = [jobs.ended(job) for job in queued]
    assert [one["status"] for one in ended] == ["SUCCEEDED"] * 3
    assert [one["statusDetails"]["detailsMap"]["unit"] for one in ended] == [
        "imperial",
        "metric",
        "imperial",
    ]
    for before, after in pairwise(ended):
        assert before["lastUpdatedAt"] <= after["startedAt"]
    cloud.wait_until_reported(device, unit="imperial")


@pytest.mark.thorough
def test_a_job_in_progress_survives_a_restart_of_the_device(
    cloud: Cloud, device: str, jobs: Jobs
) -> None:
    with stalled(cloud, device):
        # given a job in progress, and one behind it
        first, second = jobs.create(IMPERIAL), jobs.create(METRIC)
        in_progress(jobs, first)
        session = cloud.row(device)["presence_session"]
        # when the device's process dies and is started again
        kill(cloud, device)
        wait_for("a new session", lambda: cloud.row(device)["presence_session"] != session)
    # then it goes on with the first, then does the second
    assert jobs.ended(first)["status"] == "SUCCEEDED"
    assert jobs.ended(second)["status"] == "SUCCEEDED"
    cloud.wait_until_reported(device, unit="metric")


@pytest.mark.thorough
def test_a_job_that_is_cancelled_while_in_progress_makes_way(
    cloud: Cloud, device: str, jobs: Jobs
) -> None:
    with stalled(cloud, device):
        # given a job in progress, and one behind it
        first, second = jobs.create(IMPERIAL), jobs.create(METRIC)
        in_progress(jobs, first)
        # when it is cancelled by force
        cloud.client("iot").cancel_job(jobId=first, force=True)
        # then the device takes the next, and leaves the first alone
        assert jobs.ended(second)["status"] == "SUCCEEDED"
    assert jobs.execution(first)["status"] == "CANCELED"
    assert "unit" not in jobs.execution(first).get("statusDetails", {}).get("detailsMap", {})


@pytest.mark.thorough
def test_a_job_that_is_deleted_while_in_progress_makes_way(
    cloud: Cloud, device: str, jobs: Jobs
) -> None:
    with stalled(cloud, device):
        first, second = jobs.create(IMPERIAL), jobs.create(METRIC)
        in_progress(jobs, first)
        cloud.client("iot").delete_job(jobId=first, force=True)
        jobs.ids.remove(first)
        assert jobs.ended(second)["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"operation": "explode"}, "operation"),
        ({"operation": "change-unit", "unit": "Metric"}, "unit"),
        ({"operation": "change-unit", "unit": "metric", "colour": "red"}, "colour"),
        ([], "document"),
        (json.loads("[" * 800 + "]" * 800), "document"),
    ],
    ids=["unknown operation", "bad value", "unknown parameter", "no object", "800 levels"],
)
def test_a_bad_document_is_rejected_with_field_and_reason(
    cloud: Cloud, device: str, jobs: Jobs, document: Any, field: str
) -> None:
    # when
    bad, good = jobs.create(document), jobs.create(IMPERIAL)
    # then
    details = jobs.ended(bad)["statusDetails"]["detailsMap"]
    assert (jobs.execution(bad)["status"], details["field"]) == ("REJECTED", field)
    assert details["reason"]
    assert jobs.ended(good)["status"] == "SUCCEEDED"


@pytest.mark.thorough
def test_a_deleted_device_leaves_no_job_execution(cloud: Cloud, nothing_left: None) -> None:
    # given a device with a job that is queued
    made = cloud.provision({"deviceType": "generic"})
    name = made.output["thingName"]
    jobs = Jobs(cloud, name)
    process = wait_for("the device's process", lambda: cloud.device_process(name))
    os.kill(process.pid, signal.SIGSTOP)
    job = jobs.create(IMPERIAL)
    os.kill(process.pid, signal.SIGKILL)
    # when the device is deleted
    assert cloud.deprovision(name).status == "SUCCEEDED"
    # then its execution is gone, and of the job, which is its maker's, the record stays until it is
    # deleted
    iot = cloud.client("iot")
    assert iot.list_job_executions_for_job(jobId=job)["executionSummaries"] == []
    iot.delete_job(jobId=job, force=True)


# --- the command


@pytest.mark.thorough
def test_job_create_shows_progress_until_the_end(cloud: Cloud, device: str) -> None:
    # when
    done = cloud.playground(
        "job", "create", device, "change-unit", "unit=imperial", "--wait", "--output", "json"
    )
    # then
    made = json.loads(done.stdout)
    assert made["jobId"].startswith(f"{cloud.home.stack_name}-change-unit-")
    (execution,) = made["executions"]
    assert (execution["thingName"], execution["status"]) == (device, "SUCCEEDED")
    assert "SUCCEEDED" in done.stderr
    # and the job is shown, by its id and by the device, and listed
    shown = cloud.playground("job", "show", made["jobId"]).stdout
    assert '{"operation": "change-unit", "unit": "imperial"}' in shown
    assert "SUCCEEDED" in shown
    assert made["jobId"] in cloud.playground("job", "show", device).stdout
    assert (
        json.loads(cloud.playground("job", "show", "--output", "json").stdout)["jobId"]
        == made["jobId"]
    )
    assert made["jobId"] in cloud.playground("job", "list").stdout
    # until it is deleted
    cloud.playground("job", "delete", made["jobId"])
    assert cloud.playground("job", "show", made["jobId"], check=False).returncode == 4


def test_job_create_checks_before_it_sends(cloud: Cloud, device: str) -> None:
    refused = cloud.playground("job", "create", device, "change-unit", "unit=kelvin", check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "unit must be one of metric, imperial" in refused.stderr
    assert (
        "operation must be one of"
        in cloud.playground("job", "create", "--all", "explode", check=False).stderr
    )
    nobody = cloud.playground("job", "create", "nobody", "change-unit", "unit=metric", check=False)
    assert "There is no device nobody" in nobody.stderr
    assert "no device nobody" in cloud.playground("job", "show", "nobody", check=False).stderr
    assert json.loads(cloud.playground("job", "list", "--output", "json").stdout) == {"jobs": []}


@pytest.mark.thorough
def test_a_job_for_all_that_the_device_rejects_ends_in_exit_code_1(
    cloud: Cloud, device: str
) -> None:
    asked = ("job", "create", "--all", "explode", "--unchecked", "--wait", "--output", "json")
    failed = cloud.playground(*asked, check=False)
    made = json.loads(failed.stdout)
    assert failed.returncode == 1
    assert [(one["thingName"], one["status"]) for one in made["executions"]] == [
        (device, "REJECTED")
    ]
    assert made["executions"][0]["statusDetails"]["field"] == "operation"
    cloud.playground("job", "delete", made["jobId"])


@pytest.mark.thorough
def test_job_cancel_by_force(cloud: Cloud, device: str, jobs: Jobs) -> None:
    with stalled(cloud, device):
        # given
        job = cloud.playground(
            "job", "create", device, "change-unit", "unit=imperial", "--timeout", "5"
        ).stdout.strip()
        in_progress(jobs, job)
        # when
        cloud.playground("job", "cancel", job, "--force")
        # then
        assert jobs.ended(job)["status"] == "CANCELED"
    cloud.playground("job", "delete", job)
    assert "There is no job" in cloud.playground("job", "cancel", job, check=False).stderr
