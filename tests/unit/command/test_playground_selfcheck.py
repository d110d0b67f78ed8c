"""`playground selfcheck`: its list, its report without secrets, and what becomes of a check that
fails."""

import json
import re
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from playground import exit_codes
from playground.cli import selfcheck as cli_selfcheck
from playground.errors import WatchError
from playground.home.homes import Home
from playground.home.paths import PROJECT, Paths
from playground.line.app import app
from playground.selfcheck import checks, report, runner
from playground.selfcheck.checks import CHECKS, Check
from playground.selfcheck.definitions import OUTPUTS, differing
from playground.selfcheck.report import Result, harmless, page
from playground.selfcheck.trial import Differs, Trial
from tests.unit.template import WORKFLOWS

HOME = Home("aws", None, "eu-west-1", "123456789012", "stack")  # type: ignore[arg-type]
SECRET = """Failed for arn:aws:iot:eu-west-1:123456789012:cert/{hexes} at https://b.s3.amazonaws.com/k?X-Amz-Signature=1
 a1b2c3-ats.iot.eu-west-1.amazonaws.com AKIAIOSFODNN7EXAMPLE me@example.org 192.0.2.17 {home}/x
-----BEGIN PRIVATE KEY-----
MIIEvQ
-----END PRIVATE KEY----- token {token}""".format(
    hexes="c0" * 32, home=Path.home(), token="Aa1/" * 40
)


def test_the_page_for_people_has_the_list_of_the_command() -> None:
    text = (PROJECT / "docs" / "first-aws-run.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
    told = [(check.title, check.command, check.expected, check.when_it_differs) for check in CHECKS]
    assert rows[: len(told)] == told
    assert [row[0] for row in rows[len(told) :]] == ["Destroy"]


def test_a_report_holds_nothing_that_is_nobodys_business() -> None:
    # given
    results = [
        Result(CHECKS[1], "failed", SECRET, 1.5),
        Result(CHECKS[0], "passed", "as they are", 0.1),
    ]
    # when
    text = page(HOME, results, [SECRET], datetime(2026, 1, 2, tzinfo=UTC))
    # then
    for secret in (
        "123456789012",
        "c0" * 32,
        "X-Amz",
        "a1b2c3",
        "AKIA",
        "example.org",
        "192.0.2.17",
        "MIIE",
        "Aa1/Aa1/",
    ):
        assert secret not in text, secret
    assert str(Path.home()) not in text or str(Path.home()) == "/"
    # and yet it says what it is about
    assert f"1 of {len(CHECKS)} passed, and it did not come to its end" in text
    assert "| ✗ | One provisioning | `playground create NAME --type bulb` |" in text
    assert "arn:aws:iot:eu-west-1:<account>:cert/<64 hex>" in harmless(SECRET)
    assert CHECKS[1].when_it_differs in text
    assert "## Not cleaned up" in text


def test_a_definition_that_a_transform_has_changed_is_told_with_its_place() -> None:
    ours = WORKFLOWS["roll_devices.asl.yaml"]
    there = json.loads(
        re.sub(r"\$\{\w+\}", "arn:aws:lambda:eu-west-1:1:function:f", json.dumps(ours))
    )
    assert list(differing(ours, there, "roll")) == []
    # when
    changed = deepcopy(there)
    del changed["States"]["RestartDevice"]["ResultPath"]
    changed["States"]["Rolled"]["End"] = "true"
    changed["States"]["New"] = {}
    # then
    assert list(differing(ours, changed, "roll")) == [
        "roll/States/New is new",
        "roll/States/RestartDevice/ResultPath is missing",
        "roll/States/Rolled/End differs",
    ]
    assert {f"{name}.asl.yaml" for name in OUTPUTS} == set(WORKFLOWS)


def trial() -> Trial:
    return Trial(HOME, Paths())


def instead(look: Any, *, needs_device: bool = False) -> Check:
    return replace(CHECKS[0], look=look, needs_device=needs_device)


def refuse(_trial: Trial) -> str:
    raise Differs("no telemetry")


def lose(_trial: Trial) -> str:
    raise WatchError("The connection was lost.")


def stumble(_trial: Trial) -> str:
    raise KeyError("gone")


def test_what_fails_keeps_only_those_from_running_that_need_a_device() -> None:
    # given
    begun: list[str] = []
    table = [
        instead(refuse),
        instead(lose),
        instead(stumble),
        instead(lambda _: "seen", needs_device=True),
    ]
    # when
    results = list(runner.run(trial(), lambda check: begun.append(check.title), table))
    # then
    assert [result.status for result in results] == ["failed", "failed", "failed", "skipped"]
    assert [result.seen for result in results[:2]] == ["no telemetry", "The connection was lost."]
    assert "KeyError" in results[2].seen
    assert len(begun) == 3


def test_with_a_device_the_others_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "provisioning", made := lambda _trial: "ONLINE")
    results = list(
        runner.run(
            trial(), lambda _: None, [instead(made), instead(lambda _: "seen", needs_device=True)]
        )
    )
    assert [result.status for result in results] == ["passed", "passed"]


@pytest.mark.parametrize(
    ("look", "left", "code"),
    [
        (lambda _: "seen", [], 0),
        (refuse, [], exit_codes.FAILED),
        (lambda _: "seen", ["the image: no"], exit_codes.FAILED),
    ],
)
def test_the_command_ends_as_its_checks_did_and_cleans_up_in_any_case(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, look: Any, left: list[str], code: int
) -> None:
    # given
    cleaned: list[Trial] = []

    def clean_up(self: Trial) -> list[str]:
        cleaned.append(self)
        return left

    monkeypatch.setattr("playground.line.context.find_home", lambda *_: HOME)
    monkeypatch.setattr(Home, "outputs", {})
    monkeypatch.setattr(Trial, "clean_up", clean_up)
    monkeypatch.setattr(
        cli_selfcheck, "run", lambda one, told: runner.run(one, told, [instead(look)])
    )
    file = tmp_path / "seen.md"
    # when
    done = CliRunner().invoke(
        app, ["selfcheck", "--home", "aws", "--report", str(file), "--output", "json"]
    )
    # then
    assert done.exit_code == code
    said = json.loads(done.stdout)
    assert said["passed"] is (code == 0)
    assert said["left"] == left
    assert said["checks"][0]["command"] == CHECKS[0].command
    assert file.read_text().startswith("# AWS IoT Playground: selfcheck")
    assert len(cleaned) == 1


def test_it_cleans_up_when_it_is_interrupted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # given
    def interrupt(_trial: Trial) -> str:
        raise KeyboardInterrupt

    cleaned: list[Trial] = []

    def clean_up(self: Trial) -> list[str]:
        cleaned.append(self)
        return []

    monkeypatch.setattr("playground.line.context.find_home", lambda *_: HOME)
    monkeypatch.setattr(Home, "outputs", {})
    monkeypatch.setattr(Trial, "clean_up", clean_up)
    monkeypatch.setattr(
        cli_selfcheck, "run", lambda one, told: runner.run(one, told, [instead(interrupt)])
    )
    # when
    done = CliRunner().invoke(
        app, ["selfcheck", "--home", "aws", "--report", str(tmp_path / "seen.md")]
    )
    # then
    assert done.exit_code == exit_codes.INTERRUPTED
    assert len(cleaned) == 1


def test_the_metrics_check_waits_longer_than_aws_takes() -> None:
    assert checks.METRICS_PATIENCE > 300 + 30
    assert report.LONGEST >= 300
