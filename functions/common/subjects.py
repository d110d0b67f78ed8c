"""Whom an invocation is about: the thing and the execution, read from whatever shape the event has.

Only for the log: it takes what is there, checks nothing and never fails. What a function acts on,
its own `from_event` reads and checks.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from common.jsontext import read_or_none

# The execution that runs now before the one that made the device: a restart and a removal name
# both.
EXECUTION_FIELDS = ("restart", "deprovisioning", "roll", "execution", "executionArn")
THING_FIELDS = ("thingName", "clientId")
LONGEST = 512


def subject_of(event: object) -> dict[str, str]:
    """`thing_name` and `execution_arn`, as far as the event tells them.

    Workflow states carry them at the top, in `input`, or in `data.asked`; IoT rules at the top;
    presence events have a `clientId`, which is the thing name; EventBridge has them in `detail`,
    where the execution's input is a string; API Gateway in `pathParameters`.
    """
    found: dict[str, str] = {}
    for part in _parts(event):
        for key, fields in (("thing_name", THING_FIELDS), ("execution_arn", EXECUTION_FIELDS)):
            value = next((part[name] for name in fields if _is_name(part.get(name))), None)
            if value is not None:
                found.setdefault(key, value)
    return found


def _is_name(value: object) -> bool:
    """Not what somebody has sent instead of a name: it would be on every line."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST


def _parts(event: object) -> Iterator[Mapping[str, Any]]:
    if not isinstance(event, Mapping):
        return
    yield event
    for name in ("input", "leftover", "data", "asked", "progress", "detail", "pathParameters"):
        yield from _parts(_parsed(event.get(name)))


def _parsed(value: object) -> object:
    return read_or_none(value) if isinstance(value, str) else value
