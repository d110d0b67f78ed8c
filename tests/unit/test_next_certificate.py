"""The successor of a device's certificate: issued for a job only, confirmed over itself, abandoned over the other."""

import base64
import copy
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.errors import TransientError
from common.identifiers import owner_of
from identity import issue_next_certificate, settle_next_certificate
from provisioning import clean_up
from tests.unit.doubles import faults
from tests.unit.doubles.ecs import MemoryEcs
from tests.unit.doubles.iot import Job, MemoryIot, MemoryShadows, Thing
from tests.unit.stack import EXECUTION

EVENTS = Path(__file__).parents[2] / "events"
CSR = json.loads(base64.b64decode(json.loads((EVENTS / "issue_next_certificate.json").read_text())["payload"]))["csr"]
OTHER_CSR = CSR.replace("\n-----END", "\r\n-----END")
ROTATE = '{"operation": "rotate-cert"}'
TOPIC = "cmd/playground/lamp/certificate"


def id_of(arn: str) -> str:
    return arn.rpartition("/")[2]


@dataclass
class World:
    """A device `lamp` with a certificate, and a job that asks it to have a new one."""

    iot: MemoryIot
    shadows: MemoryShadows
    table: Any
    context: Any
    first: str
    """Its certificate's ARN."""

    @property
    def row(self) -> dict[str, Any]:
        return dict(self.table.get_item(Key={"thing_name": "lamp"})["Item"])

    def write(self, **values: Any) -> None:
        self.table.put_item(Item={**self.row, **values})

    def say(self, request: str, content: object, principal: str = "") -> tuple[str, dict[str, Any]]:
        """The device says something; gives the verdict and the answer that it gets."""
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        event = {
            "thingName": "lamp",
            "request": request,
            "principal": principal or id_of(self.first),
            "payload": base64.b64encode(payload).decode(),
        }
        function = issue_next_certificate if request == "create" else settle_next_certificate
        function.handler(event, self.context)
        topic, answer = self.shadows.published[-1]
        assert topic.startswith(f"{TOPIC}/{request}/")
        return topic.rpartition("/")[2], answer

    def create(self, job_id: str = "job", csr: str = CSR, principal: str = "") -> tuple[str, dict[str, Any]]:
        return self.say("create", {"jobId": job_id, "csr": csr}, principal)

    def confirm(self, certificate_id: str, job_id: str = "job", principal: str = "") -> tuple[str, dict[str, Any]]:
        return self.say("confirm", {"jobId": job_id, "certificateId": certificate_id}, principal or certificate_id)

    def abandon(self, job_id: str = "job", principal: str = "") -> tuple[str, dict[str, Any]]:
        return self.say("abandon", {"jobId": job_id}, principal)

    def valid(self) -> set[str]:
        """Certificates that a device could connect with."""
        return {
            id_of(arn)
            for arn, certificate in self.iot.certificates.items()
            if certificate.status == "ACTIVE" and certificate.policies and arn in self.iot.things["lamp"].principals
        }


@pytest.fixture
def world(iot: MemoryIot, shadows: MemoryShadows, table: Any, context: Any) -> World:
    arn = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    iot.things["lamp"] = Thing("playground-bulb", {"execution": owner_of(EXECUTION)}, principals={arn})
    iot.attach_policy("playground-device", arn)
    iot.jobs["job"] = Job(ROTATE, {"lamp": "IN_PROGRESS"})
    table.put_item(
        Item={
            "thing_name": "lamp",
            "status": "ONLINE",
            "execution_arn": EXECUTION,
            "certificate_id": id_of(arn),
            "certificate_arn": arn,
        }
    )
    return World(iot, shadows, table, context, arn)


@pytest.fixture
def sdk_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)


def test_a_rotation_from_end_to_end(world: World) -> None:
    # when
    verdict, made = world.create()
    # then
    assert verdict == "accepted"
    assert made.keys() == {"jobId", "certificateId", "certificatePem", "csrSha256"}
    assert world.valid() == {id_of(world.first), made["certificateId"]}
    row = world.row
    assert row["certificate_id"] == id_of(world.first)
    assert (row["next_certificate_id"], row["next_certificate_job"]) == (made["certificateId"], "job")
    assert "certificate_requests" not in row
    # when
    assert world.confirm(made["certificateId"]) == (
        "accepted",
        {"jobId": "job", "certificateId": made["certificateId"]},
    )
    # then
    assert world.valid() == {made["certificateId"]}
    assert [id_of(arn) for arn in world.iot.certificates] == [made["certificateId"]]
    assert world.iot.revoked == [id_of(world.first)]
    row = world.row
    assert (row["certificate_id"], id_of(row["certificate_arn"])) == (made["certificateId"], made["certificateId"])
    assert not {name for name in row if name.startswith(("next_", "retired_"))}


