"""What can't be opened is not gone: a device forgets nothing for want of a descriptor."""

import errno
import json
import logging
import os
import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.device.stage import Stage
from tests.unit.device.test_device_identity import CONFIG, IDENTITY
from tests.unit.doubles.surroundings import Device as Surroundings
from virtual_device import host
from virtual_device.__main__ import _config_files
from virtual_device.base import descriptors
from virtual_device.base.errors import (
    ConfigInvalidError,
    DescriptorsLackingError,
    StateUnusableError,
    UnreadableError,
    UrlUnreachableError,
)
from virtual_device.firmware.slots import Firmware
from virtual_device.rotation import rotation_record
from virtual_device.rotation.rotation import Rotation
from virtual_device.state import enrol
from virtual_device.state.config import Config, Environment, Identity
from virtual_device.state.store import Enrolment, Store
from virtual_device.telemetry.thing import Thing
from virtual_device.web.fetch import _read_file
from virtual_device.web.sources import Sources

NAME = "dev-TEST"
LACKING = (errno.EMFILE, errno.ENFILE, errno.EIO)
FAULTS = (*LACKING, errno.EACCES)

Fault = Callable[[str, int], None]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A device with settings, which was switched off while it changed its certificate."""
    found = Store(tmp_path / "state")
    identity = Identity.from_document(IDENTITY)
    found.save(Enrolment(Config.from_document(CONFIG), identity))
    found.save_settings(NAME, {"time": 5})
    Rotation("job", "key", "csr", identity, identity).save(found, NAME)
    return found


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> Fault:
    """Lets every opening of a file of this name fail."""
    real = Path.open

    def begin(name: str, code: int) -> None:
        def opened(path: Path, *given: Any, **named: Any) -> Any:
            if path.name == name:
                raise OSError(code, os.strerror(code), str(path))
            return real(path, *given, **named)

        # Path's own ways to read a file go through it.
        monkeypatch.setattr(Path, "open", opened)

    return begin


@pytest.mark.parametrize("code", FAULTS)
def test_a_memory_that_can_not_be_opened_is_no_empty_one(
    store: Store, fault: Fault, code: int
) -> None:
    log = logging.getLogger("test")
    device: Any = Surroundings(Thing(NAME, "bulb"))
    device.store = store
    for name, load in (
        ("settings.json", lambda: store.load_settings(NAME)),
        ("rotation.json", lambda: rotation_record.load(device)),
        ("firmware.json", lambda: Firmware(NAME, None, store, log)),
        ("identity.json", lambda: store.load(NAME)),
    ):
        fault(name, code)
        with pytest.raises(StateUnusableError) as raised:
            load()
        assert raised.value.permanent is (code not in LACKING), name


def test_what_is_not_there_is_not_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.load(NAME) is None
    assert store.load_settings(NAME) is None
    assert list(store.stored()) == []


@pytest.mark.parametrize("code", FAULTS)
def test_a_directory_that_can_not_be_listed_is_not_empty(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(path: Path) -> None:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(Path, "iterdir", fail)
    with pytest.raises(StateUnusableError):
        list(store.stored())
    with pytest.raises(UnreadableError):
        list(_config_files([str(tmp_path)]))


@pytest.mark.parametrize("code", LACKING)
def test_documents_and_the_authority_are_asked_for_again(
    tmp_path: Path, fault: Fault, code: int
) -> None:
    for name in ("config.json", "ca.pem"):
        (tmp_path / name).write_text(json.dumps(CONFIG))
        fault(name, code)
        kept = Store(tmp_path / "state")
        doors: dict[str, Callable[[], Any]] = {
            "ca.pem": Environment(tmp_path, ca_file=tmp_path / name).read_ca,
            "config.json": partial(enrol.from_file, tmp_path / name, kept, Sources()),
        }
        with pytest.raises(UnreadableError) as raised:
            doors[name]()
        assert not raised.value.permanent
        with pytest.raises(UrlUnreachableError):
            _read_file(tmp_path / name, "document", 1024)


def test_a_document_that_nobody_may_read_stays_what_it_was(tmp_path: Path, fault: Fault) -> None:
    fault("config.json", errno.EACCES)
    with pytest.raises(ConfigInvalidError, match="Permission denied"):
        enrol.from_file(tmp_path / "config.json", Store(tmp_path / "state"), Sources())


def test_a_device_whose_memory_can_not_be_opened_is_started_later(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # given a host that finds no descriptor twice
    started: list[int] = []
    tries: list[int] = []

    class Device:
        def __init__(self, _enrolment: Enrolment, _shared: Any) -> None:
            tries.append(1)
            if len(tries) < 3:
                raise StateUnusableError("rotation.json can't be read", permanent=False)

        def start(self) -> None:
            started.append(len(tries))
            hosting._reactor.stop()

    monkeypatch.setattr(host, "Device", Device)
    monkeypatch.setattr(host, "LATER_SECONDS", 0.01)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    enrolment = store.load(NAME)
    assert enrolment is not None
    # when
    hosting = host.Host(Environment(Path()), store)
    # then
    assert hosting.run([enrolment])
    assert started == [3]
    assert "dev-TEST is started later: rotation.json can't be read" in caplog.text


def test_settings_that_could_not_be_kept_for_a_moment_are_kept_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given a device whose store fails once
    stage = Stage()
    stage.connect()
    real, failures = stage._store.save_settings, [1]

    def save(name: str, settings: Any) -> None:
        if failures:
            failures.pop()
            raise StateUnusableError("no descriptor", permanent=False)
        real(name, settings)

    monkeypatch.setattr(stage._store, "save_settings", save)
    # when it is told something
    stage.app(time=7)
    stage.run()
    assert not failures
    assert (stage._store.load_settings(stage.thing.name) or {}).get("time") != 7
    # then it keeps it a moment later
    stage.advance(10)
    assert (stage._store.load_settings(stage.thing.name) or {})["time"] == 7


def test_so_many_devices_need_so_many_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(1024, 1024)]
    monkeypatch.setattr(resource, "getrlimit", lambda _which: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _which, new: limits.append(new))
    descriptors.require(800)
    with pytest.raises(
        DescriptorsLackingError,
        match=r"1100 devices need 1301 .* may have 1024: raise the hard limit",
    ):
        descriptors.require(1100)
    limits[:] = [(1024, 4096)]
    descriptors.require(1100)
    assert limits[-1] == (4096, 4096)


def test_a_limit_that_the_system_does_not_tell_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS, where the hard limit says infinity and more than OPEN_MAX is refused."""
    asked: list[int] = []

    def refuse(_which: int, new: tuple[int, int]) -> None:
        asked.append(new[0])
        if new[0] > descriptors.OPEN_MAX:
            raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _which: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    descriptors.require(1100)
    assert asked == [descriptors.MOST, descriptors.OPEN_MAX]
