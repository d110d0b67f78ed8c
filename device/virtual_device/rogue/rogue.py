"""A device that misbehaves on a schedule, for those who want to see it found. A capability of the
type `rogue`.

It is well-behaved until the setting `misbehave` names something, goes on where it was when a
connection was lost, and speaks to no server but its own.
"""

import logging
import random
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial

from virtual_device.base.errors import DeviceError
from virtual_device.base.jsonvalue import Json, JsonObject
from virtual_device.base.timers import Cancellable
from virtual_device.core.capability import Capability, Surroundings
from virtual_device.rogue import misbehaviour
from virtual_device.rogue.expired import make_expired
from virtual_device.rogue.misbehaviour import Step
from virtual_device.rogue.misdeeds import ATTEMPTS, BY_NAME, CONNECTION_SECONDS
from virtual_device.rogue.side_connection import SideConnection, Wanted
from virtual_device.shadow.setting_rules import number_of
from virtual_device.state.config import Identity

SETTINGS = ("misbehave", "seed", "period")
"""The settings that make the schedule."""


class RogueBehaviour(Capability):
    """One device's."""

    __slots__ = ("_made_of", "_next", "_sides", "_steps", "_timer", "device")

    def __init__(self, surroundings: Surroundings) -> None:
        self.device = surroundings
        self._steps: Iterator[Step] | None = None
        self._made_of: tuple[Json, ...] = ()
        """The settings that the schedule was made of."""
        self._next: Step | None = None
        self._timer: Cancellable | None = None
        self._sides: list[SideConnection] = []

    @property
    def victim(self) -> str:
        """Whom the setting names, else a thing that there is not; always the same for one seed."""
        named = self.device.settings.get("victim")
        if isinstance(named, str):
            return named
        return (
            f"dev-NOBODY{random.Random(str(self.device.settings.get('seed'))).randrange(10_000):04}"  # noqa: S311
        )

    def on_ready(self) -> None:
        """Go on."""
        self._plan()

    def on_shadow(self) -> None:
        """Begin, where a process before was told to and this one has just learnt of it."""
        if self._steps is not None and self._made_of != self._wished:
            self._begin_anew()

    def on_disconnected(self) -> None:
        """What falls due meanwhile waits for the next connection."""
        self._stop()

    def on_settings(self, before: JsonObject) -> None:
        """Another schedule, or none."""
        settings = self.device.settings
        if any(settings.get(key) != before.get(key) for key in SETTINGS):
            self._begin_anew()

    @property
    def _wished(self) -> tuple[Json, ...]:
        return tuple(self.device.settings.get(key) for key in SETTINGS)

    def _begin_anew(self) -> None:
        self._stop()
        self._steps = self._next = None
        for side in list(self._sides):
            side.close()
        self._plan()

    def connect(self, wanted: Wanted) -> None:
        """Open a side connection."""

        def forget() -> None:
            self._sides.remove(side)
            if wanted.ended is not None:
                wanted.ended()

        side = SideConnection(wanted.attempts, forget)
        self._sides.append(side)
        connect = partial(
            self.device.connect_beside, client_id=wanted.client_id, identity=wanted.identity
        )
        try:
            side.open(connect, self.device.after, CONNECTION_SECONDS)
        except (DeviceError, ValueError) as error:
            self._sides.remove(side)
            self.device.tell("cannot misbehave", reason=str(error))

    def connect_expired(self) -> None:
        """Make the certificate on a worker's thread, then connect with it."""
        self.device.work(partial(make_expired, self.device.thing.name), self._on_expired)

    def _on_expired(self, made: "Future[Identity]") -> None:
        if error := made.exception():
            self.device.tell("cannot misbehave", reason=str(error))
            return
        self.connect(Wanted(ATTEMPTS, identity=made.result()))

    def _plan(self) -> None:
        settings = self.device.settings
        if self._timer is not None:
            return
        if self._steps is None:
            self._made_of = self._wished
            seed, period = number_of(settings.get("seed")), number_of(settings.get("period"))
            self._steps = misbehaviour.schedule(
                seed, misbehaviour.chosen(settings.get("misbehave")), period
            )
        self._next = self._next or next(self._steps, None)
        if self._next is not None:
            self._timer = self.device.after(self._next.after, self._on_time)

    def _on_time(self) -> None:
        step, self._next, self._timer = self._next, None, None
        if step is not None:
            self.device.tell("misbehaving", logging.INFO, misbehaviour=step.name)
            BY_NAME[step.name].run(self)
        self._plan()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
