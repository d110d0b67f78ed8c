"""What a device has answered to a wish: the one place that decides it, for the API, for the
command, for a console.

A wish is compared with what the shadow then holds, not with what was typed: the service merges
objects and drops nulls, and a device shows no more than the beginning of a long value that it
refuses (docs/contracts.md, "Classic shadow"). Standard library only: the command imports this
module from outside Lambda.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from common.jsonvalues import Json, Unkept, depth, encode, fault_of, is_integer, same

ACCEPTED: Literal["accepted"] = "accepted"
REJECTED: Literal["rejected"] = "rejected"
PENDING: Literal["pending"] = "pending"

WITHOUT_A_WISH: Mapping[str, Json] = {
    "payload": None,
    "quarantine": None,
    "victim": None,
    "links": [],
    "misbehave": [],
    "speed": None,
}
"""What these settings go back to when they are removed from `desired`; None is not reported. All
others stay."""

MAX_SHOWN_BYTES, MAX_SHOWN_DEPTH, DIGEST_LENGTH = 128, 2, 8


@dataclass(frozen=True)
class Answer:
    """`result` is accepted, rejected or pending; `reason` is why a device has rejected it."""

    result: Literal["accepted", "rejected", "pending"]
    reason: str = ""


def answer(
    key: str, wish: Json, desired: Mapping[str, Json], reported: Mapping[str, Json]
) -> Answer:
    """What the device says to the wish for one setting, by what its shadow holds after the wish was
    written.

    Pending too when somebody else has wished for something else meanwhile: that answer is to
    another question.
    """
    rejection = _rejection(key, reported)
    if wish is None or (key not in desired and _is_nothing(wish)):
        return _to_removal(key, desired, reported, rejected=rejection is not None)
    if key not in desired or not _holds(desired[key], wish):
        return Answer(PENDING)
    wished = _without_nulls(desired[key])
    if (
        rejection is not None
        and "value" in rejection
        and _is_shown(rejection["value"], desired[key])
    ):
        return Answer(REJECTED, str(rejection.get("reason", "")))
    if key in reported and same(_without_nulls(reported[key]), wished):
        return Answer(ACCEPTED)
    if rejection is not None and "value" not in rejection:  # there was no room for it
        return Answer(REJECTED, str(rejection.get("reason", "")))
    return Answer(PENDING)


def merged(base: Mapping[str, Json], patch: Mapping[str, Json]) -> dict[str, Json]:
    """`base` as it is when the shadow service, or a JSON merge patch (RFC 7396), has applied
    `patch` to it."""
    found = {key: value for key, value in base.items() if key not in patch}
    for key, value in patch.items():
        if isinstance(value, Mapping):
            before = base.get(key)
            found[key] = merged(before if isinstance(before, Mapping) else {}, value)
        elif value is not None:
            found[key] = value
    return found


def shown(value: Json) -> Json:
    """A refused value as a device reports it: `virtual_device.shadow.shadow.shown`, to which tests
    hold this one.
    """
    if depth(value) <= MAX_SHOWN_DEPTH and fault_of(value) is None:
        kept = _without_nulls_of_members(value)
        if len(encode(kept)) <= MAX_SHOWN_BYTES:
            return kept
    text = _canonical(value)
    told = value if isinstance(value, str) else text
    begun = told.encode("utf-8", "replace")[:MAX_SHOWN_BYTES].decode("utf-8", "ignore")
    return f"{begun}... {sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]}"


def _to_removal(
    key: str, desired: Mapping[str, Json], reported: Mapping[str, Json], *, rejected: bool
) -> Answer:
    if desired.get(key) is not None or rejected:
        return Answer(PENDING)
    if key not in WITHOUT_A_WISH:
        return Answer(ACCEPTED)
    # A device that has no such setting does not report it, and has nothing to go back to.
    back = key not in reported or same(reported[key], WITHOUT_A_WISH[key])
    return Answer(ACCEPTED if back else PENDING)


def _rejection(key: str, reported: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """Anybody may write into `reported`: what has not the form of a rejection is none."""
    rejected = reported.get("rejected")
    found = rejected.get(key) if isinstance(rejected, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _is_shown(told: Json, value: Json) -> bool:
    """Locally nested nulls may still stand in `desired`, and a device has dropped them before it
    looked at the size."""
    return any(
        same(_without_nulls(told), _without_nulls(shown(one)))
        for one in (value, _without_nulls(value))
    )


def _holds(held: Json, wish: Json) -> bool:
    """Whether the wish still stands: written once more, it would change nothing."""
    if not isinstance(wish, Mapping):
        return same(_without_nulls(held), _without_nulls(wish))
    if not isinstance(held, Mapping):
        return False
    return same(_tidy(merged(held, wish)), _tidy(held))


def _is_nothing(wish: Json) -> bool:
    """An object with nothing but nulls in it: nothing may be left of it."""
    return isinstance(wish, Mapping) and not _tidy(wish)


def _without_nulls(value: Json) -> Json:
    """A copy without null members, at any depth; entries of arrays stay where they are."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _without_nulls_of_members(value: Json) -> Json:
    if not isinstance(value, Mapping):
        return value
    return {
        key: _without_nulls_of_members(inner) for key, inner in value.items() if inner is not None
    }


def _tidy(value: Json) -> Json:
    """Without nulls, and without the objects that are empty then, which a service may drop too."""
    if not isinstance(value, Mapping):
        return _without_nulls(value)
    kept = {key: _tidy(inner) for key, inner in value.items() if inner is not None}
    return {key: inner for key, inner in kept.items() if inner != {}}


def _canonical(value: Json) -> str:
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))


def _plain(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, Unkept):
        return value.text
    return int(value) if isinstance(value, float) and is_integer(value) else value
