"""What a value in a model file may be. A rule is one row: what it says, how it is checked, how JSON
Schema says it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from virtual_device.base.jsonvalue import Json, is_integer
from virtual_device.telemetry.moment import is_number

LARGEST = 1e15
"""Beyond this a JSON number loses its units in most readers; sums and products stay finite
below.
"""
SMALLEST = 1e-12
LONGEST_SECONDS, SHORTEST_SECONDS = 1e9, 1e-3
MOST_CHOICES = 500


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. `text` follows the path of a value that breaks it."""

    text: str
    holds: Callable[[Json], bool]
    schema: dict[str, Json]
    inner: str | None = None
    """What generators stand in it, if any: a name of `Parser.inner`, which checks it then."""


def bounds(low: float, high: float) -> dict[str, Json]:
    """As JSON Schema says it."""
    return {"minimum": low, "maximum": high}


def number(low: float = -LARGEST, high: float = LARGEST) -> Rule:
    """A number within bounds."""
    between = "" if (low, high) == (-LARGEST, LARGEST) else f" from {low:g} to {high:g}"
    return Rule(
        f"must be a number{between}",
        lambda value: isinstance(value, int | float) and is_number(value) and low <= value <= high,
        {"type": "number", **bounds(low, high)},
    )


def positive(low: float, high: float, unit: str) -> Rule:
    """A number above zero."""
    return Rule(
        f"must be a number > 0 ({unit}, from {low:g} to {high:g})",
        lambda value: isinstance(value, int | float) and is_number(value) and low <= value <= high,
        {"type": "number", **bounds(low, high)},
    )


def one_of(*choices: str) -> Rule:
    """One of these strings."""
    listed: list[Json] = list(choices)
    return Rule(
        f"must be one of {', '.join(choices)}",
        lambda value: isinstance(value, str) and value in choices,
        {"enum": listed},
    )


def integer(low: int, high: int) -> Rule:
    """An integer within bounds."""
    return Rule(
        f"must be an integer from {low} to {high}",
        lambda value: isinstance(value, int | float) and is_integer(value) and low <= value <= high,
        {"type": "integer", **bounds(low, high)},
    )


def array(item: Rule, least: int, what: str) -> Rule:
    """An array whose every item keeps a rule."""
    return Rule(
        f"must be an array of {least} to {MOST_CHOICES} {what}",
        lambda value: (
            isinstance(value, list)
            and least <= len(value) <= MOST_CHOICES
            and all(map(item.holds, value))
        ),
        {"type": "array", "items": item.schema, "minItems": least, "maxItems": MOST_CHOICES},
    )


def _is_place(value: Json) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    return number(-90, 90).holds(value[0]) and number(-180, 180).holds(value[1])


def _is_state(value: Json) -> bool:
    return (
        isinstance(value, dict)
        and {"is", "for"} <= value.keys() <= {"is", "for", "weight"}
        and STAY.holds(value["for"])
        and WEIGHT.holds(value.get("weight", 1))
    )


def either(text: str, *rules: Rule) -> Rule:
    """A value that keeps one of several rules."""
    schemas: list[Json] = [rule.schema for rule in rules]
    return Rule(text, lambda value: any(rule.holds(value) for rule in rules), {"anyOf": schemas})


def made_of(inner: str, text: str, schema: dict[str, Json]) -> Rule:
    """A value with generators in it."""
    return Rule(text, lambda _value: True, schema, inner)


def pattern(expression: str, longest: int, text: str) -> Rule:
    """A string that matches as a whole, of bounded length."""
    form = re.compile(expression)
    return Rule(
        text,
        lambda value: (
            isinstance(value, str) and 1 <= len(value) <= longest and bool(form.fullmatch(value))
        ),
        {
            "type": "string",
            "minLength": 1,
            "maxLength": longest,
            "pattern": f"^(?:{expression})$",
        },
    )


ANY = Rule("may be anything", lambda _value: True, {})
NUMBER = number()
AMOUNT = positive(SMALLEST, LARGEST, "any unit")
SECONDS = positive(SHORTEST_SECONDS, LONGEST_SECONDS, "seconds")
KM_PER_HOUR = positive(SHORTEST_SECONDS, LONGEST_SECONDS, "km/h")
FLAG = Rule("must be true or false", lambda value: isinstance(value, bool), {"type": "boolean"})
CHOICES = array(ANY, 1, "values")
WEIGHTS = array(number(0), 1, "numbers >= 0")
PLACES = array(
    Rule(
        "must be [latitude, longitude]",
        _is_place,
        {
            "type": "array",
            "prefixItems": [number(-90, 90).schema, number(-180, 180).schema],
            "minItems": 2,
            "maxItems": 2,
        },
    ),
    2,
    "places, [latitude, longitude] in degrees",
)


def text(longest: int) -> Rule:
    """A string of bounded length, not empty."""
    return Rule(
        f"must be a string of 1 to {longest} characters",
        lambda value: isinstance(value, str) and 1 <= len(value) <= longest,
        {"type": "string", "minLength": 1, "maxLength": longest},
    )


WEIGHT = integer(1, 20)
STAY = either(
    "must be seconds, or [least, most] of them",
    SECONDS,
    Rule(
        "must be [least, most] in seconds",
        lambda value: (
            isinstance(value, list) and len(value) == 2 and all(map(SECONDS.holds, value))
        ),
        {"type": "array", "items": SECONDS.schema, "minItems": 2, "maxItems": 2},
    ),
)
STATES = array(
    Rule(
        "must be a state",
        _is_state,
        {
            "type": "object",
            "required": ["is", "for"],
            "additionalProperties": False,
            "properties": {"is": {}, "for": STAY.schema, "weight": WEIGHT.schema},
        },
    ),
    1,
    "states, {is, for: seconds or [least, most], weight?: integer from 1 to 20}",
)
MEMBERS = made_of("members", "must be an object of members", {"$ref": "#/$defs/members"})
MEMBER = made_of("member", "must be a member", {"$ref": "#/$defs/member"})
GENERATOR = made_of("generator", "must be a generator", {"$ref": "#/$defs/generator"})
NUMBERS = made_of("number", "must be a generator of numbers", {"$ref": "#/$defs/generator"})
