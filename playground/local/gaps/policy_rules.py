"""Names, documents and versions of AWS IoT's policies.

AWS takes names of word characters and `+ = , . @ -`, up to 128 of them; documents of up to 2,048
characters, white space not counted; and five versions at most, a sixth is
`VersionsLimitExceededException`.

Source: https://docs.aws.amazon.com/iot/latest/apireference/API_CreatePolicy.html,
https://docs.aws.amazon.com/iot/latest/apireference/API_CreatePolicyVersion.html and
https://docs.aws.amazon.com/general/latest/gr/iot-core.html, "AWS IoT Core policy limits"

Emulator: takes a thing's names, so `:` but none of `+ = , . @`, any document and any number of
versions.
"""

import re
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import iot

Answer = tuple[int, dict[str, str], bytes]

NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
MOST_CHARACTERS = 2048
MOST_VERSIONS = 5


def fill() -> None:
    """Go by AWS's rules."""
    validate, create, create_version = (
        iot._validate_name,
        iot._create_policy,
        iot._create_policy_version,
    )

    def validated(name: str | None, field: str) -> Answer | None:
        if field == "policyName":
            return None if name and NAME.fullmatch(name) else _invalid_name(name)
        found: Answer | None = validate(name, field)
        return found

    def created(name: str, payload: dict[str, Any]) -> Answer:
        answer: Answer = _too_long(payload) or create(name, payload)
        return answer

    def version_created(name: str, payload: dict[str, Any], query: dict[str, Any]) -> Answer:
        policy = iot._policies.get(name) or {"versions": {}}
        if len(policy["versions"]) >= MOST_VERSIONS:
            refused: Answer = error_response_json(
                "VersionsLimitExceededException",
                f"The policy {name} already has the maximum number of versions ({MOST_VERSIONS})",
                409,
            )
            return refused
        answer: Answer = _too_long(payload) or create_version(name, payload, query)
        return answer

    iot._validate_name, iot._create_policy, iot._create_policy_version = (
        validated,
        created,
        version_created,
    )


def _invalid_name(name: str | None) -> Answer:
    message = (
        f"Invalid policyName {name!r}: must match [\\w+=,.@-]+ and have at most 128 characters"
    )
    refused: Answer = error_response_json("InvalidRequestException", message, 400)
    return refused


def _too_long(payload: dict[str, Any]) -> Answer | None:
    document = re.sub(r"\s", "", str(payload.get("policyDocument", "")))
    if len(document) <= MOST_CHARACTERS:
        return None
    message = f"Policy document size limit of {MOST_CHARACTERS} exceeded"
    refused: Answer = error_response_json("MalformedPolicyException", message, 400)
    return refused
