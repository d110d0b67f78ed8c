"""`python -m proofs.paste [--shell bash|zsh] [PAGE...]`: pastes every shell block of README.md and
docs/.

For each shell there is a fresh clone of the last commit, with a local cloud on ports of its own.
The pages are pasted in the order in which docs/README.md links to them, each into a new terminal:
first the block of docs/README.md that every page asks for, then its own. Ends with 1 when a line
failed.

PAGE, as `docs/learn.md`, leaves the others out; the README is pasted in any case when it is named
only.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playground.home.paths import PROJECT
from proofs.paste.blocks import DOOR, README, Block, blocks, pages
from proofs.paste.terminal import COMMANDS, Pasted, Shell, Terminal, TerminalError
from tests.ports import free_port

OF_ANOTHER_SHELL = (
    "AWS_",
    "PLAYGROUND_",
    "IOT_",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "NO_COLOR",
    "COLUMNS",
)


@dataclass
class Reader:
    """Somebody who has cloned the project and reads its pages, with one kind of shell."""

    shell: Shell
    clone: Path
    environment: dict[str, str]
    marks: Counter[str] = field(default_factory=Counter)
    pasted: int = 0
    failed: list[str] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)

    def read(self, page: Path) -> None:
        """Paste the page's blocks."""
        mine = self._reached(blocks(page))
        if not mine:
            return
        first = [] if page in (README, DOOR) else self._reached(blocks(DOOR))
        started, before, wrong = time.monotonic(), self.pasted, len(self.failed)
        one, two = self._terminal(), None
        try:
            for block in [*first, *mine]:
                if block.is_for_second_terminal:
                    two = two or self._terminal()
                self._paste(two if block.is_for_second_terminal and two else one, block)
        finally:
            for terminal in filter(None, (one, two)):
                terminal.close()
        word = "well" if len(self.failed) == wrong else "NOT WELL"
        self._say(
            f"{page.name}: {self.pasted - before} commands, "
            f"{time.monotonic() - started:.0f} s, {word}"
        )

    def _reached(self, found: list[Block]) -> list[Block]:
        """Those that can be run here; of the others it is said why not."""
        reached = []
        for block in found:
            if self.shell not in block.shells:
                continue
            self.marks.update(block.marks)
            if why := why_not_here(block):
                self._say(f"{block.where} is not run: {why}")
            else:
                reached.append(block)
        return reached

    def _terminal(self) -> Terminal:
        return Terminal(self.shell, self.clone, self.environment, self.passwords)

    def _paste(self, terminal: Terminal, block: Block) -> None:
        try:
            done = terminal.paste(block.lines, stays=block.is_for_second_terminal)
        except TerminalError as error:
            self._fail(f"{block.where}: {error}")
            return
        self.pasted += len(done)
        for one in done:
            print(f"      {one.seconds:6.1f} s  {shown(one)}", flush=True)
            if not one.is_well:
                self._fail(
                    f"{block.where}: exit code {one.status} of\n{one.line}\n{one.output[-3000:]}"
                )

    def _fail(self, sentence: str) -> None:
        self.failed.append(sentence)
        self._say(f"FAILED {sentence}")

    def _say(self, line: str) -> None:
        print(f"{self.shell:>4}  {line}", flush=True)


def shown(one: Pasted) -> str:
    """A command on one line."""
    return " ".join(one.line.split())[:90] + ("   (Ctrl-C)" if one.ended else "")


def why_not_here(block: Block) -> str:
    """Why the block is not run on this machine; "" when it is. Raises AssertionError for a `ci`
    that is none.
    """
    if "aws" in block.marks:
        return "its page says that it is for an AWS account"
    if "elsewhere" in block.marks:
        return "its page says that it is for a file that is not in this folder"
    if "ci" in block.marks:
        ran = (PROJECT / ".ci" / "run").read_text().splitlines()
        assert set(block.lines) <= set(ran), f"{block.where}: .ci/run does not have these lines"
        return "CI has it in .ci/run"
    missing = [program for program in block.programs if not is_usable(program)]
    return f"{missing[0]} is not installed, or does not answer" if missing else ""


def is_usable(program: str) -> bool:
    """Whether it is installed; of Docker also whether an engine answers and has a Lambda image."""
    if shutil.which(program) is None:
        return False
    if program != "docker":
        return True
    image = "public.ecr.aws/lambda/python:{}.{}".format(*sys.version_info[:2])
    found = subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False)
    return found.returncode == 0


@contextmanager
def fresh_clone(shell: Shell) -> Iterator[Reader]:
    """A clone of the last commit, on ports of its own; its local cloud is stopped in the end."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(OF_ANOTHER_SHELL)
    }
    ports = ("PLAYGROUND_PORT", "PLAYGROUND_MQTT_PORT", "PLAYGROUND_CONSOLE_PORT")
    environment |= {name: str(free_port()) for name in ports}
    # `python3` of the clone is the one that runs this, so that both build for the same version.
    environment["PYTHON"] = os.environ.get("PYTHON") or str(Path(sys.executable).resolve())
    with tempfile.TemporaryDirectory(prefix="paste-") as folder:
        clone = Path(folder) / "iot-playground"
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
        try:
            yield Reader(shell, clone, environment)
        finally:
            command = clone / ".venvs" / "bin" / "playground"
            if command.exists():
                subprocess.run(
                    [str(command), "down"], env=environment, check=False, capture_output=True
                )


def main(arguments: Sequence[str]) -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(prog="python -m proofs.paste")
    parser.add_argument("--shell", choices=COMMANDS, action="append")
    parser.add_argument("pages", nargs="*", type=lambda name: (PROJECT / name).resolve())
    given = parser.parse_args(arguments)
    failed: list[str] = []
    for shell in given.shell or COMMANDS:
        if shutil.which(shell) is None:
            print(f"{shell} is not installed: nothing is pasted into it")
            continue
        with fresh_clone(shell) as reader:
            for page in given.pages or pages():
                reader.read(page)
        marks = (
            ", ".join(f"{mark} {count}" for mark, count in sorted(reader.marks.items())) or "none"
        )
        print(
            f"{shell}: {reader.pasted} commands, {len(reader.failed)} failed; marks of "
            f"blocks: {marks}"
        )
        failed += reader.failed
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