def policies_of_the_successor(world: World) -> set[str]:
    return world.iot.certificates[world.row["next_certificate_arn"]].policies


def test_in_quarantine_the_successor_is_confined_too(world: World) -> None:
    # given
    world.write(status="QUARANTINED", quarantined_at="now")
    # when
    assert [world.create()[0], world.create()[0]] == ["accepted", "accepted"]
    # then
    assert policies_of_the_successor(world) == {"playground-quarantine"}


@pytest.mark.parametrize("confined_before", [False, True])
def test_a_quarantine_that_begins_or_ends_meanwhile_is_noticed(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    confined_before: bool,  # noqa: FBT001
) -> None:
    # given: the row changes when the first policy is attached
    if confined_before:
        world.write(status="QUARANTINED", quarantined_at="now")
    attach = world.iot.attach_policy

    def change(policyName: str, target: str) -> None:  # noqa: N803
        attach(policyName, target)
        world.write(
            **({"readmitting": True} if confined_before else {"status": "QUARANTINED", "quarantined_at": "now"})
        )

    monkeypatch.setattr(world.iot, "attach_policy", change)
    # when
    world.create()
    # then
    expected = "playground-device" if confined_before else "playground-quarantine"
    assert policies_of_the_successor(world) == {expected}


def test_what_somebody_else_has_attached_stays_while_the_device_is_free(world: World) -> None:
    # given
    world.create()
    world.iot.policies.add("playground-of-somebody")
    world.iot.attach_policy("playground-of-somebody", world.row["next_certificate_arn"])
    # when
    world.create()
    # then
    assert policies_of_the_successor(world) == {"playground-device", "playground-of-somebody"}


def test_the_successor_has_the_rights_of_the_links(world: World) -> None:
    # given
    world.iot.create_policy("playground-links-lamp", '{"Statement": []}')
    world.iot.attach_policy("playground-links-lamp", world.first)
    world.write(links={"spot"})
    # when
    made = world.create()[1]["certificateId"]
    # then
    policies = {"playground-device", "playground-links-lamp"}
    assert world.iot.certificates[world.row["next_certificate_arn"]].policies == policies
    # when
    world.confirm(made)
    # then
    assert [one.policies for one in world.iot.certificates.values()] == [policies]


def test_a_successor_that_got_the_rights_of_the_links_first_is_put_to_use(world: World) -> None:
    """A link is made while the certificate is: it may attach its policy before the device's is."""
    # given
    world.iot.create_policy("playground-links-lamp", '{"Statement": []}')

    def linked() -> None:
        arn = next(arn for arn in world.iot.certificates if arn != world.first)
        world.iot.attach_policy("playground-links-lamp", arn)

    # when
    with after_the_certificate_is_made(linked):
        made = world.create()[1]["certificateId"]
    # then
    assert world.valid() == {id_of(world.first), made}


def test_the_same_request_gives_the_same_certificate(world: World) -> None:
    # given
    first = world.create()
    # when
    assert world.create() == first
    # then
    assert world.iot.ever_made == 2


@pytest.mark.parametrize(("job_id", "csr"), [("job", OTHER_CSR), ("next", CSR)])
def test_another_request_replaces_the_successor(world: World, job_id: str, csr: str) -> None:
    # given
    _, first = world.create()
    world.iot.jobs["next"] = Job(ROTATE, {"lamp": "IN_PROGRESS"})
    # when
    _, second = world.create(job_id, csr)
    # then
    assert first["certificateId"] != second["certificateId"]
    assert world.valid() == {id_of(world.first), second["certificateId"]}
    assert world.row["next_certificate_id"] == second["certificateId"]


