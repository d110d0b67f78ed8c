"""Firmware images, and the slots that a device keeps them in."""

import copy
import json
import logging
import stat
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from virtual_device.base.errors import StateUnusableError
from virtual_device.firmware import image as firmware
from virtual_device.firmware.image import FirmwareInvalidError
from virtual_device.firmware.slots import FACTORY, Broken, Firmware, Installed, Slots, Trial
from virtual_device.shadow.settings import defaults
from virtual_device.state.store import Store
from virtual_device.telemetry import telemetry
from virtual_device.telemetry.thing import Thing

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "device/firmware/bulb-1.1.0.json"
IMAGE: dict[str, Any] = {
    "version": "1.2.3",
    "model": {"telemetry": {"volts": {"constant": 3.3}, "name": {"constant": "cell"}}},
    "selfTest": {"volts": {"min": 3, "max": 4.2}, "name": {}},
}
LOG = logging.getLogger(__name__)


def problems(document: Any) -> list[str]:
    with pytest.raises(FirmwareInvalidError) as caught:
        firmware.read(json.dumps(document).encode())
    return caught.value.problems


def changed(**members: Any) -> dict[str, Any]:
    return {**copy.deepcopy(IMAGE), **members}


def test_the_sample_is_an_image_that_shows_in_what_a_bulb_says() -> None:
    image = firmware.read(SAMPLE.read_bytes())
    bulb = Thing("dev-BULB", "bulb")
    before: Any = telemetry.generate(bulb, defaults(bulb), 1e9, 0)
    after: Any = telemetry.generate(
        Thing("dev-BULB", "bulb", model=image.model), defaults(bulb), 1e9, 0
    )
    assert after.keys() - before.keys() == {"power", "signal"}
    assert image.faults(after) == []
    assert SAMPLE.stem == f"bulb-{image.version}"


def test_the_sample_is_not_for_a_device_without_a_light() -> None:
    image = firmware.read(SAMPLE.read_bytes())
    meter = Thing("dev-METER", "meter", model=image.model)
    assert image.faults(telemetry.generate(meter, defaults(meter), 1e9, 0)) == [
        "status is missing in the telemetry"
    ]


@pytest.mark.parametrize("version", ["0.0.0", "1.10.0", "123456789.0.1"])
def test_versions(version: str) -> None:
    assert firmware.read(json.dumps(changed(version=version)).encode()).version == version


@pytest.mark.parametrize(
    "version", ["1.1", "v1.1.0", "1.1.0-beta", "01.1.0", "1.1.0\n", "1.1.\u0661", "", None, 1.1, {}]
)
def test_what_is_no_version(version: Any) -> None:
    assert problems(changed(version=version)) == ["version: must be a version such as 1.1.0"]


def test_every_problem_is_named_with_its_path() -> None:
    found = problems(
        {
            "version": 1,
            "model": {
                "telemetry": {"a": {"sine": {"amplitude": 1, "period": 0}}, "b": {"nothing": 1}}
            },
            "selfTest": {
                "a": {"min": 2, "max": 1},
                "b": {"least": 1},
                "c" * 129: {},
                "e": {"min": "low"},
            },
            "code": "import os",
        }
    )
    paths = [problem.partition(": ")[0] for problem in found]
    assert paths == [
        "code",
        "model.telemetry.a.sine.period",
        "model.telemetry.b.nothing",
        "selfTest.a",
        "selfTest.b",
        f"selfTest.{'c' * 129}",
        "selfTest.e.min",
        "version",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "image: "),
        (b"\x00\xff", "image: "),
        (b"[]", "image: must be a JSON object"),
        (b" " * 65_537, "image: must have at most 65536 bytes"),
        (b'{"version": "1.0.0"}', "model: is missing"),
        (b'{"version": "1.0.0", "model": 1}', "model: must be a JSON object"),
        (
            b'{"version": "1.0.0", "model": {"telemetry": {}}, "selfTest": []}',
            "model.telemetry: must be an object",
        ),
        (
            b'{"version": "1.0.0", "model": {"telemetry": {"a": {"constant": 1}}}, "selfTest": []}',
            "selfTest: must",
        ),
    ],
)
def test_what_is_no_image(content: bytes, said: str) -> None:
    with pytest.raises(FirmwareInvalidError) as caught:
        firmware.read(content)
    assert caught.value.problems[0].startswith(said)


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(repr)
)
def test_nothing_that_is_no_image_is_one_or_crashes(junk: bytes | str) -> None:
    with pytest.raises(FirmwareInvalidError):
        firmware.read(junk if isinstance(junk, bytes) else junk.encode("utf-8", "replace"))


