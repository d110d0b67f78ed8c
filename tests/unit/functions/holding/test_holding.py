"""Who may take a device from whom: what the table says, and what DynamoDB makes of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations_with_replacement, product
from typing import TYPE_CHECKING, Any, cast

import pytest
from boto3.dynamodb.conditions import ConditionBase

from common.executions import Executions
from common.row import UNDONE
from holding.conditions import (
    absent,
    fulfilled,
    holds,
    is_held,
    may_take,
    obstacle,
    present,
    ready,
    takers_of,
    unheld,
)
from holding.dead import DeadHolds, dead_holder, holder_of
from holding.hold import Hold
from holding.page import Stance, page, stance
from holding.purposes import CONFINING, RULES, Life, Purpose, State
from playground.home.paths import PROJECT
from sweeping.holds import MENDED

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

ME, OTHER = "arn:me", "arn:other"
NAME = "lamp"
LONG_AGO, NOW, LATER = (f"20{year}-01-01T00:00:00.000Z" for year in (20, 26, 30))
IN_ROWS = [purpose for purpose in RULES if purpose is not Purpose.ROLL]
PAIRS = [
    pytest.param(holder, taker, id=f"{holder}-{taker}")  # as the page has them
    for holder, taker in product(IN_ROWS, Purpose)
]
INHERITED = [purpose for purpose in IN_ROWS if purpose in RULES[purpose].inherits]
COMMON = [state for state in State if state not in (State.FREE, State.GIVEN_UP)]
STATUSES: dict[State, dict[str, str]] = {
    State.FREE: {"status": "TERMINATED"},
    State.GIVEN_UP: {"status": "FAILED", "given_up_at": NOW},
    **{state: {"status": state.value} for state in COMMON},
}


def device(state: State, **more: Any) -> dict[str, Any]:
    """The row of a device that nobody holds."""
    row = {"thing_name": NAME, "execution_arn": "arn:maker", "updated_at": NOW, **STATUSES[state]}
    if state in (State.QUARANTINED, State.GIVEN_UP):
        row["quarantined_at"] = NOW
    return {**row, **more}


def held(purpose: Purpose, state: State, holder: str = OTHER) -> dict[str, Any]:
    """The row of a device that is held for it."""
    attribute = RULES[purpose].attribute
    if purpose is Purpose.PROVISION:
        waiting = {} if state is State.PROVISIONING else {"task_token": "token"}
        return device(state, **{attribute: holder, **waiting})
    return device(state, **{attribute: _name(purpose, holder)})


def _name(purpose: Purpose, holder: str) -> Any:
    if RULES[purpose].life is Life.TIME:
        return f"{LATER} {holder}"
    return True if RULES[purpose].life is Life.WITHIN else holder


def states(holder: Purpose, taker: Purpose) -> list[State]:
    """Those of a device that is held for the one and may be taken for the other."""
    both = RULES[holder].held_in & RULES[taker].takes_in
    return [state for state in State if state in both]


# Those that can both have a name in one row.
TWO_NAMES = [
    pytest.param(holder, taker, id=f"{holder}-{taker}")
    for holder, taker in product(IN_ROWS, IN_ROWS)
    if holder is not taker and Purpose.READMIT not in (holder, taker) and states(holder, taker)
]


def taken(table: "Table", row: dict[str, Any], condition: ConditionBase) -> bool:
    """Whether DynamoDB lets a write with that condition change the row."""
    table.put_item(Item=row)
    hold = Hold(table, NAME, ME, (Purpose.ROTATE,))
    return hold._write(condition, {"probe": "there"}) is not None


def dead_name(purpose: Purpose) -> str | None:
    """What tells that whoever holds the device for it is dead."""
    if RULES[purpose].life is Life.TIME:
        return f"{LATER} {OTHER}~"
    return OTHER if RULES[purpose].life is Life.EXECUTION else None


@pytest.mark.parametrize("taker", Purpose)
def test_the_table_says_of_every_pair_who_may_take_the_device(taker: Purpose) -> None:
    rule = RULES[taker]
    told = [*rule.waits_for, *rule.inherits, *rule.takes_over, *rule.beside]
    assert sorted(told) == sorted(Purpose)


def test_an_attribute_is_of_one_purpose() -> None:
    assert len({rule.attribute for rule in RULES.values()}) == len(Purpose)


@pytest.mark.thorough
@pytest.mark.parametrize(("holder", "taker"), PAIRS)
def test_whoever_holds_a_device_is_taken_it_from_as_the_table_says(
    table: "Table", holder: Purpose, taker: Purpose
) -> None:
    # given: where no state is one for both, the device's state refuses the taker
    stands, possible = stance(holder, taker), states(holder, taker)
    for state in possible or sorted(RULES[holder].held_in):
        row = held(holder, state)
        # What is part of another hold, and has none, is nobody's.
        nobodys = stands is Stance.INHERITS and RULES[holder].life is Life.WITHIN
        may = bool(possible) and (nobodys or stands in (Stance.TAKES, Stance.BESIDE))
        now = NOW if RULES[taker].life is Life.TIME else None
        # then
        assert taken(table, row, may_take(taker, ME, now)) == may, state
        assert fulfilled(may_take(taker, ME, now), row) == may, state
        assert stands is not Stance.BESIDE or possible, "beside, in no state"
        # and: somebody who waits is told for whom
        if possible and stands is Stance.WAITS:
            assert obstacle(row, taker, ME) == RULES[holder].doing


@pytest.mark.parametrize("purpose", INHERITED)
def test_what_a_dead_one_holds_is_inherited(table: "Table", purpose: Purpose) -> None:
    # given
    state = states(purpose, purpose)[0]
    row = held(purpose, state)
    # then
    assert taken(table, row, may_take(purpose, ME, dead_name(purpose)))
    assert fulfilled(may_take(purpose, ME, dead_name(purpose)), row)
    assert obstacle(row, purpose, ME) == f"{RULES[purpose].doing} {RULES[purpose].again}"
    assert obstacle(row, purpose, ME, dead=row[RULES[purpose].attribute]) is None


@pytest.mark.parametrize("purpose", [one for one in INHERITED if one is not Purpose.LINK])
def test_a_claim_may_be_repeated_by_who_has_it(table: "Table", purpose: Purpose) -> None:
    row = held(purpose, states(purpose, purpose)[0], ME)
    assert taken(table, row, may_take(purpose, ME))
    assert obstacle(row, purpose, ME) is None


@pytest.mark.thorough
@pytest.mark.parametrize(("holder", "taker"), TWO_NAMES)
def test_who_has_lost_a_device_writes_no_more(
    table: "Table",
    holder: Purpose,
    taker: Purpose,
) -> None:
    """Both names in the row: of one that was taken over only the taker's counts."""
    row = held(holder, states(holder, taker)[0], ME)
    if taker is not Purpose.PROVISION:  # Whose name is in the row anyway.
        row[RULES[taker].attribute] = OTHER
    table.put_item(Item=row)
    name = row[RULES[holder].attribute]
    hold = Hold(table, NAME, name, (holder,))
    goes_on = taker not in takers_of(holder)
    assert hold.is_in(row) == goes_on
    if goes_on:
        assert hold.update(probe="there")["probe"] == "there"
        return
    with pytest.raises(RULES[holder].lost, match=f"{NAME} is not held by {name} any more"):
        hold.update(probe="there")
    with pytest.raises(RULES[holder].lost, match=NAME):
        hold.checked(table.get_item(Key={"thing_name": NAME})["Item"])


