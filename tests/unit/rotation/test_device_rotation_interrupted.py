"""rotate-cert: cancelled, switched off in the middle, or overtaken by another job."""

import pytest

from tests.unit.rotation.bench import BASE, NEW_ID, OLD_ID, Bench
from virtual_device.base.jsonvalue import JsonObject
from virtual_device.rotation.course import GRACE_SECONDS
from virtual_device.rotation.rotation import ROTATION_FILE


def test_cancelled_before_the_trial_it_is_given_up(bench: Bench) -> None:
    # given
    bench.to("create")
    # when
    bench.operation.cancel()
    # then
    assert bench.asked[-1] == "abandon"
    bench.certify()
    assert bench.device.trials == []
    bench.answer("abandon")
    assert bench.kept is None
    assert bench.report.end is None
    assert bench.in_force == OLD_ID


def test_cancelled_while_the_key_is_made_it_asks_nothing(bench: Bench) -> None:
    bench.begin()
    bench.operation.cancel()
    bench.device.works.pop()()
    assert bench.asked == []
    assert bench.rotator.idle


def test_a_key_that_was_made_for_a_cancelled_job_serves_no_other(bench: Bench) -> None:
    # given
    bench.begin("first")
    bench.operation.cancel()
    bench.begin("second")
    # when
    for work in bench.device.works:
        work()
    bench.device.subscriptions[-1].done(None)
    # then
    assert [sent.content["jobId"] for sent in bench.device.sent] == ["second"]


@pytest.mark.parametrize("step", ["trial", "confirm"])
def test_cancelled_later_it_is_completed(bench: Bench, step: str) -> None:
    # given
    bench.to(step)
    # when
    bench.operation.cancel()
    if step == "trial":
        bench.tried()
    bench.answer("confirm", certificateId=NEW_ID)
    # then
    assert bench.in_force == NEW_ID
    assert bench.kept is None
    assert bench.report.end is None


@pytest.mark.parametrize("step", ["create", "trial", "confirm", "confirmed"])
def test_switched_off_anywhere_the_job_goes_on_where_it_was(bench: Bench, step: str) -> None:
    # given
    bench.to(step)
    details, requested = bench.report.details, (bench.kept or {}).get("csr")
    # when
    bench.switch_on()
    bench.rotator.on_ready()
    bench.begin(**details)
    # then
    if step == "create":
        bench.device.subscriptions[-1].done(None)
        assert bench.device.sent[-1].content["csr"] == requested
        bench.certify()
    if step in ("create", "trial"):
        bench.tried()
    if step != "confirmed":
        assert bench.asked[-1] == "confirm"
        bench.answer("confirm", certificateId=NEW_ID)
    assert bench.report.end == ("SUCCEEDED", NEW_ID)
    assert bench.in_force == NEW_ID
    assert bench.kept is None


@pytest.mark.parametrize("step", ["create", "trial"])
def test_switched_off_and_its_job_gone_it_is_given_up(bench: Bench, step: str) -> None:
    # given
    bench.to(step)
    bench.switch_on()
    assert bench.rotator.filters == (f"{BASE}/+/+",)
    # when
    bench.rotator.on_ready()
    assert bench.device.timers[-1].seconds == GRACE_SECONDS
    bench.fire()
    # then
    assert bench.asked == ["abandon"]
    bench.answer("abandon")
    assert bench.in_force == OLD_ID
    assert bench.kept is None


def test_switched_off_and_its_job_gone_what_is_in_force_is_confirmed(bench: Bench) -> None:
    # given
    bench.to("confirm")
    bench.switch_on()
    # when
    bench.rotator.on_ready()
    # then
    assert bench.asked == ["confirm"]
    bench.answer("confirm", certificateId=NEW_ID)
    assert bench.in_force == NEW_ID
    assert bench.kept is None


def test_switched_off_while_it_was_given_up_it_is_given_up(bench: Bench) -> None:
    # given
    bench.to("trial")
    bench.tried("handshake failed")
    bench.switch_on()
    # when
    bench.begin()
    bench.rotator.on_ready()
    # then
    assert bench.asked == ["abandon"]
    bench.answer("abandon")
    assert bench.report.end == ("FAILED", "INTERRUPTED")


@pytest.mark.parametrize("step", ["create", "trial"])
def test_another_job_begins_anew(bench: Bench, step: str) -> None:
    # given
    bench.to(step)
    kept = bench.kept
    bench.switch_on()
    # when
    bench.begin("next")
    bench.device.works.pop()()
    # then
    assert bench.kept is not None
    assert kept is not None
    assert (bench.kept["jobId"], kept["jobId"]) == ("next", "job")
    assert bench.kept["privateKey"] != kept["privateKey"]
    assert "new" not in bench.kept


def test_another_job_does_not_come_between(bench: Bench) -> None:
    # given
    bench.to("confirm")
    bench.operation.cancel()
    # when
    bench.begin("next")
    # then
    assert bench.report.end == ("FAILED", "BUSY")
    bench.answer("confirm", certificateId=NEW_ID)
    assert bench.in_force == NEW_ID


@pytest.mark.parametrize(
    "document",
    [{}, {"jobId": "job"}, {"jobId": 1, "privateKey": "x", "csr": "x"}, {"jobId": "j",
    "privateKey": "k", "csr": "c",
     "new": {}, "previous": {}}],
)  # fmt: skip
def test_a_damaged_file_does_not_keep_the_device_from_running(
    bench: Bench, document: JsonObject
) -> None:
    # given
    bench.state.documents[ROTATION_FILE] = dict(document)
    # when
    bench.switch_on()
    bench.rotator.on_ready()
    # then
    assert bench.rotator.idle
    assert bench.device.told
    bench.to("confirmed")
    assert bench.report.end == ("SUCCEEDED", NEW_ID)


def test_a_certificate_is_not_changed_twice_because_the_identity_could_not_be_opened(
    bench: Bench,
) -> None:
    # given a job that was done, but not reported, before the device was switched off
    bench.to("confirmed")
    bench.switch_on()
    # when it comes back while there is no descriptor
    bench.state.lacking = True
    bench.begin(certificateId=NEW_ID)
    assert (bench.asked, bench.device.works, bench.report.end) == ([], [], None)
    # then it is reported once there is
    bench.state.lacking = False
    bench.fire()
    assert bench.device.works == []
    assert bench.report.end is not None
    assert bench.report.end[0] == "SUCCEEDED"


def test_a_job_that_is_cancelled_while_the_identity_can_not_be_opened_begins_nothing(
    bench: Bench,
) -> None:
    bench.state.lacking = True
    bench.begin(certificateId=NEW_ID)
    bench.operation.cancel()
    assert bench.device.timers[-1].call is None
    assert bench.device.works == []
