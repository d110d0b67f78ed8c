"""Before something is changed in an AWS account: is that one meant?

With no local cloud up and AWS credentials about, a command would change the account that happens to
be logged in. It asks once for each stack, and remembers the answer.
"""

import json
import sys
from dataclasses import dataclass

import typer

from playground.errors import NoHomeError
from playground.home.homes import Home
from playground.home.paths import Paths


@dataclass(frozen=True)
class Consent:
    """What was answered, in a file of the playground's own folder: `playground reset` forgets
    it.
    """

    paths: Paths

    def require(self, home: Home) -> None:
        """Ask, unless it was answered before. Raises NoHomeError without a terminal, typer.Abort
        for a no.
        """
        answered = self._answered()
        if _key(home) in answered:
            return
        meant = f"stack {home.stack_name} in {home.label}"
        if not is_asked_at_a_terminal():
            raise NoHomeError(
                f"No local cloud is up, and this would change the {meant}: say --home "
                "aws if that is meant, "
                "or run `playground up`."
            )
        typer.confirm(
            f"No local cloud is up. Change the {meant}? (Asked once)", abort=True, err=True
        )
        self._remember([*answered, _key(home)])

    def _answered(self) -> list[list[str]]:
        try:
            found = json.loads((self.paths.home / "consent.json").read_text())
        except (OSError, ValueError):
            return []
        return found if isinstance(found, list) else []

    def _remember(self, answered: list[list[str]]) -> None:
        self.paths.make()
        file = self.paths.home / "consent.json"
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(answered))
        draft.replace(file)


def is_asked_at_a_terminal() -> bool:
    """Whether there is somebody to answer a question; Python has no stdin at all when it was
    closed.
    """
    return sys.stdin is not None and sys.stdin.isatty()


def _key(home: Home) -> list[str]:
    return [home.account, home.region, home.stack_name]
