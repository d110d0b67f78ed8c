"""From device/ to an image: what is packed, who builds it, what is said when it fails."""

import hashlib
import io
import itertools
import os
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from playground import image, push
from playground.builds import CodeBuilds
from playground.device_source import Source, pack
from playground.errors import ImageError
from playground.images import Images
from playground.local import builds
from playground.local.builder import Builder, image_directory, manifest_of, require_packages
from playground.local.builds import BuildResult, LocalBuilds, load, result_file, save
from playground.local.state import LocalState
from playground.local.uploads import UploadPoller, Uploads
from playground.paths import PROJECT, Paths
from playground.push import Push
from tests.unit.doubles.ecr import MemoryEcr
from tests.unit.doubles.service import Refusal

DEVICE = PROJECT / "device"


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A folder that looks like a device, and is quick to import."""
    folder = tmp_path / "project" / "device"
    (folder / "virtual_device").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch")
    (folder / "requirements.txt").write_text(f"pytest=={version('pytest')} \\\n    --hash=sha256:00\n")
    (folder / "virtual_device" / "__init__.py").write_text("")
    (folder / "virtual_device" / "__main__.py").write_text("")
    return folder


def test_the_same_files_are_packed_to_the_same_bytes_wherever_and_whenever(device: Path, tmp_path: Path) -> None:
    # given: a copy with other times and modes, and with what running it and an editor leave behind
    other = tmp_path / "elsewhere"
    shutil.copytree(device, other)
    for path in other.rglob("*"):
        os.utime(path, (2_000_000_000, 2_000_000_000))
        path.chmod(0o755)
    (other / "virtual_device" / "__pycache__").mkdir()
    (other / "virtual_device" / "__pycache__" / "x.pyc").write_text("x")
    (other / ".DS_Store").write_text("x")
    (other / "firmware").mkdir()
    (other / "firmware" / "bulb.json").write_text("{}")
    # then
    assert pack(other) == pack(device)
    # and when a file is changed
    (other / "virtual_device" / "__init__.py").write_text("#")
    assert pack(other).sha256 != pack(device).sha256


def test_what_docker_needs_is_packed_and_nothing_else() -> None:
    with zipfile.ZipFile(io.BytesIO(pack(DEVICE).data)) as archive:
        names = archive.namelist()
    assert names == sorted(names)
    assert {"Dockerfile", ".dockerignore", "requirements.txt", "virtual_device/models/bulb.json"} <= set(names)
    assert {name.partition("/")[0] for name in names} == {
        "Dockerfile",
        ".dockerignore",
        "requirements.txt",
        "virtual_device",
    }


def test_a_folder_that_is_no_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"has no Dockerfile, requirements.txt, virtual_device/__main__.py"):
        pack(tmp_path)


@dataclass
class Bucket:
    """S3, as far as sources need it: every upload is a version."""

    versions: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def put_object(self, Bucket: str, Key: str, Body: bytes, ContentType: str) -> dict[str, str]:  # noqa: N803
        assert (Bucket, ContentType) == ("sources", "application/zip")
        identifier = f"v{len(self.versions) + 1}"
        self.versions[identifier] = (Key, Body)
        return {"VersionId": identifier}

    def get_object(self, Bucket: str, Key: str, VersionId: str) -> dict[str, Any]:  # noqa: N803
        key, body = self.versions[VersionId]
        assert (Bucket, Key) == ("sources", key)
        return {"Body": io.BytesIO(body)}


class Ecr:
    """The repository's double behind the names of a client."""

    def __init__(self, double: MemoryEcr) -> None:
        self.double = double

    def __getattr__(self, name: str) -> Any:
        def call(**asked: Any) -> Any:
            try:
                return getattr(self.double, name)(**asked)
            except Refusal as refusal:
                raise ClientError({"Error": {"Code": refusal.code, "Message": str(refusal)}}, name) from refusal

        return call


@dataclass
class CodeBuild:
    """CodeBuild: what it says of builds, each time it is asked."""

    project: str = "device"
    history: list[list[Mapping[str, Any]]] = field(default_factory=list)
    looks: int = 0

    def list_builds_for_project(self, projectName: str, sortOrder: str) -> dict[str, list[str]]:  # noqa: N803
        assert (projectName, sortOrder) == (self.project, "DESCENDING")
        return {"ids": [build["id"] for build in self._now()]}

    def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
        found = [build for build in self._now() if build["id"] in ids]
        self.looks += 1
        return {"builds": found}

    def batch_get_projects(self, names: list[str]) -> dict[str, Any]:
        assert names == [self.project]
        variables = [{"name": "IMAGE_TAG", "value": "latest"}, {"name": "BASE_IMAGE", "value": "python@sha256:0"}]
        return {"projects": [{"environment": {"environmentVariables": variables}}]}

    def _now(self) -> list[Mapping[str, Any]]:
        return self.history[min(self.looks, len(self.history) - 1)] if self.history else []