def test_a_successor_that_somebody_has_deleted_is_made_again(world: World) -> None:
    # given
    _, first = world.create()
    del world.iot.certificates[world.row["next_certificate_arn"]]
    # when
    verdict, second = world.create()
    # then
    assert verdict == "accepted"
    assert second["certificateId"] != first["certificateId"]


@pytest.mark.parametrize(
    ("status", "document"),
    [("QUEUED", ROTATE), ("SUCCEEDED", ROTATE), ("CANCELED", ROTATE), ("IN_PROGRESS", "[]"), ("IN_PROGRESS", "no"),
     ("IN_PROGRESS", '{"operation": "change-unit"}')],
)  # fmt: skip
def test_without_such_a_job_there_is_no_certificate(world: World, status: str, document: str) -> None:
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
        ({"status": "TERMINATED"}, "NO_SUCH_DEVICE"),
        ({"status": "FAILED"}, "NO_SUCH_DEVICE"),
        ({"deprovisioning": "arn"}, "NO_SUCH_DEVICE"),
        ({"thing_name": "other"}, "NO_SUCH_DEVICE"),
        ({"certificate_id": "0" * 64}, "NOT_ALLOWED"),
        ({"next_certificate_id": "0" * 64, "next_certificate_arn": "arn"}, "CONFLICT"),
        ({"abandoned_rotation": "job"}, "ABANDONED"),
    ],
)
def test_a_device_that_may_have_none_gets_none(world: World, change: dict[str, str], code: str) -> None:
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
    ("content", "reason"),
    [
        (b"\xff", "JSON"),
        (b"{", "JSON"),
        (b"[" * 100_000, "JSON"),
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
        issue_next_certificate.issuer.issuing, "CreateCertificateFromCsr", "InvalidRequestException", 400
    ):
        assert world.create()[1]["code"] == "INVALID_REQUEST"
    assert not world.row.keys() & {"next_certificate_id", "certificate_requests"}


def test_an_answer_that_is_no_answer_is_remembered(world: World, sdk_never_waits: None) -> None:
    """AWS IoT may have made one all the same."""
    issuing = issue_next_certificate.issuer.issuing
    with faults.refused(issuing, "CreateCertificateFromCsr"), pytest.raises(TransientError):
        world.create()
    (mark,) = world.row["certificate_requests"]
    assert mark.endswith(f" {world.context.aws_request_id}")


def test_what_somebody_has_made_inactive_stays_so(world: World) -> None:
    # given
    _, made = world.create()
    world.iot.update_certificate(made["certificateId"], "INACTIVE")
    # when
    assert world.create()[0] == "accepted"
    # then
    assert world.valid() == {id_of(world.first)}


@contextmanager
def after_the_certificate_is_made(call: Callable[[], Any]) -> Iterator[None]:
    """Within the block, `call` is made as soon as AWS IoT has made one."""
    events = issue_next_certificate.issuer.issuing.meta.events

    def made(**_: Any) -> None:
        call()

    events.register("after-call.iot.CreateCertificateFromCsr", made)
    try:
        yield
    finally:
        events.unregister("after-call.iot.CreateCertificateFromCsr", made)


def test_a_certificate_that_can_not_be_written_down_is_deleted(world: World, sdk_never_waits: None) -> None:
    table = issue_next_certificate.issuer.succession.table.meta.client
    with (
        ExitStack() as faulty,
        after_the_certificate_is_made(lambda: faulty.enter_context(faults.refused(table, "UpdateItem"))),
        pytest.raises(TransientError),
    ):
        world.create()
    assert (world.iot.ever_made, len(world.iot.certificates)) == (2, 1)


@pytest.mark.parametrize("change", [{"deprovisioning": "arn"}, {"abandoned_rotation": "job"}, {"certificate_id": "x"}])
def test_of_two_who_act_at_once_one_is_refused(world: World, change: dict[str, str]) -> None:
    """What changes in the row while the certificate is being made is not overlooked."""
    # when
    with after_the_certificate_is_made(lambda: world.write(**change)), pytest.raises(TransientError):
        world.create()
    # then
    assert list(world.iot.certificates) == [world.first]
    assert not world.row.keys() & {"next_certificate_id", "certificate_requests"}


