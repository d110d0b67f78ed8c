"""The classic shadow over MQTT: its topics, who answers what, and what is asked again. The only
module that knows.

Plain topics instead of `awsiot.iotshadow.IotShadowClientV2`, after measuring both with 300 idle
devices and all subscriptions open: 88 KiB a device against 103, where the bare MQTT client takes 81
and a device with its own state may take 1.4 times that. Besides, all filters go into one SUBSCRIBE,
one round trip before the first `get`, where the V2 client takes one for each operation; and updates
by others, which this device must see, the V2 client doesn't deliver.

Rules from the AWS IoT Core developer guide, "Device Shadow MQTT topics" and "Device Shadow error
messages".
"""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from virtual_device.base.jsonvalue import (
    Json,
    JsonObject,
    NotJsonError,
    encode,
    is_integer,
    read_object,
)
from virtual_device.base.timers import Cancellable, Timers
from virtual_device.connection import topics
from virtual_device.connection.transport import Done, Failure
from virtual_device.shadow.shadow import BadDocumentError, Delta, Document, Update

ANSWER_SECONDS = 15.0
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 120.0

FORBIDDEN, MISSING, CONFLICT, TIMED_OUT = 403, 404, 409, 504
FINAL = frozenset({400, 401, 403, 404, 413, 415})
"""Asking again would get the same answer. 429 and 500, and silence, are asked again."""

ANSWERS = (
    "update/delta",
    "update/accepted",
    "update/rejected",
    "get/accepted",
    "get/rejected",
    "delete/accepted",
)


Publish = Callable[[str, bytes, Done], None]
Wished = Callable[[str | None], None]
"""Called with None when the shadow holds the wish, else with the reason why not."""


class Listener(Protocol):
    """Who is told what the shadow says."""

    def on_document(self, document: Document) -> None:
        """`get` was answered."""

    def on_missing(self) -> None:
        """`get` was answered: there is no shadow."""

    def on_delta(self, delta: Delta) -> None:
        """`desired` differs from `reported`."""

    def on_update_accepted(self, version: int) -> None:
        """Our update was accepted."""

    def on_update_failed(self) -> None:
        """Our update was refused or lost. Where it makes sense, `get` was already asked for."""

    def on_foreign_update(self, update: Update) -> None:
        """Someone else's update was accepted."""

    def on_deleted(self) -> None:
        """The shadow was deleted."""

    def on_trouble(self, message: str, **fields: object) -> None:
        """Something that the log should hold."""


@dataclass(slots=True)
class _Request:
    token: str
    timer: Cancellable


@dataclass(slots=True)
class _Wish:
    timer: Cancellable
    done: Wished


