"""What a device replied to a command: docs/contracts.md, "Commands"."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.jsontext import decode_object
from common.jsonvalues import NotJsonError
from control_plane.problem import FieldError, Problem, pointer

ACCEPTED, REFUSED, FAILED, TIMED_OUT = "accepted", "refused", "failed", "timed-out"
STATUSES = (ACCEPTED, REFUSED, FAILED, TIMED_OUT)
WHOLE_REQUEST = "request"


@dataclass(frozen=True)
class Reply:
    """A reply that has the form of one. A model's answer to a message that is no command is its own
    result.
    """

    status: str
    content: Mapping[str, Any]
    error_field: str = ""
    error_reason: str = ""

    @classmethod
    def from_payload(cls, payload: bytes) -> "Reply":
        """From what was published. Raises Problem 502 when it is no reply: a device may say
        anything.
        """
        found = _object(payload)
        if "command" not in found or found.get("status") not in STATUSES:
            return cls(ACCEPTED, found)
        part = found.get("result" if found["status"] == ACCEPTED else "error")
        if not isinstance(part, dict):
            raise _malformed()
        if found["status"] == ACCEPTED:
            return cls(ACCEPTED, part)
        return cls(found["status"], {}, str(part.get("field", "")), str(part.get("reason", "")))

    def result(self) -> Mapping[str, Any]:
        """What the device says when it has done it; raises the Problem that it is otherwise."""
        if self.status == ACCEPTED:
            return self.content
        if self.status == REFUSED:
            field = "" if self.error_field == WHOLE_REQUEST else pointer(self.error_field)
            error, detail = (
                FieldError(field, self.error_reason),
                f"{self.error_field}: {self.error_reason}",
            )
            raise Problem(
                422, "refused-by-device", "The device has refused the command", detail, [error]
            )
        if self.status == FAILED:
            raise Problem(502, "command-failed", "The device tried and failed", self.error_reason)
        raise Problem(
            504, "not-acknowledged", "The device got no answer from AWS IoT", self.error_reason
        )


def _object(payload: bytes) -> Mapping[str, Any]:
    try:
        return decode_object(payload)
    except NotJsonError:
        raise _malformed() from None


def _malformed() -> Problem:
    return Problem(
        502,
        "no-valid-reply",
        "The device's reply is not valid",
        "the answer is not a reply to a command",
    )
