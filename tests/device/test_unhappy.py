"""What can go wrong around a device, and what it does then; docs/evidence/conformance.md names
each.
"""

import errno
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

from tests.device import mqtt5
from tests.device.hosted import Hosted, hosted
from tests.device.pki import CertificateAuthority
from tests.device.process import Workbench
from tests.device.scripted_broker import ScriptedBroker
from tests.device.stage import NAME, stage
from virtual_device.connection import mqtt
from virtual_device.state.store import Store

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(400)]

HOUR = 3600.0
TELEMETRY = f"dt/playground/{NAME}/telemetry"
ONLINE = f"evt/playground/{NAME}/online"

SCALE = 400
"""How much faster the library's delays run where a test waits for an hour of them."""


def test_unhappy_the_broker_is_gone_for_an_hour() -> None:
    with stage() as scene:
        # Given a device that sends every minute
        scene.connect()
        scene.advance(1)
        before = len(scene.published(TELEMETRY))
        # When the connection is gone for an hour while its shadow changes
        scene.lose_connection()
        scene.shadow.update({"state": {"desired": {"status": "on"}}})
        scene.advance(HOUR)
        assert len(scene.published(TELEMETRY)) == before
        scene.connect()
        # Then it says that it is back, has the new setting, sends what is due once, and goes on at
        # its own pace
        scene.advance(1)
        assert len(scene.published(ONLINE)) == 2
        assert scene.settings["status"] == "on"
        assert len(scene.published(TELEMETRY)) == before + 1
        scene.advance(120)
        assert len(scene.published(TELEMETRY)) == before + 3


def test_unhappy_the_broker_is_gone_for_an_hour_of_attempts(
    scripted: ScriptedBroker, host: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a device whose library waits 1/400 of its times
    monkeypatch.setattr(
        mqtt, "MIN_RECONNECT_DELAY_MS", max(1, mqtt.MIN_RECONNECT_DELAY_MS // SCALE)
    )
    longest = mqtt.MAX_RECONNECT_DELAY_MS / SCALE / 1000
    monkeypatch.setattr(mqtt, "MAX_RECONNECT_DELAY_MS", mqtt.MAX_RECONNECT_DELAY_MS // SCALE)
    host.add("dev-HOUR", scripted)
    scripted.wait_for_reported("dev-HOUR", time=60)
    # When the broker is gone for an hour of its time: about sixty attempts of at most 120 s each
    scripted.away()
    host.wait_for_log("dev-HOUR", "cannot connect", count=60)
    times = [record.created for record in host.records if record.getMessage() == "cannot connect"]
    assert max(after - before for before, after in pairwise(times)) < longest + 0.5
    scripted.back()
    # Then it is back, within what the longest delay is
    scripted.change("dev-HOUR", time=61)
    scripted.wait_for_reported("dev-HOUR", time=61)


@pytest.mark.parametrize(
    "jump", [-HOUR, HOUR, -30 * 365 * 24 * HOUR], ids=["back", "forth", "to long ago"]
)
def test_unhappy_the_wall_clock_jumps(jump: float) -> None:
    with stage() as scene:
        # Given a device that sends every minute
        scene.connect()
        scene.advance(61)
        before = len(scene.published(TELEMETRY))
        # When someone sets the clock
        scene.jump(jump)
        scene.advance(600)
        # Then it has sent ten messages in ten minutes all the same, with the times that the clock
        # shows now
        messages = scene.published(TELEMETRY)
        assert len(messages) == before + 10
        assert [message["sequence"] for message in messages] == list(range(before + 10))
        if jump < 0:
            assert messages[-1]["timestamp"] < messages[0]["timestamp"]


def test_unhappy_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a device that has kept its settings
    store = Store(tmp_path / "state")
    with stage(store=store) as scene:
        scene.connect()
        scene.app(time=100, reconnect="first")
        scene.run()
        scene.advance(2)
        assert store.load_settings(NAME) is not None

        # When the disk is full while it is told something new
        def fail(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("os.fdopen", fail)
            scene.app(time=200, reconnect="second")
            scene.run()
            scene.advance(2)
        # Then it logs that, runs with the new settings, and doesn't keep the old ones as if they
        # were the last
        assert any("No space left" in message for _, message, _ in scene.log)
        assert scene.settings["time"] == 200
        assert store.load_settings(NAME) is None
        # And when it is started again, what it has reported counts: it doesn't reconnect a second
        # time
        connections = len(scene.published(ONLINE))
        scene.switch_on()
        scene.connect()
        scene.advance(2)
        assert scene.settings["time"] == 200
        assert len(scene.published(ONLINE)) == connections + 1


def test_unhappy_the_disk_is_full_at_the_first_start(bench: Workbench, tmp_path: Path) -> None:
    # Given a state directory that nothing can be written to
    (tmp_path / "state").write_text("a file where a directory should be")
    # When a device is started for the first time
    device = bench.start(bench.config("dev-FULL"))
    # Then it ends and says why, rather than be a device whose identity is lost with the process
    assert device.exit_code() == 2
    assert device.log()[-1]["error"] == "StateUnusableError"


class _Forbidden(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(403, "Request has expired")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def expired() -> Iterator[str]:
    """A presigned URL that has expired."""
    with HTTPServer(("127.0.0.1", 0), _Forbidden) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/config.json?X-Amz-Signature=SIGNED"
        server.shutdown()
        thread.join(10)


def test_unhappy_the_config_url_has_expired(bench: Workbench, expired: str) -> None:
    # When a device is started with nothing but a URL that has expired
    device = bench.start(config_url=expired)
    # Then it ends for good, says what to do, and doesn't show the URL
    assert device.exit_code() == 2
    line = device.log()[-1]
    assert line["error"] == "UrlRefusedError"
    assert "expired" in line["message"]
    assert "Provision the device again" in line["message"]
    assert "SIGNED" not in str(device.log())


def test_unhappy_the_config_url_has_expired_but_the_identity_is_kept(
    bench: Workbench, expired: str
) -> None:
    # Given a device that has been on before
    first = bench.start(config_url=bench.config("dev-KEPT").as_uri())
    first.wait_for_log("connected")
    assert first.terminate() == 0
    # When it is started with a URL that has expired
    second = bench.start(config_url=expired)
    # Then it says so, and connects with what it kept
    second.wait_for_log("connected")
    assert any("The identity kept for dev-KEPT is used" in line["message"] for line in second.log())


def test_unhappy_two_processes_have_one_identity(
    scripted: ScriptedBroker, tmp_path: Path, authority: CertificateAuthority
) -> None:
    # Given a connected device
    with hosted(tmp_path / "one", authority) as one:
        one.add("dev-TWIN", scripted)
        scripted.wait_for_reported("dev-TWIN", time=60)
        # When another one connects with the same identity
        with hosted(tmp_path / "two", authority) as two:
            two.add("dev-TWIN", scripted)
            # Then each is thrown out by the other, says what that means, and comes back after a
            # pause that grows
            scripted.wait_until(lambda: len(scripted.of("dev-TWIN")) >= 8)
            told = [line["reason"] for line in one.said("dev-TWIN", "disconnected")]
            assert told
            assert all("running twice" in reason for reason in told), told
        # When the other one has left
        scripted.wait_until(lambda: scripted.of("dev-TWIN")[-1].ended is None, seconds=30)
        # Then the first one stays, and follows its shadow
        scripted.change("dev-TWIN", time=91)
        scripted.wait_for_reported("dev-TWIN", time=91)
        assert scripted.of("dev-TWIN")[-1].of(mqtt5.Disconnect) == []
