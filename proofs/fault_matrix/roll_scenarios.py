"""What happens around a roll: it is aborted, another one begins, its device is deleted or fails
anywhere. After all other scenarios, one after the other.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial

from proofs.fault_matrix.cells import Place
from proofs.fault_matrix.phases import ROLLS, Phase
from proofs.fault_matrix.remains import BACK, GIVEN_BACK, KEPT, MOVED, NOTHING, STOPPED
from proofs.fault_matrix.rules import Fault, Rule
from proofs.fault_matrix.scenarios import (
    HELD_SECONDS,
    SETTLED_LIMIT,
    Scenario,
    last_changes,
    said,
    wait_until_held,
)
from proofs.fault_matrix.stage import Stage

# What an abort may leave. Another roll has moved a device that still had its task, or put it back.
ABORTED = {
    Phase.ROLL: (MOVED, STOPPED),
    Phase.ROLL_PUT_BACK: (GIVEN_BACK, BACK),
}


def roll_scenarios(found: Sequence[Place]) -> list[Scenario]:
    """All there are: for the last change that each state of a roll makes, and each of the restart
    in it.
    """
    own = [(phase, place) for phase in ROLLS for place in last_changes(found, phase)]
    if not own:
        return []
    inner = [(Phase.ROLL, place) for place in last_changes(found, Phase.RESTART)]
    return [
        Scenario("two rolls at once", "", _two_at_once, (MOVED,), alone=True),
        *(
            _scenario("aborted from outside", _aborted, phase, place, ABORTED[phase])
            for phase, place in (*own, *inner)
        ),
        *(
            _scenario("aborted, and the call comes later still", _late, phase, place, ends)
            for phase, place in own
            for ends in [ABORTED[phase]]
        ),
        *(
            _scenario("deleted while it is rolled", _deleted, phase, place, (NOTHING,))
            for phase, place in (*own, *inner)
        ),
        *(
            _scenario("its restart fails", _restart_fails, phase, place, (BACK,))
            for phase, place in inner
        ),
    ]


def _scenario(
    what: str, act: Callable[..., str], phase: Phase, place: Place, ends: Sequence[str]
) -> Scenario:
    return Scenario(
        f"{what}, {phase.value}",
        str(place),
        partial(act, phase=phase, place=place),
        ends,
        alone=True,
    )


def _two_at_once(stage: Stage, thing: str) -> str:
    stage.prepare(Phase.ROLL, thing)
    arns = [stage.start(Phase.ROLL, thing) for _ in range(2)]
    ends = sorted(said(stage, arn) for arn in arns)
    assert ends == ["FAILED RollUnderWay", "SUCCEEDED"], ends
    return " / ".join(ends)


def _aborted(stage: Stage, thing: str, *, phase: Phase, place: Place) -> str:
    stage.prepare(phase, thing)
    with stage.proxy.rule(_held_once(place, thing)) as rule:
        arn = stage.start(phase, thing)
        wait_until_held(rule, place)
        stage.abort(arn)
    stage.settled(thing, (*ABORTED[phase], KEPT), SETTLED_LIMIT)
    return f"{said(stage, arn)} / another: {_another(stage, phase, thing)}"


def _late(stage: Stage, thing: str, *, phase: Phase, place: Place) -> str:
    """Another roll goes on before the function of the first one does, which nobody can stop."""
    stage.prepare(phase, thing)
    with stage.proxy.rule(_held_once(place, thing)) as rule:
        arn = stage.start(phase, thing)
        wait_until_held(rule, place)
        stage.abort(arn)
        another = _another(stage, phase, thing)
    return f"{said(stage, arn)} / another: {another}"


def _another(stage: Stage, phase: Phase, thing: str) -> str:
    """How another roll ends: not because of the lock, which a dead one does not have."""
    end = stage.ended(stage.start(phase, thing))
    assert stage.came_through(phase, thing, end) or end.error == "DeviceBusy", end
    return f"{end.status} {end.error}".strip()


def _deleted(stage: Stage, thing: str, *, phase: Phase, place: Place) -> str:
    stage.prepare(phase, thing)
    with stage.proxy.rule(_held_once(place, thing)) as rule:
        rolling = stage.start(phase, thing)
        wait_until_held(rule, place)
        deleting = stage.start_deprovisioning(thing)
        time.sleep(HELD_SECONDS)
    ends = f"rolled: {said(stage, rolling)} / deleted: {said(stage, deleting)}"
    left = stage.look(thing).rolled
    # The device is no reason to give the tag back, unless the image has failed before it went.
    assert left is not None
    assert phase is Phase.ROLL_PUT_BACK or left.tag == left.target, left
    return ends


def _restart_fails(stage: Stage, thing: str, *, phase: Phase, place: Place) -> str:
    """Once, so that the device comes back with the image it had."""
    stage.prepare(phase, thing)
    rule = Rule(Fault.DENIED, thing, place.state, place.call, place.occurrence, most=1)
    with stage.proxy.rule(rule):
        end = stage.ended(stage.start(phase, thing))
    assert rule.hits, f"{rule.call} was never called"
    return f"{end.status} {end.error}".strip()


def _held_once(place: Place, thing: str) -> Rule:
    """Another roll makes the same calls, and is to go on."""
    return Rule(
        Fault.HELD, thing, place.state, place.call, place.occurrence, later=place.later, most=1
    )
