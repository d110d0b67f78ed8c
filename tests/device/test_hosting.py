"""Identities over a restart, and many devices in one process."""

import json
import stat

import pytest

from tests.device.cloud import Cloud
from tests.device.process import Workbench

pytestmark = pytest.mark.timeout(400)


def test_a_restart_needs_no_url(cloud: Cloud, bench: Workbench) -> None:
    # Given a device that has fetched its config and identity
    config = bench.config("dev-KEEP")
    url = config.as_uri()
    first = bench.start(config_url=url)
    cloud.wait_for("evt/playground/dev-KEEP/online")
    assert first.terminate() == 0
    # When both are gone and it is started again
    config.unlink()
    (bench.state_dir.parent / "dev-KEEP-identity.json").unlink()
    second = bench.start(config_url=url)
    # Then it connects with what it kept, in a file of its own
    cloud.wait_for("evt/playground/dev-KEEP/online", count=2)
    kept = bench.state_dir / "dev-KEEP" / "identity.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(bench.state_dir.stat().st_mode) == 0o700
    assert all("PRIVATE" not in json.dumps(line) for line in first.log() + second.log())


def test_a_damaged_identity_is_noticed(bench: Workbench) -> None:
    # Given a state directory with half an identity
    directory = bench.state_dir / "dev-HALF"
    directory.mkdir(parents=True, mode=0o700)
    (directory / "identity.json").write_text(
        '{"certificateId": "00", "certificatePem": "-----BEGIN CERT'
    )
    # When a device is started from it
    device = bench.start()
    # Then it says so and does not start
    assert device.exit_code() == 2
    assert "damaged" in device.log()[-1]["message"]


def test_many_devices_need_no_more_threads_than_one(cloud: Cloud, bench: Workbench) -> None:
    # Given one process with one device
    single = bench.start(bench.config("dev-000"))
    cloud.wait_for_reported("dev-000", time=60)
    threads = single.threads()
    assert single.terminate() == 0
    # When a process hosts twenty, one of which is configured badly
    things = [f"dev-{number:03}" for number in range(20)]
    for thing in things:
        bench.config(thing)
    (bench.configs / "bad.json").write_text("{}")
    many = bench.start(bench.configs)
    for thing in things:
        cloud.wait_for(f"dt/playground/{thing}/telemetry")
    # Then it has as many threads, and each device follows its own shadow
    assert many.threads() == threads
    for number, thing in enumerate(things):
        cloud.change(thing, time=100 + number)
    for number, thing in enumerate(things):
        cloud.wait_for_reported(thing, time=100 + number)
    # And they all say goodbye
    assert many.terminate() == 0
    cloud.wait_until(lambda: bench.broker.log().count("Received DISCONNECT from dev-") == 21)


def test_an_identity_that_is_none_ends_the_process(bench: Workbench) -> None:
    # Given a config whose identity document is not one
    config = bench.config("dev-NONE")
    (bench.state_dir.parent / "dev-NONE-identity.json").write_text('{"certificateId": "0"}')
    # When the device is started
    device = bench.start(config)
    # Then the process ends for good
    assert device.exit_code() == 2
    assert device.log()[-1]["error"] == "ConfigInvalidError"
