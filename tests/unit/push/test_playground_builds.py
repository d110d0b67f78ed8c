"""The local builder: what it makes of an upload, what it refuses, and when it does so."""

import hashlib
import io
import itertools
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from playground.errors import ImageError
from playground.home.paths import Paths
from playground.home.state import LocalState
from playground.images import local_builds as builds
from playground.images.local_builds import BuildResult, LocalBuilds, load, result_file, save
from playground.images.push import Push
from playground.images.source import Source, pack
from playground.local.builder import Builder, image_directory, manifest_of, require_packages
from playground.local.uploads import INTERVAL, UploadPoller, Uploads
from tests.unit.push.cloud import DEVICE, Home


@pytest.fixture
def local(home: Home) -> Home:
    home.kind = "local"
    return home


def upload(home: Home, source: Source, key: str = "") -> tuple[str, str]:
    """Key and version."""
    key = key or source.key
    return key, home.bucket.put_object("sources", key, source.data, "application/zip")["VersionId"]


@pytest.mark.processes
def test_the_local_builder_makes_what_processes_can_run_from(local: Home, paths: Paths) -> None:
    # given
    source = pack(paths.root / "device")
    # when
    result = Builder(paths, local).build(*upload(local, source))  # type: ignore[arg-type]
    # then
    assert result.status == "SUCCEEDED", result.message
    assert result.digest == local.repository.tags[source.sha256] == local.repository.tags["latest"]
    assert local.repository.manifests[result.digest] == manifest_of(source.sha256, len(source.data))
    assert (image_directory(paths, result.digest) / "virtual_device" / "__main__.py").is_file()
    assert [path.name for path in paths.images.iterdir()] == [result.digest.removeprefix("sha256:")]
    # and again
    assert Builder(paths, local).build(*upload(local, source)).status == "SUCCEEDED"  # type: ignore[arg-type]


@pytest.mark.processes
@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "virtual_device/__main__.py",
            "import nothing_of_that_name",
            "No module named 'nothing_of_that_name'",
        ),
        ("virtual_device/__main__.py", "def broken(:", "SyntaxError"),
        ("requirements.txt", "pytest==0.1", "asks for pytest==0.1, and local devices run with"),
        ("requirements.txt", "nothing-of-that-name==1", "local devices run with none"),
        ("requirements.txt", "not a requirement", "device/requirements.txt: "),
    ],
)
def test_what_cannot_run_is_not_built_and_the_reason_is_told(
    local: Home, paths: Paths, file: str, text: str, message: str
) -> None:
    # given
    before = local.repository.push("before", "latest")
    (paths.root / "device" / file).write_text(text)
    # when
    result = Builder(paths, local).build(*upload(local, pack(paths.root / "device")))  # type: ignore[arg-type]
    # then
    assert result.status == "FAILED"
    assert message in result.message
    assert local.repository.tags == {"latest": before}
    assert list(paths.images.iterdir()) == []


def test_what_is_no_zip_or_goes_by_another_name_is_refused(local: Home, paths: Paths) -> None:
    source = pack(paths.root / "device")
    other = Builder(paths, local).build(*upload(local, source, f"source/{'0' * 64}.zip"))  # type: ignore[arg-type]
    assert (other.status, "must be named after its SHA-256" in other.message) == ("FAILED", True)
    garbage = b"garbage"
    sha256 = "795b6904e54f82411df4b0e27a373a55eea3f9d66dac5a9bce1dd92f7b401da5"
    none = Builder(paths, local).build(*upload(local, Source(sha256, garbage)))  # type: ignore[arg-type]
    assert (none.status, "zip" in none.message) == ("FAILED", True), none.message


def test_what_cannot_be_unpacked_leaves_nothing_behind(local: Home, paths: Paths) -> None:
    # given
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("requirements.txt", "")
        archive.writestr("x" * 300, "")
    data = packed.getvalue()
    # when
    with pytest.raises(OSError, match="too long"):
        Builder(paths, local).build(*upload(local, Source(hashlib.sha256(data).hexdigest(), data)))  # type: ignore[arg-type]
    # then
    assert list(paths.images.iterdir()) == []


def test_a_requirement_of_another_platform_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(
        '# comment\n\ncolorama==0.4.6 ; sys_platform == "nothing" \\\n    --hash=sha256:00\n'
    )
    require_packages(file)
    file.unlink()
    with pytest.raises(ImageError, match="is missing"):
        require_packages(file)


def test_this_devices_own_requirements_are_met() -> None:
    require_packages(DEVICE / "requirements.txt")


def versions(*entries: tuple[str, str, str]) -> bytes:
    """S3's answer to ListObjectVersions."""
    listed = "".join(
        f"<Version><Key>{key}</Key><VersionId>{identifier}</VersionId><LastModified>{at}</LastModified></Version>"
        for key, identifier, at in entries
    )
    return (
        "<ListVersionsResult "
        f'xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{listed}</ListVersionsResult>'
    ).encode()


def test_uploads_are_noticed_and_a_refusal_is_no_news() -> None:
    # given
    first = versions(("source/b.zip", "v2", "2026-01-02"), ("source/a.zip", "v1", "2026-01-01"))
    more = versions(("source/a.zip", "v3", "2026-01-03"), ("source/a.txt", "v0", "2026-01-01"))
    answers = iter([(200, first), (200, first), (403, b"no"), (403, b"no"), (200, more)])
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers['Authorization'][:16]}")
            status, body = next(answers)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_said: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        poller = UploadPoller(LocalState(port=server.server_port), "secret", "sources")
        # when
        found = [poller.changed() for _ in range(5)]
        assert poller._connection is not None
        poller._connection.close()
        server.shutdown()
    # then
    assert found == [
        [("source/a.zip", "v1"), ("source/b.zip", "v2")],
        None,
        None,
        None,
        [("source/a.zip", "v3")],
    ]
    assert set(asked) == {"/sources?prefix=source%2F&versions= AWS4-HMAC-SHA256"}


