"""`python -m checks.workflows [--check]`: writes the workflows as they are deployed.

People read and change statemachines/source/. There a state says in one line what Amazon States
Language says in several, and what every second state would repeat:

- `Retry: [access-refused, transient]` names retries; retries.yaml says what each name means;
- `Invoke: CreateThing` is a task that calls this function of the template with the `Payload` below;
- `Payload: [claim.thingName, execution]` hands over these fields of the state's data, each by its
  own name, and what OF_THE_EXECUTION has by these;
- `Answer: [thingName]` keeps these fields of what the function gives;
- `Catch: CleanUp` is the next state after any error, which is put into `$.error`; in a list of
  others it is `- otherwise: CleanUp`. `Catch: CleanUp with the error alone` drops all other data.

The files in statemachines/ hold all that written out. With --check nothing is written; exit code 1
when a file differs.
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
NO_STATE = "no line begins so"

OF_THE_EXECUTION = {
    "execution": "$$.Execution.Id",
    "restart": "$$.Execution.Id",
    "roll": "$$.Execution.Id",
    "input": "$$.Execution.Input",
}
"""What a payload's field is when it names the execution: a workflow that has another execution's id
in its data calls its own by what it does.
"""

_PAYLOAD = re.compile(r"^ *Payload: \[(?P<fields>[\w, .]+)\]$")
_INVOKE = re.compile(r"^(?P<indent> *)Invoke: (?P<function>\w+)$")
_ANSWER = re.compile(r"^(?P<indent> *)Answer: \[(?P<names>[\w, ]+)\]$")
_LISTED = re.compile(r"^ *(?:Payload|Answer): \[[^\]]*\]$", re.MULTILINE)
"""Such a list, which may go over several lines."""
_CATCH = re.compile(
    r"^(?P<indent> *)(?:Catch|- otherwise): (?P<state>\w+)(?P<alone> with the error alone)?$"
)
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
    """A workflow with everything written out. Raises UnknownPolicyError."""
    whole = _LISTED.sub(lambda match: re.sub(r"\n *", " ", match[0]), text)
    lines = (out for line in _with_tasks(whole.splitlines()) for out in _line(line, named))
    return "\n".join(lines) + "\n"


def _with_tasks(lines: Sequence[str]) -> Iterator[str]:
    """Tasks written out: their payload then stands below their parameters."""
    state, payload = NO_STATE, False
    for line in lines:
        if line and not line.startswith(state):
            state = NO_STATE
        if match := _INVOKE.match(line):
            state = match["indent"]
            yield f"{state}Type: Task"
            yield f"{state}Resource: arn:aws:states:::lambda:invoke"
            yield f"{state}Parameters:"
            yield f"{state}  FunctionName: ${{{match['function']}FunctionArn}}"
            continue
        if state != NO_STATE and (match := _PAYLOAD.match(line)):
            yield f"{state}  Payload:"
            for field in match["fields"].split(", "):
                path = OF_THE_EXECUTION.get(field, f"$.{field}")
                yield f"{state}    {field.rpartition('.')[2]}.$: {path}"
            continue
        payload = line == f"{state}Payload:" or (payload and line.startswith(f"{state}  "))
        yield f"  {line}" if payload else line


def _line(line: str, named: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if match := _IN_ONE_LINE.match(line):
        yield f"{match['indent']}Retry:"
        for name in match["names"].split(", "):
            yield from _entry(name, f"{match['indent']}  ", named)
    elif match := _ENTRY.match(line):
        yield from _entry(match["name"], match["indent"], named)
    elif match := _ANSWER.match(line):
        yield f"{match['indent']}ResultSelector:"
        for name in match["names"].split(", "):
            yield f"{match['indent']}  {name}.$: $.Payload.{name}"
    elif match := _CATCH.match(line):
        indent = match["indent"]
        if "Catch:" in line:
            yield f"{indent}Catch:"
            indent += "  "
        yield f"{indent}- ErrorEquals: [States.ALL]"
        if not match["alone"]:
            yield f"{indent}  ResultPath: $.error"
        yield f"{indent}  Next: {match['state']}"
    else:
        yield line


def _entry(name: str, indent: str, named: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if name not in named:
        message = f"{name} is no retry: {SOURCES}/{POLICIES} has {', '.join(named)}."
        raise UnknownPolicyError(message)
    for number, line in enumerate(named[name]):
        yield f"{indent}{'  ' if number else '- '}{line}"


def _there(file: Path) -> str:
    """What stands in it; of a workflow that is new nothing does."""
    return file.read_text() if file.exists() else ""


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code."""
    different = {path: text for path, text in pages().items() if _there(PROJECT / path) != text}
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