@pytest.mark.parametrize("purpose", [purpose for purpose in RULES if RULES[purpose].undoable])
def test_who_was_undone_takes_and_writes_nothing(table: "Table", purpose: Purpose) -> None:
    # given
    state = states(purpose, purpose)[0]
    free, mine = device(state, **{UNDONE: {ME}}), held(purpose, state, ME) | {UNDONE: {ME}}
    # then
    assert not taken(table, free, may_take(purpose, ME))
    assert taken(table, free, may_take(purpose, OTHER))
    assert not taken(table, mine, holds([purpose], ME))
    assert taken(table, mine, holds([purpose], ME, undoing=True))


def test_whoever_lets_a_device_go_takes_its_name_out_of_the_row(table: "Table") -> None:
    # given
    table.put_item(Item=held(Purpose.RESTART, State.OFFLINE, ME) | {"status_reason": "lost"})
    # when
    row = Hold(table, NAME, ME, (Purpose.RESTART,)).let_go(remove=("status_reason",), restarts=1)
    # then
    assert not is_held(row, *Purpose)
    assert ("status_reason" in row, row["restarts"]) == (False, 1)


def rows() -> Iterator[dict[str, Any]]:
    """In every state, held by nobody, by one, or by two of all that a row can say."""
    signs: list[dict[str, Any]] = [
        {},
        {"task_token": "token"},
        {UNDONE: {ME}},
        {UNDONE: {OTHER}},
        *(
            {RULES[purpose].attribute: _name(purpose, who)}  # as if it were held
            for purpose, who in product(IN_ROWS, (ME, OTHER))
        ),
    ]
    for state, (one, other) in product(State, combinations_with_replacement(signs, 2)):
        yield {**device(state), **one, **other}


