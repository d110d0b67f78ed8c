"""What happens to a fleet: every call of its functions fails in every way, and it is aborted.

A fleet here has one device. Its execution, and with it the calls that are about it, have its name.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from proofs.fault_matrix.cells import PASSING
from proofs.fault_matrix.proxy import Record
from proofs.fault_matrix.remains import NOTHING
from proofs.fault_matrix.rules import IN_TABLE, Fault, Rule
from proofs.fault_matrix.scenarios import HELD_SECONDS, STRUCK_LIMIT, Scenario, said
from proofs.fault_matrix.stage import LOOK_SECONDS, Stage
from tests.playground_cloud import Execution

PROVISION, REMOVE = "ProvisionFleetStateMachineArn", "RemoveFleetStateMachineArn"
OF_A_FLEET = ("PlanFleet", "PlanRemoval", "SettleFleet")
GONE_LIMIT = 90.0


class Course(Enum):
    """What is under way when the fault strikes."""

    MADE = "a fleet is made"
    UNDONE = "a fleet that is undone"
    REMOVED = "a fleet is removed"


@dataclass(frozen=True)
class Place:
    """A call of a fleet's function: the `occurrence`-th of its name in one invocation."""

    course: Course
    function: str
    call: str
    occurrence: int
    changes: bool

    def __str__(self) -> str:
        again = f" ({self.occurrence + 1})" if self.occurrence else ""
        return f"{self.function}, {self.call}{again}"


def fleet_scenarios(stage: Stage) -> list[Scenario]:
    """All there are, for the calls of fleets that live without a fault."""
    found = [place for course in Course for place in _places(stage, course)]
    held = {(p.course, p.function): p for p in found if p.changes}
    return [
        *(
            Scenario(
                place.course.value,
                f"{place}: {fault.value}",
                partial(_struck, place=place, fault=fault),
                (NOTHING,),
            )
            for place in found
            for fault in IN_TABLE
        ),
        *(
            Scenario(
                f"aborted from outside, {place.course.value}",
                str(place),
                partial(_aborted, place=place),
                (NOTHING,),
            )
            for place in held.values()
            if place.course is Course.MADE
        ),
        Scenario(
            "aborted from outside, a fleet is made", "a device", _aborted_meanwhile, (NOTHING,)
        ),
    ]


def _places(stage: Stage, course: Course) -> list[Place]:
    fleet = f"life-{course.name.lower()}"
    _prepare(stage, course, fleet)
    begun = len(stage.proxy.of(fleet))
    end = _run(stage, course, fleet)
    assert end.status == _right(course), end
    records = [r for r in stage.proxy.of(fleet)[begun:] if r.call.function in OF_A_FLEET]
    _removed(stage, fleet)
    return _calls(course, records)


def _calls(course: Course, records: Sequence[Record]) -> list[Place]:
    found: dict[Place, None] = {}
    counts: dict[tuple[str, str], int] = {}
    for record in records:
        call = record.call
        number = counts.get((call.invocation, call.name), 0)
        counts[call.invocation, call.name] = number + 1
        found[Place(course, call.function, call.name, number, call.changes)] = None
    # The removal of what was made is another course.
    own = {Course.MADE: ("PlanFleet", "SettleFleet"), Course.UNDONE: ("PlanRemoval", "SettleFleet")}
    return [p for p in found if p.function in own.get(course, OF_A_FLEET)]


def _struck(stage: Stage, fleet: str, *, place: Place, fault: Fault) -> str:
    _prepare(stage, place.course, fleet)
    rule = Rule(fault, fleet, place.function, place.call, place.occurrence)
    with stage.proxy.rule(rule):
        end = _run(stage, place.course, fleet)
    assert rule.hits or place.occurrence, "the fault never struck"
    through = end.status == _right(place.course)
    if fault in PASSING:
        assert through, f"ended {end.status} {end.error}, though the fault did pass"
    if end.status == "SUCCEEDED" and place.course is Course.MADE:
        assert _status(stage, fleet) == "READY", _status(stage, fleet)
        assert stage.cloud.row(_member(fleet))["status"] == "ONLINE"
    _removed(stage, fleet)
    left = stage.settled(_member(fleet), [NOTHING])
    assert left == NOTHING, left
    return f"{end.status} {end.error}".strip()


