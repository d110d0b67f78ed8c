"""Requests and replies of commands: reading, validating, and what to answer. No MQTT, no clock.

A request is `{"command", "arguments"}`, a reply `{"command", "status"}` and `result` or `error`:
docs/contracts.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import blake2b

from virtual_device.base.jsonvalue import Json, JsonObject, NotJsonError, encode, read_object
from virtual_device.commands.commands import NAMES, Action, Argument, Command, Situation, rows
from virtual_device.connection.transport import Failure
from virtual_device.shadow.setting_rules import RefusedError
from virtual_device.shadow.shadow import clip
from virtual_device.telemetry.replies import answer, find
from virtual_device.telemetry.telemetry import model_of, moment_of
from virtual_device.telemetry.thing import Thing

FIELDS = frozenset({"command", "arguments"})
MAX_REPLY_BYTES = 64 * 1024
"""A reply may repeat the request, several times."""

MAX_REMEMBERED = 64
"""Requests that are known again, per device: 32 bytes each, however long the correlation data
is.
"""


class Status(StrEnum):
    """How a request ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """Not done: the request is not valid, or the device is too busy."""
    FAILED = "failed"
    """Tried, but it did not come out as it should."""
    TIMED_OUT = "timed-out"
    """Tried, but the server did not acknowledge in time."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a request: the field, such as `arguments.bytes`, and why."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The one answer to a request: `result` when it was accepted, else `error`.

    What a model says to a message that is no command has no `command`, and is published as it is.
    """

    command: str | None
    status: Status
    result: JsonObject | None = None
    error: Fault | None = None

    def as_document(self) -> JsonObject:
        """As it is published."""
        if self.error is not None:
            error: Json = {"field": self.error.field, "reason": self.error.reason}
            return {"command": self.command, "status": self.status, "error": error}
        if self.command is None:
            return dict(self.result or {})
        return {"command": self.command, "status": self.status, "result": dict(self.result or {})}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A valid request, and what is to be done about it."""

    command: str
    action: Action

    def concluded(self, failure: Failure | None) -> Reply:
        """The reply when the server has answered to the publish, or when there was none."""
        if self.action.must_be_refused:
            return self._of_forbidden(failure)
        if failure is None:
            return Reply(self.command, Status.ACCEPTED, self.action.result)
        return self._failed(failure.reason)

    def timed_out(self, seconds: float) -> Reply:
        """The reply when the server has not answered for so long."""
        fault = Fault("command", f"the server has not acknowledged within {seconds:g} s")
        return Reply(self.command, Status.TIMED_OUT, error=fault)

    def _of_forbidden(self, failure: Failure | None) -> Reply:
        if failure is None:
            return self._failed("the server accepted a message that the policy should forbid")
        if not failure.refused:
            return self._failed(failure.reason)
        found = {**self.action.result, "reasonCode": failure.code, "reason": failure.reason}
        return Reply(self.command, Status.ACCEPTED, found)

    def _failed(self, reason: str) -> Reply:
        return Reply(self.command, Status.FAILED, error=Fault("command", reason))


def receive(payload: bytes, look: Callable[[], Situation]) -> Accepted | Reply:
    """What to do about a request, or its refusal. Never raises, whatever the payload."""
    try:
        document = read_object(payload)
    except NotJsonError as error:
        return refusal("request", str(error))
    situation = look()
    if declared := _declared(document, situation):
        return declared
    try:
        row = _command(document, situation.thing)
    except RefusedFieldError as error:
        return refusal(error.field, str(error))
    try:
        arguments = _arguments(row, document.get("arguments", {}), situation.thing)
    except RefusedFieldError as error:
        return refusal(error.field, str(error), row.name)
    return Accepted(row.name, row.run(arguments, situation))


def _declared(document: JsonObject, situation: Situation) -> Reply | None:
    """What the device's model says to this request; None when it is a command, or the model says
    nothing to it.
    """
    name, thing = document.get("command"), situation.thing
    if isinstance(name, str) and name in rows(thing.device_type):
        return None
    model = model_of(thing)
    found = find(model.replies, document)
    if found is None:
        return None
    moment = moment_of(thing, situation.settings, situation.telemetry_time, situation.sequence)
    try:
        content = answer(found, replace(moment, request=document))
        if len(encode(content)) > MAX_REPLY_BYTES:
            return refusal(
                "request", f"makes a reply of more than {MAX_REPLY_BYTES} bytes", found.command
            )
    except ValueError:
        return refusal(
            "request",
            "holds a number out of range or text that is not valid Unicode",
            found.command,
        )
    return Reply(found.command, Status.ACCEPTED, content)


def refusal(field: str, reason: str, command: str | None = None) -> Reply:
    """A reply that refuses; field and reason may hold anything that was sent, at any length."""
    return Reply(command, Status.REFUSED, error=Fault(clip(field), clip(reason)))


class RefusedFieldError(RefusedError):
    """A field of a request that the device does not take."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def _command(document: JsonObject, thing: Thing) -> Command:
    for key in document:
        if key not in FIELDS:
            raise RefusedFieldError(key, "is not a field of a request")
    name = document.get("command")
    if not isinstance(name, str):
        raise RefusedFieldError("command", "must be a string")
    row = rows(thing.device_type).get(name)
    if row is None:
        whose = f"not available on a {thing.device_type} device" if name in NAMES else "unknown"
        raise RefusedFieldError("command", f"is {whose}; `help` lists the commands")
    return row


def _arguments(row: Command, given: Json, thing: Thing) -> JsonObject:
    if not isinstance(given, dict):
        raise RefusedFieldError("arguments", "must be a JSON object")
    known = {argument.name for argument in row.arguments}
    for name in given:
        if name not in known:
            raise RefusedFieldError(f"arguments.{name}", f"is not an argument of {row.name}")
    return {argument.name: _value(argument, given, thing) for argument in row.arguments}


def _value(argument: Argument, given: JsonObject, thing: Thing) -> Json:
    if argument.name not in given:
        return argument.default
    try:
        return argument.parse(given[argument.name], thing)
    except RefusedError as error:
        raise RefusedFieldError(f"arguments.{argument.name}", str(error)) from None


class Memory:
    """The newest requests, so that one that comes twice is carried out and answered once."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[bytes, None] = {}

    def is_new(self, correlation_data: bytes) -> bool:
        """Whether it comes for the first time; from now on it doesn't."""
        key = blake2b(correlation_data, digest_size=16).digest()
        if key in self._seen:
            return False
        if len(self._seen) >= MAX_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = None
        return True
