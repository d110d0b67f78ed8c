"""What the command line refuses, and which exit code says so."""

import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from playground import errors
from playground.devices import history
from playground.home.homes import Home
from playground.home.state import LocalState
from playground.line import release
from playground.line.app import app
from playground.local.builder import check_import
from playground.stack.users import Users


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("create", "--type", "fridge"),
            "There is no device type fridge: there are bulb, generic, host, meter, ",
        ),
        (
            ("create", "--method", "passport"),
            "--method must be keys, csr, claim, claim-csr, trusted-user or jitr, not passport",
        ),
        (("create", "--method", "csr", "--identity", "csr"), "method: is the same field"),
        (
            ("create", "--batch", "spring"),
            "batch: is for the methods claim, claim-csr, trusted-user and jitr",
        ),
        (("create", "--method", "claim", "--batch", "a b"), "batch: must match"),
        (("push", "--with", "hammer"), "must be auto, codebuild or docker, not hammer"),
        (("user", "add", "ann", "--group", "boss"), "must be admins or viewers, not boss"),
        (
            ("logs", "lamp", "--source", "rumour"),
            "--source: must be one of functions, workflows, devices, got rumour",
        ),
        (("logs", "lamp", "--since", "yesterday"), "--since: must be a number with s, m, h or d"),
    ],
)
def test_a_value_that_cannot_be_is_told_before_a_home_is_asked(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.setattr("playground.line.context.find_home", lambda *_: pytest.fail("asked"))
    answer = run(*arguments)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert told in answer.stderr


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A home that knows no device and has no lines and no findings."""

    def unknown(_self: Any, name: str) -> None:
        raise errors.UnknownDeviceError(f"There is no device {name}.")

    class Silent:
        def __init__(self, home: Home) -> None:
            self.home = home

        def read(self, _question: Any) -> list[Any]:
            return []

    monkeypatch.setattr(
        "playground.line.context.find_home",
        lambda *_: Home("aws", None, "eu-west-1", "1", "s"),  # type: ignore[arg-type]
    )
    monkeypatch.setattr("playground.devices.devices.Devices.row", unknown)
    monkeypatch.setattr("playground.cli.logs.LogReader", Silent)
    monkeypatch.setattr("playground.cli.findings.findings", lambda *_: [])


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize(
    "arguments",
    [
        ("logs", "lamp"),
        ("findings", "lamp"),
        ("link", "lamp", "wall"),
        ("unlink", "lamp", "wall"),
        ("links", "lamp"),
    ],
)
def test_an_unknown_device_is_told_with_its_exit_code(arguments: tuple[str, ...]) -> None:
    answer = run("--home", "aws", *arguments)
    assert (answer.exit_code, answer.stdout) == (4, "")
    assert "There is no device lamp." in answer.stderr


@pytest.mark.usefixtures("nobody")
def test_nothing_found_is_no_error() -> None:
    assert run("findings").exit_code == run("findings", "?").exit_code == 0


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("arguments", [("token",), ("user", "password", "ann")])
def test_a_password_is_not_asked_for_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.delenv("PLAYGROUND_PASSWORD", raising=False)
    answer = run("--home", "aws", *arguments)
    assert answer.exit_code == 2
    assert answer.stderr.splitlines()[-1].startswith(
        "There is no terminal to ask for the password at: "
    )


@pytest.mark.parametrize("name", ["", "a b", "x" * 129])
def test_a_user_name_that_cognito_refuses_is_refused(name: str) -> None:
    with pytest.raises(errors.UserError, match="is no user name"):
        Users(Home("aws", None, "r", "1", "s")).add(name, "viewers")  # type: ignore[arg-type]


def test_the_status_of_a_cloud_without_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_self: Any) -> None:
        raise errors.NoStackError("There is no stack.")

    monkeypatch.setattr(LocalState, "up", property(lambda _: True))
    monkeypatch.setattr(
        "playground.cli.status.find_home",
        lambda *_: Home("local", None, "r", "1", "s", "http://x"),  # type: ignore[arg-type]
    )
    monkeypatch.setattr("playground.devices.devices.Devices.rows", gone)
    monkeypatch.setattr(
        "playground.cli.status.keeping", lambda *_: {"kept": None, "not_kept": None}
    )
    answer = run("status")
    assert answer.exit_code == 0
    assert "up, http://127.0.0.1:" in answer.stdout
    assert answer.stderr == "There is no stack.\n"


def test_a_home_elsewhere_is_not_called_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home("aws", None, "eu-west-1", "1", "s")  # type: ignore[arg-type]
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert home.label == "AWS account 1, eu-west-1"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert home.label == "account 1 at http://127.0.0.1:4566 (AWS_ENDPOINT_URL), eu-west-1"


@pytest.mark.processes
def test_a_device_that_ends_without_a_word_is_told_with_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "virtual_device").mkdir()
    (tmp_path / "virtual_device" / "__init__.py").write_text("raise SystemExit(3)\n")
    with pytest.raises(errors.ImageError, match="it ended with exit code 3"):
        check_import(tmp_path)


@pytest.mark.processes
def test_the_version_is_told_as_aws_tells_its_own() -> None:
    answer = run("--version")
    assert answer.exit_code == 0
    assert answer.stdout.startswith(f"iot-playground/{version('iot-playground')}")


@pytest.mark.processes
def test_a_clone_tells_its_commit_and_whether_it_was_changed(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "file").write_text("as it was")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
    commit = subprocess.run(
        [*git, "rev-parse", "--short=12", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert release.name(tmp_path) == f"iot-playground/{version('iot-playground')} ({commit})"
    (tmp_path / "file").write_text("another")
    assert release.name(tmp_path).endswith(f"({commit}, with changes)")


def test_what_is_no_clone_tells_its_release_alone(tmp_path: Path) -> None:
    assert release.name(tmp_path) == f"iot-playground/{version('iot-playground')}"


def test_an_error_is_told_by_its_name() -> None:
    assert history.told("", "why") == "why"
    assert history.told("InvalidInput", "why") == "InvalidInput: why"


def test_a_name_is_given_once_and_for_one_device() -> None:
    for words in (
        ("lamp", "--name", "bell"),
        ("lamp", "--count", "2"),
        ("--name", "lamp", "--count", "2"),
    ):
        answer = run("create", *words)
        assert answer.exit_code == 2, words
        assert "name" in answer.stderr