@pytest.mark.parametrize(
    ("message", "faults"),
    [
        ({"volts": 3.3, "name": None}, []),
        ({"volts": 3, "name": ""}, []),
        ({"volts": 4.3, "name": ""}, ["volts is 4.3, out of its bounds"]),
        ({"volts": 2.9, "name": ""}, ["volts is 2.9, out of its bounds"]),
        ({"volts": True, "name": ""}, ["volts is not a number"]),
        ({"volts": "3.3"}, ["volts is not a number", "name is missing in the telemetry"]),
    ],
)
def test_self_test(message: dict[str, Any], faults: list[str]) -> None:
    assert firmware.parse(IMAGE).faults(message) == faults


# --- slots


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


def installed(version: str = "1.2.3") -> Installed:
    image = firmware.parse(changed(version=version))
    return Installed(version, sha256(version.encode()).hexdigest(), image.model)


def switched_on(store: Store) -> Firmware:
    return Firmware("dev-TEST", None, store, LOG)


def test_a_new_device_has_the_factory_firmware_and_no_file(store: Store, tmp_path: Path) -> None:
    found = switched_on(store)
    assert (found.version, found.model, found.slots) == (None, None, FACTORY)
    assert list((tmp_path / "state").iterdir()) == []


def test_the_factory_firmware_is_the_model_of_the_config(store: Store) -> None:
    own = firmware.parse(IMAGE).model
    assert Firmware("dev-TEST", own, store, LOG).model is own


def test_a_version_in_force_outlives_a_restart(store: Store, tmp_path: Path) -> None:
    switched_on(store).keep(Slots(installed()))
    found = switched_on(store)
    assert found.version == "1.2.3"
    assert found.slots == Slots(installed())
    assert stat.S_IMODE((tmp_path / "state/dev-TEST/firmware.json").stat().st_mode) == 0o600


def test_devices_with_one_firmware_share_one_model(store: Store) -> None:
    for name in ("dev-A", "dev-B"):
        Firmware(name, None, store, LOG).keep(Slots(installed()))
    first, second = (Firmware(name, None, store, LOG) for name in ("dev-A", "dev-B"))
    assert first.model is second.model is not None


@pytest.mark.parametrize("current", [None, installed("1.0.0")])
def test_a_trial_does_not_outlive_a_restart(store: Store, current: Installed | None) -> None:
    # Given a device that went off in the middle of a trial
    switched_on(store).keep(Slots(current, Trial("job-1", installed("2.0.0"))))
    # When it is switched on
    found = switched_on(store)
    # Then the version before is in force, and the job can be told
    assert found.slots == Slots(current, broken=Broken("job-1", "2.0.0"))
    assert found.version == (current and current.version)
    # and that is what every later start finds
    assert switched_on(store).slots == found.slots


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"\xff",
        b"[]",
        b'{"formatVersion": 1}',
        b'{"formatVersion": 2, "current": null}',
        b'{"formatVersion": 1, "current": {"version": "1.0.0"}}',
        b'{"formatVersion": 1, "current": {"version": "x", "sha256": "", "model": {}}}',
        b'{"formatVersion": 1, "current": {"version": "1.0.0", "sha256": "", "model": {}}}',
        b'{"formatVersion": 1, "current": null, "trial": {"jobId": "a"}}',
        b'{"formatVersion": 1, "current": null, "trial": {"jobId": "a", "image": null}}',
        b'{"formatVersion": 1, "current": null, "broken": 1}',
    ],
)
def test_a_damaged_file_is_not_used(
    store: Store, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a device whose file is damaged
    switched_on(store).keep(Slots(installed()))
    (tmp_path / "state/dev-TEST/firmware.json").write_bytes(content)
    # Then it goes on with the factory firmware, and says so
    assert switched_on(store).slots == FACTORY
    assert "damaged" in caplog.text
    # and can be given another
    switched_on(store).keep(Slots(installed()))
    assert switched_on(store).version == "1.2.3"


def test_what_can_not_be_kept_is_not_had(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found = switched_on(store)
    found.keep(Slots(installed("1.0.0")))

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        with pytest.raises(StateUnusableError, match="No space left"):
            found.keep(Slots(installed("2.0.0")))
    assert found.version == "1.0.0"
    assert switched_on(store).version == "1.0.0"
