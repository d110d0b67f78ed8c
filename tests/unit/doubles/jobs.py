"""The jobs service, for one device: nothing is answered unless the test says so."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from virtual_device.connection.job_service import Execution, Fault, Update


@dataclass
class Question:
    """A request; the test calls `done` with the answer."""

    operation: str
    done: Callable[[Any], None]
    update: Update | None = None


@dataclass
class JobsService:
    """One client of it. After `close` it answers no more, as the real one."""

    questions: list[Question] = field(default_factory=list)
    closed: bool = False

    def start_next(
        self, step_minutes: int, done: Callable[[Execution | Fault | None], None]
    ) -> None:
        """It is on its way."""
        assert step_minutes >= 1
        self._ask(Question("start-next", done))

    def describe(
        self, job_id: str, number: int, done: Callable[[Execution | Fault | None], None]
    ) -> None:
        """It is on its way."""
        assert (job_id, number) != ("", 0)
        self._ask(Question("describe", done))

    def update(self, update: Update, done: Callable[[int | Fault], None]) -> None:
        """It is on its way."""
        self._ask(Question("update", done, update))

    def close(self) -> None:
        """Closed."""
        self.closed = True

    def _ask(self, question: Question) -> None:
        assert not self.closed
        self.questions.append(question)
