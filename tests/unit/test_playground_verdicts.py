"""`playground verdicts`: what the detector has found, the newest first."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from common.clients import session
from detecting.verdict import Verdict
from playground import cli_context
from playground.cli import app
from playground.verdicts import verdicts
from tests.unit.sightings import NOON, verdicts_table
from tests.unit.stack import VERDICTS

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


class Home:
    """A stack with a table of verdicts."""

    def client(self, service: str) -> Any:
        return session.client(service)  # type: ignore[call-overload]

    def output(self, name: str) -> str:
        assert name == "VerdictsTableName"
        return VERDICTS


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_context.Context, "home", lambda _context: Home())


@pytest.fixture
def table(afresh: None) -> "Table":
    return verdicts_table()


@pytest.fixture
def three(table: "Table") -> list[Verdict]:
    """On two things."""
    found = [
        Verdict(
            "rogue", "flood", NOON, "40 in 10 s: messages", {"count": 40, "nested": {"limit": 40}}, 10, ["m1", "m2"]
        ),
        Verdict("rogue", "tamper", NOON + 5, "tampered", {"detail": "[red]case[/]"}),
        Verdict("?", "bad-certificate", NOON + 2, "a connection", {}),
    ]
    for verdict in found:
        table.put_item(Item={**verdict.as_document(), "expires": 1})
    return found


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["verdicts", *arguments])


def test_all_of_them_the_newest_first(three: list[Verdict]) -> None:
    assert [one.rule for one in verdicts(Home())] == ["tamper", "bad-certificate", "flood"]  # type: ignore[arg-type]


def test_those_on_one_thing(three: list[Verdict]) -> None:
    assert [one.rule for one in verdicts(Home(), "rogue")] == ["tamper", "flood"]  # type: ignore[arg-type]
    assert verdicts(Home(), "lamp") == []  # type: ignore[arg-type]


def test_as_json(three: list[Verdict]) -> None:
    shown = json.loads(run("rogue", "--output", "json").stdout)["verdicts"]
    assert shown[1] == {key: value for key, value in three[0].as_document().items() if key != "verdict_id"}


def test_as_a_table_what_a_device_says_is_text(three: list[Verdict], monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run()
    assert shown.exit_code == 0
    assert "2026-01-01T12:00:00Z" in shown.stdout
    assert "[red]case[/]" in shown.stdout


def test_without_any(table: "Table") -> None:
    assert run().exit_code == 0
    assert json.loads(run("--output", "json").stdout) == {"verdicts": []}
