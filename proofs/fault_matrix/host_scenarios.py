"""What happens around hosts: a host's task is stopped whatever a device on it goes through, and
every call of the function that tells hosts fails in every way.

Each device has a host of its own here, so what happens to that concerns no other cell.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from proofs.fault_matrix.cells import PASSING, Place
from proofs.fault_matrix.phases import ON_HOSTS, Phase
from proofs.fault_matrix.proxy import Record
from proofs.fault_matrix.remains import NOTHING, WHOLE
from proofs.fault_matrix.remains import STOPPED as STOPPED_DEVICE
from proofs.fault_matrix.rules import IN_TABLE, Fault, Rule
from proofs.fault_matrix.scenarios import (
    HELD_SECONDS,
    STRUCK_LIMIT,
    Scenario,
    last_changes,
    said,
    wait_until_held,
)
from proofs.fault_matrix.stage import LOOK_SECONDS, Stage
from tests.census import hosts

TELLING = "TellHosts"
# A device whose host was stopped is back within that time, also when it was in another restart.
BACK_LIMIT = 90.0
HIT_LIMIT = 20.0
STOPPED = "the host's task is stopped"


@dataclass(frozen=True)
class Telling:
    """A call of the function that tells hosts: the `occurrence`-th of its name in one invocation.

    `leaving`: when the device has left, otherwise when it has come.
    """

    call: str
    occurrence: int
    leaving: bool

    def __str__(self) -> str:
        again = f" ({self.occurrence + 1})" if self.occurrence else ""
        return f"{TELLING}, {self.call}{again}"


def host_scenarios(stage: Stage, found: Sequence[Place]) -> list[Scenario]:
    """All there are."""
    places = [place for phase in ON_HOSTS for place in last_changes(found, phase)]
    # What a device on a host has in common with others.
    places += [
        Place(Phase.HOSTED, p.state, p.call, p.occurrence, p.changes)
        for p in last_changes(found, Phase.OWN_KEY)
        if p.state in ("WriteConfig", "SignRequest", "RecordStatus")
    ]
    return [
        Scenario(STOPPED, "while its device is online", _stopped, (WHOLE,)),
        Scenario(STOPPED, "twice", partial(_stopped, times=2), (WHOLE,)),
        *(
            Scenario(
                f"{STOPPED}, {place.phase.value}",
                str(place),
                partial(_stopped_meanwhile, place=place),
                (WHOLE, NOTHING) if place.phase is Phase.HOSTED else _ends(place.phase),
            )
            for place in places
        ),
        *(
            Scenario(
                f"a host is told, {'a device has left' if telling.leaving else 'a device comes'}",
                f"{telling}: {fault.value}",
                partial(_left if telling.leaving else _come, telling=telling, fault=fault),
                (NOTHING,) if telling.leaving else _told(fault),
            )
            for telling in _tellings(stage)
            for fault in IN_TABLE
        ),
    ]


def _ends(phase: Phase) -> Sequence[str]:
    """These restarts are not tried again: one that waits for its device in vain leaves it without a
    task.
    """
    restarting = phase in (Phase.HOSTED_RESTART, Phase.HOSTED_UNDOING)
    return (WHOLE, STOPPED_DEVICE) if restarting else (NOTHING,)


def _told(fault: Fault) -> Sequence[str]:
    return (WHOLE,) if fault in PASSING else (WHOLE, NOTHING)


def _tellings(stage: Stage) -> list[Telling]:
    """Those of a device that comes and leaves without a fault."""
    thing = "life-hosted"
    stage.prepare(Phase.HOSTED_RESTART, thing)
    host = stage.host_of(thing)
    come = len(_records(stage, host))
    stage.deprovision(thing)
    _wait_until_gone(stage, host)
    records = _records(stage, host)
    return [*_calls(records[:come], leaving=False), *_calls(records[come:], leaving=True)]


def _records(stage: Stage, host: str) -> list[Record]:
    return [record for record in stage.proxy.of(host) if record.call.function == TELLING]


def _calls(records: Sequence[Record], *, leaving: bool) -> list[Telling]:
    found: dict[Telling, None] = {}
    counts: dict[tuple[str, str], int] = {}
    for record in records:
        call = record.call
        number = counts.get((call.invocation, call.name), 0)
        counts[call.invocation, call.name] = number + 1
        found[Telling(call.name, number, leaving)] = None
    return list(found)


def _stopped(stage: Stage, thing: str, *, times: int = 1) -> str:
    stage.prepare(Phase.HOSTED_RESTART, thing)
    for _ in range(times):
        before = stage.cloud.row(thing)["certificate_id"]
        stage.stop_host(stage.host_of(thing))
        deadline = time.monotonic() + BACK_LIMIT
        while stage.cloud.row(thing)["certificate_id"] == before and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        stage.settled(thing, [WHOLE], BACK_LIMIT)
        assert stage.cloud.row(thing)["certificate_id"] != before, "it was not restarted"
    return f"host stopped {times}"


def _stopped_meanwhile(stage: Stage, thing: str, *, place: Place) -> str:
    stage.prepare(place.phase, thing)
    host = stage.host_of(thing)
    held = Rule(Fault.HELD, thing, place.state, place.call, place.occurrence, most=1)
    with stage.proxy.rule(held) as rule:
        arn = stage.start(place.phase, thing)
        wait_until_held(rule, place)
        stage.stop_host(host or stage.host_of(thing))
        time.sleep(HELD_SECONDS)
    end = said(stage, arn)
    ends = (WHOLE, NOTHING) if place.phase is Phase.HOSTED else _ends(place.phase)
    stage.settled(thing, ends, BACK_LIMIT)
    return end


def _come(stage: Stage, thing: str, *, telling: Telling, fault: Fault) -> str:
    """The seat is known, and with it the host, before anybody has the host told."""
    queued = Rule(Fault.HELD, thing, "StartTask", "sqs:SendMessage", 0, most=1)
    with stage.proxy.rule(queued):
        arn = stage.start(Phase.HOSTED, thing)
        assert queued.struck.wait(STRUCK_LIMIT), "the host was not to be told"
        rule = _rule(stage, thing, telling, fault)
        with stage.proxy.rule(rule):
            queued.release.set()
            end = stage.ended(arn)
            _wait_until_hit(rule)
    assert rule.hits or telling.occurrence, "the fault never struck"
    return f"{end.status} {end.error}".strip()


def _left(stage: Stage, thing: str, *, telling: Telling, fault: Fault) -> str:
    """The host goes, too, when the fault is over."""
    stage.prepare(Phase.HOSTED_RESTART, thing)
    rule, host = _rule(stage, thing, telling, fault), stage.host_of(thing)
    with stage.proxy.rule(rule):
        end = said(stage, stage.start_deprovisioning(thing))
        _wait_until_hit(rule)
    # Another device may have come there before anybody could say that it is empty.
    may_be_missing = telling.occurrence or telling.call == "sqs:SendMessage"
    assert rule.hits or may_be_missing, "the fault never struck"
    _wait_until_gone(stage, host)
    return end


def _rule(stage: Stage, thing: str, telling: Telling, fault: Fault) -> Rule:
    return Rule(fault, stage.host_of(thing), TELLING, telling.call, telling.occurrence)


def _wait_until_hit(rule: Rule) -> None:
    rule.struck.wait(HIT_LIMIT if not rule.occurrence else HELD_SECONDS)


def _wait_until_gone(stage: Stage, host: str) -> None:
    """Removed, or another device has come there."""
    deadline = time.monotonic() + BACK_LIMIT
    while host in hosts(stage.cloud) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
