"""python -m proofs.least_privilege [--write]

Shows that no function's role is wider than needed: takes everything away from all of them, lives a
whole life of a device, and gives back what a function was refused, one action after the other.
Brings up a local cloud of its own (some minutes on two cores); with --write the result goes to
docs/evidence/least-privilege.md. Ends with 1 when an action could be spared.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from playground.base.signals import orderly_end
from playground.home.paths import PROJECT
from playground.home.state import LocalState
from proofs import evidence
from proofs.fault_matrix.marks import DESK
from proofs.fault_matrix.proxy import fault_proxy
from proofs.fault_matrix.redirect import redirect
from proofs.least_privilege.desk import desk
from proofs.least_privilege.keeper import Keeper
from proofs.least_privilege.page import Finding, note, summary, table
from proofs.whole_life import WholeLife
from tests.census import census
from tests.playground_cloud import Cloud, own_cloud
from tests.role_policies import Grant, RolePolicies

NOTE = evidence.FOLDER / "least-privilege.md"

# An action that no function uses: a check that would not find this one to spare would prove
# nothing.
NEEDLESS = Grant("AttachPolicyFunction", "iot:ListThings")

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True)


class PatientLife(WholeLife):
    """One that does not give up because of a refusal: somebody sees to it."""

    def refusal(self) -> str:
        return ""

    def function_refusal(self) -> str:
        return ""


def live(cloud: Cloud, thing_name: str) -> float:
    """A whole life that leaves nothing behind. Gives its seconds; raises what made it fail."""
    begun, before = time.monotonic(), census(cloud)
    life = PatientLife(cloud, thing_name)
    try:
        life.run()
    finally:
        life.end()
    assert census(cloud) == before, f"something is left of the life {thing_name}"
    return time.monotonic() - begun


@contextmanager
def kept(cloud: Cloud) -> Iterator[Keeper]:
    """The stack with its functions behind a proxy, and a keeper of their actions, who withholds
    none yet.
    """
    policies = RolePolicies.of(cloud)
    keeper = Keeper(policies, {function: policies.of_role(function) for function in policies.roles})
    port = LocalState.load(cloud.paths).port
    with desk(keeper.ended) as address, fault_proxy(port, again=keeper.again) as proxy:
        redirect(cloud, proxy, {DESK: address})
        yield keeper


def try_all(cloud: Cloud) -> list[Finding]:
    """Three lives: with all that the roles allow, from nothing on, and with what was given back."""
    policies = RolePolicies.of(cloud)
    with policies.with_one_more(NEEDLESS), kept(cloud) as keeper:
        grants = policies.grants()
        assert NEEDLESS in grants
        err.print(f"with all {len(grants)} actions: {live(cloud, 'with-all'):.0f} s")
        keeper.withhold_all()
        err.print(
            f"from nothing on: {live(cloud, 'from-nothing'):.0f} s, "
            f"{len(keeper.refused)} given back"
        )
        for grant in keeper.while_undoing:
            keeper.give_back(grant)
        err.print(f"with what was given back: {live(cloud, 'with-these'):.0f} s")
        assert not keeper.strays, keeper.strays
        findings = [
            Finding(grant, keeper.refused.get(grant), grant in keeper.while_undoing)
            for grant in grants
        ]
        keeper.give_back_all()
    assert Finding(NEEDLESS) in findings, f"what nobody needs would not be found: {NEEDLESS}"
    return [finding for finding in findings if finding.grant != NEEDLESS]


def main(arguments: Sequence[str]) -> int:
    """Try every action; 1 when one could be spared."""
    parser = argparse.ArgumentParser(
        "python -m proofs.least_privilege", description="Try every action of every function."
    )
    parser.add_argument(
        "--write", action="store_true", help=(f"write the result to {NOTE.relative_to(PROJECT)}")
    )
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="least-privilege-") as folder,
        # Retries wait a twentieth of their time.
        own_cloud(Path(folder) / "home", {"SFN_WAIT_SCALE": "0.05"}) as cloud,
    ):
        findings = try_all(cloud)
        managed = sorted(RolePolicies.of(cloud).managed())
    out.print(table(findings), summary(findings), sep="\n")
    if options.write:
        evidence.write(NOTE, note(findings, managed, NEEDLESS), evidence.standing())
    return 0 if all(finding.needed or finding.excused for finding in findings) else 1


if __name__ == "__main__":
    with orderly_end():  # its cloud is taken down, however it is ended
        sys.exit(main(sys.argv[1:]))
