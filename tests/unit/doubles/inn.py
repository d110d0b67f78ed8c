"""A process with room for hosted devices: nothing blocks or happens there unless the test says
so.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.device.stage import carry_out
from virtual_device.state.store import Enrolment


@dataclass
class Inn:
    """Who is there, and what is to be done."""

    here: dict[str, Enrolment] = field(default_factory=dict)
    leaving: dict[str, Callable[[], None]] = field(default_factory=dict)
    works: list[Callable[[], None]] = field(default_factory=list)
    others: set[str] = field(default_factory=set)
    """Devices of this process that nobody hosts."""
    away: set[str] = field(default_factory=set)
    """Those without a connection."""
    manifest_token: str | None = "shown"
    full: Exception | None = None
    """Why no device can be started."""
    log: list[str] = field(default_factory=list)

    def lodge(self, enrolment: Enrolment) -> None:
        """Started; never a second one of a name."""
        name = enrolment.config.thing.name
        assert not self.has(name), name
        if self.full is not None:
            raise self.full
        self.here[name] = enrolment
        self.log.append(f"+{name}")

    def evict(self, thing_name: str, gone: Callable[[], None]) -> None:
        """It is saying goodbye until the test lets it go."""
        assert thing_name in self.here
        assert thing_name not in self.leaving
        self.leaving[thing_name] = gone

    def let_go(self, name: str) -> None:
        """The goodbye is said."""
        del self.here[name]
        self.log.append(f"-{name}")
        self.leaving.pop(name)()

    def has(self, thing_name: str) -> bool:
        """Whether it is here."""
        return thing_name in self.here or thing_name in self.others

    def is_online(self, thing_name: str) -> bool:
        """Whether it is connected."""
        return thing_name in self.here and thing_name not in self.away

    def enrol(self, call: Callable[[], Any], done: "Callable[[Future[Any]], None]") -> None:
        """Done when the test says so."""
        self.works.append(partial(carry_out, call, done))
