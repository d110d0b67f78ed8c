"""What `playground job` reads from the command line, and what it shows."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from playground.cli.jobs import read_words
from playground.devices import job_documents
from playground.devices.jobs import ENDS, Execution, Job
from playground.errors import JobError
from playground.home.paths import PROJECT, Paths
from playground.line.app import app
from playground.show import jobs as job_views
from virtual_device.telemetry.thing import Thing
from virtual_device.tools import job_tool

PATHS = Paths(directory=Path("/nowhere"))
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DONE = Execution("lamp", "stack-change-unit-1", "SUCCEEDED", {"unit": "imperial"}, AT, AT, AT)


def test_names_then_an_operation_then_its_parameters() -> None:
    names, document = read_words(
        ["lamp", "fan", "change-unit", "unit=metric", "n=5"], everyone=False
    )
    assert names == ["lamp", "fan"]
    assert document == {"operation": "change-unit", "unit": "metric", "n": 5}
    assert read_words(["change-unit"], everyone=True) == ([], {"operation": "change-unit"})


@pytest.mark.parametrize(
    ("words", "everyone", "message"),
    [
        (["change-unit"], False, "NAME... OPERATION"),
        (["lamp", "unit=metric"], False, "NAME... OPERATION"),
        (["lamp", "change-unit"], True, "no device name"),
        (["unit=metric"], True, "no device name"),
        (["lamp", "unit=metric", "change-unit"], False, "comes last"),
    ],
)
def test_what_cannot_be_read_is_explained(words: list[str], everyone: bool, message: str) -> None:  # noqa: FBT001
    with pytest.raises(JobError, match=message):
        read_words(words, everyone=everyone)


@pytest.mark.processes
def test_the_device_itself_checks_documents() -> None:
    assert PATHS.root == PROJECT
    assert "change-unit" in job_documents.operations(PATHS)
    with pytest.raises(JobError, match="unit must be one of metric, imperial"):
        job_documents.check(PATHS, {"operation": "change-unit", "unit": "kelvin"}, "lamp", "bulb")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (b'{"operation": "change-unit", "unit": "metric"}', None),
        (b'{"operation": "explode"}', "operation"),
        (b"[]", "document"),
        (b"{", "document"),
    ],
)
def test_what_the_device_holds_against_a_document(document: bytes, field: str | None) -> None:
    found = job_tool.fault(document, Thing("lamp", "bulb"))
    assert isinstance(found, dict)
    assert found.get("field") == field


def test_an_execution_shows_its_details() -> None:
    page = Console(file=io.StringIO(), width=200)
    page.print(
        job_views.job_text(
            Job("j", "COMPLETED", {"operation": "x"}, ["arn:aws:iot:r:1:thing/lamp"], AT, [DONE])
        )
    )
    page.print(job_views.executions_table([DONE]))
    page.print(job_views.executions_table([DONE], "JOB"))
    page.print(job_views.jobs_table([("j", "COMPLETED", AT)]))
    shown = page.file.getvalue()  # type: ignore[attr-defined]
    assert '{"operation": "x"}\nthing/lamp' in shown
    assert "unit=imperial" in shown
    assert shown.count("2026-01-02T03:04:05Z") == 5
    assert "stack-change-unit-1" in shown
    assert json.loads(json.dumps(job_views.as_json(DONE), default=str))["statusDetails"] == {
        "unit": "imperial"
    }


def test_progress_is_a_line_per_change_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    begun = Execution("lamp", "j", "IN_PROGRESS")
    with job_views.live_executions() as show:
        show([begun])
        show([begun])
        show([DONE])
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[:2] for line in lines] == [["lamp", "IN_PROGRESS"], ["lamp", "SUCCEEDED"]]


def test_what_has_ended() -> None:
    assert DONE.ended
    assert not Execution("lamp", "j", "QUEUED").ended
    assert len(ENDS) == 6


def test_a_wrong_call_is_one_sentence() -> None:
    called = CliRunner().invoke(app, ["--home", "local", "job", "create", "change-unit"])
    assert called.exit_code == 2
    assert "NAME... OPERATION" in called.output
