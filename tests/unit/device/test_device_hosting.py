"""A host and its devices: what it makes of a manifest, whatever order things come in."""

import json
import logging
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.device.stage import Stage
from tests.unit.device.test_device_identity import CONFIG, IDENTITY
from tests.unit.doubles.inn import Inn
from tests.unit.doubles.surroundings import Device
from virtual_device import capabilities
from virtual_device.base.errors import (
    DescriptorsLackingError,
    StateUnusableError,
    UrlRefusedError,
    UrlUnreachableError,
)
from virtual_device.hosting.guests import RETRY_SECONDS
from virtual_device.hosting.hosting import MANIFEST_FILE, REPORT_SECONDS, Hosting
from virtual_device.hosting.manifest import MAX_DEVICES, Manifest, ManifestInvalidError
from virtual_device.shadow import settings as table
from virtual_device.shadow.shadow import FACTS
from virtual_device.state import enrol
from virtual_device.state.seat import Seat
from virtual_device.state.store import Store
from virtual_device.telemetry.thing import Thing
from virtual_device.web.sources import Sources

HOST = Thing("host-1", "host")
DOWN = UrlUnreachableError("the server is down")
EXPIRED = UrlRefusedError("the URL was refused (HTTP 403)", 403)


class World:
    """A host with its state directory, its bucket, and room for devices."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.store = Store(directory)
        self.inn = Inn()
        self.device = Device(HOST, store=self.store, lodging=self.inn)
        self.device.settings = {**self.device.settings, **settings}
        self.content: dict[str, Any] = {}
        self.asked: list[str] = []
        self.hosting = Hosting(self.device, self.fetch)

    def fetch(self, url: str, _what: str, _sources: Sources) -> bytes:
        self.asked.append(url)
        answer = self.content.get(url, EXPIRED)
        if isinstance(answer, Exception):
            raise answer
        return json.dumps(answer).encode()

    def config(self, name: str, number: int = 1, **changes: Any) -> str:
        """The URL of a config for this thing."""
        url = f"https://bucket.example/{name}/{number}?SIGNED"
        identity = f"https://bucket.example/{name}/{number}/identity?SIGNED"
        self.content[url] = {**CONFIG, "thingName": name, "identityUrl": identity, **changes}
        self.content[identity] = IDENTITY
        return url

    def manifest(self, revision: int, *devices: str, **changes: Any) -> dict[str, Any]:
        """`lamp/2` is the thing `lamp` in the seat `lamp-2`."""
        seats = []
        for device in devices:
            name, _, number = device.partition("/")
            url = self.config(name, int(number or 1))
            seats.append({"thingName": name, "seat": f"{name}-{number or 1}", "configUrl": url})
        return {
            "version": 1, "host": HOST.name, "revision": revision, "devices": seats, **changes,
        }  # fmt: skip

    def want(self, version: int, document: Any, url: str | None = None) -> None:
        """The setting leads to this document; nothing of it is done yet."""
        url = url or f"https://bucket.example/manifest/{version}?SIGNED"
        self.content[url] = document
        before = self.device.settings
        self.device.settings = {**before, "manifest": {"version": version, "url": url}}
        self.hosting.on_settings(before)

    def apply(self, revision: int, *devices: str) -> None:
        """Another manifest, and all that it leads to but goodbyes."""
        self.want(revision, self.manifest(revision, *devices))
        self.work()

    def work(self) -> None:
        """All that threads have to do."""
        while self.device.works or self.inn.works:
            (self.device.works or self.inn.works).pop(0)()

    def retry(self) -> int:
        """The time for another try has come; how many there were."""
        due = [
            timer for timer in self.device.timers
            if timer.call is not None and timer.seconds != REPORT_SECONDS
        ]  # fmt: skip
        assert all(RETRY_SECONDS / 2 <= timer.seconds <= RETRY_SECONDS for timer in due)
        for timer in due:
            timer.fire()
        self.work()
        return len(due)

    def fact(self) -> Any:
        """What it reports, some seconds later."""
        for timer in list(self.device.timers):
            if timer.seconds == REPORT_SECONDS:
                timer.fire()
        return self.device.facts.get("hosting")

    def kept(self) -> Any:
        return self.store.load_document(HOST.name, MANIFEST_FILE)

    def told(self) -> list[str]:
        return [message for message, _ in self.device.told]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def world(directory: Path) -> World:
    """A host that has just been started."""
    world = World(directory)
    world.hosting.on_start()
    return world


# --- applying


def test_a_new_seat_is_enrolled_and_started(world: World) -> None:
    world.apply(1, "lamp", "bulb")
    assert set(world.inn.here) == {"lamp", "bulb"}
    assert world.fact() == {"version": 1, "devices": 2, "online": 2, "failed": 0}
    assert world.store.load("lamp") == world.inn.here["lamp"]
    assert world.inn.here["lamp"].seat == "lamp-1"


def test_a_device_that_has_its_seat_is_left_alone(world: World) -> None:
    world.apply(1, "lamp")
    world.asked.clear()
    world.apply(2, "lamp", "bulb")
    assert world.inn.log == ["+lamp", "+bulb"]
    assert not any("/lamp/" in url for url in world.asked)


def test_one_without_a_seat_says_goodbye_and_is_forgotten(world: World, directory: Path) -> None:
    world.apply(1, "lamp", "bulb")
    world.store.save_settings("lamp", {"time": 5})
    # when
    world.apply(2, "bulb")
    # then nothing is removed as long as it is there
    assert set(world.inn.leaving) == {"lamp"}
    assert (directory / "lamp").is_dir()
    assert world.kept()["leaving"] == ["lamp"]
    # and all of it afterwards
    world.inn.let_go("lamp")
    world.work()
    assert not (directory / "lamp").exists()
    assert world.kept()["leaving"] == []
    assert set(world.inn.here) == {"bulb"}


def test_another_seat_is_another_device_of_that_name(world: World) -> None:
    # given one with a memory
    world.apply(1, "lamp/1")
    world.store.save_settings("lamp", {"time": 5})
    # when
    world.apply(2, "lamp/2")
    assert world.inn.log == ["+lamp"]
    world.inn.let_go("lamp")
    world.work()
    # then the new one begins without it
    assert world.inn.log == ["+lamp", "-lamp", "+lamp"]
    assert world.inn.here["lamp"].seat == "lamp-2"
    assert world.store.load_settings("lamp") is None


def test_manifests_that_follow_one_another_quickly_end_with_the_last(world: World) -> None:
    world.apply(1, "lamp/1", "bulb/1")
    world.apply(2, "bulb/1")
    world.apply(3, "lamp/1", "bulb/2")
    world.apply(4, "lamp/3", "bulb/1")
    for name in ("lamp", "bulb"):
        world.inn.let_go(name)
    world.work()
    assert {name: one.seat for name, one in world.inn.here.items()} == {
        "lamp": "lamp-3",
        "bulb": "bulb-1",
    }
    assert world.inn.log.count("+lamp") == world.inn.log.count("+bulb") == 2
    assert world.kept()["leaving"] == []


def test_a_seat_that_is_taken_back_while_its_device_is_enrolled(
    world: World, directory: Path
) -> None:
    # given
    world.want(1, world.manifest(1, "lamp"))
    world.device.works.pop(0)()
    assert len(world.inn.works) == 1
    # when, before a thread has come to it
    world.want(2, world.manifest(2))
    world.device.works.pop(0)()
    world.work()
    # then nobody was asked, and nothing is left
    assert not any("/lamp/" in url for url in world.asked)
    assert world.inn.here == {}
    assert not (directory / "lamp").exists()
    assert world.fact() == {"version": 2, "devices": 0, "online": 0, "failed": 0}


def test_an_older_revision_is_ignored(world: World) -> None:
    world.apply(7, "lamp")
    world.asked.clear()
    world.apply(6)
    assert set(world.inn.here) == {"lamp"}
    assert world.asked == []
    assert world.fact() == {
        "version": 7, "devices": 1, "online": 1, "failed": 0,
        "problem": {"version": 6, "reason": "revision 7 is in force, which is newer"},
    }  # fmt: skip


def test_a_document_of_another_revision_is_waited_for(world: World) -> None:
    # given the document is older than was announced
    world.want(7, world.manifest(6, "lamp"))
    world.work()
    assert world.inn.here == {}
    assert world.fact()["problem"] == {
        "version": 7,
        "reason": "manifest: revision is 6, and the setting says 7",
    }
    # when
    world.content["https://bucket.example/manifest/7?SIGNED"] = world.manifest(7, "lamp")
    assert world.retry() == 1
    # then
    assert set(world.inn.here) == {"lamp"}
    assert "problem" not in world.fact()


def test_no_manifest_is_no_change(world: World) -> None:
    world.apply(1, "lamp")
    before = world.device.settings
    world.device.settings = {**before, "manifest": None}
    world.hosting.on_settings(before)
    world.work()
    assert set(world.inn.here) == {"lamp"}
    assert world.inn.leaving == {}


# --- failing


def test_a_manifest_that_can_not_be_had_for_now_is_asked_for_again(world: World) -> None:
    world.apply(1, "lamp")
    world.want(2, DOWN)
    world.work()
    assert set(world.inn.here) == {"lamp"}
    assert world.fact()["problem"]["version"] == 2
    for _ in range(3):
        assert world.retry() == 1
    assert world.told().count("manifest not applied") == 1
    world.content["https://bucket.example/manifest/2?SIGNED"] = world.manifest(2, "lamp", "bulb")
    world.retry()
    assert set(world.inn.here) == {"lamp", "bulb"}
    assert world.retry() == 0


def test_a_manifest_that_is_not_desired_any_more_is_not_asked_for_again(world: World) -> None:
    world.want(1, DOWN)
    world.work()
    world.apply(2, "lamp")
    assert world.retry() == 0
    # nor applied when it arrives late
    world.want(3, world.manifest(3))
    world.want(4, world.manifest(4, "lamp"))
    late, new = world.device.works
    world.device.works.clear()
    new()
    late()
    world.work()
    assert world.inn.leaving == {}
    assert world.fact()["version"] == 4


@pytest.mark.parametrize("answer", [EXPIRED, [], {"version": 2}], ids=["refused", "list", "other"])
def test_a_manifest_that_will_not_be_better_is_told_of_once(world: World, answer: Any) -> None:
    world.apply(1, "lamp")
    world.want(2, answer)
    world.work()
    assert set(world.inn.here) == {"lamp"}
    assert world.fact()["version"] == 1
    assert world.fact()["problem"]["version"] == 2
    assert world.retry() == 0
    assert world.told().count("manifest not applied") == 1


def test_a_device_that_can_not_be_had_for_now_is_tried_again(world: World) -> None:
    document = world.manifest(1, "lamp", "bulb")
    url = document["devices"][0]["configUrl"]
    good, world.content[url] = world.content[url], DOWN
    world.want(1, document)
    world.work()
    assert set(world.inn.here) == {"bulb"}
    assert world.fact() == {"version": 1, "devices": 2, "online": 1, "failed": 0}
    assert world.retry() == 1
    assert world.told().count("hosted device not started yet") == 1
    world.content[url] = good
    assert world.retry() == 1
    assert set(world.inn.here) == {"lamp", "bulb"}
    assert world.retry() == 0


def test_one_is_tried_no_longer_than_it_has_its_seat(world: World) -> None:
    document = world.manifest(1, "lamp")
    world.content[document["devices"][0]["configUrl"]] = DOWN
    world.want(1, document)
    world.work()
    world.apply(2)
    assert world.retry() == 0


PERMANENT = {
    "refused": {"configUrl": "https://bucket.example/gone?SIGNED"},
    "no config": {},
    "another's": {"thingName": "other"},
    "a host": {"deviceType": "host"},
    "no type": {"deviceType": "toaster"},
}


@pytest.mark.parametrize("case", PERMANENT)
def test_a_device_that_can_never_be_had_is_counted_and_harms_no_other(
    world: World, case: str
) -> None:
    document = world.manifest(1, "lamp", "bulb")
    seat, changes = document["devices"][0], PERMANENT[case]
    if case == "refused":
        seat.update(changes)
    else:
        world.content[seat["configUrl"]] = (
            {**world.content[seat["configUrl"]], **changes} if changes else {}
        )
    world.want(1, document)
    world.work()
    assert set(world.inn.here) == {"bulb"}
    assert world.fact() == {"version": 1, "devices": 2, "online": 1, "failed": 1}
    assert world.retry() == 0
    assert world.told().count("hosted device can't be started") == 1
    assert "SIGNED" not in str(world.device.told)
    # and the next manifest may mend it
    world.apply(2, "lamp", "bulb")
    assert world.fact() == {"version": 2, "devices": 2, "online": 2, "failed": 0}


def test_a_fresh_url_counts_that_came_while_the_old_one_was_tried(world: World) -> None:
    document = world.manifest(1, "lamp")
    document["devices"][0]["configUrl"] += "&expired"
    world.want(1, document)
    world.device.works.pop(0)()
    world.want(2, world.manifest(2, "lamp"))
    world.device.works.pop(0)()
    world.work()
    assert set(world.inn.here) == {"lamp"}
    assert world.fact()["failed"] == 0


def test_the_same_revision_with_another_url_helps_those_that_have_failed(world: World) -> None:
    document = world.manifest(1, "lamp", "bulb")
    document["devices"][0]["configUrl"] += "&expired"
    world.want(1, document)
    world.work()
    assert world.fact()["failed"] == 1
    world.want(1, world.manifest(1, "lamp", "bulb"), "https://bucket.example/again?SIGNED")
    world.work()
    assert world.fact() == {"version": 1, "devices": 2, "online": 2, "failed": 0}
    # and is not even asked for when there is nothing to help
    world.asked.clear()
    world.want(1, world.manifest(1, "lamp", "bulb"), "https://bucket.example/third?SIGNED")
    world.work()
    assert world.asked == []


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (StateUnusableError("no descriptor", permanent=False), 1),
        (StateUnusableError("not ours"), 0),
        (DescriptorsLackingError("too many"), 0),
        (ValueError("the key can't be used"), 0),
    ],
    ids=str,
)
def test_what_can_not_be_started_is_tried_again_or_counted(
    world: World, error: Exception, tries: int
) -> None:
    world.inn.full = error
    world.apply(1, "lamp")
    assert world.fact()["failed"] == 1 - tries
    world.inn.full = None
    assert world.retry() == tries
    assert len(world.inn.here) == tries


def test_a_name_that_the_process_has_already_is_no_place_for_a_guest(world: World) -> None:
    # given a device of the process itself, with its identity kept
    world.apply(1, "lamp")
    kept = world.store.load("lamp")
    world.inn.others.add("bulb")
    # when
    world.apply(2, "lamp", "bulb")
    # then it keeps it, and there is no second one
    assert world.fact() == {"version": 2, "devices": 2, "online": 1, "failed": 1}
    assert world.store.load("lamp") == kept


def test_state_that_can_not_be_removed_now_keeps_the_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.apply(1, "lamp/1")
    real = world.store.forget

    def fail(_name: str) -> None:
        raise StateUnusableError("lamp can't be removed")

    monkeypatch.setattr(world.store, "forget", fail)
    world.apply(2, "lamp/2")
    world.inn.let_go("lamp")
    world.work()
    assert world.inn.here == {}
    monkeypatch.setattr(world.store, "forget", real)
    assert world.retry() == 1
    assert world.inn.here["lamp"].seat == "lamp-2"


# --- starting again


def test_a_process_that_is_started_again_brings_its_devices_back_without_any_url(
    world: World, directory: Path
) -> None:
    # given
    world.apply(7, "lamp", "bulb")
    file = directory / HOST.name / MANIFEST_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "SIGNED" not in file.read_text()
    # when, with the settings that are remembered
    again = World(directory, manifest=world.device.settings["manifest"])
    again.hosting.on_start()
    again.work()
    # then
    assert again.inn.here == world.inn.here
    assert again.asked == []
    assert again.fact() == {"version": 7, "devices": 2, "online": 2, "failed": 0}
    again.hosting.on_shadow()
    again.work()
    assert again.asked == []


def test_what_was_under_way_when_it_ended_is_brought_to_its_end(
    world: World, directory: Path
) -> None:
    # given one that was saying goodbye, one whose seat was new, one that was not enrolled yet
    world.apply(1, "lamp", "bulb/1")
    world.want(2, world.manifest(2, "bulb/2", "fan"))
    world.device.works.pop(0)()
    assert set(world.inn.leaving) == {"lamp", "bulb"}
    # when the process is started again
    again = World(directory, manifest=world.device.settings["manifest"])
    again.content = world.content
    again.hosting.on_start()
    again.work()
    # then
    assert not (directory / "lamp").exists()
    assert again.kept()["leaving"] == []
    # and the document is read again, for the URLs of those that need one
    again.retry()
    assert {one.seat for one in again.inn.here.values()} == {"bulb-2", "fan-1"}
    assert sum("manifest" in url for url in again.asked) == 1


def test_a_host_without_a_memory_follows_what_is_desired_when_it_has_read_it(
    directory: Path,
) -> None:
    # given a process in an empty directory, whose shadow says what an earlier one has reported
    world = World(directory)
    world.hosting.on_start()
    world.content["https://bucket.example/m?SIGNED"] = world.manifest(7, "lamp")
    # when
    manifest: Any = {"manifest": {"version": 7, "url": "https://bucket.example/m?SIGNED"}}
    world.device.settings = {**world.device.settings, **manifest}
    world.hosting.on_shadow()
    world.work()
    # then
    assert set(world.inn.here) == {"lamp"}


def test_a_kept_manifest_that_is_damaged_is_fetched_again(world: World, directory: Path) -> None:
    world.apply(7, "lamp")
    (directory / HOST.name / MANIFEST_FILE).write_text('{"version": 1')
    again = World(directory, manifest=world.device.settings["manifest"])
    again.content = world.content
    again.hosting.on_start()
    again.work()
    assert again.inn.here == world.inn.here
    assert again.told()[0] == "kept manifest not used"
    assert not any("/lamp/" in url for url in again.asked)


# --- the fact


def test_the_fact_is_reported_when_it_is_another_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(world.device, "report", lambda _key, value: reported.append(value))
    world.apply(1, "lamp")
    for _ in range(5):
        world.fact()
    assert reported[-1] == {"version": 1, "devices": 1, "online": 1, "failed": 0}
    known = len(reported)
    assert known <= 2
    world.inn.away.add("lamp")
    world.fact()
    assert reported[known:] == [{"version": 1, "devices": 1, "online": 0, "failed": 0}]
    assert "hosting" in FACTS


# --- the manifest


def test_a_manifest_names_the_field_at_fault(world: World) -> None:
    good = world.manifest(7, "lamp", "bulb")
    lamp, bulb = good["devices"]
    url = "https://bucket.example/?SIGNED"
    for changes, message in (
        ({"version": 2}, "version is not 1"),
        ({"version": True}, "version is not 1"),
        ({"host": "host-2"}, "host is not host-1"),
        ({"revision": 0}, "revision is not an integer from 1"),
        ({"revision": "7"}, "revision is not an integer from 1"),
        ({"revision": True}, "revision is not an integer from 1"),
        ({"devices": {}}, f"devices is no array of at most {MAX_DEVICES}"),
        ({"devices": [lamp] * (MAX_DEVICES + 1)}, f"devices is no array of at most {MAX_DEVICES}"),
        ({"devices": [lamp, "bulb"]}, r"devices\[1\] is not an object"),
        ({"devices": [{**lamp, "thingName": "a/b"}]}, r"devices\[0\].thingName is not a thing"),
        ({"devices": [{**lamp, "thingName": HOST.name}]}, r"devices\[0\].thingName is the host's"),
        ({"devices": [lamp, {**bulb, "thingName": "lamp"}]}, r"devices\[1\].thingName has a seat"),
        ({"devices": [lamp, {**bulb, "seat": lamp["seat"]}]}, r"devices\[1\].seat is taken"),
        ({"devices": [{**lamp, "seat": ""}]}, r"devices\[0\].seat is not a seat's id"),
        ({"devices": [{**lamp, "seat": 7}]}, r"devices\[0\].seat is not a seat's id"),
        ({"devices": [{**lamp, "configUrl": f"ftp{url}"}]}, r"devices\[0\].configUrl is no http"),
        ({"devices": [{**lamp, "configUrl": url.ljust(4097, "x")}]}, r"configUrl is no http"),
        ({"devices": [{**lamp, "configUrl": None}]}, r"configUrl is no http"),
    ):
        content = json.dumps({**good, **changes}).encode()
        with pytest.raises(ManifestInvalidError, match=f"manifest: .*{message}") as caught:
            Manifest.from_bytes(content, HOST.name)
        assert "SIGNED" not in str(caught.value)
    assert Manifest.from_bytes(json.dumps(good).encode(), HOST.name).revision == 7
    with pytest.raises(ManifestInvalidError):
        Manifest.from_bytes(b"{", HOST.name)


def test_what_is_kept_is_what_is_read_again(world: World) -> None:
    manifest = Manifest.from_bytes(json.dumps(world.manifest(7, "lamp")).encode(), HOST.name)
    kept: Any = manifest.as_kept(HOST.name)
    assert Manifest.from_kept(kept, HOST.name).seats.keys() == {"lamp"}
    damages: tuple[dict[str, Any], ...] = (
        {"leaving": ["a/b"]},
        {"leaving": "lamp"},
        {"host": "other"},
    )
    for damage in damages:
        with pytest.raises(ManifestInvalidError):
            Manifest.from_kept({**kept, **damage}, HOST.name)


# --- where it belongs


def test_only_a_host_has_it() -> None:
    for device_type, has in (("host", True), ("bulb", False)):
        made = capabilities.of_device(Device(Thing("x", device_type)))
        assert any(isinstance(one, Hosting) for one in made) is has
        assert ("manifest" in table.rows(device_type)) is has


def test_a_process_with_no_room_counts_them_all_as_failed(directory: Path) -> None:
    device = Device(HOST, store=Store(directory))
    world = World(directory)
    hosting = Hosting(device, world.fetch)
    hosting.on_start()
    url = "https://bucket.example/m?SIGNED"
    world.content[url] = world.manifest(1, "lamp")
    before, device.settings = device.settings, {"manifest": {"version": 1, "url": url}}
    hosting.on_settings(before)
    device.works.pop(0)()
    device.timers[-1].fire()
    assert device.facts["hosting"] == {"version": 1, "devices": 1, "online": 0, "failed": 1}


def test_the_log_of_a_new_manifest_shows_no_url(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "thing"):
        stage = Stage("host")
        stage.connect()
        stage.app(manifest={"version": 7, "url": "https://127.0.0.1:1/m?SIGNED"}, time=7)
        stage.run()
    changed = next(one for one in caplog.records if one.getMessage() == "settings changed")
    assert changed.data == {"settings": {"time": 7, "manifest": {"version": 7}}}  # type: ignore[attr-defined]
    assert all("SIGNED" not in str(vars(record)) for record in caplog.records)
    assert stage.settings["manifest"]["url"].endswith("SIGNED")


@pytest.mark.parametrize("memory", [True, False])
def test_a_real_device_tells_it_of_a_manifest_that_was_reported_before(*, memory: bool) -> None:
    # given a host that has reported a manifest
    stage = Stage("host")
    stage.connect()
    stage.app(manifest={"version": 7, "url": "https://127.0.0.1:1/m?SIGNED"})
    stage.run()
    stage.advance(REPORT_SECONDS)
    assert stage.shadow.reported["hosting"]["problem"]["version"] == 7
    # when its process is started anew, perhaps in an empty directory
    if not memory:
        stage._store.settings = None
    stage.switch_on()
    stage.connect()
    stage.advance(REPORT_SECONDS)
    # then it has tried again
    assert stage.shadow.reported["hosting"]["problem"]["version"] == 7
    assert stage.shadow.reported["manifest"]["version"] == 7


# --- enrolling


def test_a_kept_identity_of_the_seat_needs_no_url(world: World) -> None:
    world.apply(1, "lamp")
    world.asked.clear()
    seat = Seat("lamp", "lamp-1")
    found = enrol.from_seat(seat, world.store, Sources(), world.fetch)
    assert found == world.inn.here["lamp"]
    assert world.asked == []


def test_an_identity_of_another_seat_is_not_used(world: World) -> None:
    world.apply(1, "lamp")
    with pytest.raises(enrol.SeatEmptyError):
        enrol.from_seat(Seat("lamp", "lamp-2"), world.store, Sources(), world.fetch)
    assert world.store.load("lamp") is None


def test_a_damaged_identity_is_enrolled_again(world: World, directory: Path) -> None:
    world.apply(1, "lamp")
    (directory / "lamp" / "identity.json").write_text("{")
    url = world.config("lamp")
    found = enrol.from_seat(Seat("lamp", "lamp-1", url), world.store, Sources(), world.fetch)
    assert found.seat == "lamp-1"


def test_a_url_is_never_shown() -> None:
    assert "SIGNED" not in repr(Seat("lamp", "1", "https://bucket.example/?SIGNED"))
