"""Commands over MQTT: their topics, who gets the reply, time limit, and each request once. A
capability.

The same commands come in two ways: as a request of MQTT 5 with response topic and correlation data,
and as an execution of AWS IoT Commands (developer guide, "Commands"; API reference, StatusReason
and CommandExecutionResult).
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from virtual_device.base.jsonvalue import Json, JsonObject, encode
from virtual_device.base.timers import Cancellable
from virtual_device.commands.commands import Situation
from virtual_device.commands.requests import Accepted, Memory, Reply, Status, receive, refusal
from virtual_device.connection import topics
from virtual_device.connection.transport import Failure, Message
from virtual_device.core.capability import Capability, Surroundings
from virtual_device.core.effects import Cycle

LIMIT_SECONDS = 10.0
"""How long the server may take to acknowledge what a command publishes."""

MAX_UNDER_WAY = 8
"""Commands of one device that wait for the server; more are refused."""

REBUILD_DELAY_SECONDS = 0.25
"""The connection is rebuilt so long after the reply has arrived: the PUBACK of the request must be
out before, or the server delivers it once more and the device reconnects for ever.
"""

EXECUTION_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Execution ids of AWS IoT (API reference, GetCommandExecution)."""

MAX_DESCRIPTION = 1024
EXECUTION_STATUS = {
    Status.ACCEPTED: "SUCCEEDED",
    Status.REFUSED: "REJECTED",
    Status.FAILED: "FAILED",
    Status.TIMED_OUT: "TIMED_OUT",
}
REASON_CODES = {
    Status.ACCEPTED: "DONE",
    Status.REFUSED: "INVALID_REQUEST",
    Status.FAILED: "FAILED",
    Status.TIMED_OUT: "NO_ACKNOWLEDGEMENT",
}


@dataclass(frozen=True, slots=True)
class Sender:
    """Where the reply goes. `is_execution`: in the form of AWS IoT Commands."""

    topic: str
    correlation_data: bytes | None = None
    is_execution: bool = False


@dataclass(slots=True, eq=False)
class _Pending:
    """A command that waits for the server."""

    sender: Sender
    accepted: Accepted
    timer: Cancellable | None = None


class CommandClient(Capability):
    """One device's commands."""

    __slots__ = ("_device", "_memory", "_under_way")

    def __init__(self, surroundings: Surroundings) -> None:
        self._device = surroundings
        self._memory = Memory()
        self._under_way: set[_Pending] = set()

    @property
    def filters(self) -> Sequence[str]:
        """Requests, in both ways."""
        name = self._device.thing.name
        return topics.request(name), f"{topics.executions(name)}/+/request/json"

    def on_message(self, message: Message) -> bool:
        """Take a request."""
        name = self._device.thing.name
        if message.topic == topics.request(name):
            self._on_request(message)
        elif message.topic.startswith(topics.executions(name) + "/"):
            self._on_execution(message)
        else:
            return False
        return True

    def _on_request(self, message: Message) -> None:
        correlation = message.correlation_data
        if correlation is not None and not self._memory.is_new(b"request " + correlation):
            self._device.tell("repeated command ignored", level=logging.INFO)
            return
        default = topics.response(self._device.thing.name)
        wanted = default if message.response_topic is None else message.response_topic
        if fault := topics.response_fault(wanted, self._device.thing.name):
            self._reply(Sender(default, correlation), refusal("responseTopic", fault))
        else:
            self._take(Sender(wanted, correlation), message.payload)

    def _on_execution(self, message: Message) -> None:
        levels = message.topic.removeprefix(topics.executions(self._device.thing.name) + "/").split(
            "/"
        )
        if levels[1:] != ["request", "json"] or not EXECUTION_ID.fullmatch(levels[0]):
            self._device.tell("command without an execution id ignored", topic=message.topic)
        elif self._memory.is_new(f"execution {levels[0]}".encode()):
            topic = f"{topics.executions(self._device.thing.name)}/{levels[0]}/response/json"
            self._take(Sender(topic, is_execution=True), message.payload)

    def _take(self, sender: Sender, payload: bytes) -> None:
        found = receive(payload, self._look)
        if isinstance(found, Reply):
            self._reply(sender, found)
        elif found.action.publish is None and found.action.desire is None:
            self._conclude(sender, found, None)
        elif len(self._under_way) >= MAX_UNDER_WAY:
            self._reply(
                sender,
                refusal("command", "too many commands are running; try again", found.command),
            )
        else:
            self._begin(sender, found)

    def _begin(self, sender: Sender, accepted: Accepted) -> None:
        publish, desire = accepted.action.publish, accepted.action.desire
        pending = _Pending(sender, accepted)
        pending.timer = self._device.after(LIMIT_SECONDS, partial(self._on_silence, pending))
        self._under_way.add(pending)
        if publish is not None:
            self._device.publish(
                publish.topic, publish.payload, partial(self._on_published, pending)
            )
        if desire is not None:
            self._device.desire(desire, partial(self._on_desired, pending))

    def _on_desired(self, pending: "_Pending", fault: str | None) -> None:
        self._on_published(
            pending, None if fault is None else Failure(f"the shadow: {fault}", refused=False)
        )

    def _on_published(self, pending: "_Pending", failure: Failure | None) -> None:
        if pending not in self._under_way:
            return  # the time limit has answered already
        self._under_way.remove(pending)
        if pending.timer is not None:
            pending.timer.cancel()
        self._conclude(pending.sender, pending.accepted, failure)

    def _on_silence(self, pending: "_Pending") -> None:
        self._under_way.remove(pending)
        self._reply(pending.sender, pending.accepted.timed_out(LIMIT_SECONDS))

    def _conclude(self, sender: Sender, accepted: Accepted, failure: Failure | None) -> None:
        self._reply(sender, accepted.concluded(failure), accepted.action.cycle)

    def _reply(self, sender: Sender, reply: Reply, cycle: Cycle | None = None) -> None:
        reason = (
            {}
            if reply.error is None
            else {"field": reply.error.field, "reason": reply.error.reason}
        )
        self._device.tell(
            "command", level=logging.INFO, command=reply.command, status=str(reply.status), **reason
        )
        document = as_execution(reply) if sender.is_execution else reply.as_document()
        done = partial(self._on_replied, cycle)
        self._device.publish(sender.topic, encode(document), done, sender.correlation_data)

    def _on_replied(self, cycle: Cycle | None, _failure: Failure | None) -> None:
        if cycle is not None:
            rebuild = partial(self._device.reconnect, clean=cycle.clean, away=cycle.away)
            self._device.after(REBUILD_DELAY_SECONDS, rebuild)

    def _look(self) -> Situation:
        device = self._device
        return Situation(
            device.thing, device.settings, device.sequence, device.now(), device.telemetry_time
        )


def as_execution(reply: Reply) -> JsonObject:
    """The reply as AWS IoT Commands takes it; values of the result are strings or booleans
    there.
    """
    description = "done" if reply.error is None else f"{reply.error.field}: {reply.error.reason}"
    reason = "".join(character for character in description if character.isprintable())[
        :MAX_DESCRIPTION
    ]
    document: dict[str, Json] = {
        "status": EXECUTION_STATUS[reply.status],
        "statusReason": {"reasonCode": REASON_CODES[reply.status], "reasonDescription": reason},
    }
    if reply.result:
        document["result"] = {key: _typed(value) for key, value in reply.result.items()}
    return document


def _typed(value: Json) -> Json:
    if isinstance(value, bool):
        return {"b": value}
    return {"s": value if isinstance(value, str) else encode(value).decode()}
