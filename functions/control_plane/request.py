"""From an event of API Gateway to a request that fits the OpenAPI document, and back from an
answer.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from fastjsonschema import JsonSchemaValueException

from common.device_wish import CSR, CSR_RULE, TTL, TTL_RULE
from common.jsontext import decode
from common.jsonvalues import NotJsonError
from control_plane.caller import Caller
from control_plane.document import Check, Operation, Parameter
from control_plane.problem import NONE, FieldError, invalid, too_large, unsupported_media_type

# Four times the longest model, in whatever layout. API Gateway takes 10 MB.
MAX_BODY_BYTES = 65_536
# Patterns that say less than words: of a text that has to say something, of a time to live, and of
# a certificate signing request.
IN_WORDS = {
    r"\S": "must not be blank",
    f"^({TTL.pattern})$": TTL_RULE,
    f"^{CSR.pattern}$": CSR_RULE,
}


@dataclass(frozen=True)
class Request:
    """What was asked for, checked: `parameters` by their names in the document, `body` None where
    there is none.
    """

    caller: Caller
    parameters: Mapping[str, Any]
    body: Any = None


@dataclass(frozen=True)
class Answer:
    """A success; `body` becomes JSON."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=lambda: NONE)


def request_of(event: Mapping[str, Any], operation: Operation, caller: Caller) -> Request:
    """Check an event against the operation. Raises Problem 400, 413 or 415, which names what is
    wrong.
    """
    errors = list(_unknown(event, operation))
    parameters: dict[str, Any] = {}
    given = {
        "path": event.get("pathParameters") or {},
        "query": dict(_query(event)),
        "header": _headers(event),
    }
    for parameter in operation.parameters:
        name = parameter.name.lower() if parameter.place == "header" else parameter.name
        if name in given[parameter.place]:
            value = _typed(parameter, given[parameter.place][name])
            errors += _broken(parameter.check, value, parameter.name)
            parameters[parameter.name] = value
        elif parameter.required:
            errors.append(FieldError(parameter.name, "is missing"))
    if errors:
        raise invalid(*errors)
    return Request(caller, parameters, _checked_body(event, operation) if operation.body else None)


def _unknown(event: Mapping[str, Any], operation: Operation) -> Iterator[FieldError]:
    """A parameter that does nothing may be one that was misspelt."""
    known = {parameter.name for parameter in operation.parameters if parameter.place == "query"}
    seen: set[str] = set()
    for name, _ in _query(event):
        if name not in known:
            yield FieldError(
                name, f"is not a parameter; there are {', '.join(sorted(known)) or 'none'}"
            )
        elif name in seen:
            yield FieldError(name, "is given twice")
        seen.add(name)


def _query(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """From the raw text: API Gateway joins what is given twice with a comma."""
    return parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True)


def _headers(event: Mapping[str, Any]) -> Mapping[str, str]:
    return {name.lower(): value for name, value in (event.get("headers") or {}).items()}


def _typed(parameter: Parameter, text: str) -> Any:
    digits = text.removeprefix("-")
    plain = digits.isascii() and digits.isdigit() and len(digits) < 10
    return int(text) if parameter.is_integer and plain else text


def _checked_body(event: Mapping[str, Any], operation: Operation) -> Any:
    media_type = _headers(event).get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise unsupported_media_type(
            f"Content-Type must be application/json, got {media_type or 'none'}"
        )
    body = _json(_raw(event))
    errors = _broken(operation.check_body, body)
    if errors:
        raise invalid(*errors)
    return body


def _raw(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if len(text) > MAX_BODY_BYTES * 2:
        raise too_large(f"at most {MAX_BODY_BYTES} bytes")
    try:
        raw = (
            base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
        )
    except (UnicodeError, ValueError):  # binascii.Error is one, and so is base64 that is not ASCII
        raise invalid(FieldError("", "must be JSON in UTF-8")) from None
    if len(raw) > MAX_BODY_BYTES:
        raise too_large(f"at most {MAX_BODY_BYTES} bytes, got {len(raw)}")
    return raw


def _json(raw: bytes) -> Any:
    try:
        return decode(raw, MAX_BODY_BYTES)
    except NotJsonError as error:
        raise invalid(FieldError(_pointer(list(error.place)), error.rule)) from None


def _broken(check: Check, value: Any, parameter: str | None = None) -> list[FieldError]:
    """What the schema says of the value: fastjsonschema tells the first rule only."""
    try:
        check(value)
    except JsonSchemaValueException as error:
        return [FieldError(parameter, _rule(error)) if parameter else _of_body(error)]
    return []


def _of_body(error: JsonSchemaValueException) -> FieldError:
    path = list(error.path[1:])
    definition = error.definition or {}
    if error.rule == "additionalProperties":
        known = definition.get("properties", {})
        unknown = min(set(error.value) - set(known))
        return FieldError(_pointer([*path, unknown]), f"is not known; there are {', '.join(known)}")
    if error.rule == "required":
        missing = next(name for name in definition["required"] if name not in error.value)
        return FieldError(_pointer([*path, missing]), "is missing")
    if error.rule == "not" and "required" in (error.rule_definition or {}):
        return _of_fields_together(path, error.rule_definition, error.value)
    return FieldError(_pointer(path), _rule(error))


def _of_fields_together(
    path: list[Any], refused: Mapping[str, Any], value: Mapping[str, Any]
) -> FieldError:
    """Of a schema that refuses fields together, or with these values; the last one is at fault."""
    *others, field = refused["required"]
    if not others:
        rule = "can't be given with the other fields as they are"
    elif "properties" not in refused:
        rule = f"can't be given together with {', '.join(others)}"
    else:
        beside = ", ".join(f"{other} {value[other]}" for other in others)
        rule = f"can't be {value[field]} with {beside}"
    return FieldError(_pointer([*path, field]), rule)


def _rule(error: JsonSchemaValueException) -> str:
    if error.rule == "not" and "enum" in (error.rule_definition or {}):
        return f"must be none of {', '.join(error.rule_definition['enum'])}"
    if error.rule == "oneOf" and all(row.keys() == {"required"} for row in error.rule_definition):
        names = [name for row in error.rule_definition for name in row["required"]]
        return f"must have exactly one of {', '.join(names)}"
    if error.rule == "pattern" and error.rule_definition in IN_WORDS:
        return IN_WORDS[error.rule_definition]
    return str(error.message).removeprefix(str(error.name)).strip()


def _pointer(path: list[Any]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