def conditions() -> Iterator[tuple[str, ConditionBase]]:
    """All that are made from the table."""
    for purpose in Purpose:
        yield f"present {purpose}", present(purpose)
        yield f"absent {purpose}", absent(purpose)
        yield f"ready {purpose}", ready(purpose)
        for dead in (OTHER, NOW, LATER):
            yield f"may take {purpose}, {dead}", may_take(purpose, ME, dead)
        yield f"unheld {purpose}", unheld(purpose, ME, NOW)
        for undoing in (False, True):
            yield f"holds {purpose}, {undoing}", holds([purpose], ME, undoing=undoing)
    yield "holds both", holds(CONFINING, ME)


@pytest.mark.thorough
def test_what_is_judged_from_a_row_is_what_dynamodb_makes_of_the_condition(table: "Table") -> None:
    # given
    known = {f"{number}": row for number, row in enumerate(rows())}
    with table.batch_writer() as batch:
        for name, row in known.items():
            batch.put_item(Item={**row, "thing_name": name})
    # then
    for told, condition in conditions():
        found: set[str] = set()
        asked: dict[str, Any] = {"FilterExpression": condition}
        while True:
            answer = table.scan(**asked)
            found |= {str(item["thing_name"]) for item in answer["Items"]}
            if "LastEvaluatedKey" not in answer:
                break
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        assert found == {name for name, row in known.items() if fulfilled(condition, row)}, told


@dataclass(frozen=True)
class Living(Executions):
    """Step Functions, where one execution runs, or none."""

    alive: str = ""

    def running(self, arn: str, named_at: str | None) -> bool:
        assert named_at == NOW
        return arn == self.alive


NONE, ONE = Living(cast("Any", None)), Living(cast("Any", None), OTHER)


@pytest.mark.parametrize("purpose", IN_ROWS)
def test_a_holder_is_dead_by_what_the_table_says(purpose: Purpose) -> None:
    # given
    rule, state = RULES[purpose], sorted(RULES[purpose].held_in - {State.FREE})[0]
    row = held(purpose, state)
    name = str(row[rule.attribute])

    def dead(*, runs: bool, now: str) -> list[tuple[Purpose, str]]:
        at = datetime.fromisoformat(now)
        return list(DeadHolds(lambda _row, _arn: runs, lambda _name, _job: runs, at).of(row))

    # then
    if rule.life is Life.TIME:
        assert dead(runs=True, now=NOW) == []
        assert dead(runs=True, now=LATER) == [(purpose, name)]
    elif rule.life is Life.WITHIN:
        assert dead(runs=True, now=NOW) == [(purpose, name)]
        row[RULES[Purpose.RELEASE].attribute] = OTHER
        assert dead(runs=True, now=NOW) == []
    else:
        assert dead(runs=True, now=LATER) == []
        assert dead(runs=False, now=NOW) == [(purpose, name)]
        # and: what a removal has taken over is the removal's to end
        row[RULES[Purpose.DEPROVISION].attribute] = OTHER
        found = [one for one, _ in dead(runs=False, now=NOW)]
        assert found == [Purpose.DEPROVISION]


def test_the_dead_holder_is_another_one_that_has_ended() -> None:
    row = held(Purpose.RESTART, State.ONLINE)
    assert dead_holder(row, Purpose.RESTART, ME, NONE) == OTHER
    assert dead_holder(row, Purpose.RESTART, ME, ONE) is None
    assert dead_holder(row, Purpose.RESTART, OTHER, NONE) is None
    assert dead_holder(device(State.ONLINE), Purpose.RESTART, ME, NONE) is None
    assert dead_holder(None, Purpose.RESTART, ME, NONE) is None
    assert holder_of(row, Purpose.RESTART) == OTHER


def test_the_sweep_has_whatever_a_row_can_be_held_for_ended() -> None:
    assert MENDED.keys() == set(IN_ROWS)


def test_the_page_says_what_the_table_says() -> None:
    assert (PROJECT / "docs" / "holding.md").read_text() == page(), "run make holding"
