"""From device/ to an image: what is packed, who builds it, what is said when it fails."""

import io
import itertools
import os
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from playground.errors import ImageError
from playground.home.paths import Paths
from playground.images import docker, push
from playground.images.codebuild import CodeBuilds
from playground.images.images import Images
from playground.images.push import Push
from playground.images.source import pack
from tests.unit.push.cloud import DEVICE, Ecr, Home, build


def test_the_same_files_are_packed_to_the_same_bytes_wherever_and_whenever(
    device: Path, tmp_path: Path
) -> None:
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
    assert {
        "Dockerfile",
        ".dockerignore",
        "requirements.txt",
        "virtual_device/models/bulb.json",
    } <= set(names)
    assert {name.partition("/")[0] for name in names} == {
        "Dockerfile",
        ".dockerignore",
        "requirements.txt",
        "virtual_device",
    }


def test_a_folder_that_is_no_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ImageError, match=r"has no Dockerfile, requirements.txt, virtual_device/__main__.py"
    ):
        pack(tmp_path)


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
        [
            build("FAILED", source="v0"),
            build("SUCCEEDED", "SUBMITTED", "PROVISIONING", "BUILD", "COMPLETED"),
        ],
    ]
    # when
    told = follow(home)
    # then
    assert told[0] == "Waiting for the upload to start the build"
    assert [line.split()[1] for line in told[1:]] == ["SUBMITTED", "PROVISIONING", "BUILD"]
    assert all("device:v1" in line for line in told[1:])


def test_a_build_that_fails_says_why_and_where_its_log_is(home: Home) -> None:
    # given
    failed = {
        "phaseType": "BUILD",
        "phaseStatus": "FAILED",
        "contexts": [{"message": "docker build: exit status 1"}],
    }
    ended = build("FAILED", "SUBMITTED", logs={"deepLink": "https://logs.example/1"})
    home.codebuild.history = [[{**ended, "phases": [*ended["phases"], failed]}]]
    # when
    with pytest.raises(ImageError) as error:
        follow(home)
    # then
    assert str(error.value) == (
        "The build device:v1 ended as FAILED. BUILD: docker build: exit status 1 "
        "https://logs.example/1"
    )


def test_an_upload_that_starts_nothing_is_told_of(home: Home) -> None:
    home.codebuild.history = [[build("SUCCEEDED", source="v0")]]
    # New accounts of AWS may run no build at all, and CodeBuild tells nobody but EventBridge.
    with pytest.raises(
        ImageError, match=r"quota, 0 or 1 in a new account.*rule on uploads of the stack stack"
    ):
        follow(home, seconds=60)


def test_on_aws_the_upload_is_built_and_the_image_told(
    home: Home, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr(docker, "docker_answers", lambda: False)
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
    [
        ("auto", True, "docker"),
        ("auto", False, "upload"),
        ("docker", False, "docker"),
        ("codebuild", True, "upload"),
    ],
)
def test_docker_builds_where_it_is_or_when_it_is_asked_for(
    home: Home,
    paths: Paths,
    monkeypatch: pytest.MonkeyPatch,
    way: Any,
    *,
    answers: bool,
    expected: str,
) -> None:
    # given
    used: list[str] = []
    monkeypatch.setattr(docker, "docker_answers", lambda: answers)
    monkeypatch.setattr(docker, "build_and_push", lambda *_asked: used.append("docker"))
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
    monkeypatch.setattr(docker, "platform", lambda _home: "linux/amd64")
    monkeypatch.setattr(
        docker, "credentials", lambda _home: ("AWS", "secret", "https://registry.example")
    )
    # when
    assert docker.docker_answers()
    docker.build_and_push(device, home, "c" * 64)  # type: ignore[arg-type]
    # then
    names = [f"registry.example/devices:{tag}" for tag in ("c" * 64, "latest")]
    asked = log.read_text()
    assert (
        "build --provenance=false --sbom=false --platform linux/amd64 "
        f"--build-arg BASE_IMAGE=python@sha256:0 --build-arg SOURCE={'c' * 64} --tag" in asked
    )
    assert f"--tag {names[0]} --tag {names[1]} {device}" in asked
    assert [line for line in asked.splitlines() if line.startswith("push")] == [
        f"push {name}" for name in names
    ]
    assert "secret" not in asked


def test_docker_without_its_daemon_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not docker.docker_answers()
    program.unlink()
    assert not docker.docker_answers()


def test_images_are_listed_with_the_devices_that_run_them(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    old, new = (
        home.repository.push("old", "a" * 64),
        home.repository.push("new", "b" * 64, "latest"),
    )
    rows = [
        {"thing_name": "one", "status": "ONLINE", "task_arn": "t", "image_digest": old},
        {"thing_name": "two", "status": "OFFLINE", "task_arn": "t", "image_digest": new},
        {"thing_name": "gone", "status": "TERMINATED", "image_digest": new},
    ]
    monkeypatch.setattr("playground.images.images.Devices.rows", lambda _self: rows)

    class Pages(Ecr):
        def get_paginator(self, name: str) -> Any:
            assert name == "describe_images"
            return self

        def paginate(self, **asked: Any) -> list[Any]:
            return [self.double.describe_images(**asked)]

    monkeypatch.setattr("playground.images.images.Images._ecr", Pages(home.repository))
    # when
    found = Images(home).all()  # type: ignore[arg-type]
    # then
    assert [(one.digest, one.current, one.devices) for one in found] == [
        (new, True, ("two",)),
        (old, False, ("one",)),
    ]
    assert found[0].tags == ("b" * 64, "latest")
    assert found[0].pushed_at == datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)
