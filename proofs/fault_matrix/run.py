"""Runs cells and scenarios, many at a time on one cloud, and counts every service before and
after.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TypeVar

from proofs.fault_matrix.cells import Cell, Finding, grouped, try_cells
from proofs.fault_matrix.phases import ROLLS
from proofs.fault_matrix.remains import DEVICES, NOTHING
from proofs.fault_matrix.scenarios import Outcome, Scenario, play
from proofs.fault_matrix.stage import Stage
from tests.census import census

# Most of a cell is waiting. More of them at a time would be slower: each takes Lambda workers of
# its own, and a cold start is half a second of CPU.
AT_A_TIME = 12

SWEPT = "swept"
LAST_STATES = ("RecordStatus", "Presence")

Census = Mapping[str, frozenset[str]]
Judged = TypeVar("Judged", Finding, Outcome)
Done = Callable[[Finding | Outcome], None]

MOST_SWEEPS = 4


@dataclass(frozen=True)
class Results:
    """All findings, and the counts of the whole run."""

    findings: Sequence[Finding]
    outcomes: Sequence[Outcome]
    swept: Sequence[str]
    """What the sweep found, and what became of it."""
    before: Census
    after: Census
    made: Mapping[str, int]
    broken: Mapping[str, str] = field(default_factory=dict)
    """What could not be judged: its name, and the error."""

    @property
    def wrong(self) -> Mapping[str, str]:
        """What is not as it should be, by name; empty when all is well."""
        judged = [(str(f.cell), f.wrong) for f in self.findings] + [
            (str(o.scenario), o.wrong) for o in self.outcomes
        ]
        left = {
            f"the whole run: {kind}": f"{', '.join(sorted(self.after[kind] ^ self.before[kind]))}"
            for kind in self.before
            if self.after[kind] != self.before[kind]
        }
        return {name: why for name, why in judged if why} | left | dict(self.broken)


def run(
    stage: Stage, cells: Sequence[Cell], scenes: Sequence[Scenario], before: Census, done: Done
) -> Results:
    """Everything, each under a thing name of its own. `done` hears of each as it ends."""
    broken: dict[str, str] = {}
    lock = threading.Lock()

    def some(name: str, act: Callable[[], Iterable[Judged]]) -> list[Judged]:
        try:
            results = list(act())
        except Exception as error:  # noqa: BLE001 - one that breaks must not keep the others from being judged
            with lock:
                broken[name] = f"{type(error).__name__}: {error}"
            return []
        for result in results:
            done(result)
        return results

    # First what takes longest: what holds calls, many faults in turn, and what waits for a device
    # in vain.
    players = [
        (scene.alone, partial(some, str(scene), partial(_played, stage, scene, f"scene-{n}")))
        for n, scene in enumerate(scenes)
    ]
    triers = [
        (_alone(group), partial(some, str(group[0]), partial(try_cells, stage, group, f"cell-{n}")))
        for n, group in sorted(enumerate(grouped(cells)), key=_short)
    ]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        played = [pool.submit(player) for alone, player in players if not alone]
        tried = [pool.submit(trier) for alone, trier in triers if not alone]
    outcomes = [outcome for future in played for outcome in future.result()]
    tries = [finding for future in tried for finding in future.result()]
    last = [alone for alone, _ in chain(players, triers)]
    if any(last):
        with stage.rolls.possible():
            outcomes += [o for alone, player in players if alone for o in player()]
            tries += [f for alone, trier in triers if alone for f in trier()]
    found = {finding.cell: finding for finding in tries}
    findings = [found[cell] for cell in cells if cell in found]
    swept = stage.sweep()
    for _ in range(
        MOST_SWEEPS - 1
    ):  # what one could not remove, for there was no room for its call, the next one does
        more = stage.sweep()
        swept += more
        if not more:
            break
    findings = [_after_the_sweep(stage, finding) for finding in findings]
    outcomes = [_after_the_sweep(stage, outcome) for outcome in outcomes]
    stage.wait_for_hosts()
    return Results(
        findings,
        outcomes,
        swept,
        before,
        census(stage.cloud),
        _made(stage),
        broken,
    )


def _played(stage: Stage, scene: Scenario, thing: str) -> list[Outcome]:
    return [play(stage, scene, thing)]


def _alone(group: Sequence[Cell]) -> bool:
    return group[0].place.phase in ROLLS


def _short(group: tuple[int, Sequence[Cell]]) -> bool:
    return len(group[1]) == 1 and group[1][0].place.state not in LAST_STATES


def _after_the_sweep(stage: Stage, result: Judged) -> Judged:
    if result.finally_left == NOTHING:
        return result
    verdict = stage.settled(result.thing)
    if verdict in DEVICES:
        # Besides the device there was something that nobody needed.
        stage.deprovision(result.thing)
        return replace(
            result,
            verdict=f"{verdict}, {SWEPT}",
            finally_left=stage.settled(result.thing, [NOTHING]),
        )
    return replace(result, verdict=SWEPT, finally_left=verdict)


# What the proxy has seen being made, by the census's names.
_MAKING = {
    "things": ("iot:CreateThing",),
    "certificates": ("iot:CreateKeysAndCertificate", "iot:CreateCertificateFromCsr"),
    "policy attachments": ("iot:AttachPolicy",),
    "group members": ("iot:AddThingToThingGroup",),
    "objects": ("s3:PutObject",),
    "tasks": ("ecs:RunTask",),
    "jobs": ("iot:CreateJob",),
    "shadows": ("iot-data:UpdateThingShadow",),
}


def _made(stage: Stage) -> Mapping[str, int]:
    """How many calls that make something have had their effect."""
    passed = [r.call.name for r in stage.proxy.records if r.effective]
    return {kind: sum(map(passed.count, calls)) for kind, calls in _MAKING.items()}


def summary(results: Results) -> str:
    """One sentence with the figures."""
    findings = [finding for finding in results.findings if finding.reached]
    outcomes = results.outcomes
    whole = sum("SUCCEEDED" in f.end for f in findings)
    left = sum(len(results.after[kind] - results.before[kind]) for kind in results.before)
    return (
        f"{len(findings)} cells, {whole} executions came through and "
        f"{len(findings) - whole} failed; "
        f"{len(outcomes)} scenarios; {len(results.swept)} things were left to the sweep; "
        f"{len(results.wrong)} not as they should be; {left} left behind, of "
        f"{sum(results.made.values())} that were made."
    )
