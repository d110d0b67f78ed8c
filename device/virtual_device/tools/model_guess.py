"""A first model from recorded messages: what stays, what varies, and within what.

Messages are JSON, a line each or all in one array, or lines of plain text. Records of `playground
watch --output json`, with `topic` and `payload`, give a message for each topic.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from virtual_device.base.jsonvalue import (
    Json,
    JsonSyntaxError,
    NotJsonError,
    decode,
    identical,
    text_of,
)
from virtual_device.telemetry import envelope
from virtual_device.telemetry.members import MAX_ITEMS
from virtual_device.telemetry.messages import OWN_TOPICS, TOPIC, TOPIC_LEVELS
from virtual_device.telemetry.model_parser import MAX_MEMBERS, MEMBER_NAME
from virtual_device.telemetry.moment import is_number
from virtual_device.telemetry.rules import LARGEST

Generator = dict[str, Json]
"""As a model file has it."""

Row = Callable[[Sequence[Json], str | None], Generator]
"""A message of a model, from the messages of one topic, and the part of the topic that is said."""

MAX_BYTES = 262_144
MAX_DISTINCT = 20
"""Texts of which one is picked; of more, only these."""

MOST_IN_ORDER = 20
"""An array of so many items at most gets a generator for each place."""

MANY = 5
"""So many values tell a course from chance."""

FEW = 3
MOST_DECIMALS = 9
TIMES = (("seconds", 1), ("milliseconds", 1000), ("microseconds", 10**6), ("nanoseconds", 10**9))
FIRST_TIME, LAST_TIME = 1e9, 4e9
"""Unix times of 2001 to 2096."""

TIME_NAME = re.compile(r"(?i)(^|_)(t|bt|ts|tst|at)$|time|date")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HEX = re.compile(r"(?=.*\d)(?=.*[a-fA-F])([0-9a-f]{8,256}|[0-9A-F]{8,256})")
MAC = re.compile(r"[0-9A-Fa-f]{2}([:-])([0-9A-Fa-f]{2}\1)+[0-9A-Fa-f]{2}")
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d{1,9})?")
DATE = re.compile(
    r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(?:([.,])(\d{3}|\d{6}|\d{9}))?(Z|[+-]\d\d:?\d\d)?"
)
TOKEN = re.compile(r"[;,|=\t \"]+")


def guess(content: bytes) -> Generator:
    """A model for what was recorded. Raises NotJsonError."""
    return model_of(content, _row, "Made of {} recorded messages.")


def model_of(content: bytes, row: Row, description: str) -> Generator:
    """A model with a `row` for the messages of each topic. Raises NotJsonError."""
    records = _records(content)
    if all(map(_has_topic, records)):
        topics = list(dict.fromkeys(str(_of(record, "topic")) for record in records))
        grouped = {
            topic: [_of(record, "payload") for record in records if _of(record, "topic") == topic]
            for topic in topics
        }
        rows: list[Json] = [row(values, _below(topic)) for topic, values in grouped.items()]
    else:
        rows = [row(records, None)]
    first = rows[0]
    head: Generator = {"description": description.format(len(records))}
    if len(rows) == 1 and isinstance(first, dict) and first.keys() <= {"telemetry", "envelope"}:
        return {**head, **first}
    return {**head, "messages": rows}


# --- reading


def _records(content: bytes) -> list[Json]:
    text = text_of(content, MAX_BYTES)
    try:
        whole = decode(text, MAX_BYTES)
    except JsonSyntaxError:
        return _lines(text)
    if isinstance(whole, list):
        if not whole:
            raise NotJsonError("has no messages")
        return whole
    return [whole]


def _lines(text: str) -> list[Json]:
    lines = [line for line in text.splitlines() if line.strip()]
    if not any(line.lstrip()[0] in "{[" for line in lines):
        return list(lines)
    found: list[Json] = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(decode(line, MAX_BYTES))
        except NotJsonError as error:
            raise NotJsonError(f"message {number}: {error}") from error
    return found


def _of(record: Json, name: str) -> Json:
    return record.get(name) if isinstance(record, dict) else None


def _has_topic(record: Json) -> bool:
    return isinstance(record, dict) and {"topic", "payload"} <= record.keys()


def _below(topic: str) -> str | None:
    """The part of a topic that a model says; None when that can't be."""
    levels = topic.removeprefix(OWN_TOPICS).split("/")
    if topic.startswith(OWN_TOPICS):
        levels = levels[1:]
    below = "/".join(levels[-TOPIC_LEVELS:])
    return below if TOPIC.holds(below) and below != "telemetry" else None


# --- messages


def _row(values: Sequence[Json], topic: str | None) -> Generator:
    where: Generator = {"topic": topic} if topic else {}
    if all(isinstance(value, dict) and value for value in values):
        return {**where, **_telemetry(values)}
    if all(isinstance(value, str) for value in values):
        return {**where, "as": "text", "content": _line([str(value) for value in values])}
    return {**where, "content": _member("", values)}


