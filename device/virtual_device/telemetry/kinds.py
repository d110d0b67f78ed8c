"""The table of generators: one row per kind. Adding a generator is adding a row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from virtual_device.telemetry import generators as g
from virtual_device.telemetry import rules
from virtual_device.telemetry.moment import Generator
from virtual_device.telemetry.route import Route
from virtual_device.telemetry.rules import Rule

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
        key, tuple(given["of"]), tuple(given["weights"] or [1] * len(given["of"])), given["once"]
    )


def _as_route(_key: str, given: Arguments) -> Route:
    return Route.through(
        tuple((latitude, longitude) for latitude, longitude in given["points"]), given["speed"]
    )


KINDS = (
    Kind(
        "uniform",
        "Any number from min to max; with once, one for each thing.",
        (
            Argument("min", rules.NUMBER),
            Argument("max", rules.NUMBER),
            Argument("once", rules.FLAG, default=False),
        ),
        lambda key, given: g.Uniform(key, given["min"], given["max"], given["once"]),
        _low_high,
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
        "Wanders by at most step a message, between min and max.",
        (
            Argument("start", rules.NUMBER),
            Argument("step", rules.AMOUNT),
            Argument("min", rules.NUMBER),
            Argument("max", rules.NUMBER),
        ),
        lambda key, given: g.Walk(key, given["start"], given["step"], given["min"], given["max"]),
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
        "One of several values, by weight; with once, one for each thing.",
        (
            Argument("of", rules.CHOICES),
            Argument("weights", rules.WEIGHTS, None),
            Argument("once", rules.FLAG, default=False),
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
        "The time of the message: iso, or integer seconds or milliseconds of Unix time.",
        (Argument("format", rules.one_of("iso", "seconds", "milliseconds"), "iso"),),
        lambda _key, given: g.Timestamp(given["format"]),
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
)

BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}

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
