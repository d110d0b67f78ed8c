"""A device that starts anew with other firmware: what it must have done before it counts as up."""

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.device.stage import NAME, MemoryStore, Stage, stage
from virtual_device.connection.transport import Failure
from virtual_device.firmware.image import parse
from virtual_device.firmware.slots import Installed, Slots, Trial, as_document
from virtual_device.telemetry import model

TELEMETRY = f"dt/playground/{NAME}/telemetry"
EVENT = f"evt/playground/{NAME}/online"
IMAGE = parse({"version": "2.0.0", "model": {"telemetry": {"volts": {"constant": 3.3}}}})


def running(scene: Stage, messages: int = 3) -> None:
    """The device has been up for some messages."""
    scene.connect()
    scene.app(time=10)
    scene.run()
    scene.advance(10 * messages)
    assert scene.published(TELEMETRY)[-1]["sequence"] >= messages


def telemetry_of_the_new_life(scene: Stage) -> list[dict[str, Any]]:
    found = scene.published(TELEMETRY)
    starts = [index for index, message in enumerate(found) if message["sequence"] == 0]
    return found[starts[-1] :]


def test_a_device_starts_anew_with_another_model() -> None:
    with stage() as scene:
        # Given a device that has sent messages
        running(scene)
        scene.app(status="on", unit="imperial")
        scene.run()
        onlines = len(scene.published(EVENT))
        # When it is started with another model
        told = scene.restart(IMAGE.model)
        scene.advance(1)
        # Then it says goodbye, comes back, counts from 0, and its telemetry is the model's
        assert told == [None]
        assert len(scene.published(EVENT)) == onlines + 1
        first = telemetry_of_the_new_life(scene)[0]
        assert (first["sequence"], first["volts"], "temperature" in first) == (0, 3.3, False)
        # and it goes on with its settings
        assert first["unit"] == "imperial"
        assert scene.settings["status"] == "on"
        scene.advance(30)
        assert [message["sequence"] for message in telemetry_of_the_new_life(scene)] == [0, 1, 2, 3]


def test_a_device_is_not_up_before_its_shadow_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with stage() as scene:
        running(scene)
        # When the shadow does not answer
        asked: list[Any] = []

        def no_answer(request: Any) -> list[Any]:
            asked.append(request)
            return []

        with monkeypatch.context() as patch:
            patch.setattr(scene.shadow, "get", no_answer)
            told = scene.restart(IMAGE.model)
            scene.advance(8)
            # Then the device sends telemetry after a while, but is not up
            assert telemetry_of_the_new_life(scene)[0]["volts"] == 3.3
            assert asked
            assert told == []
        # until it does
        scene.advance(120)
        assert told == [None]


def test_telemetry_that_is_refused_is_told() -> None:
    with stage() as scene:
        running(scene)
        scene.refusing.add(TELEMETRY)
        told = scene.restart(IMAGE.model)
        scene.advance(1)
        ((failure,),) = [told]
        assert failure is not None
        assert failure.reason == "telemetry was refused: NOT_AUTHORIZED (135)"


def test_telemetry_that_is_lost_is_sent_again_on_the_next_connection() -> None:
    with stage() as scene:
        running(scene)
        scene.losing.add(TELEMETRY)
        told = scene.restart(IMAGE.model)
        scene.advance(1)
        assert told == []
        assert not scene.connected
        scene.losing.clear()
        scene.connect()
        scene.advance(1)
        assert told == [None]
        assert telemetry_of_the_new_life(scene)[0]["sequence"] == 0