def _telemetry(values: Sequence[Json]) -> Generator:
    return telemetry_of(_object(values))


def telemetry_of(found: Generator) -> Generator:
    """The message whose content is this object, without what its envelope says of itself."""
    members = found.get("object")
    if not isinstance(members, dict):
        return {"content": found}
    if set(envelope.PARTS) < members.keys():
        own = {name: inner for name, inner in members.items() if name not in envelope.PARTS}
        return {"telemetry": own}
    return {"envelope": False, "telemetry": members}


def _line(lines: list[str]) -> Generator:
    """A text, by the columns that it has between separators."""
    columns = [_tokens(line) for line in lines]
    if len({len(row) for row in columns}) > 1 or len(lines) < 2:
        return _member("", lines)
    pattern, members = "", dict[str, Json]()
    for column in zip(*columns, strict=True):
        made = {"constant": column[0]} if len(set(column)) == 1 else _text("", list(column))
        if "constant" in made:
            pattern += column[0].replace("{", "{{").replace("}", "}}")
            continue
        name = f"v{len(members) + 1}"
        pattern += f"{{{name}}}"
        members[name] = made
    if not members:
        return {"constant": lines[0]}
    return {"text": {"pattern": pattern, "with": members}}


def _tokens(line: str) -> list[str]:
    """Texts and separators in turn; a date and its time are one text."""
    found, begin = [], 0
    for date in DATE.finditer(line):
        found += [*_split(line[begin : date.start()]), date.group()]
        begin = date.end()
    return [*found, *_split(line[begin:])]


def _split(text: str) -> list[str]:
    found, begin = [], 0
    for separator in TOKEN.finditer(text):
        found += [text[begin : separator.start()], separator.group()]
        begin = separator.end()
    return [*found, text[begin:]]


# --- values


def _member(name: str, values: Sequence[Json]) -> Generator:
    """A generator, and what is done to its numbers, for these values of one place."""
    if all(isinstance(value, dict) for value in values):
        return _object(values)
    if all(isinstance(value, list) for value in values):
        return _array(name, [value for value in values if isinstance(value, list)])
    if all(isinstance(value, str) for value in values):
        return _text(name, [str(value) for value in values])
    if all(map(is_number, values)):
        return _number(name, [value for value in values if isinstance(value, int | float)])
    return _picked(values)


def _object(values: Sequence[Json]) -> Generator:
    objects = [value for value in values if isinstance(value, dict)]
    names = list(dict.fromkeys(name for value in objects for name in value))
    if not 1 <= len(names) <= MAX_MEMBERS or not all(map(MEMBER_NAME.holds, names)):
        return _picked(values)
    return {
        "object": {
            name: _member(name, [value[name] for value in objects if name in value])
            for name in names
        }
    }


def _array(name: str, values: list[list[Json]]) -> Generator:
    lengths = [len(value) for value in values]
    least, most = min(lengths), max(lengths)
    if most > MAX_ITEMS:
        return {"constant": values[0]}
    if least == most <= MOST_IN_ORDER:
        places = [_member(name, list(column)) for column in zip(*values, strict=True)]
        return {"array": {"of": list[Json](places)}}
    count: Json = least if least == most else {"uniform": {"min": least, "max": most}}
    items = [item for value in values for item in value]
    return {"array": {"item": _member(name, items), "count": count}}


def _picked(values: Iterable[Json]) -> Generator:
    """One of them, as often as it was there."""
    distinct: list[Json] = []
    weights: list[Json] = []
    for value in values:
        for place, known in enumerate(distinct):
            if identical(known, value):
                weights[place] = int(str(weights[place])) + 1
                break
        else:
            if len(distinct) < MAX_DISTINCT:
                distinct.append(value)
                weights.append(1)
    if len(distinct) == 1:
        return {"constant": distinct[0]}
    pick: Generator = {"of": distinct}
    return {"pick": pick if len(set(map(str, weights))) == 1 else {**pick, "weights": weights}}


# --- texts


def _text(name: str, values: list[str]) -> Generator:
    once: Generator = {"once": True} if len(set(values)) == 1 else {}
    if made := date_of(values):
        return made
    if _all(UUID, values):
        return {"text": {"uuid": True, **once}}
    if _all(MAC, values) and len({len(value) for value in values}) == 1:
        length, separator = len(re.sub("[:-]", "", values[0])), values[0][2]
        return {"text": {"hex": length, "separator": separator, **_case(values), **once}}
    if _all(HEX, values) and len({len(value) for value in values}) == 1:
        return {"text": {"hex": len(values[0]), **_case(values), **once}}
    if not once and _all(NUMBER, values) and len(set(values)) > FEW:
        return _numeral(name, values)
    return _picked(values)