@dataclass
class Poller:
    """What was uploaded so far; None when there is nothing new."""

    answers: Iterator[list[tuple[str, str]] | None]

    def changed(self) -> list[tuple[str, str]] | None:
        return next(self.answers, None)


@dataclass
class FakeBuilder:
    """Builds at once, or breaks."""

    paths: Paths
    built: list[str] = field(default_factory=list)

    def build(self, key: str, identifier: str) -> BuildResult:
        self.built.append(identifier)
        if key == "source/breaks.zip":
            raise OSError("disk full")
        return BuildResult("SUCCEEDED", key, "sha256:0")


def test_each_upload_is_built_once_the_oldest_first(paths: Paths) -> None:
    # given: one was built before the agent was started
    save(paths, "v0", BuildResult("SUCCEEDED", "a"))
    first = [("source/a.zip", "v0"), ("source/b.zip", "v1"), ("source/breaks.zip", "v2")]
    poller, builder = (
        Poller(iter([first, None, [*first, ("source/c.zip", "v3")]])),
        FakeBuilder(paths),
    )
    moments = itertools.count()
    uploads = Uploads(poller, builder, clock=lambda: float(next(moments)))  # type: ignore[arg-type]
    # when
    while load(paths, "v3") is None:
        uploads.look()
        time.sleep(0.001)
    uploads.close()
    # then
    assert builder.built == ["v1", "v2", "v3"]
    assert load(paths, "v2") == BuildResult(
        "FAILED", "source/breaks.zip", message="OSError: disk full"
    )
    assert result_file(paths, "v1").is_file()


def test_a_look_that_came_too_early_and_a_build_ask_for_another_look(paths: Paths) -> None:
    # given
    now = 100.0
    going_on = threading.Event()

    class Slow(FakeBuilder):
        def build(self, key: str, version: str) -> BuildResult:
            going_on.wait(10)
            return super().build(key, version)

    poller = Poller(iter([None, [("source/a.zip", "v1")], None]))
    uploads = Uploads(poller, Slow(paths), clock=lambda: now)  # type: ignore[arg-type]
    uploads.look()
    assert not uploads.busy
    # when it is told of an upload a moment later
    now += INTERVAL / 2
    uploads.look()
    assert uploads.busy
    now += INTERVAL
    uploads.look()
    assert uploads.busy
    # then it is built, is told of, and that was all
    going_on.set()
    uploads.close()
    now += INTERVAL
    uploads.look()
    assert uploads.busy
    assert list(uploads.built()) == ["sha256:0"]
    assert not uploads.busy
    assert load(paths, "v1") is not None


def test_old_uploads_go_with_their_results_and_nothing_is_built_again(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr("playground.local.uploads.KEPT", 2)
    there = [("source/a.zip", f"v{number}") for number in range(5)]
    forgotten: list[str] = []

    class Builds(FakeBuilder):
        def forget(self, key: str, version: str) -> None:
            forgotten.append(version)
            there.remove((key, version))

    class Versions:
        def changed(self) -> list[tuple[str, str]]:
            return list(there)

    class Nothing:
        home = None

        def prune(self, _before: str | None) -> None:
            pass

    builder, moments = Builds(paths), itertools.count()
    monkeypatch.setattr(Uploads, "_before", lambda _self: None)
    clock = lambda: float(next(moments))  # noqa: E731
    uploads = Uploads(Versions(), builder, Nothing(), clock=clock)  # type: ignore[arg-type]

    def look_until(version: str) -> None:
        while load(paths, version) is None or (uploads._building and not uploads._building.done()):
            uploads.look()
            time.sleep(0.001)

    # when all are built, and then another one
    look_until("v4")
    there.append(("source/a.zip", "v5"))
    look_until("v5")
    there.append(("source/a.zip", "v6"))
    look_until("v6")
    uploads.look()
    uploads.close()
    # then
    assert [version for _key, version in there] == ["v5", "v6"]
    assert builder.built == [f"v{number}" for number in range(7)]
    assert {"v5.json", "v6.json"} <= {file.name for file in paths.builds.iterdir()}
    assert len(list(paths.builds.iterdir())) <= 4


def test_the_command_waits_for_the_local_build(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    save(paths, "good", BuildResult("SUCCEEDED", "a", "sha256:0"))
    save(paths, "bad", BuildResult("FAILED", "b", message="it can't be imported"))
    steps: list[str] = []
    # then
    LocalBuilds(paths).follow("good", steps.append)
    assert steps == ["Building on this machine"]
    with pytest.raises(ImageError, match="The build failed: it can't be imported"):
        LocalBuilds(paths).follow("bad", steps.append)
    monkeypatch.setattr(builds, "LIMIT", 0.0)
    with pytest.raises(ImageError, match="does the task agent run"):
        LocalBuilds(paths).follow("never", steps.append)


def test_the_local_cloud_builds_no_containers(local: Home, paths: Paths) -> None:
    with pytest.raises(ImageError, match="leave out --with"):
        Push(paths, local, lambda _line: None).run("docker")  # type: ignore[arg-type]