def test_a_model_that_can_make_no_telemetry_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with stage() as scene:
        running(scene)

        def broken(*_: object) -> None:
            raise ZeroDivisionError("division by zero")

        # Given a model with a fault that no rule has found
        other = model.shared({"telemetry": {"a": {"constant": 1}}})
        with monkeypatch.context() as patch:
            patch.setattr("virtual_device.telemetry.telemetry.payload", broken)
            told = scene.restart(other)
            scene.advance(1)
        # Then that is told, and a start with the model before is a start
        ((failure,),) = [told]
        assert isinstance(failure, Failure)
        assert "ZeroDivisionError" in failure.reason
        assert scene.restart(None) == []
        scene.advance(1)
        assert "temperature" in telemetry_of_the_new_life(scene)[0]
        scene.advance(20)
        assert len(telemetry_of_the_new_life(scene)) == 3


def test_a_later_start_takes_the_place_of_an_earlier_one() -> None:
    with stage() as scene:
        running(scene)
        # Given a device that lost its connection while it started anew
        scene.losing.add(TELEMETRY)
        first = scene.restart(IMAGE.model)
        scene.advance(1)
        scene.losing.clear()
        # When it is started with the model before, without a connection
        second = scene.restart(None)
        scene.connect()
        scene.advance(1)
        # Then that is the one that counts
        assert (first, second) == ([], [None])
        assert "temperature" in telemetry_of_the_new_life(scene)[0]


def test_the_version_in_force_is_reported_after_every_start() -> None:
    store = MemoryStore()
    store.firmware = as_document(Slots(Installed("2.0.0", "0" * 64, IMAGE.model)))
    with stage(store=store) as scene:
        for _ in range(2):
            scene.switch_on()
            scene.connect()
            scene.advance(1)
            assert scene.settings["firmware"] == "2.0.0"
            assert scene.published(TELEMETRY)[-1]["volts"] == 3.3


def test_a_device_without_its_state_directory_reports_no_version_any_more() -> None:
    with stage() as scene:
        scene.shadow.update({"state": {"reported": {"firmware": "2.0.0"}}})
        scene.connect()
        scene.advance(1)
        assert "firmware" not in scene.settings


def test_a_trial_that_was_cut_short_is_over_when_the_device_is_switched_on() -> None:
    store = MemoryStore()
    trial = Trial("job-1", Installed("2.0.0", "0" * 64, IMAGE.model))
    store.firmware = as_document(Slots(trial=trial))
    with stage(store=store) as scene:
        scene.connect()
        scene.advance(1)
        assert "firmware" not in scene.settings
        assert "temperature" in scene.published(TELEMETRY)[-1]
        assert "broken" in store.firmware
        assert "trial" not in store.firmware


# --- a whole update, as a job brings it

GOOD = {"version": "2.0.0", "model": {"telemetry": {"volts": {"constant": 3.3}}}}
BAD = {**GOOD, "selfTest": {"amperes": {}}}
OLD = Installed(
    "1.0.0",
    "0" * 64,
    parse({"version": "1.0.0", "model": {"telemetry": {"celsius": {"constant": 1}}}}).model,
)
SHOWN_BY = {"1.0.0": "celsius", "2.0.0": "volts"}
MOST_STEPS = 600


def in_force(store: MemoryStore) -> str:
    """What the next start of the process finds; it must be exactly one version."""
    assert store.firmware is not None
    current = store.firmware["current"]
    assert isinstance(current, dict)
    return str(current["version"])


