"""The command that tries the whole stack where it is, and writes down what it has seen."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from playground import exit_codes
from playground.home.homes import Home
from playground.line.context import context
from playground.selfcheck import report
from playground.selfcheck.report import Result
from playground.selfcheck.runner import run
from playground.selfcheck.trial import Trial
from playground.show.views import err, note, say

app = typer.Typer()

STYLES = {"passed": "green", "failed": "red", "skipped": "dim"}


@app.command("selfcheck")
def run_selfcheck(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Option("--report", help="File for the report.", dir_okay=False)
    ] = Path("selfcheck-report.md"),
) -> None:
    """Try the whole stack with two devices of its own, remove them, and write a report without
    secrets."""
    given = context(ctx)
    home = given.home_to_change()
    home.outputs  # noqa: B018 - raises NoStackError before anything is begun
    trial, results, left = Trial(home, given.paths), list[Result](), list[str]()
    note("It makes two devices and an image, and removes them. On AWS it takes about 15 minutes.")
    try:
        for result in run(trial, lambda check: note(f"  {check.title} ...")):
            results.append(result)
            err.print(_line(result))
    finally:
        note("  cleaning up ...")
        left = trial.clean_up()
        _write(file, home, results, left)
    passed = all(result.status == "passed" for result in results) and not left
    checks = [
        {
            "title": result.check.title,
            "command": result.check.command,
            "status": result.status,
            "seen": report.harmless(result.seen),
            "seconds": round(result.seconds, 1),
            "report": result.check.when_it_differs if result.status == "failed" else "",
        }
        for result in results
    ]
    given.output.show({"passed": passed, "checks": checks, "left": left, "report": str(file)})
    if not passed:
        say("Some checks failed. Please send the report; it holds no secret.")
        raise typer.Exit(exit_codes.FAILED)


def _write(file: Path, home: Home, results: Sequence[Result], left: Sequence[str]) -> None:
    file.write_text(report.page(home, results, left, datetime.now(UTC)), encoding="utf-8")
    say(f"The report is in {file}.")


def _line(result: Result) -> Text:
    text = Text(
        f"{report.MARKS[result.status]} {result.check.title:<32}", style=STYLES[result.status]
    )
    text.append(f"{result.seconds:7.1f} s  ", style="dim").append(
        report.harmless(result.seen), style="default"
    )
    if result.status == "failed":
        text.append(f"\n    expected: {result.check.expected}", style="default")
        text.append(f"\n    please report: {result.check.when_it_differs}", style="default")
    return text
