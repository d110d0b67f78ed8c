"""The job document of `update-firmware`: version, URL, size and SHA-256 of an image
(docs/contracts.md, "Firmware").
"""

import re
from typing import Any

from virtual_device.base.jsonvalue import Json, JsonObject, is_integer
from virtual_device.commands.requests import RefusedFieldError
from virtual_device.core.capability import Surroundings
from virtual_device.firmware.image import MAX_BYTES, VERSION_RULE, is_version
from virtual_device.jobs.operation import only
from virtual_device.shadow.setting_rules import number_of

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
        raise RefusedFieldError(
            key,
            "AWS IoT made no URL of it: the job has no role for that, or one that can't be assumed",
        )
    if not holds(value):
        raise RefusedFieldError(key, text)
    return value


def _is_size(value: Json) -> bool:
    return is_integer(value) and 1 <= number_of(value) <= MAX_BYTES


def _is_like(pattern: "re.Pattern[str]") -> Any:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


RULES = {
    "version": (is_version, VERSION_RULE),
    "url": (_is_like(URL), "must be an http or https URL"),
    "size": (_is_size, f"must be an integer from 1 to {MAX_BYTES}"),
    "sha256": (_is_like(SHA256), "must be 64 lower-case hexadecimal digits"),
}