def _aborted(stage: Stage, fleet: str, *, place: Place) -> str:
    held = Rule(Fault.HELD, fleet, place.function, place.call, place.occurrence)
    with stage.proxy.rule(held):
        arn = _start(stage, place.course, fleet)
        assert held.struck.wait(STRUCK_LIMIT), f"{place.call} was never called"
        stage.abort(arn)
        time.sleep(HELD_SECONDS)
    _undone_by_itself(stage, fleet)
    return said(stage, arn)


def _aborted_meanwhile(stage: Stage, fleet: str) -> str:
    held = Rule(Fault.HELD, _member(fleet), "WriteConfig", "s3:PutObject")
    with stage.proxy.rule(held):
        arn = _start(stage, Course.MADE, fleet)
        assert held.struck.wait(STRUCK_LIMIT), "no device was made"
        stage.abort(arn)
        time.sleep(HELD_SECONDS)
    _undone_by_itself(stage, fleet)
    return said(stage, arn)


def _right(course: Course) -> str:
    return "FAILED" if course is Course.UNDONE else "SUCCEEDED"


def _prepare(stage: Stage, course: Course, fleet: str) -> None:
    if course is Course.REMOVED:
        made = _run(stage, Course.MADE, fleet)
        assert made.status == "SUCCEEDED", made


def _run(stage: Stage, course: Course, fleet: str) -> Execution:
    return stage.ended(_start(stage, course, fleet))


def _start(stage: Stage, course: Course, fleet: str) -> str:
    if course is Course.REMOVED:
        return _begun(stage, REMOVE, {"name": fleet}, f"{fleet}-removal")
    group = {"name": "lamp", "count": 1, "deviceType": "bulb"}
    # The last state fails, so there is as much to undo as there can be.
    case = "#SettleFleetFails" if course is Course.UNDONE else ""
    return _begun(stage, PROVISION + case, {"name": fleet, "groups": [group]}, fleet)


def _begun(stage: Stage, machine: str, given: Any, name: str) -> str:
    output, _, case = machine.partition("#")
    arn = stage.cloud.home.output(output) + (f"#{case}" if case else "")
    begun = stage.cloud.client("stepfunctions").start_execution(
        stateMachineArn=arn, name=name, input=json.dumps(given)
    )
    return str(begun["executionArn"])


def _undone_by_itself(stage: Stage, fleet: str) -> None:
    """What the rule on executions that have ended so starts; or the fleet is whole, for all that
    was left to do was to let it go, and a function that nobody can stop has done it.
    """
    deadline = time.monotonic() + GONE_LIMIT
    while _status(stage, fleet) not in ("", "READY") and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    if _status(stage, fleet) == "READY":
        assert stage.cloud.row(_member(fleet))["status"] == "ONLINE"
        _removed(stage, fleet)
    _assert_gone(stage, fleet)


def _removed(stage: Stage, fleet: str) -> None:
    """The fleet is gone by itself, or by a removal: the rule may have one under way."""
    deadline = time.monotonic() + GONE_LIMIT
    number = 0
    while _status(stage, fleet) and time.monotonic() < deadline:
        number += 1
        ended = stage.ended(_begun(stage, REMOVE, {"name": fleet}, f"{fleet}-again-{number}"))
        assert ended.status == "SUCCEEDED" or ended.error in ("FleetBusy", "FleetNotFound"), ended
    _assert_gone(stage, fleet)


def _assert_gone(stage: Stage, fleet: str) -> None:
    """No item and no object. What a function that nobody can stop has left of a device is for the
    sweep.
    """
    assert not _status(stage, fleet), _status(stage, fleet)
    bucket = stage.cloud.home.output("ConfigBucketName")
    listed = stage.cloud.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"fleets/{fleet}/")
    assert not listed.get("Contents"), listed["Contents"]


def _status(stage: Stage, fleet: str) -> str:
    """Of the register; empty when it has no such fleet."""
    found = stage.cloud.client("dynamodb").get_item(
        TableName=stage.cloud.home.output("FleetsTableName"),
        Key={"fleet_name": {"S": fleet}},
        ConsistentRead=True,
    )
    return str(found["Item"]["status"]["S"]) if "Item" in found else ""


def _member(fleet: str) -> str:
    return f"{fleet}-lamp-0001"