class ShadowClient:
    """One device's shadow. At most one `get` and one `update` are under way; `get` is asked again
    by itself.
    """

    def __init__(
        self, thing_name: str, publish: Publish, timers: Timers, listener: Listener
    ) -> None:
        self._prefix = topics.shadow(thing_name)
        self._publish = publish
        self._timers = timers
        self._listener = listener
        self._requests: dict[str, _Request] = {}
        self._wishes: dict[Json, _Wish] = {}
        self._retry: Cancellable | None = None
        self._failures = 0

    @property
    def filters(self) -> list[str]:
        """What to subscribe to before anything is asked."""
        return [f"{self._prefix}/{answer}" for answer in ANSWERS]

    @property
    def updating(self) -> bool:
        """Whether an update waits for its answer."""
        return "update" in self._requests

    def get(self) -> None:
        """Ask for the whole shadow, unless that is under way."""
        self._cancel_retry()
        if "get" not in self._requests:
            self._ask("get", {})

    def update(self, reported: JsonObject) -> None:
        """Send a patch of `reported`. No version: only we write there, so nothing can collide."""
        self._ask("update", {"state": {"reported": dict(reported)}})

    def desire(self, desired: JsonObject, done: Wished) -> None:
        """Send a patch of `desired`, as an app would: the device follows by the delta that comes of
        it.
        """
        token = uuid.uuid4().hex
        timer = self._timers.after(ANSWER_SECONDS, partial(self._grant, token, _silence()))
        self._wishes[token] = _Wish(timer, done)
        payload = encode({"state": {"desired": dict(desired)}, "clientToken": token})
        self._publish(f"{self._prefix}/update", payload, partial(self._on_wish_published, token))

    def forget(self) -> None:
        """The connection is gone, and with it every answer."""
        self._cancel_retry()
        for request in self._requests.values():
            request.timer.cancel()
        self._requests.clear()
        for token in list(self._wishes):
            self._grant(token, "the connection was lost")

    def on_message(self, topic: str, payload: bytes) -> bool:
        """Take a message if it is the shadow's. What it says wrongly is told and forgotten."""
        if not topic.startswith(f"{self._prefix}/"):
            return False
        kind = topic.removeprefix(f"{self._prefix}/")
        try:
            self._take(kind, read_object(payload))
        except (NotJsonError, BadDocumentError) as error:
            self._listener.on_trouble("shadow message ignored", kind=kind, reason=str(error))
        return True

    def _take(self, kind: str, document: dict[str, Json]) -> None:
        match kind:
            case "update/delta":
                self._listener.on_delta(Delta.from_payload(document))
            case "update/accepted":
                self._on_update_accepted(document)
            case "get/accepted":
                self._on_get_accepted(document)
            case "get/rejected" | "update/rejected":
                self._on_rejected(kind.removesuffix("/rejected"), document)
            case "delete/accepted":
                self._listener.on_deleted()

    def _on_update_accepted(self, document: dict[str, Json]) -> None:
        update = Update.from_payload(document)
        if self._settle("update", document.get("clientToken")):
            self._failures = 0
            self._listener.on_update_accepted(update.version)
        else:
            self._grant(document.get("clientToken"), None)
            self._listener.on_foreign_update(update)

    def _on_get_accepted(self, document: dict[str, Json]) -> None:
        answer = Document.from_payload(document)
        if self._settle("get", document.get("clientToken")):
            self._failures = 0
            self._listener.on_document(answer)

    def _on_rejected(self, operation: str, document: dict[str, Json]) -> None:
        code = document.get("code")
        self._grant(document.get("clientToken"), f"{document.get('message')} ({code})")
        if self._settle(operation, document.get("clientToken")):
            known = int(code) if isinstance(code, int | float) and is_integer(code) else TIMED_OUT
            self._failed(operation, known, str(document.get("message")))

    def _failed(self, operation: str, code: int, message: str) -> None:
        if operation == "get" and code == MISSING:
            self._listener.on_missing()
            return
        self._listener.on_trouble(f"shadow {operation} failed", code=code, reason=message)
        if operation == "update":
            self._listener.on_update_failed()
        if code not in FINAL:
            self._get_later(at_once=code == CONFLICT and self._failures == 0)

    def _get_later(self, *, at_once: bool) -> None:
        """An update isn't repeated as it was: the document comes first, then what it still
        lacks.
        """
        self._cancel_retry()
        limit = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        delay = 0.0 if at_once else random.uniform(0, limit)  # noqa: S311 - jitter, no secret
        self._retry = self._timers.after(delay, self.get)

    def _cancel_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _ask(self, operation: str, request: dict[str, Json]) -> None:
        token = uuid.uuid4().hex
        timer = self._timers.after(ANSWER_SECONDS, partial(self._on_silence, operation, token))
        self._requests[operation] = _Request(token, timer)
        payload = encode({**request, "clientToken": token})
        self._publish(
            f"{self._prefix}/{operation}", payload, partial(self._on_published, operation, token)
        )

    def _on_published(self, operation: str, token: str, failure: Failure | None) -> None:
        """A publish that failed gets no answer; when the policy forbids it, that is what 403
        says.
        """
        if failure is not None and self._settle(operation, token):
            self._failed(operation, FORBIDDEN if failure.refused else TIMED_OUT, failure.reason)

    def _on_silence(self, operation: str, token: str) -> None:
        if self._settle(operation, token):
            self._failed(operation, TIMED_OUT, _silence())

    def _on_wish_published(self, token: str, failure: Failure | None) -> None:
        if failure is not None:
            self._grant(token, failure.reason)

    def _grant(self, token: Json, fault: str | None) -> None:
        """This answers a wish, if it was one of ours."""
        wish = self._wishes.pop(token, None) if isinstance(token, str) else None
        if wish is not None:
            wish.timer.cancel()
            wish.done(fault)

    def _settle(self, operation: str, token: Json) -> bool:
        """Whether this answers what is under way; then it no longer is."""
        request = self._requests.get(operation)
        if request is None or request.token != token:
            return False
        request.timer.cancel()
        del self._requests[operation]
        return True


def _silence() -> str:
    return f"no answer within {ANSWER_SECONDS:.0f} s"
