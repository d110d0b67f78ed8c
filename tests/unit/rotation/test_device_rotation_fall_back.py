"""rotate-cert: the way back to the certificate before, when the new one is not confirmed or can't
be kept.
"""

import pytest

from tests.unit.rotation.bench import NEW_ID, OLD_ID, Bench
from virtual_device.rotation.course import LONELY_SECONDS


def test_a_refused_confirmation_brings_the_old_certificate_back(bench: Bench) -> None:
    # given
    bench.to("confirm")
    # when
    bench.answer("confirm", "rejected", code="UNKNOWN_CERTIFICATE", reason="no")
    # then
    assert bench.device.trials[-1].identity == bench.old
    # when
    bench.tried()
    # then the cloud has the last word
    assert bench.in_force == NEW_ID
    assert bench.asked[-1] == "abandon"
    bench.answer("abandon")
    assert bench.in_force == OLD_ID
    assert bench.kept is None
    assert bench.report.end == ("FAILED", "UNKNOWN_CERTIFICATE")


@pytest.mark.parametrize("restarted", [False, True])
def test_when_the_cloud_holds_on_to_the_new_one_the_device_does_too(
    bench: Bench,
    restarted: bool,  # noqa: FBT001
) -> None:
    """The confirmation had arrived after all, only the old certificate was not deleted yet."""
    # given
    bench.to("confirm")
    bench.rotator.on_disconnected()
    bench.fire()
    bench.tried()
    assert bench.asked[-1] == "abandon"
    # when
    if restarted:
        bench.switch_on()
        bench.rotator.on_ready()
    else:
        bench.answer(
            "abandon", "rejected", code="NOT_ALLOWED", reason="only over the certificate in force"
        )
        assert bench.device.trials[-1].identity.certificate_id == NEW_ID
        bench.tried()
    # then
    assert bench.asked[-1] == "confirm"
    bench.answer("confirm", certificateId=NEW_ID)
    assert bench.in_force == NEW_ID
    assert bench.kept is None
    assert bench.report.end == (None if restarted else ("SUCCEEDED", NEW_ID))


def test_the_old_one_is_not_forgotten_while_the_disk_is_full(bench: Bench) -> None:
    # given
    bench.to("confirm")
    bench.answer("confirm", "rejected", code="UNKNOWN_CERTIFICATE", reason="no")
    bench.tried()
    # when
    bench.state.full = True
    bench.answer("abandon")
    # then
    assert bench.report.end is None
    assert bench.kept is not None
    # when there is room again
    bench.state.full = False
    bench.fire()
    bench.answer("abandon")
    # then
    assert bench.in_force == OLD_ID
    assert bench.kept is None


def test_when_the_old_one_is_of_no_use_either_the_new_one_stays(bench: Bench) -> None:
    # given
    bench.to("confirm")
    bench.answer("confirm", "rejected", code="UNKNOWN_CERTIFICATE", reason="no")
    # when
    bench.tried("handshake failed")
    # then
    assert bench.in_force == NEW_ID
    assert bench.kept is None
    assert bench.report.end == ("FAILED", "UNKNOWN_CERTIFICATE")


@pytest.mark.parametrize("restarted", [False, True])
def test_a_device_that_gets_no_connection_with_what_is_not_confirmed_tries_the_old_one(
    bench: Bench,
    restarted: bool,  # noqa: FBT001
) -> None:
    # given
    bench.to("confirm")
    if restarted:
        bench.switch_on()
    else:
        bench.rotator.on_disconnected()
    # when
    assert bench.device.timers[-1].seconds == LONELY_SECONDS
    bench.fire()
    # then
    assert bench.device.trials[-1].identity == bench.old
    # when that is no better, then it waits, and tries again
    bench.tried("handshake failed")
    assert bench.in_force == NEW_ID
    bench.fire()
    # when it is
    bench.tried()
    # then
    assert bench.asked[-1] == "abandon"
    bench.answer("abandon")
    assert bench.in_force == OLD_ID
    assert bench.kept is None


def test_back_in_time_with_the_new_one_it_goes_on(bench: Bench) -> None:
    # given
    bench.to("confirm")
    bench.rotator.on_disconnected()
    # when
    bench.rotator.on_ready()
    # then
    assert bench.asked[-2:] == ["confirm", "confirm"]
    bench.answer("confirm", certificateId=NEW_ID)
    assert bench.report.end == ("SUCCEEDED", NEW_ID)


def test_a_full_disk_after_the_trial_brings_the_old_certificate_back(bench: Bench) -> None:
    # given
    bench.to("trial")
    bench.state.full = True
    # when
    bench.tried()
    # then
    assert bench.device.trials[-1].identity == bench.old
    bench.tried()
    bench.answer("abandon")
    assert bench.report.end == ("FAILED", "NOT_KEPT")
    assert bench.in_force == OLD_ID
