"""A device follows its shadow."""

import pytest

from tests.device.cloud import Cloud
from tests.device.process import Workbench

pytestmark = pytest.mark.timeout(400)


def test_a_new_interval_takes_effect_at_once(cloud: Cloud, bench: Workbench) -> None:
    # Given a device that has sent its first message, the next being due in a minute
    bench.start(bench.config("dev-RATE"))
    cloud.wait_for("dt/playground/dev-RATE/telemetry")
    # When it shall send every second
    cloud.change("dev-RATE", time=1)
    # Then it sends at once, and goes on
    cloud.wait_for("dt/playground/dev-RATE/telemetry", count=3)
    cloud.wait_for_reported("dev-RATE", time=1)


def test_a_first_shadow_is_followed_from_the_start(cloud: Cloud, bench: Workbench) -> None:
    # Given a shadow that was written before the device is on
    cloud.change("dev-FIRST", time=2, topic="newtopic/dev-FIRST", unit="imperial")
    # When the device is started
    bench.start(bench.config("dev-FIRST"))
    # Then its first message already goes by it
    assert cloud.wait_for("newtopic/dev-FIRST")[0].content["unit"] == "imperial"
    assert cloud.messages("dt/playground/dev-FIRST/telemetry") == []


def test_refused_values_are_reported_and_cleared(cloud: Cloud, bench: Workbench) -> None:
    # Given a device with a bad setting beside a good one, and one that isn't a setting
    bench.start(bench.config("dev-BAD"))
    cloud.wait_for_reported("dev-BAD", time=60)
    # When both arrive
    cloud.change(
        "dev-BAD", time=0, unit="imperial", colour="red", topic="$aws/things/other/shadow/update"
    )
    reported = cloud.wait_for_reported("dev-BAD", unit="imperial")
    # Then the good one holds, the old interval and topic stay, and the bad ones are listed
    assert reported["time"] == 60
    assert reported["topic"] == "dt/playground/dev-BAD/telemetry"
    cloud.wait_until(lambda: set(reported["rejected"]) == {"time", "colour", "topic"})
    assert reported["rejected"]["time"] == {
        "value": 0,
        "reason": "must be an integer from 1 to 86400",
    }
    assert cloud.shadows["dev-BAD"].delta().keys() == {"time", "colour", "topic"}
    # When one is mended to the value in force (which makes no delta) and the others are removed
    cloud.change("dev-BAD", time=60, colour=None, topic=None)
    # Then nothing is rejected any more
    cloud.wait_until(lambda: "rejected" not in cloud.shadows["dev-BAD"].reported)


def test_a_payload_replaces_the_telemetry_until_it_is_removed(
    cloud: Cloud, bench: Workbench
) -> None:
    bench.start(bench.config("dev-LOAD"))
    cloud.wait_for("dt/playground/dev-LOAD/telemetry")
    # When a payload is given, and extended (the delta then holds the new part only)
    cloud.change("dev-LOAD", payload={"a": 1})
    cloud.wait_for_reported("dev-LOAD", payload={"a": 1})
    cloud.change("dev-LOAD", payload={"b": {"c": [1]}}, time=1)
    # Then the whole of it is sent as it is
    topic = "dt/playground/dev-LOAD/telemetry"
    cloud.wait_until(lambda: cloud.messages(topic)[-1].content == {"a": 1, "b": {"c": [1]}})
    # When it is removed (which makes no delta)
    cloud.change("dev-LOAD", payload=None)
    # Then telemetry is generated again
    cloud.wait_until(lambda: "temperature" in cloud.messages(topic)[-1].content)
    cloud.wait_until(lambda: "payload" not in cloud.shadows["dev-LOAD"].reported)


def test_reconnect_drops_the_connection_once_per_value(cloud: Cloud, bench: Workbench) -> None:
    config = bench.config("dev-DROP")
    device = bench.start(config)
    cloud.wait_for_reported("dev-DROP", time=60)
    # When `reconnect` gets a value
    cloud.change("dev-DROP", reconnect="now")
    # Then the connection is dropped without a goodbye, rebuilt, and the value reported
    cloud.wait_for("evt/playground/dev-DROP/lwt")
    cloud.wait_for("evt/playground/dev-DROP/online", count=2)
    cloud.wait_for_reported("dev-DROP", reconnect="now")
    # When the device is restarted with the same value in its shadow, and then given another change
    assert device.terminate() == 0
    bench.start(config)
    cloud.wait_for("evt/playground/dev-DROP/online", count=3)
    cloud.change("dev-DROP", time=3)
    cloud.wait_for_reported("dev-DROP", time=3)
    # Then it has not done it again
    assert len(cloud.messages("evt/playground/dev-DROP/lwt")) == 1
    assert len(cloud.messages("evt/playground/dev-DROP/online")) == 3


def test_clean_disconnects_with_a_goodbye(cloud: Cloud, bench: Workbench) -> None:
    bench.start(bench.config("dev-CLEAN"))
    cloud.wait_for_reported("dev-CLEAN", time=60)
    # When `clean` gets a value
    cloud.change("dev-CLEAN", clean=1)
    # Then the device says goodbye (no last will) and comes back
    cloud.wait_for("evt/playground/dev-CLEAN/online", count=2)
    assert "Received DISCONNECT from dev-CLEAN" in bench.broker.log()
    assert cloud.messages("evt/playground/dev-CLEAN/lwt") == []
    # And follows its shadow as before
    cloud.change("dev-CLEAN", time=5)
    cloud.wait_for_reported("dev-CLEAN", time=5, clean=1)


def test_nonsense_does_no_harm(cloud: Cloud, bench: Workbench) -> None:
    device = bench.start(bench.config("dev-FUZZ"))
    cloud.wait_for_reported("dev-FUZZ", time=60)
    # When the delta topic carries what is no delta
    nonsense = [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b"NaN",
        b'{"state": [], "version": 9}',
        b"[" * 10_000,
    ]
    nonsense += [
        b'{"version": true, "state": {}}',
        b'{"state": {"time": 5}}',
        b'{"version": 1e999, "state": {}}',
    ]
    for payload in nonsense:
        cloud.publish("$aws/things/dev-FUZZ/shadow/update/delta", payload)
    # Then each is logged, and the device follows the next good one
    device.wait_for_log("shadow message ignored", count=len(nonsense))
    cloud.change("dev-FUZZ", time=4)
    cloud.wait_for_reported("dev-FUZZ", time=4)


def test_a_deleted_shadow_is_followed_again_once_it_is_back(cloud: Cloud, bench: Workbench) -> None:
    bench.start(bench.config("dev-GONE"))
    cloud.wait_for_reported("dev-GONE", time=60)
    # When the shadow is deleted, and made again by an app
    cloud.request("dev-GONE", "delete", {})
    cloud.change("dev-GONE", time=9)
    # Then the device follows it and reports in full
    reported = cloud.wait_for_reported("dev-GONE", time=9)
    assert reported["unit"] == "metric"