class Update:
    """A device that runs 1.0.0, and is given an image by a job."""

    def __init__(self, scene: Stage, store: MemoryStore, image: Any) -> None:
        content = json.dumps(image).encode()
        self.scene, self.store = scene, store
        scene.connect()
        scene.app(time=10)
        scene.run()
        self.job = scene.create_job(
            {
                "operation": "update-firmware",
                "version": image["version"],
                "url": "https://bucket.example/image.json",
                "size": len(content),
                "sha256": sha256(content).hexdigest(),
            }
        )

    def step(self, number: int) -> None:
        """So many things happen, unless the job ends before."""
        for _ in range(number):
            if self.job.status not in ("QUEUED", "IN_PROGRESS"):
                return
            self.scene.step()
            assert in_force(self.store) in SHOWN_BY

    def finish(self) -> str:
        """The job comes to its end; what was told of it is so, in every respect. Gives the end."""
        self.step(MOST_STEPS)
        self.scene.advance(30)
        assert self.job.status in ("SUCCEEDED", "FAILED")
        version = "2.0.0" if self.job.status == "SUCCEEDED" else "1.0.0"
        assert in_force(self.store) == version
        assert self.scene.settings["firmware"] == version
        last = self.scene.published(TELEMETRY)[-1]
        assert [name for name in SHOWN_BY.values() if name in last] == [SHOWN_BY[version]]
        assert self.store.firmware is not None
        assert "trial" not in self.store.firmware
        return self.job.status


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What is behind the URL, under the key `image`."""
    behind: dict[str, bytes] = {}
    monkeypatch.setattr(
        "virtual_device.firmware.image_source.fetch", lambda *_, **__: behind["image"]
    )
    return behind


def updating(store: MemoryStore) -> MemoryStore:
    """The store of a device that runs 1.0.0."""
    store.firmware = as_document(Slots(OLD))
    return store


@pytest.mark.parametrize(("image", "end"), [(GOOD, "SUCCEEDED"), (BAD, "FAILED")])
def test_a_job_brings_firmware(fetched: dict[str, bytes], image: Any, end: str) -> None:
    fetched["image"] = json.dumps(image).encode()
    store = updating(MemoryStore())
    with stage(store=store) as scene:
        update = Update(scene, store, image)
        assert update.finish() == end
        # What was reported on the way: few updates, and the last details of a failure say where it
        # was
        steps = [details.get("step") for _, details in update.job.history]
        assert steps == ["downloading", "starting", "done" if image is GOOD else "starting"]


@pytest.mark.parametrize("image", [GOOD, BAD], ids=["good", "bad"])
def test_a_crash_at_any_step_leaves_one_version_and_an_honest_job(
    fetched: dict[str, bytes], image: Any
) -> None:
    fetched["image"] = json.dumps(image).encode()
    ends = []
    for number in range(MOST_STEPS):
        store = updating(MemoryStore())
        with stage(store=store) as scene:
            update = Update(scene, store, image)
            # When the process dies after so many steps, and another one takes over
            update.step(number)
            if update.job.status not in ("QUEUED", "IN_PROGRESS"):
                break
            scene.switch_on()
            scene.connect()
            ends.append(update.finish())
    assert len(ends) > 10
    # A crash before or after the trial does no harm, one in the middle of it is a failure.
    assert set(ends) == ({"SUCCEEDED", "FAILED"} if image is GOOD else {"FAILED"})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    troubles=st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["crash", "loss"])), max_size=5)
)
def test_no_row_of_crashes_and_lost_connections_leaves_anything_else(
    fetched: dict[str, bytes], troubles: list[tuple[int, str]]
) -> None:
    fetched["image"] = json.dumps(GOOD).encode()
    store = updating(MemoryStore())
    with stage(store=store) as scene:
        update = Update(scene, store, GOOD)
        for number, trouble in troubles:
            update.step(number)
            if trouble == "crash":
                scene.switch_on()
            elif scene.connected:
                scene.lose_connection()
            if not scene.connected:
                scene.connect()
        update.finish()


def test_a_job_that_is_cancelled_in_a_trial_is_undone(fetched: dict[str, bytes]) -> None:
    fetched["image"] = json.dumps(GOOD).encode()
    store = updating(MemoryStore())
    with stage(store=store) as scene:
        update = Update(scene, store, GOOD)
        while not (store.firmware and "trial" in store.firmware):
            update.step(1)
        scene.mail_jobs(scene.jobs.end(update.job, "CANCELED"))
        scene.advance(200)
        assert in_force(store) == "1.0.0"
        assert scene.settings["firmware"] == "1.0.0"
        assert "celsius" in scene.published(TELEMETRY)[-1]
