"""Quarantine and release: state by state, interrupted, repeated, undone, overtaken."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from common.catalog import Catalog
from common.errors import (
    DeviceBusy,
    DeviceOffline,
    InvalidInput,
    QuarantineLost,
    RenewalFailed,
    ThingNotFound,
    TransientError,
)
from quarantine import claim_quarantine, claim_release, drop_connection, letting_go, renew_identity, settle_quarantine
from tests.unit.confining import EXTRA, NEXT, REASON, Confinement, picture, quarantine, release, replace_certificate
from tests.unit.doubles import faults
from tests.unit.doubles.ecs import MemoryEcs
from tests.unit.doubles.iot import MemoryIot, MemoryShadows
from tests.unit.doubles.topics import MemoryTopics
from tests.unit.doubles.workflows import MemoryWorkflows
from tests.unit.restarting import THING, Restart, World
from tests.unit.stack import OTHER_QUARANTINE, OTHER_RELEASE, QUARANTINE, RELEASE, RESTART_MACHINE

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

pytestmark = pytest.mark.thorough


@pytest.fixture
def lamp(
    idempotency_records: Any,
    catalog: Catalog,
    iot: MemoryIot,
    shadows: MemoryShadows,
    ecs: MemoryEcs,
    workflows: MemoryWorkflows,
    topics: MemoryTopics,
    s3: "S3Client",
    objects: Callable[[], dict[str, Any]],
    context: Any,
) -> World:
    """A world with a bulb that is online, and has a second policy."""
    world = World(catalog, iot, shadows, ecs, workflows, s3, objects, context)
    world.provision()
    iot.create_policy(EXTRA, '{"Statement": []}')
    iot.attach_policy(EXTRA, world.row["certificate_arn"])
    shadows.connected.add(THING)
    return world


def is_confined(world: World) -> None:
    """In every respect."""
    assert world.row["status"] == "QUARANTINED"
    assert all(found.policies == {"playground-quarantine"} for found in world.iot.certificates.values())
    assert world.iot.things[THING].groups == {"playground-devices", "playground-quarantine"}
    assert world.shadows.desired[THING]["quarantine"] is True
    assert not world.row.keys() & {"quarantining", "releasing", "readmitting"}


def is_free(world: World, arn: str, status: str = "ONLINE") -> None:
    """In every respect, with what it had."""
    assert world.row["status"] == status
    assert {name: found.policies for name, found in world.iot.certificates.items()} == {
        arn: {"playground-device", EXTRA}
    }
    assert world.iot.things[THING].groups == {"playground-devices"}
    assert "quarantine" not in world.shadows.desired[THING]
    assert not [name for name in world.row if "quarantin" in name or "releasing" in name or name == "readmitting"]
    assert not world.iot.jobs


def test_a_device_is_confined(lamp: World, topics: MemoryTopics) -> None:
    # when
    done = quarantine(lamp, topics, verdict={"rule": "topic"}).run()
    # then
    is_confined(lamp)
    assert done.status == "QUARANTINED"
    assert (lamp.row["quarantine_reason"], lamp.row["quarantined_by"]) == (REASON, QUARANTINE)
    assert done.data["dropped"] == {"connection": "DELETED"}
    assert lamp.shadows.connected == set()
    (told,) = topics.told
    assert {**told, "at": ""} == {
        "event": "QUARANTINED",
        "thingName": THING,
        "reason": REASON,
        "at": "",
        "execution": QUARANTINE,
        "verdict": {"rule": "topic"},
    }


def test_a_certificate_is_never_without_a_policy(
    lamp: World, topics: MemoryTopics, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    seen: list[set[str]] = []
    detach = lamp.iot.detach_policy

    def look(policyName: str, target: str) -> None:  # noqa: N803
        detach(policyName, target)
        seen.append(set(lamp.iot.certificates[target].policies))

    monkeypatch.setattr(lamp.iot, "detach_policy", look)
    # when
    quarantine(lamp, topics).run()
    release(lamp, topics).run()
    # then
    assert seen
    assert all(seen)


def test_every_certificate_of_the_device_is_confined(lamp: World, topics: MemoryTopics) -> None:
    # given: a successor that was made for a job, and one that somebody attached
    for _ in range(2):
        arn = lamp.iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
        lamp.iot.attach_policy("playground-device", arn)
    lamp.iot.attach_thing_principal(THING, arn)
    lamp.set(next_certificate_arn=next(iter(lamp.iot.certificates.keys() - lamp.iot.things[THING].principals)))
    # when
    quarantine(lamp, topics).run()
    # then
    assert len(lamp.iot.certificates) == 3
    is_confined(lamp)


def test_a_device_without_a_connection_is_confined_too(lamp: World, topics: MemoryTopics) -> None:
    lamp.disconnect(lamp.row["certificate_id"])
    lamp.shadows.connected.clear()
    assert quarantine(lamp, topics).run().data["dropped"] == {"connection": "NONE"}
    is_confined(lamp)


def test_where_there_is_no_such_operation_the_connection_is_taken_over(
    lamp: World, topics: MemoryTopics, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    taken: list[str] = []
    monkeypatch.setattr(drop_connection, "take_over", lambda _session, _endpoint, client_id: taken.append(client_id))
    client = drop_connection.iot_data_client
    # when
    with faults.refused(client, "DeleteConnection", "InvalidRequestException", 400):
        assert quarantine(lamp, topics).run().data["dropped"] == {"connection": "TAKEN_OVER"}
    # then
    assert taken == [THING]


@pytest.mark.parametrize("make", [quarantine, release])
def test_a_second_one_has_nothing_to_do(lamp: World, topics: MemoryTopics, make: Callable[..., Confinement]) -> None:
    # given
    quarantine(lamp, topics).run()
    if make is release:
        release(lamp, topics).run()
    before = picture(lamp)
    # when
    again = make(lamp, topics, arn=OTHER_QUARANTINE).run()
    # then
    assert again.data["claim"]["verdict"] == "NOTHING"
    assert picture(lamp) == before
    assert not again.undo()
    assert picture(lamp) == before


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"deprovisioning": "arn"}, DeviceBusy),
        ({"restarting": "arn"}, DeviceBusy),
        ({"task_token": "token"}, DeviceBusy),
        ({"status": "PROVISIONING"}, DeviceBusy),
        ({"status": "FAILED", "given_up_at": "now"}, DeviceBusy),
        ({"status": "FAILED"}, ThingNotFound),
        ({"status": "TERMINATED"}, ThingNotFound),
    ],
    ids=str,
)
def test_who_is_otherwise_engaged_is_not_confined(
    lamp: World, topics: MemoryTopics, change: dict[str, Any], error: type[Exception]
) -> None:
    # given
    lamp.set(**change)
    before = picture(lamp)
    # when
    with pytest.raises(error):
        quarantine(lamp, topics).run()
    # then
    assert picture(lamp) == before


@pytest.mark.parametrize(
    ("module", "asked", "field"),
    [
        (claim_quarantine, [], "input"),
        (claim_quarantine, {"thingName": THING}, "reason"),
        (claim_quarantine, {"thingName": THING, "reason": " "}, "reason"),
        (claim_quarantine, {"thingName": THING, "reason": "x" * 513}, "reason"),
        (claim_quarantine, {"thingName": THING, "reason": "x", "verdict": "bad"}, "verdict"),
        (claim_quarantine, {"thingName": THING, "reason": "x", "force": True}, "force"),
        (claim_quarantine, {"thingName": "a/b", "reason": "x"}, "thingName"),
        (claim_release, {"thingName": THING, "force": "yes"}, "force"),
        (claim_release, {"thingName": THING, "reason": "x"}, "reason"),
    ],
)
def test_bad_input_is_told_with_its_field(lamp: World, module: Any, asked: Any, field: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{field}: "):
        lamp.call(module, input=asked, execution=QUARANTINE)


def test_of_two_at_once_one_waits(lamp: World, topics: MemoryTopics) -> None:
    # given
    first = quarantine(lamp, topics).run("claim")
    lamp.workflows.runs(QUARANTINE)
    # when
    with pytest.raises(DeviceBusy, match="by another execution"):
        quarantine(lamp, topics, OTHER_QUARANTINE).run("claim")
    first.run()
    # then
    assert quarantine(lamp, topics, OTHER_QUARANTINE).run().data["claim"]["verdict"] == "NOTHING"


def test_one_takes_over_from_one_that_is_dead(lamp: World, topics: MemoryTopics) -> None:
    # given
    dead = quarantine(lamp, topics).run("isolate")
    # when
    quarantine(lamp, topics, OTHER_QUARANTINE).run()
    # then
    is_confined(lamp)
    assert not dead.die()
    is_confined(lamp)


def test_a_device_is_let_out_with_a_new_certificate_and_all_that_it_had(lamp: World, topics: MemoryTopics) -> None:
    # given
    quarantine(lamp, topics).run()
    # when
    asked = release(lamp, topics).run("claim")
    lamp.call(
        renew_identity,
        thingName=THING,
        execution=RELEASE,
        certificateId=asked.data["claim"]["certificateId"],
        force=False,
    )
    # then: it is asked to change its certificate, and stays where it is
    (job,) = lamp.iot.jobs.values()
    assert json.loads(job.document)["operation"] == "rotate-cert"
    assert job.executions == {THING: "QUEUED"}
    assert lamp.row["status"] == "QUARANTINED"
    # when
    asked.run()
    # then
    is_free(lamp, NEXT)
    assert [told["event"] for told in topics.told] == ["QUARANTINED", "RELEASED"]
    assert topics.told[-1]["reason"] == REASON


def test_what_was_deleted_meanwhile_is_not_given_back(lamp: World, topics: MemoryTopics) -> None:
    # given
    quarantine(lamp, topics).run()
    lamp.iot.policies.remove(EXTRA)
    # when
    release(lamp, topics).run()
    # then
    assert lamp.iot.certificates[NEXT].policies == {"playground-device"}


@pytest.mark.parametrize(("events", "status"), [("", "ONLINE"), ("-", "OFFLINE"), ("-+", "ONLINE"), ("-+-", "OFFLINE")])
def test_its_status_is_then_what_presence_tells(lamp: World, topics: MemoryTopics, events: str, status: str) -> None:
    # given
    quarantine(lamp, topics).run()
    last = release(lamp, topics).run("shadow")
    # when
    for event in events:
        (lamp.connect if event == "+" else lamp.disconnect)(lamp.row["certificate_id"])
    last.run()
    # then
    assert (lamp.row["status"], last.status) == (status, status)


def test_a_device_that_is_away_can_be_let_out_by_force_only(lamp: World, topics: MemoryTopics) -> None:
    # given
    quarantine(lamp, topics).run()
    lamp.disconnect(lamp.row["certificate_id"])
    # when
    with pytest.raises(DeviceOffline):
        release(lamp, topics).run()
    # then
    is_confined(lamp)
    assert release(lamp, topics, force=True).run("claim").data["claim"]["verdict"] == "RELEASE"


def test_by_force_it_is_restarted_and_comes_back_confined_at_first(lamp: World, topics: MemoryTopics) -> None:
    # given
    quarantine(lamp, topics).run()
    forced = release(lamp, topics, force=True).run("claim")
    certificate = forced.data["claim"]["certificateId"]
    asked = {"thingName": THING, "execution": RELEASE, "certificateId": certificate, "force": True}
    # when
    answers = [lamp.call(renew_identity, **asked)["renewed"] for _ in range(2)]
    # then: one restart, however often it is asked
    assert answers == [False, False]
    ((arn, given),) = lamp.workflows.started.items()
    assert (given, arn.startswith(RESTART_MACHINE.replace(":stateMachine:", ":execution:"))) == (
        {"thingName": THING},
        True,
    )
    # when
    restart = Restart(lamp, given, arn).run("wait")
    lamp.connect(restart.data["certificate"]["certificateId"])
    assert not lamp.call(renew_identity, **asked)["renewed"]
    restart.run()
    # then
    made = restart.data["certificate"]["certificateArn"]
    assert lamp.iot.certificates[made].policies == {"playground-quarantine"}
    assert lamp.row["status"] == "QUARANTINED"
    assert lamp.workflows.answers[-1][1] == {"status": "QUARANTINED"}
    forced.run()
    is_free(lamp, made)


def test_a_restart_that_fails_leaves_it_confined(lamp: World, topics: MemoryTopics) -> None:
    # given
    quarantine(lamp, topics).run()
    forced = release(lamp, topics, force=True).run("claim")
    asked = {"thingName": THING, "execution": RELEASE, "certificateId": "x", "force": True}
    lamp.call(renew_identity, **{**asked, "certificateId": forced.data["claim"]["certificateId"]})
    lamp.workflows.ended(next(iter(lamp.workflows.started)), "FAILED")
    # when
    with pytest.raises(RenewalFailed, match="FAILED"):
        lamp.call(renew_identity, **{**asked, "certificateId": forced.data["claim"]["certificateId"]})
    assert forced.undo()
    # then
    is_confined(lamp)


@pytest.mark.parametrize("status", ["FAILED", "REJECTED", "TIMED_OUT", "CANCELED", "REMOVED"])
def test_a_job_that_fails_leaves_it_confined(lamp: World, topics: MemoryTopics, status: str) -> None:
    # given
    quarantine(lamp, topics).run()
    asked = release(lamp, topics).run("claim")
    certificate = asked.data["claim"]["certificateId"]
    call = {"thingName": THING, "execution": RELEASE, "certificateId": certificate, "force": False}
    lamp.call(renew_identity, **call)
    next(iter(lamp.iot.jobs.values())).executions[THING] = status
    # when
    with pytest.raises(RenewalFailed, match=status):
        lamp.call(renew_identity, **call)
    assert asked.undo()
    # then
    is_confined(lamp)
    assert not lamp.iot.jobs


def test_a_device_that_does_not_answer_is_not_waited_for_for_ever(lamp: World, topics: MemoryTopics) -> None:
    # given
    quarantine(lamp, topics).run()
    claim = release(lamp, topics).run("claim").data["claim"]
    request = renew_identity.RenewalRequest(THING, RELEASE, claim["certificateId"], force=False)
    soon = datetime.now(UTC) + timedelta(seconds=60)
    assert not renew_identity.renewal.renew(request, soon)
    assert not renew_identity.renewal.renew(request, soon)
    # when
    with pytest.raises(RenewalFailed, match="force"):
        renew_identity.renewal.renew(request, soon + renew_identity.PATIENCE)


def test_a_restarted_device_stays_in_quarantine(lamp: World, topics: MemoryTopics) -> None:
    # given
    quarantine(lamp, topics).run()
    task_arn = lamp.stop()
    # when
    assert lamp.tell(task_arn) == "RESTARTING"
    restart = Restart(lamp, {"thingName": THING, "stoppedTask": task_arn}).run("wait")
    assert lamp.row["status"] == "QUARANTINED"
    lamp.connect(restart.data["certificate"]["certificateId"])
    restart.run()
    # then
    is_confined(lamp)
    assert list(lamp.iot.certificates) == [restart.data["certificate"]["certificateArn"]]
    # and what it had is given back to the certificate that it has by then
    release(lamp, topics).run()
    is_free(lamp, NEXT)


def test_a_restart_that_is_undone_leaves_it_confined(lamp: World, topics: MemoryTopics) -> None:
    quarantine(lamp, topics).run()
    restart = Restart(lamp, {"thingName": THING}).run("task")
    assert restart.undo()
    is_confined(lamp)


def test_nothing_is_confined_while_it_is_deleted(lamp: World, topics: MemoryTopics) -> None:
    # given
    begun = quarantine(lamp, topics).run("claim")
    # when
    lamp.delete()
    # then
    for name in ("isolate", "shadow", "drop", "settle"):
        with pytest.raises(QuarantineLost):
            begun.step(name)
    assert not begun.undo()
    assert (lamp.iot.things, lamp.iot.certificates, lamp.shadows.desired) == ({}, {}, {})
    assert not [name for name in lamp.row if "quarantin" in name]


def test_a_device_is_deleted_in_quarantine(lamp: World, topics: MemoryTopics) -> None:
    # given
    quarantine(lamp, topics).run()
    # when
    lamp.delete()
    # then
    assert lamp.row["status"] == "TERMINATED"
    assert (lamp.iot.things, lamp.iot.certificates, lamp.shadows.desired) == ({}, {}, {})
    assert not [name for name in lamp.row if "quarantin" in name]


def test_of_two_releases_one_waits_for_the_other(lamp: World, topics: MemoryTopics) -> None:
    quarantine(lamp, topics).run()
    first = release(lamp, topics).run("claim")
    lamp.workflows.runs(RELEASE)
    with pytest.raises(DeviceBusy, match="by another execution"):
        release(lamp, topics, OTHER_RELEASE).run("claim")
    lamp.workflows.ended(RELEASE, "ABORTED")
    release(lamp, topics, OTHER_RELEASE).run()
    is_free(lamp, NEXT)
    assert not first.die()


def test_who_is_being_let_out_is_confined_again_after_that(lamp: World, topics: MemoryTopics) -> None:
    # given
    quarantine(lamp, topics).run()
    going = release(lamp, topics).run("readmit")
    # when
    with pytest.raises(DeviceBusy, match="let out"):
        quarantine(lamp, topics, OTHER_QUARANTINE).run()
    going.run()
    quarantine(lamp, topics, OTHER_QUARANTINE).run()
    # then
    is_confined(lamp)


def test_nobody_is_let_out_during_a_restart(lamp: World, topics: MemoryTopics) -> None:
    quarantine(lamp, topics).run()
    going = release(lamp, topics).run("renew")
    Restart(lamp, {"thingName": THING}).run("claim")
    with pytest.raises(QuarantineLost):
        going.run()
    assert going.undo()
    assert lamp.row["status"] == "QUARANTINED"


@pytest.mark.parametrize("states", range(1, 5))
@pytest.mark.parametrize("dies", [False, True])
def test_a_quarantine_that_fails_is_undone(lamp: World, topics: MemoryTopics, states: int, dies: bool) -> None:  # noqa: FBT001
    # given
    before = picture(lamp)
    begun = quarantine(lamp, topics)
    for name in begun.states[:states]:
        begun.step(name)
    # when
    assert begun.die() if dies else begun.undo()
    # then
    assert picture(lamp) == before
    is_free(lamp, lamp.row["certificate_arn"])
    assert not begun.undo()


@pytest.mark.parametrize("states", range(1, 5))
def test_a_release_that_fails_is_undone(lamp: World, topics: MemoryTopics, states: int) -> None:
    # given
    quarantine(lamp, topics).run()
    begun = release(lamp, topics)
    for name in begun.states[:states]:
        begun.step(name)
    # when
    assert begun.die()
    # then
    is_confined(lamp)
    assert not begun.undo()
    assert set(lamp.row["quarantine_policies"]) == {EXTRA}


FAILURES = (TransientError, ClientError, faults.Killed)


@pytest.mark.parametrize("how", faults.HOW)
@pytest.mark.parametrize("make", [quarantine, release], ids=["quarantine", "release"])
def test_every_state_completes_after_every_interruption(
    lamp: World, topics: MemoryTopics, function_clients: list[Any], make: Callable[..., Confinement], how: str
) -> None:
    """The state is tried again, as the workflow does."""
    if make is release:
        quarantine(lamp, topics).run()
        replace_certificate(lamp)
        lamp.set(certificate_id="old")
        begun = release(lamp, topics)
        begun.step("claim")
        lamp.set(certificate_id=NEXT.rpartition("/")[2])
    else:
        begun = quarantine(lamp, topics)
    for name in begun.states[len(begun.done) :]:
        at = 0
        while True:
            at += 1
            with faults.interrupted(function_clients, at, how) as interruption:
                try:
                    begun.step(name)
                except FAILURES:
                    continue
            if not interruption.operation:
                break
    if make is release:
        is_free(lamp, NEXT)
    else:
        is_confined(lamp)


@pytest.mark.parametrize("how", faults.HOW)
@pytest.mark.parametrize("make", [quarantine, release], ids=["quarantine", "release"])
def test_the_undoing_completes_after_every_interruption(
    lamp: World, topics: MemoryTopics, function_clients: list[Any], make: Callable[..., Confinement], how: str
) -> None:
    if make is release:
        quarantine(lamp, topics).run()
    before = picture(lamp)
    begun = make(lamp, topics).run("shadow")
    at = 0
    while True:
        at += 1
        with faults.interrupted(function_clients, at, how) as interruption:
            try:
                begun.undo()
            except FAILURES:
                continue
        if not interruption.operation:
            break
    if make is release:
        is_confined(lamp)
    else:
        assert picture(lamp) == before


def test_a_device_that_flaps_is_settled_all_the_same(
    lamp: World, topics: MemoryTopics, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: it disconnects between the look at the row and the write
    quarantine(lamp, topics).run()
    going = release(lamp, topics).run("shadow")
    certificate, real = lamp.row["certificate_id"], letting_go.release
    events = [lamp.disconnect, lamp.connect, lamp.disconnect]

    def flap(row: Any, execution_arn: str, catalog: Catalog) -> str | None:
        if events:
            events.pop(0)(certificate)
        return real(row, execution_arn, catalog)

    monkeypatch.setattr(settle_quarantine, "release", flap)
    # when
    going.run()
    # then
    assert going.status == lamp.row["status"] == "OFFLINE"


@pytest.mark.parametrize(("make", "write"), [(quarantine, "update_held"), (release, "release")])
def test_the_last_word_may_be_said_twice(
    lamp: World,
    topics: MemoryTopics,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[..., Confinement],
    write: str,
) -> None:
    # given: the answer to the write that lets the device go is lost, and the SDK repeats the call
    if make is release:
        quarantine(lamp, topics).run()
    going, real = make(lamp, topics).run("shadow"), getattr(settle_quarantine, write)

    def repeated(*given: Any, **more: Any) -> Any:
        real(*given, **more)
        return real(*given, **more)

    monkeypatch.setattr(settle_quarantine, write, repeated)
    # when
    going.run()
    # then
    assert going.status == lamp.row["status"] == ("QUARANTINED" if make is quarantine else "ONLINE")
