"""The successor of a device's certificate: who gets none, and who may neither confirm nor abandon
one.
"""

import base64
import json
from typing import Any

import pytest

from certificates import issue_next_certificate, settle_next_certificate
from common.clients import NEVER_REPEAT
from tests.unit.built import CLIENTS, built
from tests.unit.doubles import faults
from tests.unit.doubles.iot import Job
from tests.unit.functions.next_certificate.rotation import CSR, ROTATE, World, id_of


@pytest.mark.parametrize(
    ("status", "document"),
    [("QUEUED", ROTATE), ("SUCCEEDED", ROTATE), ("CANCELED", ROTATE), ("IN_PROGRESS", "[]"),
    ("IN_PROGRESS", "no"),
     ("IN_PROGRESS", '{"operation": "change-unit"}')],
)  # fmt: skip
def test_without_such_a_job_there_is_no_certificate(
    world: World, status: str, document: str
) -> None:
    # given
    world.iot.jobs["job"] = Job(document, {"lamp": status})
    # when
    verdict, answer = world.create()
    # then
    assert (verdict, answer["jobId"], answer["code"]) == ("rejected", "job", "NO_SUCH_JOB")
    assert world.iot.ever_made == 1


def test_a_job_of_another_thing_does_not_count(world: World) -> None:
    world.iot.jobs["job"] = Job(ROTATE, {"other": "IN_PROGRESS"})
    assert world.create()[1]["code"] == "NO_SUCH_JOB"
    assert world.create("unheard-of")[1]["code"] == "NO_SUCH_JOB"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"status": "FAILED", "given_up_at": "2026-01-01T00:00:00.000Z"}, "NO_SUCH_DEVICE"),
        ({"deprovisioning": "arn"}, "NO_SUCH_DEVICE"),
        ({"certificate_id": "0" * 64}, "NOT_ALLOWED"),
        ({"next_certificate_id": "0" * 64, "next_certificate_arn": "arn"}, "CONFLICT"),
        ({"abandoned_rotation": "job"}, "ABANDONED"),
    ],
)
def test_a_device_that_may_have_none_gets_none(
    world: World, change: dict[str, str], code: str
) -> None:
    # given
    row = {**world.row, **change}
    world.table.delete_item(Key={"thing_name": "lamp"})
    world.table.put_item(Item=row)
    # when
    verdict, answer = world.create()
    # then
    assert (verdict, answer["code"]) == ("rejected", code)
    assert world.iot.ever_made == 1
    assert world.table.scan()["Items"] == [row]


@pytest.mark.parametrize(
    "change", [{"status": "TERMINATED"}, {"status": "FAILED"}, {"thing_name": "other"}]
)
def test_a_device_of_another_stack_is_left_to_it(
    world: World, context: Any, change: dict[str, str]
) -> None:
    """Two stacks of an account and region hear the same topics: a word of the wrong one would end
    the job.
    """
    # given
    row = {**world.row, **change}
    world.table.delete_item(Key={"thing_name": "lamp"})
    world.table.put_item(Item=row)
    asked = {
        "create": ({"jobId": "job", "csr": CSR}, issue_next_certificate),
        "confirm": ({"jobId": "job", "certificateId": id_of(world.first)}, settle_next_certificate),
        "abandon": ({"jobId": "job"}, settle_next_certificate),
    }
    for request, (content, function) in asked.items():
        # when
        payload = base64.b64encode(json.dumps(content).encode()).decode()
        event = {
            "thingName": "lamp",
            "request": request,
            "principal": id_of(world.first),
            "payload": payload,
        }
        answer = built(function)(event, context)
        # then
        assert answer == {"thingName": "lamp", "jobId": "job", "code": "NO_SUCH_DEVICE"}
    assert world.shadows.published == []
    assert world.iot.ever_made == 1
    assert world.table.scan()["Items"] == [row]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff", "payload: must be UTF-8"),
        (b"{", "JSON"),
        (b"[" * 100_000, "payload: must not be nested more than 64 levels deep"),
        ([], "object"),
        ({"jobId": "job"}, "csr"),
        ({"jobId": "job", "csr": CSR, "more": ""}, "csr"),
        ({"jobId": "job", "csr": 7}, "csr: must be a string"),
        ({"jobId": "a job", "csr": CSR}, "jobId"),
        ({"jobId": "job", "csr": ""}, "csr"),
        ({"jobId": "job", "csr": CSR + CSR}, "csr"),
        ({"jobId": "job", "csr": CSR + "\n" * 4096}, "csr"),
        ({"jobId": "job", "csr": CSR.replace("REQUEST", "")}, "csr"),
        ({"jobId": "job", "csr": CSR.replace("\nMI", "\nAA", 1)}, "csr"),
        ({"jobId": "job", "csr": CSR[:100] + CSR[104:]}, "csr"),
    ],
)
def test_a_request_that_is_none_is_refused(world: World, content: object, reason: str) -> None:
    # when
    verdict, answer = world.say("create", content)
    # then
    assert (verdict, answer["code"]) == ("rejected", "INVALID_REQUEST")
    assert reason in answer["reason"]
    assert world.iot.ever_made == 1


def test_what_aws_iot_refuses_is_refused(world: World) -> None:
    with faults.refused(
        CLIENTS.client("iot", NEVER_REPEAT),
        "CreateCertificateFromCsr",
        "InvalidRequestException",
        400,
    ):
        assert world.create()[1]["code"] == "INVALID_REQUEST"
    assert not world.row.keys() & {"next_certificate_id", "certificate_requests"}


def test_only_the_successor_itself_can_confirm(world: World) -> None:
    # given
    new = world.create()[1]["certificateId"]
    # then
    assert world.confirm(new, principal=id_of(world.first))[1]["code"] == "NOT_ALLOWED"
    assert world.confirm("0" * 64)[1]["code"] == "UNKNOWN_CERTIFICATE"
    assert world.confirm(new, job_id="other")[1]["code"] == "UNKNOWN_CERTIFICATE"
    assert world.confirm("new")[1]["code"] == "INVALID_REQUEST"
    assert world.valid() == {id_of(world.first), new}


def test_only_the_certificate_in_force_can_abandon(world: World) -> None:
    # given
    new = world.create()[1]["certificateId"]
    # then
    assert world.abandon(principal=new)[1]["code"] == "NOT_ALLOWED"
    assert world.abandon("other") == (
        "accepted",
        {"jobId": "other", "certificateId": id_of(world.first)},
    )
    assert world.valid() == {id_of(world.first), new}
    # when
    assert world.abandon() == ("accepted", {"jobId": "job", "certificateId": id_of(world.first)})
    # then
    assert world.valid() == {id_of(world.first)}
    assert world.create()[1]["code"] == "ABANDONED"


def test_a_device_that_is_gone_settles_nothing(world: World) -> None:
    # given
    new = world.create()[1]["certificateId"]
    world.write(deprovisioning="arn")
    # then
    assert world.confirm(new)[1]["code"] == "NO_SUCH_DEVICE"
    assert world.abandon()[1]["code"] == "NO_SUCH_DEVICE"
