"""python -m proofs.fault_matrix [--write]

Every call of every state with every fault, and all scenarios, on a local cloud of its own (about
twenty minutes on two cores). With --write the result goes to docs/evidence/faults.md. Ends with
1 when anything is left behind.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from playground.base.signals import orderly_end
from playground.home.paths import PROJECT
from proofs import evidence
from proofs.fault_matrix.cells import Finding, all_cells, places
from proofs.fault_matrix.fleet_scenarios import fleet_scenarios
from proofs.fault_matrix.host_scenarios import host_scenarios
from proofs.fault_matrix.phases import Phase
from proofs.fault_matrix.roll_scenarios import roll_scenarios
from proofs.fault_matrix.run import run, summary
from proofs.fault_matrix.scenarios import Outcome, scenarios
from proofs.fault_matrix.stage import own_stage
from proofs.fault_matrix.table import page
from tests.census import census

NOTE = evidence.FOLDER / "faults.md"

out = Console(soft_wrap=True, highlight=False)


def say(result: Finding | Outcome) -> None:
    """A line for each as it ends."""
    name = result.cell if isinstance(result, Finding) else result.scenario
    out.print(f"{result.seconds:5.1f} s  {name}: {result.end}: {result.verdict}", markup=False)
    if result.wrong:
        out.print(f"         WRONG: {result.wrong}", style="bold red", markup=False)


def _is_wanted(one: object, only: Sequence[str]) -> bool:
    return not only or any(part in str(one) for part in only)


def main(arguments: Sequence[str]) -> int:
    """Run all; 1 when something is not as it should be."""
    parser = argparse.ArgumentParser(
        "python -m proofs.fault_matrix", description="Every call, every fault."
    )
    parser.add_argument(
        "--write", action="store_true", help=f"write the result to {NOTE.relative_to(PROJECT)}"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        help="only the cells and scenarios whose name contains one of these",
    )
    options = parser.parse_args(arguments)
    if options.write and options.only:
        parser.error("a part of the matrix can't be written")
    begun, commit = time.monotonic(), evidence.standing()
    with (
        tempfile.TemporaryDirectory(prefix="fault-matrix-") as folder,
        own_stage(Path(folder)) as stage,
    ):
        before = census(stage.cloud)
        found = places(stage, list(Phase))
        cells = [cell for cell in all_cells(found) if _is_wanted(cell, options.only)]
        scenes = [
            scene
            for scene in (
                *scenarios(found),
                *roll_scenarios(found),
                *fleet_scenarios(stage),
                *host_scenarios(stage, found),
            )
            if _is_wanted(scene, options.only)
        ]
        out.print(f"{len(found)} calls, {len(cells)} cells, {len(scenes)} scenarios", markup=False)
        results = run(stage, cells, scenes, before, say)
    for name, why in results.wrong.items():
        out.print(f"{name}\n    {why}", style="bold red", markup=False)
    out.print(f"{summary(results)} {time.monotonic() - begun:.0f} s.", markup=False)
    if options.write:
        evidence.write(NOTE, page(results), commit)
    return 1 if results.wrong else 0


if __name__ == "__main__":
    with orderly_end():  # its cloud is taken down, however it is ended
        sys.exit(main(sys.argv[1:]))
