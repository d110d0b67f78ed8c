"""`python -m checks.workflows [--check]`: writes the workflows as they are deployed.

People read and change statemachines/source/. There a state names the retries that many states have,
`Retry: [access-refused, transient]`, and retries.yaml says what each name means. Amazon States
Language has no names for retries, so the files in statemachines/ hold them written out. With
--check nothing is written; exit code 1 when a file differs.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

PROJECT = Path(__file__).parents[1]
WORKFLOWS = "statemachines"
SOURCES = f"{WORKFLOWS}/source"
POLICIES = "retries.yaml"

MARK = "# Written by `make workflows` from {source}: change that one.\n"

_IN_ONE_LINE = re.compile(r"^(?P<indent> *)Retry: \[(?P<names>[\w, -]+)\]$")
_ENTRY = re.compile(r"^(?P<indent> *)- (?P<name>[a-z-]+)$")
_POLICY = re.compile(r"^(?P<name>[a-z-]+):$")


class UnknownPolicyError(ValueError):
    """A state names a retry that retries.yaml does not have."""


def pages() -> Mapping[str, str]:
    """The files as they should be: their path from the project's folder, and their text."""
    folder = PROJECT / SOURCES
    named = policies((folder / POLICIES).read_text())
    return {
        f"{WORKFLOWS}/{source.name}": MARK.format(source=f"{SOURCES}/{source.name}")
        + written_out(source.read_text(), named)
        for source in sorted(folder.glob("*.asl.yaml"))
    }


def policies(text: str) -> Mapping[str, Sequence[str]]:
    """The lines of each policy, by its name: without the indent, comments left out."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if match := _POLICY.match(line):
            current = found.setdefault(match["name"], [])
        elif line.startswith("  "):
            current.append(line[2:])
    return found


def written_out(text: str, named: Mapping[str, Sequence[str]]) -> str:
    """A workflow with its named retries written out. Raises UnknownPolicyError."""
    lines = (out for line in text.splitlines() for out in _line(line, named))
    return "\n".join(lines) + "\n"


def _line(line: str, named: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if match := _IN_ONE_LINE.match(line):
        yield f"{match['indent']}Retry:"
        for name in match["names"].split(", "):
            yield from _entry(name, f"{match['indent']}  ", named)
    elif match := _ENTRY.match(line):
        yield from _entry(match["name"], match["indent"], named)
    else:
        yield line


def _entry(name: str, indent: str, named: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if name not in named:
        message = f"{name} is no retry: {SOURCES}/{POLICIES} has {', '.join(named)}."
        raise UnknownPolicyError(message)
    for number, line in enumerate(named[name]):
        yield f"{indent}{'  ' if number else '- '}{line}"


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code."""
    different = {
        path: text for path, text in pages().items() if (PROJECT / path).read_text() != text
    }
    if "--check" in arguments:
        for path in different:
            told = f"{path} is not what {SOURCES} says: `make workflows` writes it."
            print(told, file=sys.stderr)
        return 1 if different else 0
    for path, text in different.items():
        (PROJECT / path).write_text(text)
        print(f"{path}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
