"""What a job makes the device do: the job as it was given, and what an operation must be able to.

Jobs as such (queue, states, topics) are the business of the capability that takes them; an
operation knows its work.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from virtual_device.base.jsonvalue import JsonObject
from virtual_device.commands.requests import RefusedFieldError
from virtual_device.core.capability import Surroundings


@dataclass(frozen=True, slots=True)
class Job:
    """A job execution that is the device's to carry out."""

    job_id: str
    operation: str
    parameters: JsonObject
    """What the operation's `parse` has made of the job document."""
    details: Mapping[str, str] = field(default_factory=dict)
    """`statusDetails` as the service has them: not empty when an earlier run of this device was
    interrupted.
    """


class Report(Protocol):
    """How an operation tells how it goes. After `succeeded`, `failed` or `rejected` it is over and
    tells no more.
    """

    def progress(self, **details: str) -> None:
        """Still under way; `details` become statusDetails beside those that are there."""

    def succeeded(self, **details: str) -> None:
        """It is done."""

    def failed(self, code: str, reason: str) -> None:
        """It was tried in vain; nothing of it is in force. `code` is a word for programs, such as
        `NO_ANSWER`.
        """

    def rejected(self, code: str, reason: str) -> None:
        """It was not begun."""


class Operation:
    """One under way. What it doesn't care about needs no method. None of them may block."""

    __slots__ = ()

    def start(self) -> None:
        """Begin, or go on where an interrupted run has left off."""

    def cancel(self) -> None:
        """The job was cancelled, has timed out or is gone: stop, and leave nothing half done.
        Nothing is reported.
        """

    def on_ready(self) -> None:
        """The device is connected again, with all its subscriptions."""

    def on_disconnected(self) -> None:
        """The connection is gone; it comes back by itself."""

    def on_settings(self, before: JsonObject) -> None:
        """The device runs with other settings than before."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table of operations."""

    name: str
    description: str
    parse: Callable[[JsonObject, Surroundings], JsonObject]
    """The parameters of a job document (all but `operation`), checked; raises
    `RefusedFieldError`.
    """
    make: Callable[[Job, Surroundings, Report], Operation]


def only(parameters: JsonObject, *names: str) -> None:
    """Raises `RefusedFieldError` for a parameter that has none of these names."""
    for name in parameters:
        if name not in names:
            raise RefusedFieldError(name, "is not a parameter of this operation")
