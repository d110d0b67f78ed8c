"""Finds a host for a device, or has one made."""

import json
import uuid
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import TransientError
from common.identifiers import HOST_TYPE, owner_of
from hosting.board import Board
from hosting.seats import OpenHost, Seat, new_seat

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

TRIES = 5


@dataclass(frozen=True)
class Guest:
    """Who wants a seat: the device, the execution that made it, the attempt that asks, the
    reference to its config, and the seats that it had before.
    """

    thing_name: str
    execution_arn: str
    attempt: str
    config_url: str
    replaced: Collection[str] = ()

    @property
    def owner(self) -> str:
        """The mark of that execution."""
        return owner_of(self.execution_arn)

    @property
    def machine(self) -> str:
        """ARN of the state machine that provisions devices: the one of that execution."""
        return self.execution_arn.rpartition(":")[0].replace(":execution:", ":stateMachine:")


@dataclass(frozen=True)
class Placing:
    """Gives seats. `capacity`: how many devices a host takes."""

    board: Board
    sfn: "SFNClient"
    capacity: int

    def place(self, guest: Guest) -> Seat:
        """The attempt's one seat. Safe to repeat. Raises TransientError when others take every seat
        before.
        """
        found = self._seat_of(guest)
        if found is not None:
            self.board.tell(found.host)
            return found
        for _ in range(TRIES):
            for host in self._candidates(guest):
                self._start(host, guest)
                asked = (host.name, guest.thing_name, guest.owner, guest.attempt)
                seat = new_seat(*asked, guest.config_url)
                if self.board.take(seat, self.capacity):
                    return seat
            self._open(guest)
        raise TransientError(f"{guest.thing_name} found no seat on a host; try again")

    def _seat_of(self, guest: Guest) -> Seat | None:
        """The seat that an earlier call has taken."""
        mine = self.board.seats.of(guest.thing_name)
        if mine is None:
            return None
        if mine.owner != guest.owner:
            raise TransientError(
                f"{guest.thing_name} still has the seat of a device of that name before"
            )
        if mine.handle not in guest.replaced:
            return mine
        self.board.leave(mine)
        return None

    def _candidates(self, guest: Guest) -> Iterator[OpenHost]:
        """Those with room: the one where the device was, which ends the old before it begins the
        new; then the fullest, so that hosts get empty.
        """
        before = {seat.host for seat in map(Seat.from_handle, guest.replaced) if seat}
        hosts = [host for host in self.board.seats.hosts() if host.seats < self.capacity]
        yield from sorted(hosts, key=lambda host: (host.name not in before, -host.seats, host.name))

    def _open(self, guest: Guest) -> None:
        """Open one more, unless somebody else does at this moment."""
        number = self.board.seats.next_number()
        name = f"{HOST_TYPE}-{number}"
        before = guest.execution_arn.rpartition(":")[0]
        # Never the name of an execution that a stack of this name had before.
        self.board.seats.open(name, number, f"{before}:{name}-{uuid.uuid4().hex[:8]}")

    def _start(self, host: OpenHost, guest: Guest) -> None:
        """Have it made, unless somebody else has: whoever opened it may have been killed since."""
        if host.started:
            return
        with suppress(self.sfn.exceptions.ExecutionAlreadyExists):  # and has ended
            self.sfn.start_execution(
                stateMachineArn=guest.machine,
                name=host.execution.rpartition(":")[2],
                input=json.dumps({"thingName": host.name, "deviceType": HOST_TYPE}),
            )
        self.board.seats.has_started(host.name)
