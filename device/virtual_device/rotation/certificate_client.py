"""Requests about the device's certificate, and their answers (docs/contracts.md, "Certificates").

At most one is open; who asks is told, with growing pauses, that it was not answered.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Protocol

from virtual_device.base.jsonvalue import JsonObject, NotJsonError, decode_object, encode
from virtual_device.base.timers import Cancellable
from virtual_device.connection import topics
from virtual_device.connection.transport import Message
from virtual_device.core.capability import Surroundings

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 5.0, 120.0


class Asker(Protocol):
    """Who asks."""

    def on_answer(self, content: JsonObject, *, accepted: bool) -> None:
        """The answer to what was asked last."""

    def on_silence(self, tries: int) -> None:
        """No answer has come, so many times. Nothing is asked again by itself."""


class CertificateClient:
    """One device's."""

    __slots__ = ("_asker", "_content", "_device", "_timer", "_tries", "_verb")

    def __init__(self, device: Surroundings, asker: Asker) -> None:
        self._device, self._asker = device, asker
        self._verb = ""
        self._content: Mapping[str, str] = {}
        self._timer: Cancellable | None = None
        self._tries = 0

    @property
    def filters(self) -> Sequence[str]:
        """Where answers come in."""
        return (f"{topics.certificate(self._device.thing.name)}/+/+",)

    def ask(self, verb: str, job_id: str, **content: str) -> None:
        """Ask, instead of what was asked before."""
        self._verb, self._content, self._tries = verb, {"jobId": job_id, **content}, 0
        self._send()

    def ask_again(self) -> None:
        """Ask the same once more; the pause after it is longer."""
        self._send()

    def pause(self) -> None:
        """No answer can come for now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def stop(self) -> None:
        """Nothing is asked any more."""
        self.pause()
        self._verb = ""

    def on_message(self, message: Message) -> bool:
        """Take an answer; False when it is none."""
        base = topics.certificate(self._device.thing.name) + "/"
        if not message.topic.startswith(base):
            return False
        verb, _, verdict = message.topic.removeprefix(base).partition("/")
        try:
            content = decode_object(message.payload)
        except NotJsonError as error:
            self._device.tell("answer ignored", verb=verb, reason=str(error))
            return True
        if verb == self._verb and content.get("jobId") == self._content["jobId"]:
            self._asker.on_answer(content, accepted=verdict == "accepted")
        return True

    def _send(self) -> None:
        self.pause()
        topic = f"{topics.certificate(self._device.thing.name)}/{self._verb}"
        self._device.publish(topic, encode(dict(self._content)), lambda _failure: None)
        limit = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0**self._tries)
        self._tries = min(self._tries + 1, 16)
        self._timer = self._device.after(random.uniform(limit / 2, limit), self._on_time)  # noqa: S311 - jitter

    def _on_time(self) -> None:
        self._timer = None
        self._asker.on_silence(self._tries)
