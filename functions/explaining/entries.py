"""What a device's messages say, one sentence each.

Topics and payloads are those of docs/contracts.md; shadow documents and presence events those of
https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-mqtt.html and
https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html. A device can write
anything into its messages: what can't be read is said to be so, and all texts are cut.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.jsontext import read_or_none
from common.jsonvalues import Json, same, writable
from common.moments import of_milliseconds
from explaining.disconnects import REASONS
from explaining.record import Told
from explaining.texts import shown

MOST_SHOWN = 80
"""Characters of a value."""
TROUBLED_EVENTS = ("tamper", "lwt", "link-refused")
REPLY_WITHIN_MS = 60_000
_MISSING = object()


@dataclass(frozen=True)
class Entry:
    """One line of a timeline. `latency_ms`: since what it is the answer to, if that is known."""

    id: str
    at_ms: int
    kind: str
    text: str
    trouble: bool = False
    latency_ms: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "id": self.id,
            "at": of_milliseconds(self.at_ms),
            "kind": self.kind,
            "text": self.text,
            "trouble": self.trouble,
            "latencyMs": self.latency_ms,
            "detail": writable(dict(self.detail)),
        }


@dataclass
class Reader:
    """Reads messages in order of time, and remembers what later ones answer."""

    desired_at: dict[str, int] = field(default_factory=dict)
    asked_at: dict[str, int] = field(default_factory=dict)

    def entries(self, messages: Iterable[Told]) -> Iterator[Entry]:
        """Of messages with the oldest first; a shadow document may be several entries."""
        for told in messages:
            for number, entry in enumerate(self._of(told)):
                yield entry if number == 0 else _numbered(entry, number)

    def _of(self, told: Told) -> Iterator[Entry]:
        levels = told.topic.split("/")
        body = read_or_none(told.body)
        content = body if isinstance(body, dict) else {}
        if told.topic.startswith("$aws/things/"):
            yield from self._of_document(told, content)
        elif told.topic.startswith("$aws/events/presence/"):
            yield _of_presence(told, content)
        elif levels[0] == "evt":
            yield _of_event(told, levels[-1], content)
        elif levels[0] == "cmd" and levels[3:4] == ["req"]:
            yield self._of_request(told, content)
        elif levels[0] == "cmd":
            yield self._of_reply(told, content)

    def _of_document(self, told: Told, content: Mapping[str, Any]) -> Iterator[Entry]:
        before, after = (_state(content.get(part)) for part in ("previous", "current"))
        changed, removed = _difference(before["desired"], after["desired"])
        if changed or removed:
            self.desired_at |= dict.fromkeys(changed, told.at_ms)
            wishes = [*map(_pair, changed.items()), *map(_gone, removed)]
            text = "was asked for " + ", ".join(wishes)
            yield _entry(told, "desired", text, settings=changed, removed=removed)
        reported = after["reported"]
        delta = {
            key: value
            for key, value in changed.items()
            if not same(reported.get(key, _MISSING), value)
        }
        if delta:
            yield _entry(
                told, "delta", "was told of the difference: " + _pairs(delta), settings=delta
            )
        applied, _ = _difference(_settings(before["reported"]), _settings(reported))
        if applied:
            yield Entry(
                told.id,
                told.at_ms,
                "reported",
                "runs with " + _pairs(applied),
                latency_ms=self._since(told, _answering(applied, after["desired"])),
                detail={"settings": applied},
            )
        yield from self._of_rejections(told, before["reported"], reported)

    def _of_rejections(
        self, told: Told, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> Iterator[Entry]:
        refused, _ = _difference(_object(before.get("rejected")), _object(after.get("rejected")))
        for key, rejection in refused.items():
            found = _object(rejection)
            value = _shown(found["value"]) if "value" in found else "a value"
            reason = shown(found.get("reason", "no reason given"))
            yield Entry(
                told.id,
                told.at_ms,
                "rejected",
                f"refused {shown(key, MOST_SHOWN)}={value}: {reason}",
                trouble=True,
                latency_ms=self._since(told, [key]),
                detail={"key": key, **found},
            )

    def _since(self, told: Told, keys: Iterable[str]) -> int | None:
        known = [self.desired_at.pop(key) for key in keys if key in self.desired_at]
        return max(0, told.at_ms - max(known)) if known else None

    def _of_request(self, told: Told, content: Mapping[str, Any]) -> Entry:
        command = content.get("command")
        if not isinstance(command, str):
            return _entry(told, "command", f"was sent {_size(told)} that is no command")
        self.asked_at[command] = told.at_ms
        arguments = _object(content.get("arguments"))
        text = f"was asked to {shown(command)}" + (f" {_pairs(arguments)}" if arguments else "")
        return _entry(told, "command", text, command=command, arguments=arguments)

    def _of_reply(self, told: Told, content: Mapping[str, Any]) -> Entry:
        status = content.get("status")
        # A command that was not understood has no name in its refusal: it is the latest one then.
        latest = next(reversed(self.asked_at), "a request")
        command = str(content.get("command") or latest)
        asked = self.asked_at.pop(command, None)
        latency = told.at_ms - asked if asked is not None else None
        if latency is not None and not 0 <= latency <= REPLY_WITHIN_MS:
            latency = None
        if not isinstance(status, str):
            return _entry(told, "reply", f"answered with {_size(told)}")
        text = f"answered {shown(command)}: {shown(status)}"
        error = _object(content.get("error"))
        if error:
            text += f", {error.get('field', 'request')}: {shown(error.get('reason', ''))}"
        detail = {"command": command, "status": status, **({"error": error} if error else {})}
        return Entry(told.id, told.at_ms, "reply", text, status != "accepted", latency, detail)


def _of_presence(told: Told, content: Mapping[str, Any]) -> Entry:
    kind = str(content.get("eventType", told.topic.split("/")[3]))
    address = content.get("ipAddress")
    place = f" from {shown(address)}" if address else ""
    names = ("disconnectReason", "ipAddress", "principalIdentifier", "sessionIdentifier")
    detail = {name: content[name] for name in names if name in content}
    if kind == "connected":
        return Entry(told.id, told.at_ms, "connected", f"connected{place}", detail=detail)
    reason = str(content.get("disconnectReason", content.get("connectFailureReason", "UNKNOWN")))
    known = REASONS.get(reason)
    meaning = known.short if known else shown(reason)
    verb = "disconnected" if kind == "disconnected" else "could not connect"
    trouble = known is None or known.trouble
    return Entry(
        told.id, told.at_ms, "disconnected", f"{verb}: {meaning}", trouble, None,
        {"disconnectReason": reason, **detail},
    )  # fmt: skip


def _of_event(told: Told, name: str, content: Mapping[str, Any]) -> Entry:
    words = {
        "online": "said that it is online",
        "lwt": "left without a word: its last will was sent",
        "tamper": f"told of tampering: {shown(content.get('detail', ''))}",
        "link-refused": f"may not change {shown(content.get('link', 'its link'))}: "
        f"{shown(content.get('reason', ''))}",
    }
    text = words.get(name, f"told of {shown(name)}")
    return Entry(told.id, told.at_ms, "event", text, name in TROUBLED_EVENTS, None, {"event": name})


def _entry(told: Told, kind: str, text: str, **detail: Any) -> Entry:
    return Entry(told.id, told.at_ms, kind, text, detail=detail)


def _numbered(entry: Entry, number: int) -> Entry:
    return Entry(
        f"{entry.id}.{number}", entry.at_ms, entry.kind, entry.text, entry.trouble,
        entry.latency_ms, entry.detail,
    )  # fmt: skip


def _state(document: object) -> dict[str, dict[str, Any]]:
    state = _object(_object(document).get("state"))
    return {part: _object(state.get(part)) for part in ("desired", "reported")}


def _settings(reported: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in reported.items() if key != "rejected"}


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _difference(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """What was changed or added, and the names of what was removed."""
    changed = {
        key: value
        for key, value in after.items()
        if key not in before or not same(before[key], value)
    }
    return changed, [key for key in before if key not in after]


def _answering(applied: Mapping[str, Any], desired: Mapping[str, Any]) -> list[str]:
    """The keys that were reported as they were desired."""
    return [key for key, value in applied.items() if key in desired and same(desired[key], value)]


def _pairs(values: Mapping[str, Json]) -> str:
    return ", ".join(map(_pair, values.items()))


def _pair(item: tuple[str, Json]) -> str:
    return f"{shown(item[0], MOST_SHOWN)}={_shown(item[1])}"


def _gone(key: str) -> str:
    return f"{shown(key, MOST_SHOWN)} removed"


def _shown(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(writable(value))
    return shown(text, MOST_SHOWN)


def _size(told: Told) -> str:
    return f"{len(told.body):,} bytes"
