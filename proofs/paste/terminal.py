"""A terminal with an interactive shell in it, and a reader who pastes lines and answers
questions.
"""

import re
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pexpect

Shell = Literal["bash", "zsh"]
Pattern = (
    re.Pattern[str] | re.Pattern[bytes] | str | bytes | type[pexpect.EOF] | type[pexpect.TIMEOUT]
)

# As they are for somebody who has set nothing. zsh has no comments at its prompt then.
COMMANDS: dict[Shell, list[str]] = {
    "bash": ["bash", "--norc", "--noprofile", "--noediting", "-i"],
    "zsh": ["zsh", "-f", "-i", "+o", "zle", "+o", "promptcr", "+o", "promptsp"],
}
STATUS: dict[Shell, str] = {"bash": "$?", "zsh": "%?"}
YES_OR_NO = r"\[y/N\]: "
PASSWORD_ASKED = r"(?i)password of [^\n:]*: |repeat for confirmation: "
CTRL_C_ENDS = r"Ctrl-C ends this\.[^\n]*\n"
PASSWORD_TOLD = re.compile(r"The password of (?P<user>\S+) is (?P<password>\S+)")
LINE_LIMIT = 900.0
LOOK = 10.0
"""Seconds that the reader looks at a command that goes on by itself, at most."""
INTERRUPTED = 130


class TerminalError(Exception):
    """The shell did not come back."""


@dataclass(frozen=True)
class Pasted:
    """A line, or several that belong together, with its exit code; `ended`: by the reader's
    Ctrl-C.
    """

    line: str
    status: int
    output: str
    seconds: float
    ended: bool = False

    @property
    def is_well(self) -> bool:
        """Whether it is what a page may promise."""
        return self.status == 0 or (self.ended and self.status == INTERRUPTED)


@dataclass
class Terminal:
    """One shell, until `close`. The reader remembers the passwords that they were told."""

    shell: Shell
    folder: Path
    environment: dict[str, str]
    passwords: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name, *arguments = COMMANDS[self.shell]
        self._mark = secrets.token_hex(4)
        self._chosen = f"Blue-1-{secrets.token_hex(6)}"
        self._child = pexpect.spawn(
            name, arguments, cwd=str(self.folder), env=self.environment, echo=False,
            encoding="utf-8", codec_errors="replace", timeout=30, dimensions=(50, 110),
        )  # fmt: skip
        variables = f"PS1='[{self._mark}:{STATUS[self.shell]}]' PS2='[{self._mark}+]'"
        self._child.sendline(variables)
        self._child.expect(self._done)

    @property
    def _done(self) -> str:
        return rf"\[{self._mark}:(\d+)\]"

    @property
    def _more(self) -> str:
        return rf"\[{self._mark}\+\]"

    def paste(self, lines: tuple[str, ...], *, stays: bool = False) -> list[Pasted]:
        """Line after line; ends early at the first that fails. With `stays` nobody presses Ctrl-C.

        Raises TerminalError.
        """
        done: list[Pasted] = []
        pending: list[str] = []
        for line in lines:
            if not pending and not line.strip():
                continue
            pending.append(line)
            found = self._line(line, stays=stays)
            if found is None:
                continue
            done.append(Pasted("\n".join(pending), *found))
            pending = []
            if not done[-1].is_well:
                break
        if pending:
            raise TerminalError(f"The shell waits for more after:\n{chr(10).join(pending)}")
        return done

    def close(self) -> None:
        """Ctrl-C for what still runs, and the end of the shell."""
        self._child.sendintr()
        self._child.close(force=True)

    def _line(self, line: str, *, stays: bool) -> tuple[int, str, float, bool] | None:
        """Exit code, output, seconds, and whether it was ended; None when the shell wants the next
        line.
        """
        started, output, ended = time.monotonic(), "", False
        self._child.sendline(line)
        while True:
            found = self._wait(started + LINE_LIMIT, line, output)
            match = self._child.match
            assert isinstance(
                match, re.Match
            )  # `expect` has given an index, so it has found that pattern
            output += (self._child.before or "") + (match[0] if found > 1 else "")
            self._remember(output)
            if found == 0:
                return int(match[1]), output, time.monotonic() - started, ended
            if found == 1:
                return None
            if found == 2:
                self._child.sendline("y")
            elif found == 3:
                self._answer_password(output)
            elif stays:
                return 0, output, time.monotonic() - started, False
            else:
                ended = True
                output += self._look()
                self._child.sendintr()

    def _wait(self, deadline: float, line: str, output: str) -> int:
        texts = (self._done, self._more, YES_OR_NO, PASSWORD_ASKED, CTRL_C_ENDS)
        expected: list[Pattern] = [re.compile(text) for text in texts]
        try:
            index = self._child.expect(expected, timeout=max(1.0, deadline - time.monotonic()))
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            said = f"{output}{self._child.before or ''}"
            raise TerminalError(f"This did not come to an end: {line}\n{said[-3000:]}") from error
        return index

    def _look(self) -> str:
        """What comes in the next seconds, up to a line or two."""
        seen = ""
        for _ in range(2):
            if self._child.expect([r"\n", pexpect.TIMEOUT], timeout=LOOK) == 0:
                seen += (self._child.before or "") + "\n"
        return seen

    def _remember(self, output: str) -> None:
        for found in PASSWORD_TOLD.finditer(output):
            self.passwords[found["user"]] = found["password"]

    def _answer_password(self, output: str) -> None:
        question = output.splitlines()[-1].strip(": ")
        user = question.rpartition(" ")[2]
        if question.lower().startswith("password of"):
            self._child.sendline(self.passwords[user])
            return
        if question.lower().startswith("new password of"):
            self.passwords[user] = self._chosen
        self._child.sendline(self._chosen)
