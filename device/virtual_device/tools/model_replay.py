"""A model that says recorded messages again, one after the other and from the first again.

Values are said as they were; only times are those of the new message. How fast they come is for
the setting `time`. Messages are recorded as for a guess (model_guess.py).
"""

from collections.abc import Sequence

from virtual_device.base.jsonvalue import Json, identical
from virtual_device.telemetry.model_parser import MAX_MEMBERS, MEMBER_NAME
from virtual_device.telemetry.moment import is_number
from virtual_device.tools.model_guess import (
    Generator,
    date_of,
    model_of,
    telemetry_of,
    time_of,
)


def replay(content: bytes) -> Generator:
    """A model for what was recorded. Raises NotJsonError."""
    return model_of(content, _row, "Replays {} recorded messages.")


def _row(values: Sequence[Json], topic: str | None) -> Generator:
    where: Generator = {"topic": topic} if topic else {}
    members = _members(values)
    if members is not None:
        return {**where, **telemetry_of({"object": members})}
    if all(isinstance(value, str) for value in values):
        return {**where, "as": "text", "content": _one_after_the_other(values)}
    return {**where, "content": _one_after_the_other(values)}


def _members(values: Sequence[Json]) -> dict[str, Json] | None:
    """A generator for each member, when all are objects with the same members."""
    objects = [value for value in values if isinstance(value, dict)]
    names = list(objects[0]) if len(objects) == len(values) else []
    alike = all(found.keys() == set(names) for found in objects)
    if not alike or not 1 <= len(names) <= MAX_MEMBERS or not all(map(MEMBER_NAME.holds, names)):
        return None
    return {name: _member(name, [found[name] for found in objects]) for name in names}


def _member(name: str, values: Sequence[Json]) -> Generator:
    if all(isinstance(value, str) for value in values):
        made = date_of([str(value) for value in values])
    elif all(map(is_number, values)):
        made = time_of(name, [value for value in values if isinstance(value, int | float)])
    else:
        members = _members(values)
        made = None if members is None else {"object": members}
    return made or _one_after_the_other(values)


def _one_after_the_other(values: Sequence[Json]) -> Generator:
    if all(identical(values[0], value) for value in values):
        return {"constant": values[0]}
    return {"sequence": {"of": list(values)}}
