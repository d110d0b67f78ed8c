"""What the emulator finds at its start: the newest generation that can be read.

Or what the emulator itself has written, before there were generations.
It tells what it found (`Loaded`), for `playground up` to tell. Runs in the emulator's process.
"""

import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ministack.services import stepfunctions

from playground.local import snapshot
from playground.local.generations import Generations, UnreadableError

RESTARTED = "States.ServiceRestart"
"""The error that the emulator gives executions which ran when it ended."""
UNDONE = "_undone"


class NothingReadableError(Exception):
    """There is state, and none of it can be read; says why."""


@dataclass
class Loaded:
    """`number` is 0 for the form without generations, None where there was nothing."""

    number: int | None = None
    at: str | None = None
    unclean: bool = False
    """The emulator before this one did not end in good order."""
    troubles: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    interrupted: list[str] = field(default_factory=list)
    """ARNs of executions that ran at that moment."""

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


@dataclass
class Loading:
    """Loads once. `plain` and `objects` are the folders of the form without generations."""

    generations: Generations
    plain: Path
    objects: Path
    marker: Path
    """There while the emulator runs; a clean end removes it."""
    found: Loaded = field(default_factory=Loaded)
    _restored: snapshot.Restored | None = None

    def read(self) -> None:
        """Read what there is, without using it yet. Raises NothingReadableError."""
        self.found.unclean = self.marker.exists()
        with self.generations.held():
            self._restored = self._newest() or self._plain()

    def apply(self) -> None:
        """Fill the emulator's services. Raises whatever a service raises."""
        if self._restored is not None:
            self._restored.apply()
        self.found.interrupted = [execution["executionArn"] for execution in _interrupted()]
        snapshot.bring_objects_in()
        self._restored = None
        if self.found.number:
            self._forget_plain()

    def mended(self) -> None:
        """What was interrupted has been undone: another start need not tell of it."""
        for execution in _interrupted():
            execution[UNDONE] = True

    def begun(self) -> None:
        """From now on an end is unclean, unless `ended` is called."""
        self.marker.touch(mode=0o600)

    def ended(self) -> None:
        """The last state is written."""
        self.marker.unlink(missing_ok=True)

    def _forget_plain(self) -> None:
        """What generations have replaced.

        The keys beside it stay, which the emulator reads itself.
        """
        for file in self.plain.glob("*.json"):
            file.unlink()
        for folder in (self.objects, self.plain / "lambda-blobs"):
            if folder.is_dir():
                shutil.rmtree(folder)

    def _newest(self) -> snapshot.Restored | None:
        for number in self.generations.numbers():
            try:
                restored = snapshot.read(self.generations, number)
            except UnreadableError as error:
                self.found.troubles.append(str(error))
                continue
            made = self.generations.read(number)
            self.found.number, self.found.at = number, made.at.isoformat()
            self.found.left_out = dict(made.left_out)
            for worse in [other for other in self.generations.numbers() if other > number]:
                self.generations.set_aside(worse)
            return restored
        if self.found.troubles:
            raise NothingReadableError("; ".join(self.found.troubles))
        return None

    def _plain(self) -> snapshot.Restored | None:
        if not any(self.plain.glob("*.json")):
            return None
        try:
            restored = snapshot.read_plain(self.plain)
        except UnreadableError as error:
            raise NothingReadableError(str(error)) from error
        self.found.number = 0
        return restored


def _interrupted() -> list[dict[str, Any]]:
    """The emulator marks executions that ran as failed, and tells nobody."""
    return [
        execution
        for execution in stepfunctions._executions.all_values()
        if execution.get("error") == RESTARTED and not execution.get(UNDONE)
    ]
