"""The classic shadow as documents: reading them, merging them, and writing `reported`. No MQTT.

Rules from the AWS IoT Core developer guide, "Device Shadow service documents": objects are merged,
arrays replaced whole, null removes; a delta holds every key of `desired` that differs from
`reported`, and of an object only the part that differs; a version only grows.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from virtual_device.base.jsonvalue import (
    Json,
    JsonObject,
    Unkept,
    depth,
    encode,
    fault_of,
    identical,
    is_integer,
    is_unicode,
)
from virtual_device.shadow.settings import KEYS, Refusal

MAX_DOCUMENT_BYTES = 8192
"""Size of `desired` and `reported` together; metadata doesn't count (AWS IoT Device Shadow
quotas).
"""

MAX_REJECTED_BYTES = 2048
MAX_REFUSED_VALUE_BYTES = 128
MAX_REFUSED_VALUE_DEPTH = 2
DIGEST_LENGTH = 8
MARGIN_BYTES = 256

FACTS = frozenset({"firmware", "refusedLinks", "hosting"})
"""Keys that the device reports beside its settings; nobody sets them."""


class BadDocumentError(ValueError):
    """A shadow document that isn't one; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Document:
    """The answer to `get`: the whole shadow."""

    version: int
    desired: JsonObject
    reported: JsonObject

    @classmethod
    def from_payload(cls, document: JsonObject) -> Self:
        """From the payload of `get/accepted`. Raises `BadDocumentError`."""
        state = _object(document, "state")
        return cls(_version(document), _object(state, "desired"), _object(state, "reported"))


@dataclass(frozen=True, slots=True)
class Delta:
    """What of `desired` differs from `reported`."""

    version: int
    state: JsonObject

    @classmethod
    def from_payload(cls, document: JsonObject) -> Self:
        """From the payload of `update/delta`. Raises `BadDocumentError`."""
        return cls(_version(document), _object(document, "state"))


@dataclass(frozen=True, slots=True)
class Update:
    """An update that the service accepted, ours or another's; None for a part that it did not
    hold.
    """

    version: int
    desired: JsonObject | None
    reported: JsonObject | None

    @classmethod
    def from_payload(cls, document: JsonObject) -> Self:
        """From the payload of `update/accepted`. Raises `BadDocumentError`."""
        state = _object(document, "state")
        desired, reported = (
            _object(state, part) if state.get(part) is not None else None for part in PARTS
        )
        return cls(_version(document), desired, reported)

    def needs_whole_document(self, refused: Mapping[str, Refusal]) -> bool:
        """Whether it can have changed `desired` in a way that no delta tells.

        A removed key, or a refused one that was mended to the value already reported, makes no
        delta. An update with neither part is how `"desired": null` shows.
        """
        if self.desired is None:
            return self.reported is None
        return holds_null(self.desired) or not refused.keys().isdisjoint(self.desired)


PARTS = ("desired", "reported")
OWN_KEYS = KEYS | FACTS | {"rejected"}


def merge(base: JsonObject, patch: JsonObject) -> dict[str, Json]:
    """`base` with `patch` applied as the shadow service does it."""
    merged = {
        key: value for key, value in base.items() if key not in patch or patch[key] is not None
    }
    for key, value in patch.items():
        old = base.get(key)
        if isinstance(value, dict):
            merged[key] = merge(old if isinstance(old, dict) else {}, value)
        elif value is not None:
            merged[key] = value
    return merged


def difference(old: JsonObject, new: JsonObject) -> dict[str, Json]:
    """The smallest patch for which `merge(old, patch)` is `new`; `new` holds no null."""
    patch: dict[str, Json] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if key in old and identical(before, value):
            continue
        patch[key] = (
            difference(before, value)
            if isinstance(before, dict) and isinstance(value, dict)
            else value
        )
    return patch


def holds_null(value: Json | JsonObject) -> bool:
    """Whether there is a null anywhere below an object."""
    if isinstance(value, Mapping):
        return any(inner is None or holds_null(inner) for inner in value.values())
    return False


def own_part(reported: JsonObject) -> dict[str, Json]:
    """What of `reported` is the device's own; what others put there is none of its business."""
    return {key: value for key, value in reported.items() if key in OWN_KEYS}


def reported(
    settings: JsonObject, refused: Mapping[str, Refusal], desired: JsonObject
) -> dict[str, Json]:
    """The `reported` that the shadow should hold: no null in it, and small enough to stand beside
    `desired`.
    """
    content = without_nulls(settings)
    room = MAX_DOCUMENT_BYTES - MARGIN_BYTES - _size(desired) - _size(content)
    if rejected := _rejected(refused, min(room, MAX_REJECTED_BYTES)):
        content["rejected"] = rejected
    return content


def without_nulls(value: JsonObject) -> dict[str, Json]:
    """A copy without nulls, at any level: in an update they would remove."""
    return {
        key: without_nulls(inner) if isinstance(inner, dict) else inner
        for key, inner in value.items()
        if inner is not None
    }


def _rejected(refused: Mapping[str, Refusal], room: int) -> dict[str, Json]:
    """As many refusals as there is room for, in the order of `desired`; values only where the
    reasons leave room.
    """
    rejected: dict[str, Json] = {}
    for key, refusal in refused.items():
        if not is_unicode(key):  # nothing can be reported under such a name
            continue
        entry: dict[str, Json] = {"reason": refusal.reason}
        room -= _size({key: entry}) + 1
        if room < 0:
            break
        rejected[key] = entry
    for key in rejected:
        value = shown(refused[key].value)
        room -= _size({"value": value})
        if room < 0:
            break
        rejected[key] = {"value": value, "reason": refused[key].reason}
    return rejected


def shown(value: Json) -> Json:
    """A refused value as `reported.rejected` has it: itself when it is small and sound.

    Else text: its beginning, and a digest of the whole, which tells it from others that begin
    alike. The control plane and the command know a refused value again by the same function
    (`functions/common/answers.py`).
    """
    if depth(value) <= MAX_REFUSED_VALUE_DEPTH and fault_of(value) is None:
        kept = without_nulls(value) if isinstance(value, dict) else value
        if len(encode(kept)) <= MAX_REFUSED_VALUE_BYTES:
            return kept
    text = canonical(value)
    told = value if isinstance(value, str) else text
    return f"{_begun(told)}... {sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]}"


def canonical(value: Json) -> str:
    """One text for all writings of a value: members by name, without nulls, integers without a
    point.
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))


def clip(text: str) -> str:
    """The text itself when it is short and sound, else its beginning."""
    fits = is_unicode(text) and len(text.encode()) <= MAX_REFUSED_VALUE_BYTES
    return text if fits else f"{_begun(text)}..."


def _begun(text: str) -> str:
    return text.encode("utf-8", "replace")[:MAX_REFUSED_VALUE_BYTES].decode("utf-8", "ignore")


def _plain(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, Unkept):
        return value.text
    return int(value) if isinstance(value, float) and is_integer(value) else value


def _size(value: object) -> int:
    try:
        return len(encode(value))
    except ValueError:
        # Something in `desired` that can't be written as JSON; its text is as long or longer.
        return len(repr(value))


def _version(document: JsonObject) -> int:
    version = document.get("version")
    if not isinstance(version, int | float) or not is_integer(version):
        raise BadDocumentError("no integer version")
    return int(version)


def _object(document: JsonObject, key: str) -> JsonObject:
    value = document.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadDocumentError(f"{key} is not an object")
    return value
