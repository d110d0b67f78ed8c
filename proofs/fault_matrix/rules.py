"""What goes wrong: faults, and rules that say whose call they strike."""

import json
import threading
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from proofs.fault_matrix.calls import Call

Protocol = Literal["json", "rest-json", "rest-xml"]


class Fault(Enum):
    """The ways in which a call goes wrong; the value is what the tables say."""

    ERROR_BEFORE = "error before its effect"
    TIME_OUT_AFTER = "effect, then time-out"
    LOST_AFTER = "effect, answer lost every time"
    THROTTLED_TWICE = "throttled twice"
    DENIED = "access denied"
    MALFORMED = "malformed answer"
    GONE = "bucket or table gone"
    HELD = "held"


# How often a fault strikes; None is every time.
STRIKES: dict[Fault, int | None] = {Fault.TIME_OUT_AFTER: 1, Fault.THROTTLED_TWICE: 2}

IN_TABLE = (
    Fault.ERROR_BEFORE,
    Fault.TIME_OUT_AFTER,
    Fault.LOST_AFTER,
    Fault.THROTTLED_TWICE,
    Fault.DENIED,
    Fault.MALFORMED,
)

# Status and code, per service, from the "Common Errors" and "Errors" of each API reference.
_ANSWERS: dict[Fault, dict[str, tuple[int, str]]] = {
    Fault.ERROR_BEFORE: {
        "dynamodb": (500, "InternalServerError"),
        "ecs": (500, "ServerException"),
        "s3": (500, "InternalError"),
        "sns": (500, "InternalError"),
        "": (500, "InternalFailureException"),
    },
    Fault.THROTTLED_TWICE: {
        "s3": (503, "SlowDown"),
        "sns": (400, "Throttling"),
        "": (400, "ThrottlingException"),
    },
    Fault.DENIED: {
        "iot": (403, "AccessDeniedException"),
        "iot-data": (403, "ForbiddenException"),
        "s3": (403, "AccessDenied"),
        "sns": (403, "AuthorizationError"),
        "": (400, "AccessDeniedException"),
    },
    Fault.GONE: {"s3": (404, "NoSuchBucket"), "": (400, "ResourceNotFoundException")},
}


@dataclass(frozen=True)
class Answer:
    """What is sent instead of AWS's own answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def answer_to(call: Call, fault: Fault) -> Answer:
    """An error as the service itself would word it."""
    status, code = _ANSWERS[fault].get(call.service, _ANSWERS[fault][""])
    message = f"injected: {fault.value}"
    if call.service in ("s3", "sns"):
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        if call.service == "sns":
            text = f"<ErrorResponse>{text}</ErrorResponse>"
        return Answer(status, {"Content-Type": "application/xml"}, text.encode())
    if call.service in ("iot", "iot-data"):
        return Answer(
            status,
            {"Content-Type": "application/json", "x-amzn-ErrorType": code},
            json.dumps({"message": message}).encode(),
        )
    body = json.dumps({"__type": code, "message": message}).encode()
    return Answer(status, {"Content-Type": "application/x-amz-json-1.1"}, body)


@dataclass
class Rule:
    """One fault, for the calls of one thing. Empty fields match every value.

    `occurrence` counts the calls of that name within one invocation of the function, from 0,
    repetitions by the SDK not counted; None is all of them. `later` is how many invocations that
    make the call pass before: the fault strikes a state that is entered again.
    """

    fault: Fault
    thing: str
    function: str = ""
    call: str = ""
    occurrence: int | None = None
    later: int = 0
    most: int | None = None
    """How often it strikes, where that is not the fault's own number."""
    release: threading.Event = field(default_factory=threading.Event)
    """For HELD: the calls wait until it is set."""
    struck: threading.Event = field(default_factory=threading.Event)
    hits: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _seen: dict[str, list[str]] = field(default_factory=dict)

    def strikes(self, call: Call) -> bool:
        """Whether this call is to fail; counts it when it is."""
        if not self._is_about(call):
            return False
        with self._lock:
            number = self._number(call)
            if list(self._seen).index(call.invocation) < self.later:
                return False
            if self.occurrence is not None and number != self.occurrence:
                return False
            most = STRIKES.get(self.fault) if self.most is None else self.most
            if most is not None and self.hits >= most:
                return False
            self.hits += 1
        self.struck.set()
        return True

    def _is_about(self, call: Call) -> bool:
        return (
            call.thing == self.thing
            and self.function in ("", call.function)
            and (
                self.call in ("", call.name)
                or (self.call.endswith(":*") and self.call[:-2] == call.service)
            )
        )

    def _number(self, call: Call) -> int:
        """Which call of its name within its invocation this is."""
        seen = self._seen.setdefault(call.invocation, [])
        if call.attempts_of not in seen:
            seen.append(call.attempts_of)
        return seen.index(call.attempts_of)
