"""Jobs through the SDK's own client, over a real broker."""

import json
from collections.abc import Iterator

import pytest

from tests.device.broker import Broker
from tests.device.cloud import Cloud
from tests.device.hosted import Hosted
from tests.device.process import Workbench
from tests.device.relay import relay
from tests.jobs_double import Execution
from virtual_device.connection import sdk_job_service as jobs_service
from virtual_device.jobs import job_run, next_job

pytestmark = pytest.mark.timeout(400)

THING = "dev-JOB"
IMPERIAL = {"operation": "change-unit", "unit": "imperial"}
METRIC = {"operation": "change-unit", "unit": "metric"}


@pytest.fixture
def device(cloud: Cloud, broker: Broker, host: Hosted) -> Hosted:
    """A device that is idle."""
    host.add(THING, broker)
    cloud.wait_for_reported(THING, time=60)
    return host


@pytest.fixture
def quick() -> Iterator[None]:
    """Short times, in this process only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job_run, "CHECK_SECONDS", 0.2)
        patch.setattr(next_job, "ANSWER_SECONDS", 1)
        patch.setattr(jobs_service, "ANSWER_SECONDS", 1)
        yield


def wait_for(cloud: Cloud, execution: Execution, status: str) -> None:
    cloud.wait_until(lambda: execution.status == status)


def test_case_22_does_queued_jobs_in_order(cloud: Cloud, broker: Broker, host: Hosted) -> None:
    # given three jobs for a device that is not there yet
    queued = [cloud.create_job(THING, document) for document in (IMPERIAL, METRIC, IMPERIAL)]
    # when it comes
    host.add(THING, broker)
    # then it does them one after the other
    wait_for(cloud, queued[-1], "SUCCEEDED")
    assert [execution.status for execution in queued] == ["SUCCEEDED"] * 3
    assert [line["jobId"] for line in host.said(THING, "job")] == [
        "job-1",
        "job-1",
        "job-2",
        "job-2",
        "job-3",
        "job-3",
    ]
    cloud.wait_for_reported(THING, unit="imperial")
    # and takes the next one whenever it comes
    for document in (METRIC, IMPERIAL):
        wait_for(cloud, cloud.create_job(THING, document), "SUCCEEDED")


def test_a_job_survives_a_restart(cloud: Cloud, bench: Workbench) -> None:
    # given a device with a job that is in progress, and one more behind it
    config = bench.config(THING)
    device = bench.start(config)
    cloud.wait_for_reported(THING, time=60)
    cloud.deaf = True
    first, second = cloud.create_job(THING, IMPERIAL), cloud.create_job(THING, METRIC)
    wait_for(cloud, first, "IN_PROGRESS")
    device.wait_for_log("job")
    # when the process is killed, and started again
    device.kill()
    cloud.deaf = False
    bench.start(config)
    # then it goes on with the first, then the second
    wait_for(cloud, first, "SUCCEEDED")
    wait_for(cloud, second, "SUCCEEDED")


@pytest.mark.thorough
def test_a_job_survives_a_lost_connection(cloud: Cloud, broker: Broker, host: Hosted) -> None:
    # given a job in progress
    with relay(broker) as wire:
        host.add(THING, wire)
        cloud.wait_for_reported(THING, time=60)
        cloud.deaf = True
        job = cloud.create_job(THING, IMPERIAL)
        host.wait_for_log(THING, "job")
        # when the connection is lost, and the session resumed
        wire.cut()
        host.wait_for_log(THING, "connected", count=2)
        cloud.deaf = False
        # then it is done in the end, and so is the next
        wait_for(cloud, job, "SUCCEEDED")
        wait_for(cloud, cloud.create_job(THING, METRIC), "SUCCEEDED")
        assert [line["sessionPresent"] for line in host.said(THING, "connected")] == [False, True]
        # when it is lost and resumed while the device is idle, then it takes what was queued
        # meanwhile
        wire.cut()
        last = cloud.create_job(THING, IMPERIAL)
        wait_for(cloud, last, "SUCCEEDED")
        assert [line["sessionPresent"] for line in host.said(THING, "connected")][1:] == [
            True,
            True,
        ]


@pytest.mark.thorough
def test_a_job_survives_a_new_connection(cloud: Cloud, device: Hosted) -> None:
    # given a job in progress
    cloud.deaf = True
    job = cloud.create_job(THING, IMPERIAL)
    device.wait_for_log(THING, "job")
    # when the connection is rebuilt, with a session of its own
    cloud.change(THING, clean="now")
    device.wait_for_log(THING, "connected", count=2)
    cloud.deaf = False
    # then it is done in the end, and so is the next
    wait_for(cloud, job, "SUCCEEDED")
    wait_for(cloud, cloud.create_job(THING, METRIC), "SUCCEEDED")


def test_a_cancelled_job_makes_way_for_the_next(cloud: Cloud, device: Hosted) -> None:
    # given a job in progress
    cloud.deaf = True
    first, second = cloud.create_job(THING, IMPERIAL), cloud.create_job(THING, METRIC)
    device.wait_for_log(THING, "job")
    # when it is cancelled
    cloud.end_job(THING, first, "CANCELED")
    # then the device stops it, reports nothing more, and does the next
    wait_for(cloud, second, "SUCCEEDED")
    assert first.history == []
    assert len(device.said(THING, "job taken away")) == 1


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("status", ["TIMED_OUT", "CANCELED"])
def test_a_job_whose_end_nobody_tells_is_noticed(cloud: Cloud, device: Hosted, status: str) -> None:
    cloud.deaf = True
    first, second = cloud.create_job(THING, IMPERIAL), cloud.create_job(THING, METRIC)
    device.wait_for_log(THING, "job")
    # when it ends without a notification
    first.step(status)
    # then the device notices all the same
    wait_for(cloud, second, "SUCCEEDED")
    assert "TerminalStateReached" in device.wait_for_log(THING, "job taken away")[0]["reason"]


@pytest.mark.thorough
@pytest.mark.usefixtures("quick")
def test_lost_requests_and_throttling_are_overcome(cloud: Cloud, device: Hosted) -> None:
    # given a service that loses a request of each kind, and throttles
    cloud.lost += ["start-next", "job-1/update"]
    job = cloud.create_job(THING, IMPERIAL)
    device.wait_for_log(THING, "the request for jobs failed")
    cloud.jobs[THING].refuse += ["RequestThrottled"] * 2
    # then the job is done all the same, and reported once
    wait_for(cloud, job, "SUCCEEDED")
    assert [status for status, _ in job.history] == ["SUCCEEDED"]


@pytest.mark.parametrize("depth", [100, 5000])
def test_a_document_that_nobody_can_read_is_rejected(
    cloud: Cloud, device: Hosted, depth: int
) -> None:
    nested = {"operation": "change-unit", "unit": None}
    job = cloud.create_job(THING, nested)
    wait_for(cloud, job, "REJECTED")
    assert (job.details["field"], job.details["code"]) == ("unit", "INVALID_DOCUMENT")
    # when the SDK itself, or the device, fails at a document
    jobs = cloud.jobs[THING]
    deep, _ = jobs.create(IMPERIAL)
    deep.document = Nested(depth)
    cloud.publish(
        f"$aws/things/{THING}/jobs/notify-next",
        json.dumps({"execution": deep.view(document=False)}).encode(),
    )
    # then it is rejected, and the next is done
    wait_for(cloud, deep, "REJECTED")
    assert deep.details["field"] == "document"
    wait_for(cloud, cloud.create_job(THING, IMPERIAL), "SUCCEEDED")


class Nested(float):
    """Something that is JSON of so many levels when it is written: `json` writes floats by their
    `__repr__`.
    """

    def __repr__(self) -> str:
        return "[" * int(self) + "]" * int(self)

    def __deepcopy__(self, _memo: object) -> "Nested":
        return self
