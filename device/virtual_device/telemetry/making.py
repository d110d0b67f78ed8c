"""What is wrong between the arguments of a generator, and what is made of them: the functions that
the table in kinds.py names.

Those that look for a fault give the argument that it is told of, and the sentence about it.
"""

from virtual_device.telemetry import generators as g
from virtual_device.telemetry import measures, texts, times
from virtual_device.telemetry.kind import Arguments
from virtual_device.telemetry.members import Listed, Repeated
from virtual_device.telemetry.moment import Generator
from virtual_device.telemetry.route import Route
from virtual_device.telemetry.states import MAX_VISITS, States, Visit

Fault = tuple[str, str] | None
SHORTEST_ROUTE_KM = 0.01
TEXTS = ("pattern", "uuid", "hex", "base64", "words")
"""The kinds of texts: an argument each."""


def once(given: Arguments) -> Fault:
    """Of `once` and `every` there is one at most."""
    both = given["once"] and given["every"] is not None
    return ("every", "is of no use with once") if both else None


def uniform(given: Arguments) -> Fault:
    """A range that is none, or both ways to change."""
    return low_high(given) or once(given)


def low_high(given: Arguments) -> Fault:
    """A range whose end lies before its beginning."""
    return (
        None if given["min"] <= given["max"] else ("max", f"must be at least min, {given['min']:g}")
    )


def walk(given: Arguments) -> Fault:
    """A beginning outside of the range."""
    if fault := low_high(given):
        return fault
    return (
        None
        if given["min"] <= given["start"] <= given["max"]
        else ("start", "must lie between min and max")
    )


def pick(given: Arguments) -> Fault:
    """Weights that do not fit the values."""
    if fault := once(given):
        return fault
    if given["weights"] is None:
        return None
    if len(given["weights"]) != len(given["of"]):
        return "weights", f"must have as many numbers as there are values, {len(given['of'])}"
    return None if sum(given["weights"]) > 0 else ("weights", "must not all be 0")


def route(given: Arguments) -> Fault:
    """A way that is no way."""
    long_enough = as_route("", given).ends[-1] >= SHORTEST_ROUTE_KM
    return None if long_enough else ("points", "must be 10 m apart at least")


def as_pick(key: str, given: Arguments) -> Generator:
    """With equal weights, if none are given."""
    return g.Pick(
        key,
        tuple(given["of"]),
        tuple(given["weights"] or [1] * len(given["of"])),
        given["once"],
        given["every"],
    )


def as_route(_key: str, given: Arguments) -> Route:
    """Through the places, and back to the first one."""
    return Route.through(
        tuple((latitude, longitude) for latitude, longitude in given["points"]), given["speed"]
    )


def timestamp(given: Arguments) -> Fault:
    """A form and a pattern, or an offset of what is no text."""
    if given["pattern"] is not None and given["format"] is not None:
        return "pattern", "is of no use with format"
    text = given["pattern"] is not None or (given["format"] or "iso") in times.TEXTS
    return ("offset", "is for texts") if given["offset"] and not text else None


def text(given: Arguments) -> Fault:
    """What does not go with this kind of text."""
    kind = next(name for name in TEXTS if given[name] is not None)
    if kind == "pattern":
        if given["once"] or given["every"] is not None:
            return "once" if given["once"] else "every", "is of no use with pattern"
        return _places(given)
    if given["with"] is not None:
        return "with", "is for pattern"
    if kind != "hex" and (given["upper"] or given["separator"]):
        return "upper" if given["upper"] else "separator", "is for hex"
    return once(given)


def _places(given: Arguments) -> Fault:
    members = given["with"].members if given["with"] else {}
    for name, form in texts.places(given["pattern"]):
        if name not in members and (name != texts.THING or form):
            return "pattern", f"has {{{name}}}, which is no member of with"
        if form and not members[name].generator.numeric:
            return "pattern", f"has {{{name}:{form}}}, which is for numbers"
    return None


def as_text(key: str, given: Arguments) -> Generator:
    """Of the kind that is given."""
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


def array(given: Arguments) -> Fault:
    """What does not go with `of`, or is missing for `item`."""
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


def as_array(_key: str, given: Arguments) -> Generator:
    """Of given members, or of so many of one."""
    if given["of"] is not None:
        return Listed(given["of"])
    return Repeated(given["item"], given["count"], given["every"])


def states(given: Arguments) -> Fault:
    """A stay that is none, or too many visits in a round."""
    for row in given["of"]:
        if isinstance(row["for"], list) and row["for"][0] > row["for"][1]:
            return "of", "has a state whose least seconds are more than its most"
    if sum(row.get("weight", 1) for row in given["of"]) > MAX_VISITS:
        return "of", f"has weights of more than {MAX_VISITS} in all"
    return None


def as_states(key: str, given: Arguments) -> Generator:
    """With a visit for each weight."""
    rows = given["of"]
    visits = []
    for number, row in enumerate(rows):
        stay = row["for"] if isinstance(row["for"], list) else [row["for"], row["for"]]
        visits += [Visit(number, *stay)] * int(row.get("weight", 1))
    shuffled = any("weight" in row for row in rows)
    return States(key, tuple(row["is"] for row in rows), tuple(visits), shuffled, given["start"])


def follows(given: Arguments) -> Fault:
    """Something that counts messages, which has no past."""
    if measures.counts(given["of"]):
        return "of", "must go with time, and not from message to message: give it every"
    return None
