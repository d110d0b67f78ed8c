"""The operation `update-firmware`: what it takes, and what keeps an image from being installed."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.doubles.image_server import ImageServer
from tests.unit.doubles.surroundings import Device
from tests.unit.firmware.bench import CONTENT, DOCUMENT, IMAGE, OLD, Bench, raising
from virtual_device.base.errors import StateUnusableError, UrlUnreachableError
from virtual_device.commands.requests import RefusedFieldError
from virtual_device.firmware import image as firmware
from virtual_device.firmware.image_source import ImageError, Source
from virtual_device.firmware.slots import Slots
from virtual_device.jobs.update_document import parse
from virtual_device.jobs.update_firmware import LIMIT_SECONDS, PROGRESS_SECONDS
from virtual_device.telemetry.thing import Thing


def test_an_update_that_goes_well(bench: Bench) -> None:
    # When a job brings a version
    bench.begin()
    assert bench.report.details == [
        {"step": "downloading", "bytes": "0", "percent": "0", "version": "2.0.0"}
    ]
    bench.download()
    # Then the device starts anew with its model, on trial: the version before is still in force
    assert bench.report.details[-1] == {
        "step": "starting",
        "bytes": str(len(CONTENT)),
        "percent": "100",
    }
    assert [restart.model for restart in bench.device.restarts] == [firmware.parse(IMAGE).model]
    assert bench.in_force == "1.0.0"
    assert bench.device.facts == {}
    # and when it has come up, the new one is
    bench.up()
    assert bench.report.ends == [("succeeded",)]
    assert bench.report.details[-1] == {"step": "done", "version": "2.0.0", "previous": "1.0.0"}
    assert bench.in_force == "2.0.0"
    assert bench.device.facts == {"firmware": "2.0.0"}
    # and nothing is left that could fire
    assert not [timer for timer in bench.device.timers if timer.call]


def test_the_first_update_comes_after_the_factory(bench: Bench) -> None:
    bench.device.firmware.keep(Slots())
    bench.run()
    bench.up()
    assert bench.report.details[-1]["previous"] == "factory"


def test_a_version_that_is_in_force_is_not_fetched_again(bench: Bench) -> None:
    # Given a device that has the version
    bench.run()
    bench.up()
    bench.server.asked.clear()
    # When it is told again, also after it was off
    for device in (bench.device, bench.switch_on()):
        bench.begin(job_id="job-2")
        # Then that is no work
        assert bench.report.ends == [("succeeded",)]
        assert device.works == []
    assert bench.server.asked == []


def test_another_image_of_the_same_version_is_another_image(bench: Bench) -> None:
    bench.run()
    bench.up()
    other = json.dumps(IMAGE).encode()
    bench.server.content = other
    bench.run(size=len(other), sha256=sha256(other).hexdigest())
    bench.up()
    assert bench.report.details[-1] == {"step": "done", "version": "2.0.0", "previous": "2.0.0"}
    assert bench.device.firmware.slots.current is not None
    assert bench.device.firmware.slots.current.sha256 == sha256(other).hexdigest()


def test_a_version_may_be_older(bench: Bench) -> None:
    older = json.dumps({**IMAGE, "version": "0.9.0"}).encode()
    bench.server.content = older
    bench.run(version="0.9.0", size=len(older), sha256=sha256(older).hexdigest())
    bench.up()
    assert bench.in_force == "0.9.0"


def test_progress_is_told_now_and_then_while_the_download_lasts(bench: Bench) -> None:
    # Given a download under way, on another thread
    operation = bench.begin()
    source = operation._source  # the thread's end of it
    assert source is not None
    timer = bench.device.timers[-1]
    assert timer.seconds == PROGRESS_SECONDS
    # When a part has arrived
    source.received = len(CONTENT) // 2
    timer.fire()
    # Then it is told, and told again later
    assert bench.report.details[-1]["step"] == "downloading"
    assert bench.report.details[-1]["percent"] in {"49", "50"}
    assert bench.device.timers[-1].call is not None
    # until it has ended
    bench.download()
    assert source.received == len(CONTENT)
    assert timer.call is None
    assert [timer.seconds for timer in bench.device.timers if timer.call] == [LIMIT_SECONDS]


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("/403", "URL_REFUSED", "the URL has expired"),
        ("/404", "NOT_FOUND", "no image at the URL"),
        ("/400", "URL_REFUSED", "the server answered HTTP 400"),
    ],
)
def test_a_url_that_is_refused(bench: Bench, path: str, code: str, said: str) -> None:
    bench.run(url=bench.server.url(path))
    assert said in bench.assert_refused(code)
    assert bench.server.asked == [path]


def test_a_server_out_of_reach(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "virtual_device.firmware.image_source.fetch",
        raising(UrlUnreachableError("no route to bucket")),
    )
    bench.run()
    assert bench.assert_refused("UNREACHABLE") == "no route to bucket"


def test_whatever_else_goes_wrong_with_a_download(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("virtual_device.firmware.image_source.fetch", raising(MemoryError()))
    bench.run()
    bench.assert_refused("DOWNLOAD_FAILED")


def test_an_answer_that_breaks_off_is_asked_for_again(
    server: ImageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("virtual_device.web.fetch.random.uniform", lambda *_: 0.0)
    server.short_by = 10
    source = Source("2.0.0", len(CONTENT), DOCUMENT["sha256"], server.url(), server.sources)
    with pytest.raises(ImageError, match="broke off 10 bytes before its end") as caught:
        source.obtain()
    assert caught.value.code == "UNREACHABLE"
    assert len(server.asked) == 5


def test_more_than_was_said_is_not_read(bench: Bench) -> None:
    bench.server.content = CONTENT + b" " * 30_000_000
    bench.run()
    assert "more than" in bench.assert_refused("WRONG_SIZE")
    assert bench.server.sent < 20_000_000


def test_less_than_was_said(bench: Bench) -> None:
    bench.server.content = CONTENT[:-1]
    bench.run()
    assert (
        bench.assert_refused("WRONG_SIZE")
        == f"the image has {len(CONTENT) - 1} bytes, not {len(CONTENT)}"
    )


def test_another_content_of_the_same_size(bench: Bench) -> None:
    bench.server.content = CONTENT.replace(b"3.3", b"3.4")
    bench.run()
    bench.assert_refused("WRONG_HASH")


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"not JSON", "INVALID_IMAGE", "image: "),
        (
            json.dumps({**IMAGE, "version": "2.0.1"}).encode(),
            "WRONG_VERSION",
            "is version 2.0.1, not 2.0.0",
        ),
        (
            json.dumps(
                {**IMAGE, "model": {"telemetry": {"a": {"sine": {}}, "b": {"walk": {}}}}}
            ).encode(),
            "INVALID_IMAGE",
            "model.telemetry.b.walk.step: is missing",
        ),
    ],
)
def test_an_image_that_is_none(bench: Bench, content: bytes, code: str, said: str) -> None:
    bench.server.content = content
    bench.run(size=len(content), sha256=sha256(content).hexdigest())
    assert said in bench.assert_refused(code)


def test_a_reason_fits_into_a_detail_of_a_job(bench: Bench) -> None:
    model: dict[str, Any] = {"telemetry": {f"member{index}": {"sine": {}} for index in range(100)}}
    content = json.dumps({**IMAGE, "model": model}).encode()
    bench.server.content = content
    bench.run(size=len(content), sha256=sha256(content).hexdigest())
    assert len(bench.assert_refused("INVALID_IMAGE")) < 1024


def test_a_full_disk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", raising(OSError(28, "No space left on device")))
        bench.run()
    assert "No space left" in bench.assert_refused("NOT_STORED")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damaged_image_is_taken(server: ImageServer, data: st.DataObject) -> None:
    # Given an image that was cut or changed in any single bit
    if data.draw(st.booleans(), "cut"):
        damaged = CONTENT[: data.draw(st.integers(0, len(CONTENT) - 1), "length")]
    else:
        bit = data.draw(st.integers(0, 8 * len(CONTENT) - 1), "bit")
        damaged = bytes(
            byte ^ (1 << bit % 8) if index == bit // 8 else byte
            for index, byte in enumerate(CONTENT)
        )
    server.content = damaged
    source = Source(
        "2.0.0", len(CONTENT), sha256(CONTENT).hexdigest(), server.url(), server.sources
    )
    # Then it is refused: before that, nothing of the device is touched
    with pytest.raises(ImageError) as caught:
        source.obtain()
    assert caught.value.code in {"WRONG_SIZE", "WRONG_HASH"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", "2"),
        ("version", None),
        ("url", "file:///etc/passwd"),
        ("url", "ftp://host/x"),
        ("url", "https://"),
        ("url", "https://host/a b"),
        ("url", "https://host/a\n"),
        ("url", "https://" + "x" * 8_001),
        ("url", 1),
        ("size", 0),
        ("size", firmware.MAX_BYTES + 1),
        ("size", True),
        ("size", "9"),
        ("sha256", "A" * 64),
        ("sha256", "0" * 63),
        ("force", True),
    ],
)
def test_a_document_that_breaks_a_rule(bench: Bench, field: str, value: Any) -> None:
    with pytest.raises(RefusedFieldError) as caught:
        parse({**DOCUMENT, field: value}, bench.device)
    assert caught.value.field == field


@pytest.mark.parametrize("field", list(DOCUMENT))
def test_a_document_without_a_field(bench: Bench, field: str) -> None:
    with pytest.raises(RefusedFieldError) as caught:
        parse({key: value for key, value in DOCUMENT.items() if key != field}, bench.device)
    assert caught.value.field == field


def test_a_placeholder_that_was_not_replaced_is_explained(bench: Bench) -> None:
    url = "${aws:iot:s3-presigned-url:https://s3.eu-west-1.amazonaws.com/bucket/firmware/x.json}"
    with pytest.raises(RefusedFieldError, match="AWS IoT made no URL of it"):
        parse({**DOCUMENT, "url": url}, bench.device)


def test_the_url_is_not_shown(bench: Bench) -> None:
    bench.run()
    bench.up()
    assert "SIGNED" not in repr(bench.device.told)
    assert "SIGNED" not in repr(bench.report)
    assert "SIGNED" not in repr(Source("1.0.0", 1, "0", bench.server.url(), bench.server.sources))


def test_a_device_that_can_keep_nothing_is_not_updated(server: ImageServer, tmp_path: Path) -> None:
    bench = Bench(tmp_path / "state", server)
    bench.device = Device(Thing("dev-TEST", "bulb"), sources=server.sources)
    bench.device.state.full = True
    with pytest.raises(StateUnusableError):
        bench.device.firmware.keep(Slots(OLD))
    bench.run()
    assert bench.report.ends[0][:2] == ("failed", "NOT_STORED")
