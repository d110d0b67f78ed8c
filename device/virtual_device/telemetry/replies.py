"""On message X, reply Y: a model's `replies`, `[{"on": {...}, "reply": {...}}, ...]`
(docs/models.md).

`on` holds members that a request must have; `reply` is made of generators like telemetry. Pure: no
MQTT, no clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from virtual_device.base.jsonvalue import Json, JsonObject, encode, same
from virtual_device.telemetry import rules
from virtual_device.telemetry.members import Member, Nested
from virtual_device.telemetry.messages import MessageModel
from virtual_device.telemetry.model_parser import Parser
from virtual_device.telemetry.moment import Moment

MAX_REPLIES = 20
DESCRIPTION = rules.text(256)
BUILT_IN = frozenset(
    {"help", "ping", "status", "tamper", "reconnect", "clean", "offline", "large",
     "authorization-error", "press"}
)  # fmt: skip
"""The commands of `commands.TABLE`: a model can't answer them. That module knows models, so this
one can't know it.
"""


@dataclass(frozen=True, slots=True)
class Declared:
    """A row of a model's `replies`."""

    wanted: JsonObject
    content: Nested
    description: str

    @property
    def name(self) -> str:
        """The word that `help` lists it by: its command, or all that it waits for."""
        command = self.command
        return command if command and len(self.wanted) == 1 else encode(self.wanted).decode()

    @property
    def command(self) -> str | None:
        """The command that it answers; None for a message that is none."""
        command = self.wanted.get("command")
        return command if isinstance(command, str) else None


def find(replies: Sequence[Declared], request: JsonObject) -> Declared | None:
    """The first one that the request matches; None when there is none."""
    return next((reply for reply in replies if matches(dict(reply.wanted), dict(request))), None)


def answer(reply: Declared, moment: Moment) -> JsonObject:
    """What it says to the request of this moment."""
    return reply.content.value(moment)


def matches(wanted: Json, found: Json) -> bool:
    """Whether `found` has every member of `wanted`, however deep; more members do no harm."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(key in found and matches(value, found[key]) for key, value in wanted.items())
    return same(wanted, found)


def parse(
    parser: Parser, document: JsonObject, sent: Sequence[MessageModel]
) -> tuple[Declared, ...]:
    """Read the `replies` of a model, if it has any; problems are the parser's, with their paths."""
    value = document.get("replies", [])
    if "replies" in document and (
        not isinstance(value, list) or not 1 <= len(value) <= MAX_REPLIES
    ):
        parser.note("replies", f"must be an array of 1 to {MAX_REPLIES} objects with on and reply")
        return ()
    parser = replace(parser, told=_told(document, sent))
    rows = value if isinstance(value, list) else []
    found = [_reply(parser, f"replies[{index}]", row) for index, row in enumerate(rows)]
    return tuple(reply for reply in found if reply)


def _told(document: JsonObject, sent: Sequence[MessageModel]) -> dict[str, Member | None]:
    """The members of the first message; None for those that have a problem of their own."""
    rows = document.get("messages")
    first = rows[0] if isinstance(rows, list) and rows else document
    names = first.get("telemetry") if isinstance(first, dict) else None
    content = sent[0].content if sent else None
    sound = content.members if isinstance(content, Nested) else {}
    return {name: sound.get(name) for name in names} if isinstance(names, dict) else {}


def _reply(parser: Parser, path: str, value: Json) -> Declared | None:
    if not isinstance(value, dict):
        parser.note(path, "must be an object with on and reply")
        return None
    parser.unknown(path, value, ("on", "reply", "description"))
    description = value.get("description", "as its model says")
    if not DESCRIPTION.holds(description):
        parser.note(f"{path}.description", DESCRIPTION.text)
    wanted = value.get("on")
    if not isinstance(wanted, dict) or not wanted:
        parser.note(f"{path}.on", "must be an object of members that the request has to have")
        wanted = {}
    if (command := wanted.get("command", "")) in BUILT_IN or not isinstance(command, str):
        parser.note(
            f"{path}.on.command", "must be a string, and no command that every device or a type has"
        )
    content = parser.members(f"{path}.reply", value.get("reply"))
    if content:
        parser.affordable(f"{path}.reply", content)
    return Declared(wanted, content, str(description)) if content else None