@dataclass
class Home:
    """A home of either kind."""

    kind: str
    bucket: Bucket
    repository: MemoryEcr
    codebuild: CodeBuild
    stack_name: str = "stack"

    def client(self, service: str) -> Any:
        return {"s3": self.bucket, "ecr": Ecr(self.repository), "codebuild": self.codebuild}[service]

    def output(self, name: str) -> str:
        return {
            "SourceBucketName": "sources",
            "DeviceRepositoryUri": "registry.example/devices",
            "DeviceImageTag": "latest",
            "DeviceBuildProjectName": "device",
        }[name]


@pytest.fixture
def home() -> Home:
    return Home("aws", Bucket(), MemoryEcr("devices"), CodeBuild())


@pytest.fixture
def paths(device: Path, tmp_path: Path) -> Paths:
    found = Paths(device.parent, tmp_path / "home")
    found.make()
    return found


def build(status: str, *phases: str, source: str = "v1", **more: Any) -> dict[str, Any]:
    """What CodeBuild says of one."""
    done = [{"phaseType": phase, "phaseStatus": "SUCCEEDED"} for phase in phases]
    return {"id": f"device:{source}", "sourceVersion": source, "buildStatus": status, "phases": done, **more}


def follow(home: Home, seconds: float = 1.0) -> list[str]:
    """The parts of the build of version v1, as they are told."""
    told: list[str] = []
    moments = itertools.count()
    CodeBuilds(home, lambda: next(moments) * seconds, lambda _pause: None).follow("v1", told.append)  # type: ignore[arg-type]
    return told


def test_the_build_that_the_upload_has_started_is_followed_phase_by_phase(home: Home) -> None:
    # given: somebody else's build is under way
    other = build("IN_PROGRESS", "SUBMITTED", source="v0")
    home.codebuild.history = [
        [other],
        [other, build("IN_PROGRESS", "SUBMITTED")],
        [other, build("IN_PROGRESS", "SUBMITTED", "PROVISIONING", "BUILD")],
        [build("FAILED", source="v0"), build("SUCCEEDED", "SUBMITTED", "PROVISIONING", "BUILD", "COMPLETED")],
    ]
    # when
    told = follow(home)
    # then
    assert told[0] == "Waiting for the upload to start the build"
    assert [line.split()[1] for line in told[1:]] == ["SUBMITTED", "PROVISIONING", "BUILD"]
    assert all("device:v1" in line for line in told[1:])


