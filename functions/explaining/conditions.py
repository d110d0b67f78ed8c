"""The conditions of a policy's statement.

Operators and their rules: IAM user guide, "IAM JSON policy elements: Condition operators"; AWS IoT
has the same, https://docs.aws.amazon.com/iot/latest/developerguide/iot-policies.html. All keys of
all operators must hold; of several values one must match, and with a negated operator none may. A
key without a value matches nothing, but for negated operators, `...IfExists` and `ForAllValues`.
"""

import ipaddress
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

Given = Mapping[str, str | Sequence[str]]
Compare = Callable[[str, str], bool]


def _like(actual: str, pattern: str) -> bool:
    text = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(text, actual, re.DOTALL) is not None


def _number(compare: Callable[[float, float], bool]) -> Compare:
    def compared(actual: str, expected: str) -> bool:
        try:
            return compare(float(actual), float(expected))
        except ValueError:
            return False

    return compared


def _moment(text: str) -> datetime | None:
    with suppress(ValueError):
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(float(text), UTC)
    return None


def _date(compare: Callable[[datetime, datetime], bool]) -> Compare:
    def compared(actual: str, expected: str) -> bool:
        one, other = _moment(actual), _moment(expected)
        return one is not None and other is not None and compare(one, other)

    return compared


def _address(actual: str, expected: str) -> bool:
    try:
        return ipaddress.ip_address(actual) in ipaddress.ip_network(expected, strict=False)
    except ValueError:
        return False


COMPARISONS = {
    "equals": operator.eq,
    "notequals": operator.ne,
    "lessthan": operator.lt,
    "lessthanequals": operator.le,
    "greaterthan": operator.gt,
    "greaterthanequals": operator.ge,
}
COMPARE: Mapping[str, Compare] = {
    "stringequals": operator.eq,
    "stringequalsignorecase": lambda one, other: one.lower() == other.lower(),
    "stringlike": _like,
    "arnequals": _like,
    "arnlike": _like,
    "bool": lambda one, other: one.lower() == other.lower(),
    "binaryequals": operator.eq,
    "ipaddress": _address,
    **{f"numeric{name}": _number(compare) for name, compare in COMPARISONS.items()},
    **{f"date{name}": _date(compare) for name, compare in COMPARISONS.items()},
}
_OPPOSITES = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "notipaddress": "ipaddress",
}
NEGATED = {*_OPPOSITES, "numericnotequals", "datenotequals"}
"""What is no number, or no date, is not unequal to one either: it matches nothing."""
FOR_ALL, FOR_ANY, IF_EXISTS = "forallvalues:", "foranyvalue:", "ifexists"


def are_met(conditions: object, given: Given) -> bool:
    """Whether every condition holds; `given` has its names in lower case."""
    if not conditions:
        return True
    if not isinstance(conditions, Mapping):
        return False
    return all(
        _is_met(name.lower(), given.get(key.lower()), expected)
        for name, keys in conditions.items()
        for key, expected in (keys.items() if isinstance(keys, Mapping) else ())
    )


def _is_met(name: str, actual: str | Sequence[str] | None, expected: object) -> bool:
    wanted = [_text(one) for one in (expected if isinstance(expected, list) else [expected])]
    if name == "null":
        return (actual is None) == (wanted[0].lower() == "true")
    optional, name = name.endswith(IF_EXISTS), name.removesuffix(IF_EXISTS)
    for_all, for_any = name.startswith(FOR_ALL), name.startswith(FOR_ANY)
    name = name.removeprefix(FOR_ALL).removeprefix(FOR_ANY)
    compare = COMPARE.get(_OPPOSITES.get(name, name))
    if compare is None:
        return False
    negated = name in NEGATED
    if actual is None:
        return optional or for_all or (negated and not for_any)

    def holds(value: str) -> bool:
        found = [compare(value, one) is not (name in _OPPOSITES) for one in wanted]
        return all(found) if negated else any(found)

    values = [actual] if isinstance(actual, str) else list(actual)
    return all(map(holds, values)) if for_all else any(map(holds, values))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
