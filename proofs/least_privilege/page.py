"""The result for a terminal, and as the page docs/evidence/least-privilege.md."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from proofs.least_privilege.keeper import Refusal
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
    "iam:PassRole": "RunTask hands the task's execution role to ECS, and AWS refuses that "
    "without it "
    "(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html)",
}

HEAD = ("function", "action", "without it", "what the function does when it is refused")

# For moments that no life has; the unit tests have them, in every order.
LATE = {
    Grant(
        "SweepFunction", "iot:DescribeJobExecution"
    ): "for a change of a certificate that was cut off half-way",
    **dict.fromkeys(
        (
            Grant("ExplainFunction", "states:DescribeExecution"),
            Grant("ExplainFunction", "states:GetExecutionHistory"),
        ),
        "for a device that could not be made: why, and in which state",
    ),
}


@dataclass(frozen=True)
class Finding:
    """What became of a life that began without this action."""

    grant: Grant
    refusal: Refusal | None = None
    """What a run did that was refused this first; None when none was."""
    while_undoing: bool = False
    """Whether it was refused to a run that had failed of something else, and was undoing its
    work.
    """

    @property
    def needed(self) -> bool:
        """Whether it was asked for, and refused."""
        return self.refusal is not None or self.while_undoing

    @property
    def excused(self) -> bool:
        """Whether the emulator lets it pass, as it is known to, or a life has no such moment."""
        return not self.needed and (self.grant.action in UNCHECKED or self.grant in LATE)

    @property
    def row(self) -> tuple[str, str, str, str]:
        """The line of the table."""
        excuse = (
            "for a moment that no life has" if self.grant in LATE else "not checked by the emulator"
        )
        said = "refused" if self.needed else excuse if self.excused else "NEVER ASKED FOR"
        undoing = "asked for only where a run has failed" if self.while_undoing else "-"
        return (
            self.grant.function,
            self.grant.action,
            said,
            self.refusal.what if self.refusal else undoing,
        )


def table(findings: Sequence[Finding]) -> Table:
    """For a terminal."""
    shown = Table(*HEAD)
    for finding in findings:
        shown.add_row(
            *finding.row,
            style=None if finding.needed else "yellow" if finding.excused else "bold red",
        )
    return shown


def summary(findings: Sequence[Finding]) -> str:
    """One sentence with the figures."""
    refusals = [finding.refusal for finding in findings if finding.refusal]
    fails, goes_on = (sum(refusal.fails is what for refusal in refusals) for what in (True, False))
    undoing = sum(finding.refusal is None and finding.while_undoing for finding in findings)
    late = sum(finding.excused and finding.grant in LATE for finding in findings)
    excused = sum(finding.excused for finding in findings) - late
    spared = sum(not finding.needed and not finding.excused for finding in findings)
    return (
        f"{len(findings)} actions of "
        f"{len({finding.grant.function for finding in findings})} functions: "
        f"{fails + goes_on + undoing} were asked for and refused. Of {fails} the run "
        f"failed, {goes_on} are told apart below, "
        f"{undoing} are asked for only where a run has failed; {excused} are not checked "
        f"by the emulator, {late} for moments that no life has; "
        f"{spared} could be spared."
    )


INTRODUCTION = """# Least privilege

No function may do more than it needs. `make least-privilege` shows this in a local cloud of its own
that checks every call with IAM. `python -m proofs.least_privilege --write` does the same and writes
this page.

A whole life runs three times. It is the life of three devices. The first goes through the workflows
from provisioning to deprovisioning, with a task that somebody stops, a quarantine, a release by a
job and one by force. Then every step runs by itself, with all the detours: certificates that are
half made or lost, restarts that die, are undone and fail for good, quarantines and releases that
are taken over and undone, a broken link, a roll that moves the tag back, a policy that is found too
wide and repaired. The second device makes its own key and reaches the end of its lifetime. The
third is created, changed, linked and removed by the HTTP API. Between them a fleet of one device is
planned and settled, and another one is made, shown and removed by the API.

1. With everything that the roles allow.
2. **Starting from nothing**: every statement of every function's own policies is removed. The
   functions' calls go through a proxy that forwards the requests as they are signed, so the
   emulator's IAM allows or refuses them. The function gets the first refusal of a run as AWS's own
   answer, and handles it. After that run this one action is allowed again, in all statements of the
   role that name it, and the function runs again on the same event, as its workflow would retry it.
   If a run is refused more while it undoes its work, those actions are allowed until the end of
   that run. The life goes on to its end.
3. With the actions that were allowed again and nothing else: no call may be refused any more.

So every action that the table calls refused was called by its function and refused, and all of them
together are enough for the whole life. An action that no function calls stays removed. To show that
such an action is found, a role gets one without need beforehand (`{needless}`). The check fails if
this one is not found, or is not the only one.

{summary}

{table}

Not checked by the emulator, needed on AWS:

{unchecked}

For moments that no life has:

{late}

This does not show that a workflow as a whole ends well or is undone if an action is missing. For
creating, removing, quarantining and releasing a device [faults](faults.md) shows that, call by
call, in the column "access denied". It also does not test the resources of the statements, only
that they are wide enough; [access](access.md) tries what is outside of them. Out of scope:
{managed}, the managed policies that SAM adds for logs and traces.
"""


def note(findings: Sequence[Finding], managed: Sequence[str], needless: Grant) -> str:
    """The result as a page of the documentation."""
    rows = (HEAD, ("---",) * len(HEAD), *(finding.row for finding in findings))
    return INTRODUCTION.format(
        summary=summary(findings),
        table="\n".join("| " + " | ".join(cells) + " |" for cells in rows),
        unchecked="\n".join(f"- `{action}`: {reason}." for action, reason in UNCHECKED.items()),
        late="\n".join(
            f"- {grant.function}, `{grant.action}`: {reason}." for grant, reason in LATE.items()
        ),
        managed=", ".join(f"`{name}`" for name in managed),
        needless=f"{needless.function}: {needless.action}",
    )
