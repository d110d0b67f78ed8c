"""Finds a host for a device, or has one made."""

import json
import uuid
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import TransientError
from common.identifiers import HOST_TYPE, owner_of
from hosting.board import Board
from hosting.seats import OpenHost, Seat, new_seat

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient
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
    iot: "IoTClient"
    sfn: "SFNClient"
    capacity: int

    def place(self, guest: Guest) -> Seat:
        """The attempt's one seat. Safe to repeat. Raises TransientError when others take every seat
        before.
        """
        for _ in range(TRIES):
            seat = self._seat_of(guest) or self._taken(guest)
            if seat is not None:
                self.board.tell(seat.host)
                return seat
        raise TransientError(f"{guest.thing_name} found no seat on a host; try again")

    def _taken(self, guest: Guest) -> Seat | None:
        """A seat on the first host that has one, or None: look again. Without any host with room
        another one is opened.
        """
        candidates = self._candidates(guest)
        for host in candidates:
            self._start(host, guest)
            asked = (host.name, guest.thing_name, guest.owner, guest.attempt)
            seat = new_seat(*asked, guest.config_url)
            if self.board.seats.take(seat, self.capacity):
                return seat
        if not candidates:
            self._open(guest)
        return None

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

    def _candidates(self, guest: Guest) -> list[OpenHost]:
        """Those with room: the one where the device was, which ends the old before it begins the
        new; then the fullest, so that hosts get empty.
        """
        before = {seat.host for seat in map(Seat.from_handle, guest.replaced) if seat}
        hosts = [host for host in self.board.seats.hosts() if host.seats < self.capacity]
        return sorted(hosts, key=lambda host: (host.name not in before, -host.seats, host.name))

    def _open(self, guest: Guest) -> None:
        """Open one more, under a name that no thing has, unless somebody else does so now."""
        number = self.board.seats.next_number()
        while self._is_taken(name := f"{HOST_TYPE}-{number}"):
            number += 1
        before = guest.execution_arn.rpartition(":")[0]
        # Never the name of an execution that a stack of this name had before.
        self.board.seats.open(name, number, f"{before}:{name}-{uuid.uuid4().hex[:8]}")

    def _is_taken(self, name: str) -> bool:
        with suppress(self.iot.exceptions.ResourceNotFoundException):
            self.iot.describe_thing(thingName=name)
            return True
        return False

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
