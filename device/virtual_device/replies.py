"""On message X, reply Y: a device's answers as declared, `[{"on": {...}, "reply": {...}}, ...]`.

`on.message` holds members that a request must have; `reply.message` is made of generators like telemetry. Topics may
stand beside them as far as the device policy allows: requests come on `cmd/playground/{thing}/req` alone, replies go
to `cmd/playground/{thing}/res` or below (docs/contracts.md, "Topics"). Pure: no MQTT, no clock.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from virtual_device.jsonvalue import Json, JsonObject, same
from virtual_device.members import Nested
from virtual_device.model_parser import Parser
from virtual_device.moment import Moment

THING = "{thing}"
REQUESTS = f"cmd/playground/{THING}/req"
RESPONSES = f"cmd/playground/{THING}/res"
RESPONSE_TOPIC = re.compile(rf"{re.escape(RESPONSES)}(/[A-Za-z0-9:_-]{{1,32}}){{0,3}}")
"""At most 7 slashes and, with the longest thing name, 256 bytes (AWS IoT Core message broker quotas)."""

MAX_REPLIES = 20


@dataclass(frozen=True, slots=True)
class Reply:
    """A row. `topic` may hold `{thing}`."""

    wanted: dict[str, Json]
    topic: str
    message: Nested


@dataclass(frozen=True, slots=True)
class Answer:
    """What to publish where, if the request names no response topic."""

    topic: str
    content: JsonObject


def answer(replies: Sequence[Reply], thing_name: str, request: Json, moment: Moment) -> Answer | None:
    """The first reply whose `on` the request matches; None when there is none."""
    for reply in replies:
        if matches(reply.wanted, request):
            return Answer(reply.topic.replace(THING, thing_name), reply.message.value(moment))
    return None


def matches(wanted: Json, found: Json) -> bool:
    """Whether `found` has every member of `wanted`, however deep; more members do no harm."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(key in found and matches(value, found[key]) for key, value in wanted.items())
    return same(wanted, found)


def parse(parser: Parser, value: Json) -> tuple[Reply, ...]:
    """Read `replies`; problems are the parser's, with their paths."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_REPLIES:
        parser.note("replies", f"must be an array of 1 to {MAX_REPLIES} objects with on and reply")
        return ()
    found = [_reply(parser, f"replies[{index}]", inner) for index, inner in enumerate(value)]
    return tuple(reply for reply in found if reply)


def _reply(parser: Parser, path: str, value: Json) -> Reply | None:
    parts = value if isinstance(value, dict) else {}
    on, reply = parts.get("on"), parts.get("reply")
    if not isinstance(on, dict) or not isinstance(reply, dict) or len(parts) != 2:
        parser.note(path, "must be an object of two objects, on and reply")
        return None
    for name, side in (("on", on), ("reply", reply)):
        parser.unknown(f"{path}.{name}", side, ("topic", "message"))
    if on.get("topic", REQUESTS) != REQUESTS:
        parser.note(f"{path}.on.topic", f"must be {REQUESTS}: the policy lets a device hear requests nowhere else")
    wanted = on.get("message")
    if not isinstance(wanted, dict) or not wanted:
        parser.note(f"{path}.on.message", "must be an object of members that the request has to have")
    topic = reply.get("topic", RESPONSES)
    if not isinstance(topic, str) or not RESPONSE_TOPIC.fullmatch(topic):
        parser.note(f"{path}.reply.topic", f"must be {RESPONSES} or up to three levels of letters and digits below it")
    message = parser.members(f"{path}.reply.message", reply.get("message"))
    return Reply(wanted, str(topic), message) if isinstance(wanted, dict) and message else None
