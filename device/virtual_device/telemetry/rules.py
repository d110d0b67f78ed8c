"""What a value in a model file may be. A rule is one row: what it says, how it is checked, how JSON
Schema says it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from virtual_device.base.jsonvalue import Json, is_integer
from virtual_device.telemetry.moment import is_number

LARGEST = 1e15
"""Beyond this a JSON number loses its units in most readers; sums and products stay finite
below.
"""
LONGEST_SECONDS, SHORTEST_SECONDS = 1e9, 1e-3
MOST_CHOICES = 500


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. `text` follows the path of a value that breaks it."""

    text: str
    holds: Callable[[Json], bool]
    schema: dict[str, Json]


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


ANY = Rule("may be anything", lambda _value: True, {})
NUMBER = number()
AMOUNT = positive(SHORTEST_SECONDS, LARGEST, "any unit")
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
