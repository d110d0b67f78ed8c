"""Conditions on a device's row, made from the table of purposes.

One and the same condition is asked of a row that was read, by `fulfilled`, and sent with a write:
https://docs.aws.amazon.com/boto3/latest/reference/customizations/dynamodb.html#dynamodb-conditions
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, reduce
from operator import and_, or_
from typing import Any

from boto3.dynamodb.conditions import Attr, ConditionBase

from common.row import FREE, GIVEN_UP, UNDONE, Row
from holding.purposes import RULES, Life, Purpose, State

_STATUS = Attr("status")
_IS_FREE = _STATUS.is_in([*FREE]) & Attr(GIVEN_UP).not_exists()
# A provisioning waits for its device by a token, and so does a restart, which says who it is.
_TOKEN, _RESTART = Attr("task_token"), Attr(RULES[Purpose.RESTART].attribute)


@cache
def present(purpose: Purpose) -> ConditionBase:
    """The device is held for it."""
    if purpose is Purpose.PROVISION:
        return _STATUS.eq(State.PROVISIONING.value) | (_TOKEN.exists() & _RESTART.not_exists())
    return Attr(RULES[purpose].attribute).exists()


def absent(*purposes: Purpose) -> ConditionBase:
    """The device is held for none of them."""
    return _all(_absent(purpose) for purpose in _in_order(purposes))


def state_in(states: Iterable[State]) -> ConditionBase:
    """The device is in one of them; a row that is not there is in none."""
    wanted = frozenset(states)
    by_status = sorted(state.value for state in wanted - {State.FREE, State.GIVEN_UP})
    found: list[ConditionBase] = [_STATUS.is_in(by_status)] if by_status else []
    if State.GIVEN_UP in wanted:
        found.append(Attr(GIVEN_UP).exists())
    return _any([*found, *([_IS_FREE] if State.FREE in wanted else [])])


def ready(purpose: Purpose) -> ConditionBase:
    """The device is in a state to be taken for it, and nobody has it who has to be waited for."""
    rule = RULES[purpose]
    # Who can't hold a device in such a state need not be asked for.
    others = [other for other in rule.waits_for if RULES[other].held_in & rule.takes_in]
    needed = [Attr(name).exists() for name in rule.needs]
    return _all([state_in(rule.takes_in), *needed, *([absent(*others)] if others else [])])


def unheld(purpose: Purpose, holder: str, dead: str | None = None) -> ConditionBase:
    """Nobody else holds it for the same purpose, but for one that is `dead`.

    `dead`: an execution's ARN; for a hold that ends by its time the moment that is over.
    """
    name = Attr(RULES[purpose].attribute)
    if RULES[purpose].life is Life.TIME:
        return name.not_exists() | name.lt(dead)
    return name.not_exists() | name.is_in(sorted({holder, dead or holder}))


def may_take(purpose: Purpose, holder: str, dead: str | None = None) -> ConditionBase:
    """`holder` may take the device for it; `dead` as in `unheld`."""
    rule = RULES[purpose]
    asked = [ready(purpose)]
    if purpose in rule.inherits:
        asked.append(unheld(purpose, holder, dead))
    if rule.undoable:
        asked.append(not_undone(holder))
    return _all(asked)


def holds(purposes: Iterable[Purpose], holder: str, *, undoing: bool = False) -> ConditionBase:
    """`holder` has the device for one of them, and nobody has taken it over.

    `undoing`: it is asked for whoever undoes the execution, whose own writes are forbidden.
    """
    kinds = _in_order(purposes)
    asked = [_any(Attr(RULES[kind].attribute).eq(holder) for kind in kinds)]
    takers = {taker for kind in kinds for taker in takers_of(kind)}
    if takers:
        asked.append(absent(*takers))
    if Purpose.PROVISION in kinds:
        # Its name stays in the row of a device that is gone.
        asked.append(~_IS_FREE)
    if not undoing and any(RULES[kind].undoable for kind in kinds):
        asked.append(not_undone(holder))
    return _all(asked)


def takers_of(purpose: Purpose) -> frozenset[Purpose]:
    """The other purposes for which a device is taken from one that holds it for this."""
    takers = {taker for taker, rule in RULES.items() if purpose in rule.takes_over}
    return frozenset(takers - {purpose})


def not_undone(holder: str) -> ConditionBase:
    """The execution is not being undone, nor has been."""
    return ~Attr(UNDONE).contains(holder)


def is_held(row: Row, *purposes: Purpose) -> bool:
    """Whether the device is held for one of them."""
    return any(fulfilled(present(purpose), row) for purpose in purposes)


def obstacle(
    row: Row,
    purpose: Purpose,
    holder: str | None = None,
    dead: str | None = None,
) -> str | None:
    """Why `holder`, who may have the device already, can't take it: "is being deleted".

    None where nobody is in the way; whether its state is one for it is not asked.
    """
    rule = RULES[purpose]
    for other, found in RULES.items():
        if other in rule.waits_for and is_held(row, other):
            return found.doing
        again = other is purpose and other in rule.inherits and is_held(row, other)
        if again and row[found.attribute] not in (holder, dead):
            return f"{found.doing} {found.again}"
    return None


def looked_at(*conditions: ConditionBase) -> tuple[str, ...]:
    """The attributes that they ask for."""
    return tuple(sorted({name for condition in conditions for name in _names(condition)}))


def fulfilled(condition: ConditionBase, row: Row) -> bool:
    """Whether the row, {} for none, fulfils it: as DynamoDB would have it, were it asked now.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
    """
    return _MEANINGS[type(condition).__name__](row, *condition.get_expression()["values"])


def _names(condition: Any) -> set[str]:
    if isinstance(condition, Attr):
        return {condition.name}
    if isinstance(condition, ConditionBase):
        return set[str]().union(*map(_names, condition.get_expression()["values"]))
    return set()


def _absent(purpose: Purpose) -> ConditionBase:
    if purpose is Purpose.PROVISION:
        nobody_waits = _TOKEN.not_exists() | _RESTART.exists()
        return _STATUS.ne(State.PROVISIONING.value) & nobody_waits
    return Attr(RULES[purpose].attribute).not_exists()


def _in_order(purposes: Iterable[Purpose]) -> list[Purpose]:
    wanted = frozenset(purposes)
    return [purpose for purpose in RULES if purpose in wanted]


def _all(conditions: Iterable[ConditionBase]) -> ConditionBase:
    return reduce(and_, conditions)


def _any(conditions: Iterable[ConditionBase]) -> ConditionBase:
    return reduce(or_, conditions)


# An attribute that is not there equals nothing, is in no list and holds no member.
_MEANINGS: Mapping[str, Callable[..., bool]] = {
    "And": lambda row, one, other: fulfilled(one, row) and fulfilled(other, row),
    "Or": lambda row, one, other: fulfilled(one, row) or fulfilled(other, row),
    "Not": lambda row, one: not fulfilled(one, row),
    "AttributeExists": lambda row, name: name.name in row,
    "AttributeNotExists": lambda row, name: name.name not in row,
    "Equals": lambda row, name, value: name.name in row and row[name.name] == value,
    "NotEquals": lambda row, name, value: not (name.name in row and row[name.name] == value),
    "LessThan": lambda row, name, value: name.name in row and bool(row[name.name] < value),
    "In": lambda row, name, values: name.name in row and row[name.name] in values,
    "Contains": lambda row, name, value: value in row.get(name.name, ()),
}
