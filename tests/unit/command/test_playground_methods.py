"""`playground methods`: the ways to become a device, side by side."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from playground.devices import methods
from playground.line.app import app
from playground.line.completing import methods as completed


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["methods", *arguments], env={"COLUMNS": "220"})


@pytest.fixture
def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was recorded needs no cloud."""
    monkeypatch.setattr("playground.line.context.find_home", lambda *_: pytest.fail("asked"))


pytestmark = pytest.mark.usefixtures("nobody_is_asked")


def test_each_has_a_line() -> None:
    answer = run()
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "METHOD",
        *(method.name for method in methods.METHODS),
    ]


def test_one_is_shown_message_by_message() -> None:
    answer = run("claim")
    assert answer.exit_code == 0
    assert "PUBLISH $aws/certificates/create/json" in answer.stdout
    assert "AdmitDevice: UpdateItem" in answer.stdout
    assert "AccessDenied" in answer.stdout


def test_the_json_of_all_is_without_their_runs_and_that_of_one_has_it() -> None:
    every = json.loads(run("--output", "json").stdout)["methods"]
    one = json.loads(run("keys", "--output", "json").stdout)
    assert [found["name"] for found in every] == [method.name for method in methods.METHODS]
    assert all("steps" not in found for found in every)
    assert one["steps"][0]["what"] == "StartExecution"


def test_another_word_is_refused_with_those_that_there_are() -> None:
    answer = run("magic")
    assert answer.exit_code == 2
    assert "METHOD must be one of keys, csr, " in answer.stderr


def test_the_tab_key_offers_them() -> None:
    assert completed("c") == [m.name for m in methods.METHODS if m.name.startswith("c")]
