"""`playground findings`: what the detector has found, the newest first."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from detecting.finding import Finding
from playground.line import context as cli_context
from playground.line.app import app
from playground.security.findings import findings
from tests.unit.built import CLIENTS
from tests.unit.sightings import NOON, findings_table
from tests.unit.stack import FINDINGS

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


class Home:
    """A stack with a table of findings."""

    def client(self, service: str) -> Any:
        return CLIENTS.client(service)

    def output(self, name: str) -> str:
        assert name == "VerdictsTableName"
        return FINDINGS


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_context.Context, "home", lambda _context: Home())


@pytest.fixture
def table(afresh: None) -> "Table":
    return findings_table()


@pytest.fixture
def three(table: "Table") -> list[Finding]:
    """On two things."""
    found = [
        Finding(
            "rogue",
            "flood",
            NOON,
            "40 in 10 s: messages",
            {"count": 40, "nested": {"limit": 40}},
            10,
            ["m1", "m2"],
        ),
        Finding("rogue", "tamper", NOON + 5, "tampered", {"detail": "[red]case[/]"}),
        Finding("?", "bad-certificate", NOON + 2, "a connection", {}),
    ]
    for finding in found:
        table.put_item(Item={**finding.as_document(), "expires": 1})
    return found


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["findings", *arguments])


def test_all_of_them_the_newest_first(three: list[Finding]) -> None:
    assert [one.rule for one in findings(Home())] == ["tamper", "bad-certificate", "flood"]  # type: ignore[arg-type]


def test_those_on_one_thing(three: list[Finding]) -> None:
    assert [one.rule for one in findings(Home(), "rogue")] == ["tamper", "flood"]  # type: ignore[arg-type]
    assert findings(Home(), "lamp") == []  # type: ignore[arg-type]


def test_as_json(three: list[Finding]) -> None:
    shown = json.loads(run("rogue", "--output", "json").stdout)["findings"]
    assert shown[1] == {
        key: value for key, value in three[0].as_document().items() if key != "verdict_id"
    }


def test_the_name_that_it_had_before_goes_on(three: list[Finding]) -> None:
    """Scripts of that time ask for the command `verdicts` and read its member `verdicts`."""
    before = CliRunner().invoke(app, ["verdicts", "rogue", "--output", "json"])
    assert (before.exit_code, before.stderr) == (0, "")
    now = json.loads(run("rogue", "--output", "json").stdout)
    assert json.loads(before.stdout) == {"verdicts": now["findings"]}
    assert "verdicts" not in CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout


def test_as_a_table_what_a_device_says_is_text(
    three: list[Finding], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = run()
    assert shown.exit_code == 0
    assert "2026-01-01T12:00:00Z" in shown.stdout
    assert "[red]case[/]" in shown.stdout


def test_without_any(table: "Table") -> None:
    assert run().exit_code == 0
    assert json.loads(run("--output", "json").stdout) == {"findings": []}
