"""What a process offers a device that hosts others: room for them."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from virtual_device.base.errors import DeviceError
from virtual_device.state.store import Enrolment


class NoRoomError(DeviceError):
    """The process has a device of this name already, or starts none any more."""


class Lodging(Protocol):
    """The process, as a host sees it. Only from the reactor's thread."""

    @property
    def manifest_token(self) -> str | None:
        """What a host shows with the URL of its manifest; None where nobody has told it."""

    def lodge(self, enrolment: Enrolment) -> None:
        """Start a device. Raises `NoRoomError`, `DescriptorsLackingError`, `ValueError` for an
        identity that can't be used, `StateUnusableError` when its memory can't be read.
        """

    def evict(self, thing_name: str, gone: Callable[[], None]) -> None:
        """Have a device say goodbye for good; `gone` is called when it writes nothing any more, at
        once when there is none.
        """

    def has(self, thing_name: str) -> bool:
        """Whether the process runs a device of this name, hosted or not."""

    def is_online(self, thing_name: str) -> bool:
        """Whether that device has a connection."""

    def enrol(self, call: Callable[[], Any], done: "Callable[[Future[Any]], None]") -> None:
        """Have `call` made on a thread that may block for minutes; `done` gets its outcome where
        everything else runs.
        """


class NoLodging:
    """Of a process that runs what it was started with, and no other device."""

    manifest_token: str | None = None

    def lodge(self, enrolment: Enrolment) -> None:
        """There is no room."""
        raise NoRoomError(f"{enrolment.config.thing.name}: this process takes no other device")

    def evict(self, thing_name: str, gone: Callable[[], None]) -> None:
        """It is not here."""
        del thing_name
        gone()

    def has(self, thing_name: str) -> bool:
        """None is."""
        del thing_name
        return False

    def is_online(self, thing_name: str) -> bool:
        """None is."""
        del thing_name
        return False

    def enrol(self, call: Callable[[], Any], done: "Callable[[Future[Any]], None]") -> None:
        """There is nothing to enrol for."""
        del call
        outcome: Future[Any] = Future()
        outcome.set_exception(NoRoomError("this process takes no other device"))
        done(outcome)
