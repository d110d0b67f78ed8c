"""What the API answers instead of what was asked for: RFC 9457 problem details, which name the
field that is wrong.

https://www.rfc-editor.org/rfc/rfc9457. A client goes by `type`; `detail` is for people.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from common.errors import InvalidInput

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:iot-playground:problem:"

_OF_A_GROUP = re.compile(r"groups\[(?P<number>\d+)\](\.(?P<rest>.*))?", re.DOTALL)

NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class FieldError:
    """One rule that was broken: `field` is a JSON pointer into the body, or the name of a
    parameter.
    """

    field: str
    rule: str


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818 - RFC 9457 calls it so
    """An answer that is no success. `slug` is the end of its type."""

    status: int
    slug: str
    title: str
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: NONE)

    def document(self) -> dict[str, Any]:
        """The body of the answer."""
        found: dict[str, Any] = {
            "type": TYPE_PREFIX + self.slug,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            found["errors"] = [{"field": error.field, "rule": error.rule} for error in self.errors]
        return found


def invalid(*errors: FieldError) -> Problem:
    """The request breaks a rule; nothing was changed."""
    detail = "; ".join(f"{error.field or 'the body'}: {error.rule}" for error in errors)
    return Problem(400, "invalid-input", "The request is not valid", detail, errors)


def not_authenticated(detail: str) -> Problem:
    """Who asks is not known. https://www.rfc-editor.org/rfc/rfc6750#section-3"""
    challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return Problem(401, "not-authenticated", "The caller is not known", detail, headers=challenge)


def not_allowed(detail: str) -> Problem:
    """Who asks is known, and may not."""
    return Problem(403, "not-allowed", "Not allowed", detail)


def not_found(detail: str) -> Problem:
    """There is no such thing."""
    return Problem(404, "not-found", "Not found", detail)


def method_not_allowed(method: str, allowed: Sequence[str]) -> Problem:
    """The path is known, and not this method of it."""
    return Problem(
        405,
        "method-not-allowed",
        "Method not allowed",
        f"{method} is not among {', '.join(allowed)}",
        headers={"Allow": ", ".join(allowed)},
    )


def conflict(detail: str, *errors: FieldError) -> Problem:
    """It can't be done as things are now."""
    return Problem(409, "conflict", "Conflict with the present state", detail, errors)


def too_large(detail: str) -> Problem:
    """The body is longer than anything that is asked for here."""
    return Problem(413, "too-large", "The body is too large", detail)


def unsupported_media_type(detail: str) -> Problem:
    """The body is not JSON by its own account."""
    return Problem(415, "unsupported-media-type", "The body must be JSON", detail)


def try_again(detail: str) -> Problem:
    """AWS asked for patience."""
    return Problem(503, "try-again", "Try again in a moment", detail, headers={"Retry-After": "1"})


def unforeseen() -> Problem:
    """An error that nobody has foreseen; the log has it, the caller does not."""
    return Problem(
        500, "internal", "Something went wrong", "The log of the function has the cause."
    )


def of_input(error: InvalidInput) -> Problem:
    """What a rule of the workflows says of the body's fields."""
    return invalid(FieldError(pointer(error.field), error.rule))


def pointer(path: str) -> str:
    """The JSON pointer (RFC 6901) of a field that the workflows call `field` or `field.entry`, of a
    fleet's group also `groups[1].field.entry`.
    """
    group = _OF_A_GROUP.fullmatch(path)
    parts = ["groups", group["number"]] if group else []
    rest = group["rest"] if group else path
    parts += rest.split(".", 1) if rest else []
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