def _all(form: re.Pattern[str], values: list[str]) -> bool:
    return all(map(form.fullmatch, values))


def _case(values: list[str]) -> Generator:
    return {"upper": True} if any(re.search("[A-F]", value) for value in values) else {}


def _numeral(name: str, values: list[str]) -> Generator:
    """A number that is written as a text, with as many decimals as it has there."""
    numbers = [float(value) if "." in value else int(value) for value in values]
    decimals = max(len(value.partition(".")[2]) for value in values)
    made = {key: value for key, value in _number(name, numbers).items() if key != "decimals"}
    if "timestamp" in made and not decimals:
        return {"text": {"pattern": "{n}", "with": {"n": made}}}
    form = f"{{n:.{decimals}f}}" if decimals else "{n:d}"
    return {"text": {"pattern": form, "with": {"n": made}}}


def date_of(values: list[str]) -> Generator | None:
    """The time of the message, as these dates are written; None when not all are, or not alike."""
    found = [DATE.fullmatch(value) for value in values]
    forms = {_form(match) for match in found if match}
    if None in found or len(forms) != 1:
        return None
    pattern, zone = forms.pop()
    if pattern == "%Y-%m-%dT%H:%M:%S.%LZ":
        return {"timestamp": {}}
    if pattern == "%Y-%m-%dT%H:%M:%S":
        return {"timestamp": {"format": "local"}}
    offset = round((-1 if zone < 0 else 1) * (abs(zone) // 100 + abs(zone) % 100 / 60), 2)
    return {"timestamp": {"pattern": pattern, **({"offset": offset} if zone else {})}}


def _form(match: re.Match[str]) -> tuple[str, int]:
    """The pattern of a date, and its zone as an integer of four digits, hours and minutes."""
    between, point, fraction, zone = match.groups()
    digits = {0: "", 3: "%L", 6: "%f", 9: "%f000"}[len(fraction or "")]
    pattern = f"%Y-%m-%d{between}%H:%M:%S{point or ''}{digits}"
    if zone in {None, "Z"}:
        return pattern + (zone or ""), 0
    told = "%z" if ":" in zone else zone
    return pattern + told, int(zone.replace(":", ""))


# --- numbers


def _number(name: str, values: list[float]) -> Generator:
    if max(map(abs, values)) > LARGEST and not time_of(name, values):
        return {"constant": values[0]}
    decimals = max(map(_decimals, values))
    for made in (time_of(name, values), _same(values), _counter(values, decimals), _choice(values)):
        if made:
            return made
    return {**_course(values), "decimals": decimals}


def _decimals(value: float) -> int:
    if isinstance(value, int):
        return 0
    return next((n for n in range(1, MOST_DECIMALS) if round(value, n) == value), MOST_DECIMALS)


def time_of(name: str, values: list[float]) -> Generator | None:
    """The time of the message as a number, if these are times; `name` is the member's."""
    grows = len(values) > 1 and all(one < other for one, other in pairwise(values))
    if not grows and not TIME_NAME.search(name):
        return None
    for form, unit in TIMES:
        if all(FIRST_TIME <= value / unit <= LAST_TIME for value in values):
            if all(isinstance(value, int) for value in values):
                return {"timestamp": {"format": form}}
            if unit == 1:
                decimals = max(map(_decimals, values))
                return {"timestamp": {"format": "fraction"}, "decimals": decimals}
    return None


def _same(values: list[float]) -> Generator | None:
    return {"constant": values[0]} if all(identical(values[0], other) for other in values) else None


def _counter(values: list[float], decimals: int) -> Generator | None:
    """Always as much more; or, of many numbers that never fall, as much as on average."""
    steps = [round(other - one, MOST_DECIMALS) for one, other in pairwise(values)]
    if len(steps) < 2 or min(steps) < 0 or max(steps) <= 0:
        return None
    even = len(set(steps)) == 1
    if not even and len(values) < MANY:
        return None
    step = steps[0] if even else round(sum(steps) / len(steps), decimals + 2)
    whole = all(isinstance(value, int) for value in values)
    made: Generator = {
        "counter": {"start": values[0], "step": int(step) if whole and even else step}
    }
    return made if whole and even else {**made, "decimals": decimals}


def _choice(values: list[float]) -> Generator | None:
    few = len(set(values)) <= FEW and len(values) >= 2 * len(set(values))
    return _picked(values) if few else None


def _course(values: list[float]) -> Generator:
    """A walk, if they go in small steps; else any number between."""
    low, high = min(values), max(values)
    step = max(abs(other - one) for one, other in pairwise(values))
    if len(values) >= MANY and step <= (high - low) / 2:
        bounds: Generator = {"min": low, "max": high}
        return {"walk": {"start": values[0], "step": round(step, MOST_DECIMALS), **bounds}}
    return {"uniform": {"min": low, "max": high}}
