"""The successor of a device's certificate: issued once for a job, with the policies that are due,
and confirmed.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from certificates import issue_next_certificate, settle_next_certificate
from provisioning import clean_up
from tests.unit.built import built
from tests.unit.doubles.ecs import MemoryEcs
from tests.unit.doubles.iot import Job
from tests.unit.functions.next_certificate.rotation import (
    CSR,
    EVENTS,
    OTHER_CSR,
    ROTATE,
    World,
    after_the_certificate_is_made,
    id_of,
)


def test_a_rotation_from_end_to_end(world: World) -> None:
    # when
    verdict, made = world.create()
    # then
    assert verdict == "accepted"
    assert made.keys() == {"jobId", "certificateId", "certificatePem", "csrSha256"}
    assert world.valid() == {id_of(world.first), made["certificateId"]}
    row = world.row
    assert row["certificate_id"] == id_of(world.first)
    assert (row["next_certificate_id"], row["next_certificate_job"]) == (
        made["certificateId"],
        "job",
    )
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
    assert (row["certificate_id"], id_of(row["certificate_arn"])) == (
        made["certificateId"],
        made["certificateId"],
    )
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
            **(
                {"readmitting": True}
                if confined_before
                else {"status": "QUARANTINED", "quarantined_at": "now"}
            )
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


def test_what_somebody_has_made_inactive_stays_so(world: World) -> None:
    # given
    _, made = world.create()
    world.iot.update_certificate(made["certificateId"], "INACTIVE")
    # when
    assert world.create()[0] == "accepted"
    # then
    assert world.valid() == {id_of(world.first)}


@pytest.mark.thorough
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
    built(clean_up)({"input": {"thingName": "lamp"}, "deprovisioning": "arn:removal"}, context)
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
    module = {
        "issue_next_certificate": issue_next_certificate,
        "settle_next_certificate": settle_next_certificate,
    }
    answer = built(module[function])(json.loads((EVENTS / f"{function}.json").read_text()), context)
    assert (answer["thingName"], answer["code"]) == ("dev-SAMPLE", "NO_SUCH_DEVICE")
