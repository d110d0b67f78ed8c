"""A host over mutual TLS: real devices come, go and change seats in one process."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.device.broker import Broker
from tests.device.bucket import Bucket, bucket
from tests.device.cloud import Cloud
from tests.device.process import DeviceProcess, Workbench

pytestmark = pytest.mark.timeout(400)

HOST = "host-1"
THINGS = [f"dev-{number:03}" for number in range(20)]
LOST, RESEATED = THINGS[:5], THINGS[5]
STAYING = THINGS[6:]


@pytest.fixture
def documents(broker: Broker) -> Iterator[Bucket]:
    with bucket(broker) as found:
        yield found


def announce(cloud: Cloud, documents: Bucket, revision: int, seats: list[dict[str, str]]) -> None:
    """Put the manifest, then say so."""
    document = {"version": 1, "host": HOST, "revision": revision, "devices": seats}
    url = documents.put(f"hosts/{HOST}/{revision}/manifest.json", document)
    cloud.change(HOST, manifest={"version": revision, "url": url})


def wait_for_fact(cloud: Cloud, version: int, devices: int) -> None:
    fact = {"version": version, "devices": devices, "online": devices, "failed": 0}
    cloud.wait_for_reported(HOST, hosting=fact)


def online(cloud: Cloud, thing: str) -> int:
    return len(cloud.messages(f"evt/playground/{thing}/online"))


def came_back(cloud: Cloud, thing: str) -> bool:
    return online(cloud, thing) == 2


def start(bench: Workbench, documents: Bucket) -> DeviceProcess:
    return bench.start(bench.config(HOST, "host"), fetch_from=documents.url)


def state_of(bench: Workbench, thing: str) -> Path:
    return bench.state_dir / thing


def test_devices_come_and_go_and_change_seats(
    cloud: Cloud, bench: Workbench, documents: Bucket
) -> None:
    # Given a host with 20 devices, which make their own keys
    process = start(bench, documents)
    announce(cloud, documents, 1, [documents.seat(thing) for thing in THINGS])
    for thing in THINGS:
        cloud.wait_for(f"dt/playground/{thing}/telemetry")
    wait_for_fact(cloud, 1, 20)
    cloud.change(RESEATED, time=5)
    cloud.wait_for_reported(RESEATED, time=5)
    first = (state_of(bench, RESEATED) / "identity.json").read_text()
    # When five lose their seats and one has another
    seats = [documents.seat(RESEATED, 2), *map(documents.seat, STAYING)]
    cloud.shadows[RESEATED].desired.pop("time")
    announce(cloud, documents, 2, seats)
    wait_for_fact(cloud, 2, 15)
    # Then those five have said goodbye, and nothing is left of them
    for thing in LOST:
        assert cloud.messages(f"evt/playground/{thing}/lwt") == []
        assert online(cloud, thing) == 1
        assert not state_of(bench, thing).exists()
    # And the one is another device: with a key of its own, and one connection at a time
    cloud.wait_until(lambda: online(cloud, RESEATED) == 2)
    second = (state_of(bench, RESEATED) / "identity.json").read_text()
    assert first != second
    log = bench.broker.log()
    assert "already connected" not in log
    assert log.count("Received DISCONNECT from dev-") == 6
    # And the others have noticed nothing, and follow their shadows
    for number, thing in enumerate(STAYING):
        assert online(cloud, thing) == 1
        cloud.change(thing, time=100 + number)
    for number, thing in enumerate(STAYING):
        cloud.wait_for_reported(thing, time=100 + number)
    # And all say goodbye with their host
    assert process.terminate() == 0
    cloud.wait_until(lambda: bench.broker.log().count("Received DISCONNECT from dev-") == 21)
    lines = process.log()
    assert not [line for line in lines if line["level"] == "ERROR" or "exception" in line]
    assert "SIGNED" not in str(lines)
    assert "PRIVATE" not in str(lines)


def test_a_host_that_is_started_again_has_its_devices_back_without_the_bucket(
    cloud: Cloud, bench: Workbench, documents: Bucket
) -> None:
    # Given a host that was killed
    first = start(bench, documents)
    announce(cloud, documents, 1, [documents.seat(thing) for thing in THINGS])
    wait_for_fact(cloud, 1, 20)
    first.kill()
    asked = len(documents.asked)
    # When it is started from what it kept, with leave to ask nobody
    second = bench.start()
    # Then all are there again, in the one process and once each
    for thing in [HOST, *THINGS]:
        cloud.wait_until(partial(came_back, cloud, thing))
    assert len(documents.asked) == asked
    assert second.terminate() == 0
    assert "already" not in str(second.log())


def test_a_manifest_from_elsewhere_is_not_asked_for(
    cloud: Cloud, bench: Workbench, documents: Bucket
) -> None:
    process = bench.start(bench.config(HOST, "host"))
    announce(cloud, documents, 1, [documents.seat(THINGS[0])])
    refused = process.wait_for_log("manifest not applied")[0]
    assert refused["error"] == "PlaceRefusedError"
    assert documents.asked == []
    cloud.wait_until(lambda: cloud.shadows[HOST].reported.get("hosting", {}).get("problem"))
    assert cloud.shadows[HOST].reported["hosting"]["problem"]["version"] == 1
    assert "SIGNED" not in str(cloud.shadows[HOST].reported["hosting"])
