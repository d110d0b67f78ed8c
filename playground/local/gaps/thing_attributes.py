"""A thing's attributes.

AWS takes names of up to 128 characters of `a-zA-Z0-9_.,@/:#-` and values of up to 800 of these,
`=`, `[` and `]`; a thing without a type has at most three of them, one with a type 50.

Source: https://docs.aws.amazon.com/iot/latest/apireference/API_AttributePayload.html and
https://docs.aws.amazon.com/general/latest/gr/iot-core.html, "AWS IoT Core thing limits and quotas"

Emulator: takes any.
"""

import re
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import iot

Answer = tuple[int, dict[str, str], bytes]

NAME = re.compile(r"[a-zA-Z0-9_.,@/:#-]{1,128}")
VALUE = re.compile(r"[a-zA-Z0-9_.,@/:#=\[\]-]{0,800}")
MOST_WITHOUT_TYPE, MOST = 3, 50


def fill() -> None:
    """Look at what a thing would have."""
    create, update = iot._create_thing, iot._update_thing

    def created(name: str, payload: dict[str, Any]) -> Answer:
        refused = _refusal(_given(payload), typed=bool(payload.get("thingTypeName")))
        answer: Answer = refused or create(name, payload)
        return answer

    def updated(name: str, payload: dict[str, Any]) -> Answer:
        thing = iot._things.get(name) or {}
        merged = (payload.get("attributePayload") or {}).get("merge")
        kept = thing.get("attributes", {}) if merged else {}
        typed = payload.get("thingTypeName") or (
            thing.get("thingTypeName") and not payload.get("removeThingType")
        )
        answer: Answer = _refusal({**kept, **_given(payload)}, typed=bool(typed)) or update(
            name, payload
        )
        return answer

    iot._create_thing, iot._update_thing = created, updated


def _given(payload: dict[str, Any]) -> dict[str, Any]:
    return (payload.get("attributePayload") or {}).get("attributes") or {}


def _refusal(attributes: dict[str, Any], *, typed: bool) -> Answer | None:
    most = MOST if typed else MOST_WITHOUT_TYPE
    wrong = [
        name
        for name, value in attributes.items()
        if not NAME.fullmatch(name) or not isinstance(value, str) or not VALUE.fullmatch(value)
    ]
    if len([value for value in attributes.values() if value != ""]) > most:
        message = f"A thing of this kind has at most {most} attributes"
    elif wrong:
        message = f"Invalid attribute: {wrong[0]}"
    else:
        return None
    refused: Answer = error_response_json("InvalidRequestException", message, 400)
    return refused
