"""What changes an AWS account names it, and asks once whether it is meant."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from playground.base.processes import ProcessId, birth
from playground.errors import NoHomeError
from playground.home import consent
from playground.home.homes import Home, find_home
from playground.home.paths import Paths
from playground.home.state import LocalState
from playground.line.app import app
from playground.line.examples import EXAMPLES
from playground.line.options import walk

HERE = {"up", "down", "reset", "status", "relay", "completion", "env", "help", "methods"}
"""These have to do with the local cloud alone, or with none."""

ONLY_LOOK = {
    "why",
    "cost", "explain", "fleet list", "fleet report", "fleet show", "fleet watch",
    "api", "authority list", "describe", "findings", "images", "job list", "job operations",
    "job show", "links", "list", "logs", "models", "serials list", "settings", "show", "token",
    "user list", "watch",
}  # fmt: skip
QUESTION = "Change the stack s in AWS account 123456789012, eu-west-1?"
WORDS = [
    words
    for words, command in walk(typer.main.get_command(app))
    if not hasattr(command, "commands") and not command.hidden
]
CHANGE = sorted({*WORDS} - HERE - ONLY_LOOK)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Home:
    """No local cloud is up, and somebody has AWS credentials; every call of AWS fails."""
    found = Home("aws", None, "eu-west-1", "123456789012", "s")  # type: ignore[arg-type]
    monkeypatch.setattr("playground.line.context.find_home", lambda *_: found)
    monkeypatch.setenv("PLAYGROUND_DIR", str(tmp_path / ".playground"))
    for name in ("PLAYGROUND_HOME", "AWS_ENDPOINT_URL", "PLAYGROUND_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return found


def run(example: str, *more: str, given: str = "") -> Any:
    """An example of the help texts, as far as it is the playground's."""
    words = shlex.split(example.replace("$(", "").partition(" | ")[0].partition(" > ")[0])[1:]
    return CliRunner().invoke(app, [*more, *words], input=given)


@pytest.mark.parametrize("words", CHANGE)
def test_what_changes_something_is_refused_where_nobody_can_be_asked(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given the examples of a command that say that they do more than look
    only = ("--dry-run", "--due")
    doing = [line for line in EXAMPLES[words] if not any(option in line for option in only)]
    doing = [
        line
        for line in doing
        if {"audit": "--fix", "certificates": "--rotate"}.get(words, "") in line
    ]
    told = ("--profile", "--home", "--file", "--query")
    doing = [line for line in doing if not any(option in line for option in told)]
    assert doing
    file = {"name": "office", "groups": [{"name": "lamp", "count": 2}]}
    (tmp_path / "office.json").write_text(json.dumps(file))
    (tmp_path / "made-in-may.csv").write_text("serial,batch\nlamp,spring\n")
    (tmp_path / "serials.txt").write_text("lamp\n")
    monkeypatch.chdir(tmp_path)
    # then each is refused before AWS was asked, also when its own question is answered beforehand
    for line in doing:
        for extra in [(), *([("--yes",)] if words == "destroy" else [])]:
            answer = run(" ".join((line, *extra)))
            assert (answer.exit_code, answer.stdout) == (3, ""), answer.stderr
            assert (
                "would change the stack s in AWS account 123456789012, eu-west-1: say --home aws"
                in answer.stderr
            )
            assert "`playground up`" in answer.stderr


@pytest.mark.processes
@pytest.mark.parametrize("words", sorted(ONLY_LOOK))
def test_what_only_looks_asks_nothing(words: str) -> None:
    for line in EXAMPLES[words]:
        answer = run(line)
        assert "--home aws" not in answer.stderr
        assert QUESTION not in answer.stderr


@pytest.mark.parametrize(
    "named",
    [("--home", "aws"), ("--profile", "workshop"), ("--region", "eu-west-1"), ("PLAYGROUND_HOME",)],
)
def test_who_names_the_account_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, named: tuple[str, ...]
) -> None:
    if named == ("PLAYGROUND_HOME",):
        monkeypatch.setenv("PLAYGROUND_HOME", "aws")
        named = ()
    answer = run("playground delete lamp", *named)
    assert "--home aws if" not in answer.stderr
    assert answer.exit_code == 70  # the double has no session


def test_it_is_asked_once_for_each_stack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a person at a terminal
    monkeypatch.setattr(consent, "is_asked_at_a_terminal", lambda: True)
    # when the answer is no
    refused = run("playground delete lamp", given="n\n")
    # then nothing is done, and it is asked again
    assert (refused.exit_code, QUESTION in refused.stderr) == (1, True)
    # when it is yes
    agreed = run("playground delete lamp", given="y\n")
    assert (agreed.exit_code, QUESTION in agreed.stderr) == (70, True)
    # then never again for this one, also without a terminal
    monkeypatch.setattr(consent, "is_asked_at_a_terminal", lambda: False)
    again = run("playground restart lamp")
    assert (again.exit_code, QUESTION in again.stderr) == (70, False)
    assert "AWS account 123456789012, eu-west-1" in again.stderr  # it is named all the same
    # but for another account, region or stack
    for other in (
        Home("aws", None, "eu-west-1", "999999999999", "s"),  # type: ignore[arg-type]
        Home("aws", None, "us-east-1", "123456789012", "s"),  # type: ignore[arg-type]
        Home("aws", None, "eu-west-1", "123456789012", "other"),  # type: ignore[arg-type]
    ):
        with pytest.raises(NoHomeError, match="--home aws"):
            consent.Consent(Paths.here()).require(other)
    # and what can't be read is no answer
    for broken in ("{", '"x"', "{}"):
        (tmp_path / ".playground" / "consent.json").write_text(broken)
        with pytest.raises(NoHomeError):
            consent.Consent(Paths.here()).require(home)


def test_without_stdin_nobody_can_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert not consent.is_asked_at_a_terminal()


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Paths:
    """A student who has never heard of AWS credentials."""
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    return Paths(directory=tmp_path / ".playground")


def test_who_has_no_account_is_told_of_the_local_cloud_first(nobody: Paths) -> None:
    with pytest.raises(NoHomeError) as refused:
        find_home(nobody)
    assert str(refused.value).startswith(
        "No local cloud is up: run `playground up`. Or, for AWS: There are no AWS"
    )
    # but who asks for AWS is told of AWS
    with pytest.raises(NoHomeError, match=r"^There are no AWS credentials"):
        find_home(nobody, choice="aws")


def test_a_shell_that_is_led_home_is_not_taken_for_aws(
    nobody: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = LocalState(emulator=ProcessId(1, birth(1) or ""))
    state.save(nobody)
    monkeypatch.setenv("AWS_ENDPOINT_URL", state.endpoint)
    with pytest.raises(NoHomeError, match="point to the local cloud"):
        find_home(nobody, choice="aws")
