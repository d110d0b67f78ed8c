"""Jobs in the local cloud: the real jobs service, real IoT policies, a real device."""

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.playground_cloud import Cloud, wait_for


@pytest.fixture
def device(cloud: Cloud, nothing_left: None) -> Iterator[str]:
    """The name of a device that is online; removed afterwards."""
    made = cloud.provision({"deviceType": "generic"})
    assert made.status == "SUCCEEDED", made
    name: str = made.output["thingName"]
    cloud.wait_until_reported(name, time=60)
    yield name
    assert cloud.deprovision(name).status == "SUCCEEDED"


class Jobs:
    """Jobs as a user of AWS makes them."""

    def __init__(self, cloud: Cloud, thing: str) -> None:
        self._iot, self._thing = cloud.client("iot"), thing
        self._arn = self._iot.describe_thing(thingName=thing)["thingArn"]
        self.ids: list[str] = []

    def create(self, document: Any, **given: Any) -> str:
        """A job for the device; gives its id."""
        job_id = f"test-{uuid.uuid4().hex[:12]}"
        self._iot.create_job(jobId=job_id, targets=[self._arn], document=json.dumps(document), **given)
        self.ids.append(job_id)
        return job_id

    def execution(self, job_id: str) -> Mapping[str, Any]:
        """The device's execution of a job."""
        found: Mapping[str, Any] = self._iot.describe_job_execution(jobId=job_id, thingName=self._thing)["execution"]
        return found

    def ended(self, job_id: str, limit: float = 30.0) -> Mapping[str, Any]:
        """The execution when it has ended."""

        def over() -> Mapping[str, Any] | None:
            found = self.execution(job_id)
            return None if found["status"] in ("QUEUED", "IN_PROGRESS") else found

        return wait_for(f"the end of job {job_id}", over, limit)


@pytest.fixture
def jobs(cloud: Cloud, device: str) -> Iterator[Jobs]:
    """Jobs of the device, deleted afterwards."""
    jobs = Jobs(cloud, device)
    yield jobs
    for job_id in jobs.ids:
        cloud.client("iot").delete_job(jobId=job_id, force=True)


def test_case_22_completes_a_job_execution(cloud: Cloud, device: str, jobs: Jobs) -> None:
    # when
    job = jobs.create({"operation": "change-unit", "unit": "imperial"})
    # then
    ended = jobs.ended(job)
    assert (ended["status"], ended["statusDetails"]["detailsMap"]["unit"]) == ("SUCCEEDED", "imperial")
    cloud.wait_until_reported(device, unit="imperial")
