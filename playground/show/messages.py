"""How MQTT messages look at the terminal, and to a program."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from playground.messages.packets import Packet
from playground.messages.watch import WORKFLOW_TOPICS, Message, kind_of
from playground.show.ages import time_of
from playground.show.rows import PICTURES, Line
from playground.show.views import as_words, cell, clock

NOISE = {
    "shadow": ("metadata", "timestamp", "clientToken", "version"),
    "presence": (
        *("clientId", "timestamp", "eventType", "sessionIdentifier", "principalIdentifier"),
        "versionNumber",
    ),
}
"""Fields of which a line says nothing, unless all of it is asked for."""

NOW = 5.0
"""Seconds that a message's own time may be off the line's to be the same for a reader."""

PLACES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:dt|evt)/playground/(?P<device>[^/]+)/(?P<word>.+)",
        r"cmd/playground/(?P<device>[^/]+)/(?P<word>req|res)(?:/.*)?",
        r"\$aws/things/(?P<device>[^/]+)/shadow/(?:update/)?(?P<word>.+)",
        r"\$aws/events/presence/(?P<word>[^/]+)/(?P<device>[^/]+)",
        r"\$aws/commands/things/(?P<device>[^/]+)/executions/[^/]+/(?P<word>[^/]+)/.+",
    )
)
SAID_BY_KIND = ("telemetry", "metrics", "accepted")
"""Ends of topics that tell nothing new: a shadow's document says itself what was accepted."""

PLAIN_WORD = re.compile(r"[^\W\d][\w./:+-]*")
JSON_WORDS = ("true", "false", "null")
COLOURS = ("cyan", "green", "magenta", "yellow")

KIND_STYLES = {
    "telemetry": "green",
    "shadow": "cyan",
    "metrics": "bright_black",
    "event": "yellow",
    "presence": "magenta",
    "command": "blue",
    "workflow": "bold magenta",
}


def message_data(message: Message) -> dict[str, Any]:
    """One MQTT message of a device, for a program to read."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "kind": kind_of(message.topic),
        "topic": message.topic,
        "payload": message.payload,
    }


def message_line(message: Message, names: Sequence[str] = (), *, wide: bool = False) -> Line | Text:
    """One MQTT message of the devices `names` on one line: what does not fit is left out.

    With `wide` it has the whole topic and payload, and the terminal breaks the line.
    """
    return whole_text(message) if wide else Line(message_text(message, names))


def message_text(message: Message, names: Sequence[str] = ()) -> Text:
    """Time, device, kind, and what neither these nor the topic have said.

    The device is named where several are watched, each in a colour of its own, as stern does.
    """
    kind, place = kind_of(message.topic), place_of(message)
    at = datetime.now(UTC)
    text = Text(f"{clock(at)} ", style="dim")
    style = KIND_STYLES[kind]
    if len(names) > 1:
        style = colour_of(place.device, names)
        text.append(f"{place.device:<{max(map(len, names))}} ", style=f"bold {style}")
    text.append(f"{kind:<9} ", style=style)
    words = (place.word, said_by(message, place, at))
    return text.append(" ".join(filter(None, words)).translate(PICTURES))


def whole_text(message: Message) -> Text:
    """Time, kind, topic, payload as JSON."""
    kind = kind_of(message.topic)
    text = Text(f"{clock(datetime.now(UTC))} ", style="dim")
    text.append(f"{kind:<9} ", style=KIND_STYLES[kind])
    text.append(f"{message.topic} ", style="bold")
    payload = message.payload
    return text.append(payload if isinstance(payload, str) else as_words(payload))


def colour_of(device: str, names: Sequence[str]) -> str:
    """The same for a device from the first line to the last."""
    return COLOURS[list(names).index(device) % len(COLOURS)] if device in names else "default"


@dataclass(frozen=True)
class Place:
    """Whose message it is by its topic, and what else the topic says; all of it where it is
    nobody's."""

    device: str
    word: str


def place_of(message: Message) -> Place:
    """Read from the topics of docs/contracts.md, "Topics"."""
    if message.device:
        return Place(message.device, message.topic.removeprefix(WORKFLOW_TOPICS).replace("/", " "))
    for pattern in PLACES:
        if found := pattern.fullmatch(message.topic):
            word = found["word"]
            return Place(found["device"], "" if word in SAID_BY_KIND else word)
    return Place("", message.topic)


def said_by(message: Message, place: Place, at: datetime) -> str:
    """The payload as `key=value`, without what the line says before it."""
    payload, kind = message.payload, kind_of(message.topic)
    if not isinstance(payload, dict):
        return payload if isinstance(payload, str) else as_words(payload)
    if kind == "shadow" and isinstance(payload.get("state"), dict):
        return _state(place.word, payload["state"])
    noise = NOISE.get(kind, ())
    kept = {key: value for key, value in payload.items() if key not in noise}
    if kept.get("thingName") == place.device:
        del kept["thingName"]
    if _is_now(kept.get("timestamp"), at):
        del kept["timestamp"]
    return pairs(kept)


def _state(word: str, state: dict[str, Any]) -> str:
    """A delta has settings in its state; a document that was accepted has them one level deeper."""
    if word == "delta" or not all(isinstance(part, dict) for part in state.values()):
        return pairs(state)
    return " ".join(f"{name} {pairs(part)}" for name, part in state.items())


def _is_now(told: Any, at: datetime) -> bool:
    found = time_of(told) if isinstance(told, str) else None
    return found is not None and abs((at - found).total_seconds()) < NOW


def pairs(fields: Mapping[str, Any]) -> str:
    """`key=value` after `key=value`; what would be misread is JSON."""
    return " ".join(f"{_word(key)}={_word(value)}" for key, value in fields.items())


def _word(value: Any) -> str:
    if isinstance(value, str) and PLAIN_WORD.fullmatch(value) and value not in JSON_WORDS:
        return value
    return as_words(value)


def packet_text(packet: Packet) -> Text:
    """An MQTT message with all its properties: a line for topic and properties, then the
    payload.
    """
    found = packet.data()
    text = Text(f"{clock(packet.at)} ", style="dim").append(f"{packet.topic} ", style="bold")
    shown = {
        name: value
        for name, value in found.items()
        if name not in ("time", "topic", "payload", "retain")
    }
    if packet.retain:
        shown["retain"] = True
    binary = shown.pop("payload_base64", None)
    text.append(
        " ".join(f"{name}={cell(value).plain}" for name, value in shown.items()), style="cyan"
    )
    payload = found.get("payload", binary)
    body = (
        payload if isinstance(payload, str) else json.dumps(payload, indent=2, ensure_ascii=False)
    )
    return text.append(f"\n{body}")
