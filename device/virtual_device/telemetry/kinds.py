"""The table of generators: one row per kind. Adding a generator is adding a row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from virtual_device.telemetry import generators as g
from virtual_device.telemetry import measures, rules, texts, times
from virtual_device.telemetry.held import Above, Case, Follows, Part, Scale
from virtual_device.telemetry.members import MAX_ITEMS, Listed, Repeated
from virtual_device.telemetry.moment import Generator
from virtual_device.telemetry.route import Route
from virtual_device.telemetry.rules import Rule
from virtual_device.telemetry.states import MAX_VISITS, States, Visit

REQUIRED = object()
"""In the place of a default: there is none."""

SHORTEST_ROUTE_KM = 0.01


@dataclass(frozen=True, slots=True)
class Argument:
    """A member of a generator's object. A default of None isn't checked: the argument is not
    there.
    """

    name: str
    rule: Rule
    default: object = REQUIRED


Arguments = Mapping[str, Any]
"""Arguments that have passed their rules, with defaults for those left out."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A row. `build` gets the member's path and its arguments; `fault` says what is wrong between
    them, and where.
    """

    name: str
    about: str
    arguments: tuple[Argument, ...]
    build: Callable[[str, Arguments], Generator]
    fault: Callable[[Arguments], tuple[str, str] | None] = lambda _arguments: None
    one_of: tuple[str, ...] = ()
    """Arguments of which there must be exactly one."""


def _once(given: Arguments) -> tuple[str, str] | None:
    both = given["once"] and given["every"] is not None
    return ("every", "is of no use with once") if both else None


def _uniform(given: Arguments) -> tuple[str, str] | None:
    return _low_high(given) or _once(given)


def _low_high(given: Arguments) -> tuple[str, str] | None:
    return (
        None if given["min"] <= given["max"] else ("max", f"must be at least min, {given['min']:g}")
    )


def _walk(given: Arguments) -> tuple[str, str] | None:
    if fault := _low_high(given):
        return fault
    return (
        None
        if given["min"] <= given["start"] <= given["max"]
        else ("start", "must lie between min and max")
    )


def _pick(given: Arguments) -> tuple[str, str] | None:
    if fault := _once(given):
        return fault
    if given["weights"] is None:
        return None
    if len(given["weights"]) != len(given["of"]):
        return "weights", f"must have as many numbers as there are values, {len(given['of'])}"
    return None if sum(given["weights"]) > 0 else ("weights", "must not all be 0")


def _route(given: Arguments) -> tuple[str, str] | None:
    long_enough = _as_route("", given).ends[-1] >= SHORTEST_ROUTE_KM
    return None if long_enough else ("points", "must be 10 m apart at least")


def _as_pick(key: str, given: Arguments) -> Generator:
    return g.Pick(
        key,
        tuple(given["of"]),
        tuple(given["weights"] or [1] * len(given["of"])),
        given["once"],
        given["every"],
    )


def _as_route(_key: str, given: Arguments) -> Route:
    return Route.through(
        tuple((latitude, longitude) for latitude, longitude in given["points"]), given["speed"]
    )


def _timestamp(given: Arguments) -> tuple[str, str] | None:
    if given["pattern"] is not None and given["format"] is not None:
        return "pattern", "is of no use with format"
    text = given["pattern"] is not None or (given["format"] or "iso") in times.TEXTS
    return ("offset", "is for texts") if given["offset"] and not text else None


def _text(given: Arguments) -> tuple[str, str] | None:
    kind = next(name for name in TEXTS if given[name] is not None)
    if kind == "pattern":
        if given["once"] or given["every"] is not None:
            return "once" if given["once"] else "every", "is of no use with pattern"
        return _places(given)
    if given["with"] is not None:
        return "with", "is for pattern"
    if kind != "hex" and (given["upper"] or given["separator"]):
        return "upper" if given["upper"] else "separator", "is for hex"
    return _once(given)


def _places(given: Arguments) -> tuple[str, str] | None:
    members = given["with"].members if given["with"] else {}
    for name, form in texts.places(given["pattern"]):
        if name not in members and (name != texts.THING or form):
            return "pattern", f"has {{{name}}}, which is no member of with"
        if form and not members[name].generator.numeric:
            return "pattern", f"has {{{name}:{form}}}, which is for numbers"
    return None


def _as_text(key: str, given: Arguments) -> Generator:
    turns = given["once"], given["every"]
    if given["pattern"] is not None:
        return texts.Pattern(given["pattern"], given["with"].members if given["with"] else {})
    if given["hex"] is not None:
        return texts.Hex(key, int(given["hex"]), given["upper"], given["separator"], *turns)
    if given["base64"] is not None:
        return texts.Base64(key, int(given["base64"]), *turns)
    if given["words"] is not None:
        return texts.Words(key, int(given["words"]), *turns)
    return texts.Uuid(key, *turns)


def _array(given: Arguments) -> tuple[str, str] | None:
    if given["of"] is not None:
        for name in ("count", "every"):
            if given[name] is not None:
                return name, "is for item"
        return None
    if given["count"] is None:
        return "count", "is missing: how many items there are"
    fixed = isinstance(given["count"], g.Constant)
    if given["every"] is not None and not fixed:
        return "every", "needs a count that is a plain integer"
    return None


def _as_array(_key: str, given: Arguments) -> Generator:
    if given["of"] is not None:
        return Listed(given["of"])
    return Repeated(given["item"], given["count"], given["every"])


def _states(given: Arguments) -> tuple[str, str] | None:
    for row in given["of"]:
        if isinstance(row["for"], list) and row["for"][0] > row["for"][1]:
            return "of", "has a state whose least seconds are more than its most"
    if sum(row.get("weight", 1) for row in given["of"]) > MAX_VISITS:
        return "of", f"has weights of more than {MAX_VISITS} in all"
    return None


def _as_states(key: str, given: Arguments) -> Generator:
    rows = given["of"]
    visits = []
    for number, row in enumerate(rows):
        stay = row["for"] if isinstance(row["for"], list) else [row["for"], row["for"]]
        visits += [Visit(number, *stay)] * int(row.get("weight", 1))
    shuffled = any("weight" in row for row in rows)
    return States(key, tuple(row["is"] for row in rows), tuple(visits), shuffled, given["start"])


def _follows(given: Arguments) -> tuple[str, str] | None:
    if measures.counts(given["of"]):
        return "of", "must go with time, and not from message to message: give it every"
    return None


PLACE = rules.text(256)
"""Names of members, from the outermost on, with dots between."""

TURNS = (Argument("once", rules.FLAG, default=False), Argument("every", rules.SECONDS, None))
"""How often there is a new value: for each message, each thing, or every so many seconds."""

TEXTS = ("pattern", "uuid", "hex", "base64", "words")
TIME_PATTERN = rules.pattern(
    f"(?:[^%]|%[{times.CODES}%])+",
    64,
    f"must be a string of 1 to 64 characters, each % followed by one of {times.CODES}%",
)
PATTERN = rules.pattern(
    texts.PATTERN,
    1024,
    (
        "must be a string of 1 to 1024 characters with places such as {name} or {name:.2f}; "
        "{{ and }} are braces"
    ),
)
TRUE = Rule("must be true", lambda value: value is True, {"const": True})
SEPARATOR = Rule(
    "must be a string of at most 4 characters",
    lambda value: isinstance(value, str) and len(value) <= 4,
    {"type": "string", "maxLength": 4},
)
SHORTEST_LAG, LONGEST_LAG = 0.1, 1e7
MEMBERS_LISTED = rules.made_of(
    "list",
    f"must be an array of 0 to {MAX_ITEMS} members",
    {"type": "array", "items": {"$ref": "#/$defs/member"}, "maxItems": MAX_ITEMS},
)
COUNT = rules.made_of(
    "count",
    f"must be an integer from 0 to {MAX_ITEMS}, or a generator of numbers",
    {"anyOf": [rules.integer(0, MAX_ITEMS).schema, {"$ref": "#/$defs/generator"}]},
)
CASES = rules.made_of(
    "cases",
    f"must be an object of 1 to {MAX_ITEMS} generators, by the value that each is for",
    {
        "type": "object",
        "minProperties": 1,
        "maxProperties": MAX_ITEMS,
        "additionalProperties": {"$ref": "#/$defs/generator"},
    },
)

KINDS = (
    Kind(
        "uniform",
        (
            "Any number from min to max; with once, one for each thing; with every, one for "
            "so many seconds."
        ),
        (
            Argument("min", rules.NUMBER),
            Argument("max", rules.NUMBER),
            *TURNS,
        ),
        lambda key, given: g.Uniform(
            key, given["min"], given["max"], given["once"], given["every"]
        ),
        _uniform,
    ),
    Kind(
        "sine",
        "A wave; each thing has its own phase, to which phase (seconds) is added.",
        (
            Argument("mean", rules.NUMBER, 0),
            Argument("amplitude", rules.NUMBER),
            Argument("period", rules.SECONDS),
            Argument("phase", rules.number(-rules.LONGEST_SECONDS, rules.LONGEST_SECONDS), 0),
        ),
        lambda _key, given: g.Sine(
            given["mean"], given["amplitude"], given["period"], given["phase"]
        ),
    ),
    Kind(
        "walk",
        "Wanders by at most step a message, or every `every` seconds, between min and max.",
        (
            Argument("start", rules.NUMBER),
            Argument("step", rules.AMOUNT),
            Argument("min", rules.NUMBER),
            Argument("max", rules.NUMBER),
            Argument("every", rules.SECONDS, None),
        ),
        lambda key, given: g.Walk(
            key, given["start"], given["step"], given["min"], given["max"], given["every"]
        ),
        _walk,
    ),
    Kind(
        "decay",
        (
            "Goes from from towards to, half of the way in halfLife seconds; starts again "
            "every period seconds."
        ),
        (
            Argument("from", rules.NUMBER),
            Argument("to", rules.NUMBER, 0),
            Argument("halfLife", rules.SECONDS),
            Argument("period", rules.SECONDS),
        ),
        lambda _key, given: g.Decay(given["from"], given["to"], given["halfLife"], given["period"]),
    ),
    Kind(
        "pick",
        (
            "One of several values, by weight; with once, one for each thing; with every, one "
            "for so many seconds."
        ),
        (
            Argument("of", rules.CHOICES),
            Argument("weights", rules.WEIGHTS, None),
            *TURNS,
        ),
        _as_pick,
        _pick,
    ),
    Kind(
        "sequence",
        "Several values one after the other: one a message, or one every `every` seconds.",
        (Argument("of", rules.CHOICES), Argument("every", rules.SECONDS, None)),
        lambda _key, given: g.Sequence(tuple(given["of"]), given["every"]),
    ),
    Kind(
        "counter",
        "Grows by step a message, or every `every` seconds of Unix time; begins again below wrap.",
        (
            Argument("start", rules.NUMBER, 0),
            Argument("step", rules.NUMBER, 1),
            Argument("every", rules.SECONDS, None),
            Argument("wrap", rules.AMOUNT, None),
        ),
        lambda _key, given: g.Counter(given["start"], given["step"], given["every"], given["wrap"]),
    ),
    Kind(
        "timestamp",
        (
            "The time of the message: iso, local (iso without zone), Unix time in seconds, "
            "milliseconds, microseconds, nanoseconds, or seconds with a fraction; or by a pattern."
        ),
        (
            Argument("format", rules.one_of(*times.FORMS), None),
            Argument("pattern", TIME_PATTERN, None),
            Argument("offset", rules.number(-14, 14), 0),
            Argument("shift", rules.number(-rules.LONGEST_SECONDS, rules.LONGEST_SECONDS), 0),
        ),
        lambda _key, given: times.Timestamp(
            given["format"] or "iso", given["pattern"], given["offset"], given["shift"]
        ),
        _timestamp,
    ),
    Kind(
        "route",
        (
            "A round trip through places at a steady speed in km/h: latitude, longitude and "
            "heading in degrees."
        ),
        (Argument("points", rules.PLACES), Argument("speed", rules.KM_PER_HOUR)),
        _as_route,
        _route,
    ),
    Kind(
        "text",
        (
            "A text: a pattern with {name} for the members of with; or a uuid, so many digits of "
            "hex, bytes as base64, or words."
        ),
        (
            Argument("pattern", PATTERN, None),
            Argument("with", rules.MEMBERS, None),
            Argument("uuid", TRUE, None),
            Argument("hex", rules.integer(1, 256), None),
            Argument("upper", rules.FLAG, default=False),
            Argument("separator", SEPARATOR, ""),
            Argument("base64", rules.integer(1, 256), None),
            Argument("words", rules.integer(1, 20), None),
            *TURNS,
        ),
        _as_text,
        _text,
        TEXTS,
    ),
    Kind(
        "array",
        (
            "An array: of these members; or count times item, each as of a thing of its own or, "
            "with every, as readings so many seconds apart."
        ),
        (
            Argument("of", MEMBERS_LISTED, None),
            Argument("item", rules.MEMBER, None),
            Argument("count", COUNT, None),
            Argument("every", rules.positive(rules.SHORTEST_SECONDS, 1e6, "seconds"), None),
        ),
        _as_array,
        _array,
        ("of", "item"),
    ),
    Kind(
        "index",
        "In an item of an array: its place, start for the first, step more for each.",
        (Argument("start", rules.NUMBER, 0), Argument("step", rules.NUMBER, 1)),
        lambda _key, given: g.Index(given["start"], given["step"]),
    ),
    Kind(
        "states",
        (
            "A state machine: in each state for its seconds, round and round; with weights so "
            "often in a round, in any order. Rounds begin start seconds after midnight UTC, "
            "1 January 1970, or at a time of the thing's own."
        ),
        (
            Argument("of", rules.STATES),
            Argument("start", rules.number(0, rules.LONGEST_SECONDS), None),
        ),
        _as_states,
        _states,
    ),
    Kind(
        "case",
        "For each value of one generator another generator; else for any other value.",
        (
            Argument("of", rules.GENERATOR),
            Argument("is", CASES),
            Argument("else", rules.GENERATOR, None),
        ),
        lambda _key, given: Case(given["of"], given["is"], given["else"]),
    ),
    Kind(
        "follows",
        "Goes after a number that goes with time, as a warm body after its heater.",
        (
            Argument("of", rules.NUMBERS),
            Argument("lag", rules.positive(SHORTEST_LAG, LONGEST_LAG, "seconds")),
            Argument("gain", rules.NUMBER, 1),
            Argument("plus", rules.NUMBER, 0),
        ),
        lambda _key, given: Follows(given["of"], given["lag"], given["gain"], given["plus"]),
        _follows,
    ),
    Kind(
        "above",
        "Whether a number is more than limit: true or false.",
        (Argument("of", rules.NUMBERS), Argument("limit", rules.NUMBER)),
        lambda _key, given: Above(given["of"], given["limit"]),
    ),
    Kind(
        "part",
        "A member of an object that another generator gives, such as latitude of a route.",
        (Argument("of", rules.GENERATOR), Argument("at", PLACE)),
        lambda _key, given: Part(given["of"], tuple(given["at"].split("."))),
    ),
    Kind(
        "scale",
        "A number times by, with plus added.",
        (
            Argument("of", rules.NUMBERS),
            Argument("by", rules.NUMBER, 1),
            Argument("plus", rules.NUMBER, 0),
        ),
        lambda _key, given: Scale(given["of"], given["by"], given["plus"]),
    ),
)

BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}

FACT = rules.pattern(
    r"name|type|attributes\.[a-zA-Z0-9_.,@/:#-]{1,128}",
    256,
    "must be name, type, or attributes. and the name of an attribute",
)

SETTINGS = ("time", "topic", "unit", "debug", "status", "position")
"""The settings that a member may tell of."""

ABOUT_THE_OTHERS: Mapping[str, str] = {
    "constant": "Always this value.",
    "setting": (
        "The value of this setting of the device; left out when its type has no such setting."
    ),
    "telemetry": "In a reply: the value of this member of telemetry.",
    "request": (
        "In a reply: the value at this place of the request, such as arguments.unit; left "
        "out if there is none."
    ),
    "sum": "Numbers of other generators, added up.",
    "product": "Numbers of other generators, multiplied.",
    "thing": "Of the thing: its name, its type, or attributes. and the name of one of them.",
    "value": "The value of that name, of the model's values.",
    "object": "An object of members.",
}
"""Kinds that take no object of arguments: see `model`."""

ALL = (*BY_NAME, *ABOUT_THE_OTHERS)


def defaults(kind: Kind) -> dict[str, object]:
    """The arguments that may be left out."""
    return {
        argument.name: argument.default
        for argument in kind.arguments
        if argument.default is not REQUIRED
    }
