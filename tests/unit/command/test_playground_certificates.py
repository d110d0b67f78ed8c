"""`playground certificates`: what is shown of the rows and of the function's answer."""

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from playground.home.homes import Home
from playground.line.app import app


class Stack:
    """Stands for the function: says that `lamp` is due and that `worn` is past its lifetime."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.failing = False

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert FunctionName == "rotate"
        self.asked.append(json.loads(Payload))
        if self.failing:
            return {
                "FunctionError": "Unhandled",
                "Payload": io.BytesIO(b'{"errorMessage": "no table"}'),
            }
        dry = self.asked[-1]["dryRun"]
        due = [
            {
                "thingName": name,
                "certificateId": f"c-{name}",
                "createdAt": ago(days),
                "expired": days > 100,
            }
            for name, days in (("worn", 101), ("lamp", 90))
        ]
        outcomes = ("found", "found") if dry else ("open", "started")
        told = [{**found, "outcome": outcome} for found, outcome in zip(due, outcomes, strict=True)]
        return {
            "Payload": io.BytesIO(
                json.dumps({"dryRun": dry, "lifetimeDays": 100, "due": told}).encode()
            )
        }


def ago(days: int) -> str:
    return (
        (datetime.now(UTC) - timedelta(days=days))
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def row(name: str, days: int, status: str = "ONLINE") -> dict[str, Any]:
    return {
        "thing_name": name,
        "status": status,
        "certificate_id": f"c-{name}",
        "certificate_created_at": ago(days),
    }


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    stack = Stack()
    # `worn` is from before the catalog told how old a certificate is, `gone` and `made` have none.
    rows = [row("new", 1), row("lamp", 90, "OFFLINE"), {"thing_name": "worn", "status": "ONLINE"}]
    rows += [row("gone", 95, "TERMINATED"), {"thing_name": "made", "status": "PROVISIONING"}]
    monkeypatch.setattr(
        "playground.line.context.find_home",
        lambda *_: Home("aws", None, "eu-west-1", "1", "s"),  # type: ignore[arg-type]
    )
    monkeypatch.setattr("playground.devices.devices.Devices.rows", lambda _: rows)
    monkeypatch.setattr(Home, "output", lambda *_: "rotate")
    monkeypatch.setattr(Home, "client", lambda *_: stack)
    return stack


def run(*options: str) -> Any:
    return CliRunner().invoke(app, ["--home", "aws", "certificates", *options])


def told(*options: str) -> Sequence[dict[str, Any]]:
    answer = run(*options, "--output", "json")
    assert answer.exit_code == 0, answer.output
    found: Sequence[dict[str, Any]] = json.loads(answer.stdout)["certificates"]
    return found


def test_all_are_told_oldest_first_and_nothing_is_changed(stack: Stack) -> None:
    found = told()
    assert [
        (one["thing_name"], one["status"], one["expired"], one["outcome"]) for one in found
    ] == [
        ("worn", "ONLINE", True, "due"),
        ("lamp", "OFFLINE", False, "due"),
        ("new", "ONLINE", False, ""),
    ]
    assert [one["certificate_id"] for one in found] == ["c-worn", "c-lamp", "c-new"]
    assert found[1]["age_days"] == pytest.approx(90)
    assert (
        found[1]["rotate_by"][:10]
        == (datetime.fromisoformat(found[1]["created_at"]) + timedelta(days=100)).date().isoformat()
    )
    assert stack.asked == [{"dryRun": True}]


def test_those_that_are_due_and_what_was_done_about_them(stack: Stack) -> None:
    assert [one["thing_name"] for one in told("--due")] == ["worn", "lamp"]
    assert [(one["thing_name"], one["outcome"]) for one in told("--rotate")] == [
        ("worn", "open"),
        ("lamp", "started"),
    ]
    assert stack.asked == [{"dryRun": True}, {"dryRun": False}]


@pytest.mark.usefixtures("stack")
def test_people_get_a_table_and_a_warning() -> None:
    answer = run()
    lines = [line.split() for line in answer.stdout.splitlines()]
    assert lines[0] == ["NAME", "STATUS", "MADE", "AGE", "(DAYS)", "REPLACED", "BY", "DUE"]
    assert [(line[0], line[1], line[-1]) for line in lines[1:3]] == [
        ("worn", "ONLINE", "expired"),
        ("lamp", "OFFLINE", "due"),
    ]
    assert "past its lifetime" in answer.stderr


def test_an_answer_that_is_none_is_one_sentence(stack: Stack) -> None:
    stack.failing = True
    answer = run()
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr.splitlines()[-1] == "The certificates could not be looked at: no table"
