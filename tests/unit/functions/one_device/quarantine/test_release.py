"""A device is let out: with a new certificate, of its own making or by force."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.errors import (
    DeviceBusy,
    DeviceOffline,
    QuarantineLost,
    RenewalFailed,
)
from common.observability import observed
from holding.hold import Hold
from quarantine import letting_go, renew_identity, settle_quarantine
from tests.unit.built import SESSION, environment
from tests.unit.confining import (
    EXTRA,
    NEXT,
    REASON,
    is_confined,
    is_free,
    quarantine,
    release,
)
from tests.unit.doubles.topics import MemoryTopics
from tests.unit.restarting import THING, Restart, World
from tests.unit.stack import OTHER_QUARANTINE, OTHER_RELEASE, RELEASE, RESTART_MACHINE

pytestmark = pytest.mark.thorough


def test_a_device_is_let_out_with_a_new_certificate_and_all_that_it_had(
    lamp: World, topics: MemoryTopics
) -> None:
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


@pytest.mark.parametrize(
    ("events", "status"), [("", "ONLINE"), ("-", "OFFLINE"), ("-+", "ONLINE"), ("-+-", "OFFLINE")]
)
def test_its_status_is_then_what_presence_tells(
    lamp: World, topics: MemoryTopics, events: str, status: str
) -> None:
    # given
    quarantine(lamp, topics).run()
    last = release(lamp, topics).run("shadow")
    # when
    for event in events:
        (lamp.connect if event == "+" else lamp.disconnect)(lamp.row["certificate_id"])
    last.run()
    # then
    assert (lamp.row["status"], last.status) == (status, status)


def test_a_device_that_is_away_can_be_let_out_by_force_only(
    lamp: World, topics: MemoryTopics
) -> None:
    # given
    quarantine(lamp, topics).run()
    lamp.disconnect(lamp.row["certificate_id"])
    # when
    with pytest.raises(DeviceOffline):
        release(lamp, topics).run()
    # then
    is_confined(lamp)
    assert release(lamp, topics, force=True).run("claim").data["claim"]["verdict"] == "RELEASE"


def test_by_force_it_is_restarted_and_comes_back_confined_at_first(
    lamp: World, topics: MemoryTopics
) -> None:
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


@pytest.mark.parametrize("status", ["FAILED", "REJECTED", "TIMED_OUT", "CANCELED", "REMOVED"])
def test_a_job_that_fails_leaves_it_confined(
    lamp: World, topics: MemoryTopics, status: str
) -> None:
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


def test_a_device_that_does_not_answer_is_not_waited_for_for_ever(
    lamp: World, topics: MemoryTopics
) -> None:
    # given
    quarantine(lamp, topics).run()
    claim = release(lamp, topics).run("claim").data["claim"]
    asked = {"thingName": THING, "execution": RELEASE, "certificateId": claim["certificateId"]}
    now = datetime.now(UTC) + timedelta(seconds=60)
    renew = observed(renew_identity.build(environment(), SESSION, lambda: now))
    for _ in range(2):
        assert not renew({**asked, "force": False}, lamp.context)["renewed"]
    # when
    now += renew_identity.PATIENCE
    with pytest.raises(RenewalFailed, match="force"):
        renew({**asked, "force": False}, lamp.context)


def test_of_two_releases_one_waits_for_the_other(lamp: World, topics: MemoryTopics) -> None:
    quarantine(lamp, topics).run()
    first = release(lamp, topics).run("claim")
    with pytest.raises(DeviceBusy, match="by another execution"):
        release(lamp, topics, OTHER_RELEASE).run("claim")  # Step Functions does not know it yet
    lamp.workflows.runs(RELEASE)
    with pytest.raises(DeviceBusy, match="by another execution"):
        release(lamp, topics, OTHER_RELEASE).run("claim")
    lamp.workflows.ended(RELEASE, "ABORTED")
    release(lamp, topics, OTHER_RELEASE).run()
    is_free(lamp, NEXT)
    assert not first.die()


def test_who_is_being_let_out_is_confined_again_after_that(
    lamp: World, topics: MemoryTopics
) -> None:
    # given
    quarantine(lamp, topics).run()
    going = release(lamp, topics).run("readmit")
    # when
    with pytest.raises(DeviceBusy, match="being released"):
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


def test_a_device_that_flaps_is_settled_all_the_same(
    lamp: World, topics: MemoryTopics, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: it disconnects between the look at the row and the write
    quarantine(lamp, topics).run()
    going = release(lamp, topics).run("shadow")
    certificate, real = lamp.row["certificate_id"], letting_go.release
    events = [lamp.disconnect, lamp.connect, lamp.disconnect]

    def flap(row: Any, hold: Hold) -> str | None:
        if events:
            events.pop(0)(certificate)
        return real(row, hold)

    monkeypatch.setattr(settle_quarantine, "release", flap)
    # when
    going.run()
    # then
    assert going.status == lamp.row["status"] == "OFFLINE"
