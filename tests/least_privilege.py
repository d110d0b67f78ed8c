"""python -m tests.least_privilege [--write]

Shows that no function's role is wider than needed: takes every action away in turn, lives a device's whole life, and
expects AWS to refuse it that very action. Brings up a local cloud of its own (about two minutes); with --write the
result goes to docs/least-privilege.md. Ends with 1 when an action could be spared.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from playground.paths import PROJECT
from tests.census import census
from tests.life.life import REFUSED, StepFailedError
from tests.playground_cloud import Cloud, own_cloud
from tests.role_policies import Grant, RolePolicies
from tests.whole_life import WholeLife

NOTE = PROJECT / "docs" / "least-privilege.md"

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

# An action that no function uses: a check that would not find this one to spare would prove nothing.
NEEDLESS = Grant("AttachPolicyFunction", "iot:ListThings")

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True)


@dataclass(frozen=True)
class Finding:
    """What became of a life without one action."""

    grant: Grant
    needed: bool
    """Whether it failed, and because it was refused this very action."""
    step: str = ""
    """Where it failed; empty when it did not."""
    error: str = ""

    @property
    def excused(self) -> bool:
        """Whether the emulator lets it pass, as it is known to."""
        return not self.step and self.grant.action in UNCHECKED

    @property
    def row(self) -> tuple[str, str, str, str, str]:
        """The line of the table."""
        otherwise = "not checked by the emulator" if self.excused else "NOT SHOWN TO BE NEEDED"
        verdict = "needed" if self.needed else otherwise
        return (self.grant.function, self.grant.action, verdict, self.step or "-", _in_short(self.error) or "-")


def try_without(cloud: Cloud, policies: RolePolicies, grant: Grant, thing_name: str) -> Finding:
    """Live a life without the action, give it back, and remove what the life left behind."""
    before = census(cloud)
    life = WholeLife(cloud, thing_name)
    finding = Finding(grant, needed=False)
    try:
        with policies.without(grant):
            life.run()
    except StepFailedError as failure:
        needed = _is_refusal(failure.error, grant, cloud.functions[grant.function])
        finding = Finding(grant, needed, failure.step, failure.error)
    finally:
        life.end()
    assert census(cloud) == before, f"something is left of the life without {grant}"
    return finding


def try_with_all(cloud: Cloud, policies: RolePolicies, thing_name: str) -> None:
    """A life with all that the policies allow, and one without something that nobody needs; neither may fail."""
    before = census(cloud)
    WholeLife(cloud, thing_name).run()
    assert census(cloud) == before, "something is left of a life that nothing was taken from"
    with policies.with_one_more(NEEDLESS):
        assert NEEDLESS in policies.grants()
        finding = try_without(cloud, policies, NEEDLESS, thing_name)
    assert not finding.step, f"what nobody needs would not be found: {finding}"


def _is_refusal(error: str, grant: Grant, function: str) -> bool:
    """Whether the error says that this function was refused this action."""
    if grant.action == "s3:GetObject" and "was refused (HTTP 403)" in error:
        # Used by whoever holds the URL that the function has signed: the device.
        return True
    refused = any(f"{code} when calling the {grant.operation} operation" in error for code in REFUSED)
    # Some services do not say who it was.
    return refused and (function in error or "User: " not in error)


def _in_short(error: str) -> str:
    """The error without what differs from run to run."""
    found = re.search(r"\((\w+)\) when calling the (\w+) operation", error)
    return f"{found[1]}, calling {found[2]}" if found else error.partition(": ")[0]


HEAD = ("function", "action", "without it", "fails at", "error")


def table(findings: Sequence[Finding]) -> Table:
    """For a terminal."""
    shown = Table(*HEAD)
    for finding in findings:
        shown.add_row(*finding.row, style=None if finding.needed else "yellow" if finding.excused else "bold red")
    return shown


def summary(findings: Sequence[Finding]) -> str:
    """One sentence with the figures."""
    needed = sum(finding.needed for finding in findings)
    excused = sum(finding.excused for finding in findings)
    functions = len({finding.grant.function for finding in findings})
    return (
        f"{len(findings)} actions of {functions} functions: without {needed} of them the run fails, refused that very "
        f"action; {excused} not checked by the emulator; {len(findings) - needed - excused} could be spared."
    )


def note(findings: Sequence[Finding], managed: Sequence[str]) -> str:
    """The result as a page of the documentation."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (HEAD, ("---",) * len(HEAD), *(f.row for f in findings))]
    unchecked = "\n".join(f"- `{action}`: {reason}." for action, reason in UNCHECKED.items())
    return f"""# Least privilege

No function may do more than it needs. `make least-privilege` shows it, in a local cloud of its own that checks every
call against IAM: it takes one action away from one function's role, lives a device's whole life, expects that AWS
refuses that very action, gives it back, and goes on with the next. A life is the three workflows from end to end,
with a task that somebody stops, then every step by itself, with half-made certificates to discard, one that was lost
for the sweep to find, a device that asks for a new certificate, asks for another and gives up, one that is online
before its status is recorded, restarts that die, succeed, are undone and give up, a roll that takes over from a dead
one and gives the tag back, a removal that an execution which died had begun, a device policy that is found wide and
repaired, and then a device made, looked at, told something and removed by the HTTP API's function.
The same life passes before and after with nothing taken away, and also when an action is taken away that
was added to a role for nothing. `python -m tests.least_privilege --write` does the same and writes this page.

{summary(findings)}

{chr(10).join(lines)}

Not checked by the emulator, needed on AWS:

{unchecked}

Out of scope: {", ".join(f"`{name}`" for name in managed)}, the managed policies that SAM adds for logs and traces; and
the resources of each statement, of which this shows only that they are wide enough.
"""


def main(arguments: Sequence[str]) -> int:
    """Try every action; 1 when one could be spared."""
    parser = argparse.ArgumentParser(
        "python -m tests.least_privilege", description="Try every action of every function."
    )
    parser.add_argument("--write", action="store_true", help=f"write the result to {NOTE.relative_to(PROJECT)}")
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="least-privilege-") as folder,
        # Retries wait a twentieth of their time.
        own_cloud(Path(folder) / "home", {"SFN_WAIT_SCALE": "0.05"}) as cloud,
    ):
        policies = RolePolicies.of(cloud)
        try_with_all(cloud, policies, "with-all-before")
        grants = policies.grants()
        findings = [
            try_without(cloud, policies, grant, f"without-{number}")
            for number, grant in enumerate(track(grants, "One action less", console=err, transient=True))
        ]
        try_with_all(cloud, policies, "with-all-after")
        managed = sorted(policies.managed())
    out.print(table(findings), summary(findings), sep="\n")
    if options.write:
        NOTE.write_text(note(findings, managed))
    return 0 if all(finding.needed or finding.excused for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
