"""The command `playground audit`: Device Defender's checks, by their names."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from playground import exit_codes
from playground.line.context import context
from playground.security.audit import SEVERITIES, Audit, Repaired, audit, repair
from playground.show.views import note

app = typer.Typer()

STYLES = {"CRITICAL": "bold red", "HIGH": "red", "MEDIUM": "yellow", "LOW": "cyan"}
MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "skipped": ("·", "dim")}


@app.command("audit")
def run_audit(
    ctx: typer.Context,
    checks: Annotated[
        list[str] | None, typer.Option("--check", help="Only this check; may be repeated.")
    ] = None,
    fix: Annotated[  # noqa: FBT002
        bool, typer.Option("--fix", help="Set the device policy back to its restrictive version.")
    ] = False,
    fail_on: Annotated[
        str,
        typer.Option(help="Exit with 1 for a finding of this severity or worse: low to critical."),
    ] = "",
) -> None:
    """Check devices, certificates and policies as AWS IoT Device Defender does."""
    severity = fail_on.upper()
    if severity and severity not in SEVERITIES:
        raise typer.BadParameter(
            f"{fail_on} is none of {', '.join(SEVERITIES).lower()}", param_hint="--fail-on"
        )
    given = context(ctx)
    home = given.home_to_change() if fix else given.home()
    found = audit(home, checks or ())
    repaired = repair(home, found.findings) if fix else []
    given.output.show(
        {**asdict(found), "repaired": [asdict(one) for one in repaired]}, view(found, repaired)
    )
    if not found.complete:
        note("The stack has more devices than one audit checks; the others were not checked.")
    mended = {one.policy for one in repaired if one.outcome == "replaced"}
    left = [
        finding
        for finding in found.findings
        if not (finding.is_mended_by_fix and finding.resource["id"] in mended)
    ]
    if severity and any(finding.as_severe_as(severity) for finding in left):
        raise typer.Exit(exit_codes.FAILED)


def view(found: Audit, repaired: list[Repaired]) -> Group:
    """Findings, then every check, then what was repaired."""
    parts: list[RenderableType] = []
    for finding in found.findings:
        text = Text(f"{finding.severity:<9}", style=STYLES[finding.severity]).append(
            f"{finding.check}\n", style="bold"
        )
        text.append(
            f"         {finding.resource['type']} {finding.resource['id']}\n", style="default"
        )
        text.append(
            f"         {finding.reason} ({finding.reason_code})\n         {finding.remedy}\n",
            style="default",
        )
        parts.append(text)
    parts += [checks_table(found), *skipped_texts(found)]
    parts += [
        Text(f"{one.policy}: {one.outcome}, version {one.version or '-'}; {one.reason}")
        for one in repaired
    ]
    return Group(*parts)


def checks_table(found: Audit) -> Table:
    """Every check that had something to look at, and how it ended."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for check in found.checks:
        if check.outcome != "skipped":
            mark, style = MARKS[check.outcome]
            said = "no finding" if check.outcome == "passed" else f"{check.findings} found"
            table.add_row(Text(mark, style=style), check.check, said)
    return table


def skipped_texts(found: Audit) -> list[Text]:
    """Why the other checks have nothing to look at: many for the same reason."""
    checks: dict[str, list[str]] = {}
    for check in found.checks:
        if check.outcome == "skipped":
            checks.setdefault(check.note, []).append(check.check)
    mark, style = MARKS["skipped"]
    return [
        Text("\n   ".join([f"\n{mark}  {note}:", *names]), style=style)
        for note, names in checks.items()
    ]
