"""A process that starts and ends devices while others stay: its state directory, its threads, and
what is left of one that has gone.
"""

import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.device.stage import Stage
from tests.unit.device.test_device_identity import CONFIG, IDENTITY, Bucket
from tests.unit.device.test_device_own_key import CONFIG as OWN_KEY
from tests.unit.device.test_device_own_key import NOT_YET, Cloud
from virtual_device import host
from virtual_device.base import descriptors
from virtual_device.base.errors import (
    DescriptorsLackingError,
    NothingToHostError,
    StateUnusableError,
)
from virtual_device.base.workers import Workers
from virtual_device.core.lodging import NoRoomError
from virtual_device.hosting.guest import may_pass
from virtual_device.state import enrol
from virtual_device.state.certify import CertificateLateError, World
from virtual_device.state.config import Config, Environment, Identity
from virtual_device.state.seat import Seat
from virtual_device.state.store import Enrolment, Store
from virtual_device.web.sources import NOWHERE


def enrolment(name: str, device_type: str = "bulb", seat: str = "") -> Enrolment:
    config = Config.from_document({**CONFIG, "thingName": name, "deviceType": device_type})
    known = replace(config, identity_url="")
    return Enrolment(known, Identity.from_document(IDENTITY), "", "", seat)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


# --- the state directory


def test_a_seat_is_kept_with_the_identity(store: Store) -> None:
    for seat in ("", "seat-1"):
        store.save(enrolment("lamp", seat=seat))
        assert store.load("lamp") == enrolment("lamp", seat=seat)


def test_nothing_is_left_of_a_thing_that_is_forgotten(store: Store, tmp_path: Path) -> None:
    store.save(enrolment("lamp"))
    store.save_settings("lamp", {"time": 5})
    (tmp_path / "state" / "lamp" / "folder").mkdir()
    store.save(enrolment("bulb"))
    store.forget("lamp")
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["bulb"]
    assert list(store.stored()) == ["bulb"]
    # and there may be another one of that name, or none
    store.save(enrolment("lamp"))
    assert store.load("lamp") == enrolment("lamp")
    store.forget("never-there")


def test_a_name_in_another_case_is_as_free_as_before(store: Store) -> None:
    store.save(enrolment("lamp"))
    store.save(enrolment("LAMP"))
    store.forget("lamp")
    assert store.load("LAMP") == enrolment("LAMP")
    store.save(enrolment("lamp"))
    assert set(store.stored()) == {"lamp", "LAMP"}


def test_the_identity_is_the_last_that_is_forgotten(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a process that ends in the middle of it
    store.save(enrolment("lamp", seat="seat-1"))
    for name in ("a.json", "firmware.json", "request.json", "settings.json", "z.json"):
        store.save_document("lamp", name, {})
    real, removed = Path.unlink, list[str]()

    def unlink(path: Path, *, missing_ok: bool = False) -> None:
        removed.append(path.name)
        if path.name == "identity.json":
            raise OSError("the power is gone")
        real(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(StateUnusableError, match="lamp can't be removed"):
        store.forget("lamp")
    # then one sees whose the rest was
    assert len(removed) == 6
    again = Store(tmp_path / "state").load("lamp")
    assert again is not None
    assert again.seat == "seat-1"


def test_many_threads_may_keep_and_forget_at_once(
    store: Store, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    # given threads that take turns within any line
    request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-6)
    # and names that fold to one another, so that all look at one table
    names = [
        f"{''.join(part)}-{number}"
        for number in range(8)
        for part in (("l", "amp"), ("L", "amp"), ("LA", "mp"), ("la", "MP"))
    ]
    ready = threading.Barrier(len(names))

    def live(name: str) -> None:
        ready.wait()
        for _ in range(10):
            store.save(enrolment(name, seat=name))
            found = store.load(name)
            assert found is not None
            assert found.config.thing.name == found.seat == name
            store.forget(name)
        store.save(enrolment(name, seat=name))

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(live, names))
    assert set(store.stored()) == set(names)
    assert set(Store(tmp_path / "state").stored()) == set(names)


def test_two_names_that_fold_to_one_never_have_one_directory(store: Store) -> None:
    # given two threads that would look at the table at the same moment
    both = threading.Barrier(2)

    class Names(set[str]):
        def __sub__(self, other: Any) -> Any:
            found = set.__sub__(self, other)
            with suppress(threading.BrokenBarrierError):
                both.wait(0.2)
            return found

    store._folded["lamp"] = Names()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: store.save(enrolment(name)), ("lamp", "LAMP")))
    # then neither would be the other one's where case is folded
    directories = [path.name.casefold() for path in store._directory.iterdir()]
    assert len(set(directories)) == 2


