"""The command `playground audit`: Device Defender's checks, by their names."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from playground.audit import SEVERITIES, Audit, Repaired, audit, repair
from playground.cli_context import AsJson, context
from playground.views import note, out, print_json

app = typer.Typer()

STYLES = {"CRITICAL": "bold red", "HIGH": "red", "MEDIUM": "yellow", "LOW": "cyan"}
MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "skipped": ("·", "dim")}


@app.command("audit")
def run_audit(
    ctx: typer.Context,
    checks: Annotated[list[str] | None, typer.Option("--check", help="Only this check; may be repeated.")] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Give the device policy its restrictive default back.")] = False,  # noqa: FBT002
    fail_on: Annotated[str, typer.Option(help="End with 1 for this severity or worse: low to critical.")] = "",
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Check devices, certificates and policies as AWS IoT Device Defender does."""
    severity = fail_on.upper()
    if severity and severity not in SEVERITIES:
        raise typer.BadParameter(f"{fail_on} is none of {', '.join(SEVERITIES).lower()}", param_hint="--fail-on")
    home = context(ctx).home()
    found = audit(home, checks or ())
    repaired = repair(home, found.findings) if fix else []
    if as_json:
        print_json({**asdict(found), "repaired": [asdict(one) for one in repaired]})
    else:
        show(found, repaired)
    mended = {one.policy for one in repaired if one.outcome == "replaced"}
    left = [
        finding for finding in found.findings if not (finding.is_mended_by_fix and finding.resource["id"] in mended)
    ]
    if severity and any(finding.as_severe_as(severity) for finding in left):
        raise typer.Exit(1)


def show(found: Audit, repaired: list[Repaired]) -> None:
    """Findings, then every check, then what was repaired."""
    for finding in found.findings:
        text = Text(f"{finding.severity:<9}", style=STYLES[finding.severity]).append(f"{finding.check}\n", style="bold")
        text.append(f"         {finding.resource['type']} {finding.resource['id']}\n", style="default")
        text.append(f"         {finding.reason} ({finding.reason_code})\n         {finding.remedy}\n", style="default")
        out.print(text)
    out.print(checks_table(found))
    for one in repaired:
        out.print(f"{one.policy}: {one.outcome}, version {one.version or '-'}; {one.reason}", markup=False)
    if not found.complete:
        note("There are more devices than one audit looks at; the others were left out.")


def checks_table(found: Audit) -> Table:
    """Every check, and how it ended."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in ("mark", "check"):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in found.checks:
        mark, style = MARKS[check.outcome]
        said = {"passed": "no finding", "failed": f"{check.findings} found"}.get(check.outcome, check.note)
        table.add_row(Text(mark, style=style), check.check, Text(said, style="dim" if check.note else ""))
    return table
