"""What whoever wants a device may ask for, and the rules that it must keep (docs/contracts.md).

Standard library only: the command imports this module from outside Lambda.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from common.errors import InvalidInput
from common.identifiers import (
    CLAIMS,
    DEVICE_TYPES,
    HOST_TYPE,
    HOSTINGS,
    IDENTITIES,
    JITR,
    MAX_COMMON_NAME,
    MAX_REQUEST_BYTES,
    NOWHERE,
    OF_A_BATCH,
    SHARED,
    checked_batch,
    checked_thing_name,
)
from common.jsonvalues import encode, fault_of, path_of, told

# https://docs.aws.amazon.com/iot/latest/apireference/API_AttributePayload.html
ATTRIBUTE_NAME = re.compile(r"[a-zA-Z0-9_.,@/:#-]{1,128}")
ATTRIBUTE_VALUE = re.compile(r"[a-zA-Z0-9_.,@/:#=\[\]-]{0,800}")
OWNER_ATTRIBUTE = "execution"
MAX_ATTRIBUTES = 20

# Of minutes, hours and days those from a minute to a year: as a pattern, so that the API's document
# has the very rule.
TTL = re.compile(
    r"([1-9][0-9]{0,4}|[1-4][0-9]{5}|5[01][0-9]{4}|52[0-4][0-9]{3}|525[0-5][0-9]{2}|525600)m"
    r"|([1-9][0-9]{0,2}|[1-7][0-9]{3}|8[0-6][0-9]{2}|87[0-5][0-9]|8760)h"
    r"|([1-9][0-9]?|[12][0-9]{2}|3[0-5][0-9]|36[0-5])d"
)
TTL_RULE = "must be a number with m, h or d, such as 2h, from 1m to 365d"
UNITS = {"m": "minutes", "h": "hours", "d": "days"}

# RFC 7468. AWS IoT checks what is in it; its length:
# https://docs.aws.amazon.com/iot/latest/apireference/API_CreateCertificateFromCsr.html
CSR = re.compile(
    r"\s*-----BEGIN CERTIFICATE REQUEST-----\r?\n[A-Za-z0-9+/=\s]+"
    r"-----END CERTIFICATE REQUEST-----\s*"
)
CSR_RULE = (
    "must be a certificate signing request in PEM (BEGIN CERTIFICATE REQUEST), of at most "
    f"{MAX_REQUEST_BYTES} characters"
)
COMMON_NAME_RULE = (
    f"must have at most {MAX_COMMON_NAME} characters with method jitr: it is the certificate's "
    "common name"
)
OF_AN_OWNER = ("csr", JITR)
"""Methods of a device that is not virtual."""

FIELDS = (
    *("deviceType", "thingName", "attributes", "model", "method", "identity", "batch", "ttl"),
    *("hosting", "csr"),
)
METHOD_FIELDS = ("method", "identity")
"""Two names of one field: how the device gets its first certificate."""
# Of compact JSON in UTF-8: the model travels in the workflow's data, which holds 256 KB, more than
# once.
MAX_MODEL_BYTES = 16_384


@dataclass(frozen=True)
class DeviceWish:
    """The input of the provisioning workflow, checked. `thing_name` is None when the workflow is to
    make one up.
    """

    thing_name: str | None
    device_type: str
    attributes: Mapping[str, str]
    model: Mapping[str, Any] | None
    identity: str
    ttl: timedelta | None
    """After which the device is removed; None: it stays until somebody removes it."""
    hosting: str = "task"
    csr: str | None = None
    """The signing request of a device that is not virtual, PEM; its key is with its owner."""
    batch: str | None = None
    """The batch that it must be listed for (devices/serials.py); None: no list is asked."""

    @classmethod
    def of(cls, asked: object) -> "DeviceWish":
        """From `{deviceType?, thingName?, attributes?, model?, method?, batch?, ttl?, hosting?,
        csr?}`, where `identity` is another name of `method`; raises InvalidInput with the field.
        """
        if not isinstance(asked, dict):
            raise InvalidInput(
                "input", 'must be a JSON object such as {} or {"deviceType": "bulb"}'
            )
        for field in sorted(asked.keys() - set(FIELDS)):
            raise InvalidInput(
                field, f"is not a field of this workflow; it knows {', '.join(FIELDS)}"
            )
        device_type = _checked_device_type(asked.get("deviceType", "generic"))
        hosting = _checked_hosting(asked.get("hosting", "task"), device_type)
        identity = _checked_identity(asked, hosting)
        thing_name = checked_thing_name(asked["thingName"]) if "thingName" in asked else None
        if identity == JITR and len(thing_name or "") > MAX_COMMON_NAME:
            raise InvalidInput("thingName", COMMON_NAME_RULE)
        return cls(
            thing_name=thing_name,
            device_type=device_type,
            attributes=_checked_attributes(asked.get("attributes", {})),
            model=_checked_model(asked["model"]) if "model" in asked else None,
            identity=identity,
            ttl=_checked_ttl(asked["ttl"]) if "ttl" in asked else None,
            hosting=hosting,
            csr=_checked_request(asked, hosting, identity),
            batch=_checked_batch(asked["batch"], identity) if "batch" in asked else None,
        )


def _checked_device_type(value: object) -> str:
    if value not in DEVICE_TYPES:
        raise InvalidInput(
            "deviceType", f"must be one of {', '.join(DEVICE_TYPES)}, got {told(value)}"
        )
    return str(value)


def own_identity(hosting: str) -> str:
    """The identity of a device that asks for none."""
    return "keys" if hosting == "task" else "csr"


def _checked_identity(asked: Mapping[str, Any], hosting: str) -> str:
    given = [field for field in METHOD_FIELDS if field in asked]
    if len(given) > 1:
        raise InvalidInput("method", "is the same field as identity: give one of the two")
    if not given:
        return own_identity(hosting)
    (field,) = given
    value = asked[field]
    if value not in IDENTITIES:
        raise InvalidInput(field, f"must be one of {', '.join(IDENTITIES)}, got {told(value)}")
    if hosting == SHARED and value != "csr":
        no = "no claim" if value in CLAIMS else "no key"
        raise InvalidInput(field, f"must be csr with hosting shared: {no} goes to a host")
    if hosting == NOWHERE and value not in OF_AN_OWNER:
        raise InvalidInput(
            field,
            f"must be {' or '.join(OF_AN_OWNER)} with hosting none: its key is not the stack's",
        )
    return str(value)


def _checked_batch(value: object, identity: str) -> str:
    if identity not in OF_A_BATCH:
        methods = f"{', '.join(OF_A_BATCH[:-1])} and {OF_A_BATCH[-1]}"
        raise InvalidInput("batch", f"is for the methods {methods}: no list is asked with others")
    return checked_batch(value)


def _checked_hosting(value: object, device_type: str) -> str:
    if value not in HOSTINGS:
        raise InvalidInput("hosting", f"must be one of {', '.join(HOSTINGS)}, got {told(value)}")
    if value != "task" and device_type == HOST_TYPE:
        raise InvalidInput("hosting", "must be task for a host")
    return str(value)


def _checked_request(asked: Mapping[str, Any], hosting: str, identity: str) -> str | None:
    """The request of a device that is not virtual, which has one and no model. Where its owner's
    authority signs it the stack is given none.
    """
    if hosting != NOWHERE:
        if "csr" in asked:
            raise InvalidInput("csr", "is for hosting none: a virtual device makes its own")
        return None
    if "model" in asked:
        raise InvalidInput("model", "is for a virtual device: leave it out with hosting none")
    if identity == JITR:
        if "csr" in asked:
            raise InvalidInput("csr", "is for method csr: with jitr your own authority signs it")
        return None
    value = asked.get("csr")
    if not isinstance(value, str) or not CSR.fullmatch(value) or len(value) > MAX_REQUEST_BYTES:
        raise InvalidInput("csr", CSR_RULE)  # not what was given: it may be the key, by mistake
    return value


def _checked_ttl(value: object) -> timedelta:
    if not isinstance(value, str) or not TTL.fullmatch(value):
        raise InvalidInput("ttl", f"{TTL_RULE}; got {told(value)}")
    return timedelta(**{UNITS[value[-1]]: int(value[:-1])})


def _checked_attributes(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise InvalidInput("attributes", f"must be an object of strings, got {told(value)}")
    if len(value) > MAX_ATTRIBUTES:
        raise InvalidInput("attributes", f"at most {MAX_ATTRIBUTES} attributes, got {len(value)}")
    for name, text in value.items():
        if not ATTRIBUTE_NAME.fullmatch(name) or name == OWNER_ATTRIBUTE:
            raise InvalidInput(
                "attributes",
                f"{told(name)} can't name an attribute: {ATTRIBUTE_NAME.pattern}, not 'execution'",
            )
        if not isinstance(text, str) or not ATTRIBUTE_VALUE.fullmatch(text):
            raise InvalidInput(f"attributes.{name}", _value_rule(text))
    return value


def _value_rule(value: object) -> str:
    return f"must be a string that matches {ATTRIBUTE_VALUE.pattern}, got {told(value)}"


def _says_something(model: Mapping[str, Any]) -> bool:
    """Whether it has what a device sends, in one of the two forms and not in both."""
    one, several = model.get("telemetry"), model.get("messages")
    if several is None and "messages" not in model:
        return isinstance(one, dict)
    return "telemetry" not in model and isinstance(several, list)


def _checked_model(value: object) -> Mapping[str, Any]:
    """Shape and size only: what the generators are is the device's to know, which refuses to start
    with a bad model.
    """
    if not isinstance(value, dict) or not _says_something(value):
        raise InvalidInput(
            "model",
            "must be a device model: an object with an object telemetry or an array messages",
        )
    if fault := fault_of(value):
        raise InvalidInput(path_of(("model", *fault.place)), fault.rule)
    size = len(encode(value))
    if size > MAX_MODEL_BYTES:
        raise InvalidInput("model", f"at most {MAX_MODEL_BYTES} bytes as JSON, got {size}")
    return value
