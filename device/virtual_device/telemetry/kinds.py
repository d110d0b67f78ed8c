"""The table of generators: one row per kind. Adding a generator is adding a row."""

from collections.abc import Mapping

from virtual_device.telemetry import generators as g
from virtual_device.telemetry import making, rules, texts, times
from virtual_device.telemetry.held import Above, Case, Follows, Part, Scale
from virtual_device.telemetry.kind import Argument, Kind
from virtual_device.telemetry.members import MAX_ITEMS
from virtual_device.telemetry.rules import Rule

PLACE = rules.text(256)
"""Names of members, from the outermost on, with dots between."""

TURNS = (Argument("once", rules.FLAG, default=False), Argument("every", rules.SECONDS, None))
"""How often there is a new value: for each message, each thing, or every so many seconds."""

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
        making.uniform,
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
        making.walk,
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
        making.as_pick,
        making.pick,
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
        making.timestamp,
    ),
    Kind(
        "route",
        (
            "A round trip through places at a steady speed in km/h: latitude, longitude and "
            "heading in degrees."
        ),
        (Argument("points", rules.PLACES), Argument("speed", rules.KM_PER_HOUR)),
        making.as_route,
        making.route,
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
        making.as_text,
        making.text,
        making.TEXTS,
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
        making.as_array,
        making.array,
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
        making.as_states,
        making.states,
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
        making.follows,
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