# --- what a process starts with


def test_beside_a_host_nothing_else_is_started_from_what_is_kept(store: Store) -> None:
    bucket = Bucket()
    url = "https://bucket.example/host?signature=SIGNED"
    bucket.content[url] = {**CONFIG, "thingName": "host-1", "deviceType": "host"}
    (found,) = enrol.from_url(url, store, NOWHERE, bucket.fetch)
    for name in ("lamp", "bulb"):
        store.save(enrolment(name, seat=f"seat-{name}"))
    store.save(enrolment("stray"))
    # with its own URL, with none, and with one that is refused
    for given in (url, None, "https://bucket.example/expired"):
        assert enrol.from_url(given, store, NOWHERE, bucket.fetch) == [found]


def test_a_hosted_device_is_never_started_without_its_host(store: Store) -> None:
    store.save(enrolment("lamp", seat="seat-1"))
    with pytest.raises(NothingToHostError):
        enrol.from_url(None, store, NOWHERE, Bucket().fetch)
    store.save(enrolment("bulb"))
    assert enrol.from_url(None, store, NOWHERE, Bucket().fetch) == [enrolment("bulb")]


# --- enrolling


def test_a_certificate_is_waited_for_with_the_same_key_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a cloud that takes longer than a seat waits at a stretch
    cloud = Cloud([NOT_YET])
    config = json.dumps(
        {**OWN_KEY.as_document(), "identityUrl": OWN_KEY.identity_url, "csrUrl": OWN_KEY.csr_url}
    ).encode()

    def fetch(url: str, what: str, sources: Any) -> bytes:
        return config if what == "config document" else cloud.fetch(url, what, sources)

    def world(given: Any) -> World:
        return World(given, cloud.upload, cloud.sleep, lambda: cloud.seconds)

    monkeypatch.setattr(enrol, "World", world)
    seat = Seat("lamp", "seat-1", "https://bucket.example/config?SIGNED")
    with pytest.raises(CertificateLateError) as late:
        enrol.from_seat(seat, store, NOWHERE, fetch)
    assert may_pass(late.value)
    assert enrol.SEAT_WAIT_SECONDS <= cloud.seconds <= enrol.SEAT_WAIT_SECONDS + 2
    # when
    cloud.answers = [{}]
    found = enrol.from_seat(seat, store, NOWHERE, fetch)
    # then
    assert cloud.requests[0] == cloud.requests[1]
    assert found == store.load("lamp")
    assert found.seat == "seat-1"


def test_a_pool_has_as_many_threads_as_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    workers, inside, free = Workers(3), threading.Semaphore(0), threading.Event()
    names: set[str] = set()
    done = threading.Semaphore(0)

    def call() -> None:
        names.add(threading.current_thread().name)
        inside.release()
        assert free.wait(10)

    for _ in range(5):
        workers.submit(call, lambda _: done.release())
    for _ in range(3):
        assert inside.acquire(timeout=10)
    assert not inside.acquire(blocking=False)
    free.set()
    for _ in range(5):
        assert done.acquire(timeout=10)
    assert len(names) == 3


# --- the process


class Resident:
    """A device of the process, that says goodbye when the test wants it."""

    built: "list[Resident]"

    def __init__(self, enrolled: Enrolment, _shared: Any) -> None:
        self.name = enrolled.config.thing.name
        self.calls: list[str] = []
        self.online = True
        self.left: Callable[[], None] = lambda: None
        Resident.built.append(self)

    def start(self) -> None:
        self.calls.append("start")

    def goodbye(self, left: Callable[[], None]) -> None:
        self.calls.append("goodbye")
        self.left = left

    def discard(self) -> None:
        self.calls.append("discard")


