"""The devices of a host: brought to what its manifest says, one name at a time.

A device that has its seat is left alone. One that has lost it, or has another one under the same
name, says goodbye and is forgotten before anything else is done with the name.
"""

import logging
import random
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial

from virtual_device.base.errors import DeviceError
from virtual_device.core.capability import Surroundings
from virtual_device.core.lodging import NoRoomError
from virtual_device.hosting.guest import Guest, SeatDroppedError, Stage, may_pass
from virtual_device.state import enrol
from virtual_device.state.enrol import Fetch
from virtual_device.state.seat import Seat
from virtual_device.state.store import Enrolment, Store
from virtual_device.web.sources import Sources

RETRY_SECONDS = 10.0
"""What may be better next time is tried again within this time, after half of it at least."""


class Guests:
    """Those of one host.

    `forgotten` is told of each that has left, `in_need` when one could not be had with the URL that
    is known of it.
    """

    __slots__ = ("_fetch", "_forgotten", "_guests", "_host", "_in_need", "_seats")

    def __init__(
        self,
        host: Surroundings,
        fetch: Fetch,
        forgotten: Callable[[str], None],
        in_need: Callable[[], None],
    ) -> None:
        self._host, self._fetch = host, fetch
        self._forgotten, self._in_need = forgotten, in_need
        self._seats: Mapping[str, Seat] = {}
        self._guests: dict[str, Guest] = {}

    def seat(self, seats: Mapping[str, Seat]) -> None:
        """These are the seats from now on, by thing name."""
        self._seats = seats
        for name in [*self._guests, *(name for name in seats if name not in self._guests)]:
            self._settle(name)

    def send_off(self, names: frozenset[str]) -> None:
        """Forget these, which have no seat any more, as an earlier process had begun to."""
        for name in names:
            if name not in self._seats and not self._host.lodging.has(name):
                self._guests[name] = guest = Guest(Seat(name, ""))
                guest.leaving = True
                self._forget(guest)

    @property
    def online(self) -> int:
        """How many have a connection."""
        is_online = self._host.lodging.is_online
        return sum(
            guest.stage is Stage.HERE and not guest.leaving and is_online(name)
            for name, guest in self._guests.items()
        )

    @property
    def failed(self) -> int:
        """How many can't be had, however often one tries."""
        return sum(guest.failed for guest in self._guests.values())

    @property
    def needy(self) -> bool:
        """Whether one of them was tried, and does not run."""
        return any(guest.stage in {Stage.WAITING, Stage.FAILED} for guest in self._guests.values())

    def _settle(self, name: str) -> None:
        seat, guest = self._seats.get(name), self._guests.get(name)
        if guest is None:
            if seat is not None:
                self._guests[name] = guest = Guest(seat)
                self._enrol(guest)
        elif guest.leaving:
            pass  # Its end comes back here.
        elif seat is None or seat.seat != guest.seat.seat:
            self._dismiss(guest)
        else:
            guest.seat = seat
            if guest.stage in {Stage.WAITING, Stage.FAILED}:
                self._enrol(guest)

    # --- in

    def _enrol(self, guest: Guest) -> None:
        guest.rest()
        if self._host.lodging.has(guest.name):
            self._give_up(guest, NoRoomError(f"{guest.name} runs in this process already"))
            return
        guest.stage = Stage.ENROLLING
        host = self._host
        call = partial(_enrolled, guest, guest.seat, host.store, host.sources, self._fetch)
        host.lodging.enrol(call, partial(self._on_enrolled, guest, guest.seat))

    def _on_enrolled(self, guest: Guest, tried: Seat, outcome: "Future[Enrolment]") -> None:
        if guest.leaving:
            self._forget(guest)
            return
        error = outcome.exception()
        if error is None:
            error = self._lodge(outcome.result())
        if error is None:
            guest.stage = Stage.HERE
        elif guest.seat is not tried:
            # What was tried is not what is known by now.
            self._enrol(guest)
        elif may_pass(error):
            self._try_later(guest, error)
        else:
            self._give_up(guest, error)

    def _lodge(self, enrolment: Enrolment) -> Exception | None:
        try:
            self._host.lodging.lodge(enrolment)
        except (DeviceError, ValueError) as error:
            return error
        return None

    def _try_later(self, guest: Guest, error: BaseException) -> None:
        guest.stage = Stage.WAITING
        self._tell("hosted device not started yet", guest, error)
        guest.timer = self._host.after(pause(), partial(self._enrol, guest))
        self._in_need()

    def _give_up(self, guest: Guest, error: BaseException) -> None:
        guest.stage = Stage.FAILED
        self._tell("hosted device can't be started", guest, error, logging.ERROR)
        self._in_need()

    # --- out

    def _dismiss(self, guest: Guest) -> None:
        guest.leaving = True
        guest.rest()
        if guest.stage is Stage.HERE:
            self._host.lodging.evict(guest.name, partial(self._forget, guest))
        elif guest.stage is not Stage.ENROLLING:  # else the thread that sees to it notices
            self._forget(guest)

    def _forget(self, guest: Guest) -> None:
        forget = partial(self._host.store.forget, guest.name)
        self._host.lodging.enrol(forget, partial(self._on_forgotten, guest))

    def _on_forgotten(self, guest: Guest, outcome: "Future[None]") -> None:
        if error := outcome.exception():
            self._tell("state of a hosted device not removed yet", guest, error)
            guest.timer = self._host.after(pause(), partial(self._forget, guest))
            return
        del self._guests[guest.name]
        self._forgotten(guest.name)
        self._settle(guest.name)

    def _tell(
        self, message: str, guest: Guest, error: BaseException, level: int = logging.WARNING
    ) -> None:
        if guest.fault != (fault := f"{message}: {error}"):
            guest.fault, kind = fault, type(error).__name__
            self._host.tell(message, level, device=guest.name, error=kind, reason=str(error))


def pause() -> float:
    """Seconds until the next try."""
    return random.uniform(RETRY_SECONDS / 2, RETRY_SECONDS)  # noqa: S311 - jitter, no secret


def _enrolled(guest: Guest, seat: Seat, store: Store, sources: Sources, fetch: Fetch) -> Enrolment:
    """On a thread that may block. Raises `DeviceError`."""

    def unless_dropped(url: str, what: str, allowed: Sources) -> bytes:
        if guest.leaving:
            raise SeatDroppedError(f"{seat.thing_name} has lost its seat")
        return fetch(url, what, allowed)

    return enrol.from_seat(seat, store, sources, unless_dropped)
