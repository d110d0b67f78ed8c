"""The job document of `update-firmware`: version, URL, size and SHA-256 of an image (docs/contracts.md, "Firmware")."""

import re
from typing import Any

from virtual_device import firmware
from virtual_device.capability import Surroundings
from virtual_device.jsonvalue import Json, JsonObject
from virtual_device.operation import only
from virtual_device.requests import RefusedFieldError

URL = re.compile(r"https?://[!-~]{1,8000}")
SHA256 = re.compile(r"[0-9a-f]{64}")
PLACEHOLDER = "${aws:iot:"


def parse(document: JsonObject, _surroundings: Surroundings) -> JsonObject:
    """The parameters of a job document. Raises `RefusedFieldError`."""
    only(document, *RULES)
    return {key: _checked(key, document) for key in RULES}


def _checked(key: str, document: JsonObject) -> Json:
    holds, text = RULES[key]
    value = document.get(key)
    if isinstance(value, str) and value.startswith(PLACEHOLDER):
        raise RefusedFieldError(key, "AWS IoT made no URL of it: the job has no role for that, or one it can't assume")
    if not holds(value):
        raise RefusedFieldError(key, text)
    return value


def _is_size(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= firmware.MAX_BYTES


def _is_like(pattern: "re.Pattern[str]") -> Any:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


RULES = {
    "version": (firmware.is_version, firmware.VERSION_RULE),
    "url": (_is_like(URL), "must be an http or https URL"),
    "size": (_is_size, f"must be an integer from 1 to {firmware.MAX_BYTES}"),
    "sha256": (_is_like(SHA256), "must be 64 lower-case hexadecimal digits"),
}
