"""Connecting, leaving, losing the connection and finding it again."""

import time
from collections.abc import Callable

import pytest

from tests.device.broker import Broker
from tests.device.cloud import Cloud
from tests.device.process import Workbench

pytestmark = pytest.mark.timeout(400)


def test_a_device_connects_and_says_so(cloud: Cloud, bench: Workbench) -> None:
    # Given a device that was never on
    config = bench.config("dev-ONE", "bulb")
    # When it is started
    device = bench.start(config)
    # Then it publishes the event, follows its shadow, and sends telemetry
    online = cloud.wait_for("evt/playground/dev-ONE/online")[0].content
    assert {key: online[key] for key in ("event", "thingName", "deviceType")} == {
        "event": "online",
        "thingName": "dev-ONE",
        "deviceType": "bulb",
    }
    telemetry = cloud.wait_for("dt/playground/dev-ONE/telemetry")[0].content
    assert telemetry["sequence"] == 0
    assert telemetry["status"] == "off"
    cloud.wait_for_reported("dev-ONE", time=60, status="off", unit="metric")
    assert device.wait_for_log("connected")[0]["thingName"] == "dev-ONE"


def _acknowledged(log: str, client: str) -> bool:
    asked = [line for line in log.splitlines() if f"Received PUBLISH from {client} " in line]
    return log.count(f"Sending PUBACK to {client} ") >= sum(", q1," in line for line in asked) > 0


def test_a_goodbye_leaves_no_last_will(cloud: Cloud, bench: Workbench) -> None:
    # Given a connected device that waits for no PUBACK: with one unread in its socket, the system
    # ends the connection by a reset, which may overtake the DISCONNECT.
    device = bench.start(bench.config("dev-BYE"))
    cloud.wait_for("dt/playground/dev-BYE/telemetry")
    cloud.wait_for("evt/playground/dev-BYE/online")
    cloud.wait_until(lambda: _acknowledged(bench.broker.log(), "dev-BYE"))
    # When it gets SIGTERM
    started = time.monotonic()
    code = device.terminate()
    # Then it is gone within 5 s with exit code 0, and the broker was told
    assert code == 0
    assert time.monotonic() - started < 5
    cloud.wait_until(lambda: "Received DISCONNECT from dev-BYE" in bench.broker.log())
    assert cloud.messages("evt/playground/dev-BYE/lwt") == []


def test_a_killed_device_leaves_its_last_will(cloud: Cloud, bench: Workbench) -> None:
    # Given a connected device
    device = bench.start(bench.config("dev-WILL"))
    cloud.wait_for("evt/playground/dev-WILL/online")
    # When it is killed
    device.kill()
    # Then the broker publishes its last will
    will = cloud.wait_for("evt/playground/dev-WILL/lwt")[0].content
    assert will["event"] == "lwt"
    assert will["thingName"] == "dev-WILL"


def test_a_device_survives_a_restart_of_the_broker(
    broker: Broker, cloud: Cloud, bench: Workbench
) -> None:
    # Given a connected device
    device = bench.start(bench.config("dev-BACK"))
    cloud.wait_for_reported("dev-BACK", time=60)
    # When the broker is away while its shadow changes
    broker.stop()
    device.wait_for_log("disconnected")
    cloud.shadows["dev-BACK"].update({"state": {"desired": {"time": 7}}})
    broker.start()
    # Then the device comes back, reconciles, and says that it is online once more
    cloud.wait_for_reported("dev-BACK", time=7)
    device.wait_for_log("connected", count=2)
    assert device.process.poll() is None


@pytest.mark.thorough
@pytest.mark.timeout(400)
def test_a_server_of_another_ca_is_not_connected_to(broker: Broker, bench: Workbench) -> None:
    # Given a device that trusts another CA than the broker's
    device = bench.start(bench.config("dev-CA"), ca_file=bench.other_ca())
    # When it tries to connect (s2n takes 10 to 30 s to end a failed handshake, on purpose:
    # "blinding")
    failure = device.wait_for_log("cannot connect", seconds=40)[0]
    # Then TLS has failed, nothing has come through, it tries again, and leaves at once when told to
    assert "TLS" in failure["reason"]
    attempts = broker.log().count("New connection")
    wait_until(lambda: broker.log().count("New connection") > attempts)
    assert "dev-CA" not in broker.log()
    assert device.terminate() == 0


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds, where there is no cloud to bring news."""
    deadline = time.monotonic() + 45
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.thorough
def test_two_processes_with_one_identity_do_not_give_up(cloud: Cloud, bench: Workbench) -> None:
    # Given a connected device
    config = bench.config("dev-TWIN")
    first = bench.start(config)
    first.wait_for_log("connected")
    # When a second process connects with the same client id
    second = bench.start(config)
    second.wait_for_log("connected")
    # Then the first loses the connection, and comes back (what AWS IoT says about it, 142,
    # mosquitto keeps to itself)
    first.wait_for_log("disconnected")
    first.wait_for_log("connected", count=2)
    assert first.process.poll() is None
    assert second.process.poll() is None
