"""Commands over real MQTT 5: response topic, correlation data, one reply each."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from awscrt import io

from tests.device.broker import Broker
from tests.device.cloud import Cloud
from tests.device.pki import CertificateAuthority
from tests.device.process import Workbench
from tests.device.requester import Requester

pytestmark = pytest.mark.timeout(400)

THING = "dev-CMD"
RES = f"cmd/playground/{THING}/res"


@pytest.fixture
def requester(broker: Broker, bootstrap: io.ClientBootstrap) -> Iterator[Requester]:
    requester = Requester(broker, bootstrap)
    requester.start()
    yield requester
    requester.stop()


@pytest.fixture
def device(cloud: Cloud, bench: Workbench) -> str:
    """A device that takes commands: it subscribes to them together with its shadow."""
    bench.start(bench.config(THING))
    cloud.wait_for_reported(THING, time=60)
    return THING


def test_a_reply_goes_where_the_request_says(requester: Requester, device: str) -> None:
    # When a request names a response topic and correlation data
    data = secrets.token_bytes(16)
    properties = {"response_topic": f"{RES}/app-1", "correlation_data_bytes": data}
    reply = requester.ask(device, {"command": "status"}, **properties)
    # Then the reply has both
    assert (reply.topic, reply.correlation_data) == (f"{RES}/app-1", data)
    assert reply.content["status"] == "accepted"
    assert reply.content["result"]["deviceType"] == "generic"
    # When the same comes again, then it is neither done nor answered again
    requester.send(f"cmd/playground/{device}/req", {"command": "tamper"}, **properties)
    assert requester.silence(1)
    # When a request names none, then the reply goes to the default
    assert requester.ask(device, {"command": "ping"}).topic == RES


def test_a_response_topic_elsewhere_is_refused(requester: Requester, device: str) -> None:
    reply = requester.ask(
        device, {"command": "ping"}, response_topic="dt/playground/another/telemetry"
    )
    assert reply.topic == RES
    assert reply.content["status"] == "refused"
    assert reply.content["error"]["field"] == "responseTopic"


def test_help_lists_what_there_is(requester: Requester, device: str) -> None:
    commands = requester.ask(device, {"command": "help"}).content["result"]
    assert set(commands) >= {
        "help",
        "ping",
        "status",
        "tamper",
        "reconnect",
        "clean",
        "large",
        "authorization-error",
    }
    assert commands["large"]["arguments"]["bytes"]["default"] == 120_000


def test_tamper_publishes_the_event(cloud: Cloud, requester: Requester, device: str) -> None:
    reply = requester.ask(device, {"command": "tamper", "arguments": {"detail": "screw loosened"}})
    assert reply.content["result"] == {"topic": f"evt/playground/{device}/tamper"}
    event = cloud.wait_for(f"evt/playground/{device}/tamper")[0].content
    assert event["detail"] == "screw loosened"
    assert event["event"] == "tamper"


def test_a_large_payload_has_the_size_that_was_asked_for(
    cloud: Cloud, requester: Requester, device: str
) -> None:
    cloud.wait_for(f"dt/playground/{device}/telemetry")
    reply = requester.ask(device, {"command": "large", "arguments": {"bytes": 131_072}})
    assert reply.content["result"]["bytes"] == 131_072
    sizes = [
        len(message.payload) for message in cloud.wait_for(f"dt/playground/{device}/telemetry", 2)
    ]
    assert 131_072 in sizes


@pytest.mark.thorough
@pytest.mark.parametrize(("command", "leaves_will"), [("reconnect", True), ("clean", False)])
def test_the_connection_is_rebuilt_once_and_after_the_reply(
    cloud: Cloud, bench: Workbench, requester: Requester, *, command: str, leaves_will: bool
) -> None:
    # Given a device
    process = bench.start(bench.config(THING))
    cloud.wait_for_reported(THING, time=60)
    # When it is told to reconnect, without correlation data that would tell a repetition
    reply = requester.ask(THING, {"command": command})
    # Then it answers, comes back, takes commands again, and stays
    assert reply.content == {"command": command, "status": "accepted", "result": {}}
    process.wait_for_log("connected", count=2)
    cloud.wait_for(f"evt/playground/{THING}/online", 2)
    # (it reads its shadow when it has subscribed)
    cloud.wait_until(lambda: sum(request.topic.endswith("/get") for request in cloud.requests) >= 2)
    requester.ask(THING, {"command": "ping"})
    assert requester.silence(2)
    assert len(process.wait_for_log("connected")) == 2
    assert bool(cloud.messages(f"evt/playground/{THING}/lwt")) is leaves_will


def test_nonsense_is_refused_and_the_device_goes_on(requester: Requester, device: str) -> None:
    for payload in (
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"command": 1}',
        b'{"command": "\\ud800"}',
        b"[" * 50_000,
    ):
        assert requester.ask(device, payload).content["status"] == "refused"
    assert requester.ask(device, {"command": "ping"}).content["status"] == "accepted"


def test_an_execution_of_aws_iot_commands(cloud: Cloud, requester: Requester, device: str) -> None:
    # When a command comes as AWS IoT Commands sends it
    executions = f"$aws/commands/things/{device}/executions"
    requester.send(f"{executions}/0a1b-2c/request/json", {"command": "tamper"})
    # Then it is answered in that form, and done
    reply = requester.reply()
    assert reply.topic == f"{executions}/0a1b-2c/response/json"
    assert reply.content["status"] == "SUCCEEDED"
    assert reply.content["result"] == {"topic": {"s": f"evt/playground/{device}/tamper"}}
    cloud.wait_for(f"evt/playground/{device}/tamper")
    # When it comes again, then nothing happens; a bad one is rejected
    requester.send(f"{executions}/0a1b-2c/request/json", {"command": "tamper"})
    requester.send(
        f"{executions}/0a1b-2d/request/json", {"command": "large", "arguments": {"bytes": 1}}
    )
    refused = requester.reply()
    assert refused.topic == f"{executions}/0a1b-2d/response/json"
    assert refused.content["status"] == "REJECTED"
    assert "arguments.bytes" in refused.content["statusReason"]["reasonDescription"]


@pytest.fixture
def strict_broker(tmp_path: Path, authority: CertificateAuthority) -> Iterator[Broker]:
    """A broker that forbids what the device policy does not allow."""
    rules = tmp_path / "acl"
    rules.write_text(
        "user requester\ntopic readwrite #\n"
        f"user {THING}\ntopic read cmd/playground/{THING}/req\n"
        f"topic write {RES}/#\ntopic write evt/playground/{THING}/#\n"
    )
    directory = tmp_path / "strict"
    directory.mkdir()
    broker = Broker(directory, authority, {"acl_file": str(rules)})
    broker.start()
    yield broker
    broker.stop()


def test_the_reason_code_of_an_authorization_error(
    tmp_path: Path, strict_broker: Broker, bootstrap: io.ClientBootstrap
) -> None:
    # Given a device behind rules
    workplace = tmp_path / "strict-bench"
    workplace.mkdir()
    bench, requester = Workbench(workplace, strict_broker), Requester(strict_broker, bootstrap)
    process = bench.start(bench.config(THING))
    process.wait_for_log("connected")
    requester.start()
    try:
        # When it is told to break them
        reply = requester.ask(THING, {"command": "authorization-error"}).content
    finally:
        requester.stop()
        bench.stop_all()
    # Then it tells what the broker said
    assert reply["status"] == "accepted"
    assert reply["result"]["reasonCode"] == 135


def test_a_device_that_is_offline_comes_back_by_itself(
    cloud: Cloud, bench: Workbench, requester: Requester, device: str
) -> None:
    # When it is told to stay away for a second
    reply = requester.ask(device, {"command": "offline", "arguments": {"seconds": 1}})
    # Then it answers, says goodbye, and comes back
    assert reply.content["result"] == {"seconds": 1}
    cloud.wait_for(f"evt/playground/{device}/online", 2)
    assert cloud.messages(f"evt/playground/{device}/lwt") == []


def test_a_device_that_is_offline_ends_at_once(
    bench: Workbench, cloud: Cloud, requester: Requester
) -> None:
    # Given a device that stays away for long
    process = bench.start(bench.config(THING))
    cloud.wait_for_reported(THING, time=60)
    requester.ask(THING, {"command": "offline", "arguments": {"seconds": 3600}})
    process.wait_for_log("rebuilding the connection")
    cloud.wait_until(lambda: f"Received DISCONNECT from {THING}" in bench.broker.log())
    # When it gets SIGTERM
    started = time.monotonic()
    # Then it is gone
    assert process.terminate() == 0
    assert time.monotonic() - started < 5
