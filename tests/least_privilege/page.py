"""The result for a terminal, and as the page docs/least-privilege.md."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from tests.least_privilege.keeper import Refusal
from tests.role_policies import Grant

_OF_MAPPING = (
    "AWS Lambda reads the queue with the function's role "
    "(https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html)"
)
# AWS checks these; the emulator does not, so that taking them away can show nothing.
UNCHECKED = {
    "iot:ListAuditFindings": "the emulator has no Device Defender whose findings could be listed "
    "(https://docs.aws.amazon.com/iot/latest/apireference/API_ListAuditFindings.html)",
    "sqs:ReceiveMessage": _OF_MAPPING,
    "sqs:DeleteMessage": _OF_MAPPING,
    "sqs:GetQueueAttributes": _OF_MAPPING,
    "iam:PassRole": "RunTask hands the task's execution role to ECS, and AWS refuses that without it "
    "(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html)",
}

HEAD = ("function", "action", "without it", "what the function does when it is refused")


@dataclass(frozen=True)
class Finding:
    """What became of a life that began without this action."""

    grant: Grant
    refusal: Refusal | None = None
    """What a run did that was refused this first; None when none was."""
    while_undoing: bool = False
    """Whether it was refused to a run that had failed of something else, and was undoing its work."""

    @property
    def needed(self) -> bool:
        """Whether it was asked for, and refused."""
        return self.refusal is not None or self.while_undoing

    @property
    def excused(self) -> bool:
        """Whether the emulator lets it pass, as it is known to."""
        return not self.needed and self.grant.action in UNCHECKED

    @property
    def row(self) -> tuple[str, str, str, str]:
        """The line of the table."""
        said = "refused" if self.needed else "not checked by the emulator" if self.excused else "NEVER ASKED FOR"
        undoing = "asked for only where a run has failed" if self.while_undoing else "-"
        return (self.grant.function, self.grant.action, said, self.refusal.what if self.refusal else undoing)


def table(findings: Sequence[Finding]) -> Table:
    """For a terminal."""
    shown = Table(*HEAD)
    for finding in findings:
        shown.add_row(*finding.row, style=None if finding.needed else "yellow" if finding.excused else "bold red")
    return shown


def summary(findings: Sequence[Finding]) -> str:
    """One sentence with the figures."""
    refusals = [finding.refusal for finding in findings if finding.refusal]
    fails, goes_on = (sum(refusal.fails is what for refusal in refusals) for what in (True, False))
    undoing = sum(finding.refusal is None and finding.while_undoing for finding in findings)
    excused = sum(finding.excused for finding in findings)
    spared = sum(not finding.needed and not finding.excused for finding in findings)
    return (
        f"{len(findings)} actions of {len({finding.grant.function for finding in findings})} functions: "
        f"{fails + goes_on + undoing} were asked for and refused. Of {fails} the run failed, {goes_on} are told apart below, "
        f"{undoing} are asked for only where a run has failed; {excused} are not checked by the emulator; "
        f"{spared} could be spared."
    )


INTRODUCTION = """# Least privilege

No function may do more than it needs. `make least-privilege` shows it, in a local cloud of its own that checks every call
against IAM; `python -m tests.least_privilege --write` does the same and writes this page.

A whole life is lived three times. It is that of three devices: by the workflows, from provisioning to deprovisioning, with a
task that somebody stops, a quarantine, a release by a job and one by force; then every step by itself, with the detours that
a smooth life never takes: certificates that are half-made or lost, restarts that die, are undone and give up, quarantines and
releases that are taken over and undone, a link that is spoiled, a roll that gives the tag back, a policy that is found wide and
repaired; a device that makes its own key and grows old; and one that is made, told something, linked and removed by the HTTP API.

1. With all that the roles allow.
2. **From nothing on**: every statement of every function's own policies is taken away. The functions' calls go through a proxy
   that passes on the requests as they are signed, so it is IAM as the emulator has it that allows or refuses them. What a run is
   refused first is AWS's own answer to the function, and the function deals with it. When that run is over, this one action is
   given back, in all statements of the role that name it, and the function runs again on the same event, as its workflow would
   retry it. What a run that was refused something is refused further, while it undoes its work, is lent to it, to the end of
   that run. The life goes on to its end.
3. With what was given back and nothing else: no call may be refused any more.

So every action that the table calls refused was asked for by its function and refused to it, and all of them together are enough
for the whole life. An action that nobody asks for stays withheld. To show that such a one is found, a role is given one for nothing beforehand
(`{needless}`); the check fails when it is not found, or not the only one.

{summary}

{table}

Not checked by the emulator, needed on AWS:

{unchecked}

What this does not show: that a workflow as a whole ends well or is undone when an action is missing. For making, removing,
confining and releasing a device [faults](faults.md) shows that, call by call, in the column "access denied". Nor the resources of
the statements, of which it shows only that they are wide enough; [access](access.md) tries what is outside of them. Out of scope:
{managed}, the managed policies that SAM adds for logs and traces.
"""


def note(findings: Sequence[Finding], managed: Sequence[str], needless: Grant) -> str:
    """The result as a page of the documentation."""
    rows = (HEAD, ("---",) * len(HEAD), *(finding.row for finding in findings))
    return INTRODUCTION.format(
        summary=summary(findings),
        table="\n".join("| " + " | ".join(cells) + " |" for cells in rows),
        unchecked="\n".join(f"- `{action}`: {reason}." for action, reason in UNCHECKED.items()),
        managed=", ".join(f"`{name}`" for name in managed),
        needless=f"{needless.function}: {needless.action}",
    )