def test_a_build_that_fails_says_why_and_where_its_log_is(home: Home) -> None:
    # given
    failed = {"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [{"message": "docker build: exit status 1"}]}
    ended = build("FAILED", "SUBMITTED", logs={"deepLink": "https://logs.example/1"})
    home.codebuild.history = [[{**ended, "phases": [*ended["phases"], failed]}]]
    # when
    with pytest.raises(ImageError) as error:
        follow(home)
    # then
    assert str(error.value) == (
        "The build device:v1 ended as FAILED. BUILD: docker build: exit status 1 https://logs.example/1"
    )


def test_an_upload_that_starts_nothing_is_told_of(home: Home) -> None:
    home.codebuild.history = [[build("SUCCEEDED", source="v0")]]
    with pytest.raises(ImageError, match="is the rule on uploads of the stack stack enabled"):
        follow(home, seconds=60)


def test_on_aws_the_upload_is_built_and_the_image_told(
    home: Home, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr(image, "docker_answers", lambda: False)
    source, steps = pack(paths.root / "device"), list[str]()

    def built(_self: CodeBuilds, identifier: str, _step: Any) -> None:
        assert home.bucket.versions[identifier] == (f"source/{source.sha256}.zip", source.data)
        home.repository.push("image", source.sha256, "latest")

    monkeypatch.setattr(CodeBuilds, "follow", built)
    # when
    pushed = Push(paths, home, steps.append).run()  # type: ignore[arg-type]
    # then
    assert (pushed.done, pushed.tag, pushed.source) == ("built", "latest", source.sha256)
    assert pushed.digest == home.repository.tags["latest"]
    # and the same again does nothing
    assert Push(paths, home, steps.append).run().done == "nothing"  # type: ignore[arg-type]
    assert len(home.bucket.versions) == 1
    # and what was pushed before another image is made current again without a build
    home.repository.push("another", "latest")
    again = Push(paths, home, steps.append).run()  # type: ignore[arg-type]
    assert (again.done, again.digest, len(home.bucket.versions)) == ("retagged", pushed.digest, 1)
    assert home.repository.tags["latest"] == pushed.digest
    # and is built again when that is asked for
    assert Push(paths, home, steps.append).run(force=True).done == "built"  # type: ignore[arg-type]
    assert len(home.bucket.versions) == 2


def test_who_interrupts_is_told_that_the_build_goes_on(
    home: Home, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_self: CodeBuilds, _identifier: str, _step: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CodeBuilds, "follow", interrupt)
    steps: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        Push(paths, home, steps.append).run("codebuild")  # type: ignore[arg-type]
    assert "the build goes on" in steps[-1]


@pytest.mark.parametrize(
    ("way", "answers", "expected"),
    [("auto", True, "docker"), ("auto", False, "upload"), ("docker", False, "docker"), ("codebuild", True, "upload")],
)
def test_docker_builds_where_it_is_or_when_it_is_asked_for(
    home: Home, paths: Paths, monkeypatch: pytest.MonkeyPatch, way: Any, *, answers: bool, expected: str
) -> None:
    # given
    used: list[str] = []
    monkeypatch.setattr(image, "docker_answers", lambda: answers)
    monkeypatch.setattr(image, "build_and_push", lambda *_asked: used.append("docker"))
    monkeypatch.setattr(push.Push, "_upload", lambda _self, _source: used.append("upload"))
    monkeypatch.setattr(CodeBuilds, "follow", lambda *_asked: None)
    # when: nobody really builds
    with pytest.raises(ImageError, match="there is no image"):
        Push(paths, home, lambda _line: None).run(way)  # type: ignore[arg-type]
    # then
    assert used == [expected]


def test_docker_is_given_both_tags_and_the_platform(
    home: Home, device: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # given a docker that writes down what it is asked
    log, program = tmp_path / "asked", tmp_path / "docker"
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(image, "platform", lambda _home: "linux/amd64")
    monkeypatch.setattr(image, "credentials", lambda _home: ("AWS", "secret", "https://registry.example"))
    # when
    assert image.docker_answers()
    image.build_and_push(device, home, "c" * 64)  # type: ignore[arg-type]
    # then
    names = [f"registry.example/devices:{tag}" for tag in ("c" * 64, "latest")]
    asked = log.read_text()
    assert (
        f"build --platform linux/amd64 --build-arg BASE_IMAGE=python@sha256:0 --build-arg SOURCE={'c' * 64} --tag"
        in asked
    )
    assert f"--tag {names[0]} --tag {names[1]} {device}" in asked
    assert [line for line in asked.splitlines() if line.startswith("push")] == [f"push {name}" for name in names]
    assert "secret" not in asked


def test_docker_without_its_daemon_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not image.docker_answers()
    program.unlink()
    assert not image.docker_answers()


@pytest.fixture
def local(home: Home) -> Home:
    home.kind = "local"
    return home


def upload(home: Home, source: Source, key: str = "") -> tuple[str, str]:
    """Key and version."""
    key = key or source.key
    return key, home.bucket.put_object("sources", key, source.data, "application/zip")["VersionId"]


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


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("virtual_device/__main__.py", "import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
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
    file.write_text('# comment\n\ncolorama==0.4.6 ; sys_platform == "nothing" \\\n    --hash=sha256:00\n')
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
    return f'<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{listed}</ListVersionsResult>'.encode()


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
    poller, builder = Poller(iter([first, None, [*first, ("source/c.zip", "v3")]])), FakeBuilder(paths)
    moments = itertools.count()
    uploads = Uploads(poller, builder, lambda: float(next(moments)))  # type: ignore[arg-type]
    # when
    while load(paths, "v3") is None:
        uploads.look()
        time.sleep(0.001)
    uploads.close()
    # then
    assert builder.built == ["v1", "v2", "v3"]
    assert load(paths, "v2") == BuildResult("FAILED", "source/breaks.zip", message="OSError: disk full")
    assert result_file(paths, "v1").is_file()


def test_the_command_waits_for_the_local_build(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_images_are_listed_with_the_devices_that_run_them(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    old, new = home.repository.push("old", "a" * 64), home.repository.push("new", "b" * 64, "latest")
    rows = [
        {"thing_name": "one", "status": "ONLINE", "task_arn": "t", "image_digest": old},
        {"thing_name": "two", "status": "OFFLINE", "task_arn": "t", "image_digest": new},
        {"thing_name": "gone", "status": "TERMINATED", "image_digest": new},
    ]
    monkeypatch.setattr("playground.images.Devices.rows", lambda _self: rows)

    class Pages(Ecr):
        def get_paginator(self, name: str) -> Any:
            assert name == "describe_images"
            return self

        def paginate(self, **asked: Any) -> list[Any]:
            return [self.double.describe_images(**asked)]

    monkeypatch.setattr("playground.images.Images._ecr", Pages(home.repository))
    # when
    found = Images(home).all()  # type: ignore[arg-type]
    # then
    assert [(one.digest, one.current, one.devices) for one in found] == [(new, True, ("two",)), (old, False, ("one",))]
    assert found[0].tags == ("b" * 64, "latest")
    assert found[0].pushed_at == datetime(2026, 1, 1, tzinfo=UTC)