class Process:
    """A host process on the test's own thread."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        Resident.built = []
        monkeypatch.setattr(host, "Device", Resident)
        monkeypatch.setattr("signal.signal", lambda *_: None)
        self.host = host.Host(Environment(Path()), store)
        self.left: list[str] = []

    def run(self, *names: str, then: Callable[[], None]) -> bool:
        """Start these, and call `then` when they run; it must have the process leave."""
        reactor = self.host._reactor
        faults: list[Exception] = []

        def step() -> None:
            if len(Resident.built) < len(names):
                reactor.post(step)
                return
            try:
                then()
            except Exception as fault:  # noqa: BLE001 - the reactor would log it and go on
                faults.append(fault)
                reactor.stop()

        reactor.post(step)
        ran = self.host.run([enrolment(name) for name in names])
        for fault in faults:
            raise fault
        return ran

    def evict(self, name: str) -> None:
        self.host.evict(name, lambda: self.left.append(name))


@pytest.fixture
def process(store: Store, monkeypatch: pytest.MonkeyPatch) -> Process:
    return Process(store, monkeypatch)


def test_a_process_takes_a_device_and_gives_it_up(process: Process) -> None:
    inn = process.host

    def then() -> None:
        inn.lodge(enrolment("lamp"))
        assert inn.has("lamp")
        assert inn.is_online("lamp")
        with pytest.raises(NoRoomError):
            inn.lodge(enrolment("lamp"))
        with pytest.raises(NoRoomError):
            inn.lodge(enrolment("host-1"))
        process.evict("lamp")
        # until it has left, the name is not free
        assert inn.has("lamp")
        assert process.left == []
        lamp = Resident.built[-1]
        lamp.left()
        lamp.left()
        assert (lamp.calls, process.left) == (["start", "goodbye", "discard"], ["lamp"])
        assert not inn.has("lamp")
        assert not inn.is_online("lamp")
        process.evict("lamp")
        assert process.left == ["lamp", "lamp"]
        inn.lodge(enrolment("lamp"))
        inn._reactor.stop()

    assert process.run("host-1", then=then)
    assert [one.name for one in Resident.built] == ["host-1", "lamp", "lamp"]


def test_a_goodbye_that_does_not_end_ends_all_the_same(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "GOODBYE_SECONDS", 0.01)
    inn = process.host

    def then() -> None:
        inn.lodge(enrolment("lamp"))
        inn.evict("lamp", inn._reactor.stop)

    assert process.run("host-1", then=then)
    assert Resident.built[-1].calls == ["start", "goodbye", "discard"]


def test_all_say_goodbye_when_the_process_ends(process: Process) -> None:
    inn = process.host

    def then() -> None:
        for name in ("lamp", "bulb"):
            inn.lodge(enrolment(name))
        process.evict("bulb")
        inn._leave()
        with pytest.raises(NoRoomError):
            inn.lodge(enrolment("fan"))
        for one in Resident.built:
            one.left()

    assert process.run("host-1", then=then)
    assert {one.name: one.calls[-1] for one in Resident.built} == {
        "host-1": "goodbye",
        "lamp": "goodbye",
        "bulb": "goodbye",
    }
    assert process.left == []


def test_no_more_devices_than_there_are_descriptors(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def require(devices: int) -> None:
        asked.append(devices)
        if devices > 2:
            raise DescriptorsLackingError("too many")

    monkeypatch.setattr(descriptors, "require", require)

    def then() -> None:
        process.host.lodge(enrolment("lamp"))
        with pytest.raises(DescriptorsLackingError):
            process.host.lodge(enrolment("bulb"))
        process.host._reactor.stop()

    process.run("host-1", then=then)
    assert asked == [2, 3]


def test_what_blocks_is_done_on_another_thread_and_told_on_the_own(process: Process) -> None:
    inn, threads = process.host, list[str]()

    def done(outcome: "Future[str]") -> None:
        threads.extend([outcome.result(), threading.current_thread().name])
        inn._reactor.stop()

    process.run("host-1", then=lambda: inn.enrol(lambda: threading.current_thread().name, done))
    worker, own = threads
    assert own == threading.current_thread().name
    assert worker.startswith("worker-")


# --- a device that has gone


class Broken:
    """A store that takes settings only when it is told to."""

    def __init__(self) -> None:
        self.saved: list[Any] = []

    def load_document(self, _thing_name: str, _name: str) -> None:
        """None."""

    def load_settings(self, _thing_name: str) -> None:
        """None."""

    def save_settings(self, _thing_name: str, settings: Any) -> None:
        """Not now."""
        self.saved.append(settings)
        raise StateUnusableError("no descriptor", permanent=False)


def test_nothing_goes_on_of_a_device_that_has_gone() -> None:
    # given one with telemetry, a reading for its metrics and a memory that is to be kept later
    store = Broken()
    stage = Stage(store=store)
    stage.connect()
    stage.app(time=1, metrics=300)
    stage.run()
    device = stage._device
    fired: list[str] = []
    device.after(5.0, lambda: fired.append("timer"))
    known = len(store.saved)
    assert known >= 1
    # when it has left
    device.goodbye(lambda: fired.append("left"))
    stage.run(deliver=False)
    device.work(lambda: None, lambda _: fired.append("work"))
    device.discard()
    sent = len(stage.sent)
    stage.run(deliver=False)
    stage.advance(1000)
    # then it publishes nothing, writes nothing, and nothing that it had begun is told
    assert fired == ["left"]
    assert not device.online
    assert len(stage.sent) == sent
    assert len(store.saved) == known
    device.publish("a", b"", lambda _: fired.append("sent"))
    device.send("a", b"")
    assert fired == ["left"]
