"""One device of a host, from the moment when it gets its seat until nothing of it is left."""

from enum import Enum

from virtual_device.base.errors import DeviceError
from virtual_device.base.timers import Cancellable
from virtual_device.state.certify import CertificateLateError
from virtual_device.state.seat import Seat


class Stage(Enum):
    """How far it has come."""

    ENROLLING = "a thread sees to its identity"
    HERE = "it runs"
    WAITING = "it failed, and is tried again"
    FAILED = "it failed for good"


class SeatDroppedError(DeviceError):
    """The seat was taken back while its device was being enrolled."""


class Guest:
    """There is one for a thing name at most, and as long as there is one, the name is not free."""

    __slots__ = ("fault", "leaving", "seat", "stage", "timer")

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.stage = Stage.ENROLLING
        self.fault = ""
        """What its latest failure said, so that the same is not logged again and again."""
        self.leaving = False
        """Whether it has to go, whatever stage it is at."""
        self.timer: Cancellable | None = None

    @property
    def name(self) -> str:
        """The thing's."""
        return self.seat.thing_name

    @property
    def failed(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.stage is Stage.FAILED and not self.leaving

    def rest(self) -> None:
        """What it waits for is of no interest any more."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def may_pass(error: BaseException) -> bool:
    """Whether the same is worth another try."""
    if isinstance(error, CertificateLateError):
        return True
    return isinstance(error, DeviceError) and not error.permanent
