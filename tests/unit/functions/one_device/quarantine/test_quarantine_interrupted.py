"""Quarantine and release: restarted or deleted meanwhile, failed and undone, interrupted
anywhere.
"""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.errors import (
    QuarantineLost,
    RenewalFailed,
    TransientError,
)
from quarantine import renew_identity, settle_quarantine
from tests.unit.confining import (
    EXTRA,
    NEXT,
    Confinement,
    is_confined,
    is_free,
    picture,
    quarantine,
    release,
    replace_certificate,
)
from tests.unit.doubles import faults
from tests.unit.doubles.topics import MemoryTopics
from tests.unit.restarting import THING, Restart, World
from tests.unit.stack import RELEASE

pytestmark = pytest.mark.thorough


def test_a_restart_that_fails_leaves_it_confined(lamp: World, topics: MemoryTopics) -> None:
    # given
    quarantine(lamp, topics).run()
    forced = release(lamp, topics, force=True).run("claim")
    asked = {"thingName": THING, "execution": RELEASE, "certificateId": "x", "force": True}
    lamp.call(renew_identity, **{**asked, "certificateId": forced.data["claim"]["certificateId"]})
    lamp.workflows.ended(next(iter(lamp.workflows.started)), "FAILED")
    # when
    with pytest.raises(RenewalFailed, match="FAILED"):
        lamp.call(
            renew_identity, **{**asked, "certificateId": forced.data["claim"]["certificateId"]}
        )
    assert forced.undo()
    # then
    is_confined(lamp)


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


@pytest.mark.parametrize("states", range(1, 5))
@pytest.mark.parametrize("dies", [False, True])
def test_a_quarantine_that_fails_is_undone(
    lamp: World,
    topics: MemoryTopics,
    states: int,
    dies: bool,  # noqa: FBT001
) -> None:
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


def test_a_device_that_is_deleted_while_it_changes_its_certificate_leaves_no_job(
    lamp: World, topics: MemoryTopics
) -> None:
    # given a release that waits for the device, which has a job
    quarantine(lamp, topics).run()
    begun = release(lamp, topics).run("claim")
    claim = begun.data["claim"]
    asked = {"certificateId": claim["certificateId"], "force": claim["force"]}
    lamp.call(renew_identity, thingName=THING, execution=RELEASE, **asked)
    assert lamp.iot.jobs
    # when
    lamp.delete()
    with pytest.raises(QuarantineLost):
        lamp.call(renew_identity, thingName=THING, execution=RELEASE, **asked)
    assert not begun.undo()
    # then
    assert not lamp.iot.jobs
    assert lamp.row["status"] == "TERMINATED"


FAILURES = (TransientError, ClientError, faults.Killed)


@pytest.mark.parametrize("how", faults.HOW)
@pytest.mark.parametrize("make", [quarantine, release], ids=["quarantine", "release"])
def test_every_state_completes_after_every_interruption(
    lamp: World,
    topics: MemoryTopics,
    function_clients: list[Any],
    make: Callable[..., Confinement],
    how: str,
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
    lamp: World,
    topics: MemoryTopics,
    function_clients: list[Any],
    make: Callable[..., Confinement],
    how: str,
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


@pytest.mark.parametrize(("make", "write"), [(quarantine, "_confined"), (release, "release")])
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
