"""How MQTT messages look at the terminal, and to a program."""

import json
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from playground.packets import Packet
from playground.views import cell
from playground.watch import Message, kind_of

# What a shadow message says besides its state and version.
SHADOW_NOISE = ("metadata", "timestamp", "clientToken")

KIND_STYLES = {
    "telemetry": "green",
    "shadow": "cyan",
    "metrics": "bright_black",
    "event": "yellow",
    "presence": "magenta",
    "command": "blue",
}


def message_data(message: Message) -> dict[str, Any]:
    """One MQTT message of a device, for a program to read."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "kind": kind_of(message.topic),
        "topic": message.topic,
        "payload": message.payload,
    }


def message_text(message: Message) -> Text:
    """One MQTT message on one line: time, kind, topic, payload."""
    kind = kind_of(message.topic)
    text = Text(datetime.now(UTC).astimezone().strftime("%H:%M:%S "), style="dim")
    text.append(f"{kind:<9} ", style=KIND_STYLES[kind])
    text.append(f"{message.topic} ", style="bold")
    payload = message.payload
    if kind == "shadow" and isinstance(payload, dict):
        payload = {name: value for name, value in payload.items() if name not in SHADOW_NOISE}
    return text.append(payload if isinstance(payload, str) else json.dumps(payload))


def packet_text(packet: Packet) -> Text:
    """An MQTT message with all its properties: a line for topic and properties, then the payload."""
    found = packet.data()
    text = Text(packet.at.astimezone().strftime("%H:%M:%S "), style="dim").append(f"{packet.topic} ", style="bold")
    shown = {name: value for name, value in found.items() if name not in ("time", "topic", "payload", "retain")}
    if packet.retain:
        shown["retain"] = True
    binary = shown.pop("payload_base64", None)
    text.append(" ".join(f"{name}={cell(value).plain}" for name, value in shown.items()), style="cyan")
    payload = found.get("payload", binary)
    body = payload if isinstance(payload, str) else json.dumps(payload, indent=2, ensure_ascii=False)
    return text.append(f"\n{body}")