@pytest.mark.thorough
@pytest.mark.parametrize("how", faults.HOW)
def test_an_issue_interrupted_anywhere_is_completed_by_the_next(
    world: World, sdk_never_waits: None, function_clients: list[Any], how: str
) -> None:
    """A certificate that was made in the one moment before it is written down stays, and is good for nothing."""
    before = copy.deepcopy((world.iot.certificates, world.iot.things, world.row))
    for at in range(1, 100):
        # given
        certificates, things, row = copy.deepcopy(before)
        world.iot.certificates, world.iot.things = certificates, things
        world.table.put_item(Item=row)
        with (
            faults.interrupted(function_clients, at, how) as interruption,
            suppress(ClientError, TransientError, faults.Killed),
        ):
            world.create()
        if not interruption.operation:
            assert at > 5
            return
        # when
        verdict, made = world.create()
        # then
        assert verdict == "accepted", interruption
        assert world.valid() == {id_of(world.first), made["certificateId"]}, interruption
        # What nobody knows of is not active, and the row tells when it was asked for.
        unknown = [one.status for arn, one in world.iot.certificates.items() if id_of(arn) not in world.valid()]
        assert unknown in ([], ["INACTIVE"]), interruption
        assert len(unknown) <= len(world.row.get("certificate_requests", ())), interruption


@pytest.mark.thorough
@pytest.mark.parametrize("how", ["answer lost", "killed before"])
@pytest.mark.parametrize("request_", ["confirm", "abandon"])
def test_a_settlement_interrupted_anywhere_is_completed_by_the_next(
    world: World, sdk_never_waits: None, function_clients: list[Any], how: str, request_: str
) -> None:
    new = world.create()[1]["certificateId"]
    before = copy.deepcopy((world.iot.certificates, world.iot.things, world.row))

    def settle() -> tuple[str, dict[str, Any]]:
        return world.confirm(new) if request_ == "confirm" else world.abandon()

    for at in range(1, 100):
        # given
        certificates, things, row = copy.deepcopy(before)
        world.iot.certificates, world.iot.things = certificates, things
        world.table.put_item(Item=row)
        with (
            faults.interrupted(function_clients, at, how) as interruption,
            suppress(ClientError, TransientError, faults.Killed),
        ):
            settle()
        if not interruption.operation:
            assert at > 5
            return
        # then: the device can connect, with the certificate that it has in hand
        assert (new if request_ == "confirm" else id_of(world.first)) in world.valid()
        # when
        assert settle()[0] == "accepted", interruption
        # then
        kept = new if request_ == "confirm" else id_of(world.first)
        assert {id_of(arn) for arn in world.iot.certificates} == world.valid() == {kept}, interruption
        assert world.row["certificate_id"] == kept
        assert not {name for name in world.row if name.startswith(("next_", "retired_"))}, interruption


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
    assert world.abandon("other") == ("accepted", {"jobId": "other", "certificateId": id_of(world.first)})
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


@pytest.mark.parametrize("stage", ["issued", "not attached", "promoted", "detached"])
def test_the_devices_removal_takes_the_successor_along(
    world: World, ecs: MemoryEcs, s3: Any, stage: str, context: Any
) -> None:
    # given
    world.create()
    other = world.row["next_certificate_arn"]
    if stage in {"not attached", "detached"}:
        world.iot.things["lamp"].principals.remove(other)
    if stage in {"promoted", "detached"}:
        world.write(retired_certificate_arn=other)
    # when
    clean_up.handler({"input": {"thingName": "lamp"}, "deprovisioning": "arn:removal"}, context)
    # then
    assert not world.iot.certificates or stage == "x"
    assert not {name for name in world.row if name.startswith(("next_", "retired_", "abandoned_"))}


def test_nothing_secret_and_no_request_is_logged(world: World, printed: Callable[[], str]) -> None:
    # when
    new = world.create()[1]
    world.confirm(new["certificateId"])
    # then
    said = printed()
    assert "certificate replaced" in said
    assert "lamp" in said
    assert "BEGIN" not in said


@pytest.mark.parametrize("function", ["issue_next_certificate", "settle_next_certificate"])
def test_the_sample_is_answered(world: World, context: Any, function: str) -> None:
    module = {"issue_next_certificate": issue_next_certificate, "settle_next_certificate": settle_next_certificate}
    answer = module[function].handler(json.loads((EVENTS / f"{function}.json").read_text()), context)
    assert (answer["thingName"], answer["code"]) == ("dev-SAMPLE", "NO_SUCH_DEVICE")
