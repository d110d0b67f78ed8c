"""docs/methods.md: the ways to become a device, side by side, with pictures of recorded runs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from playground.home.paths import PROJECT

PAGE = PROJECT / "docs" / "methods.md"
INTRODUCTION = """# Ways to become a device

A device needs a certificate of its own before it can say anything. AWS IoT has several ways to give
it one. They differ in what a device begins with, in who makes the private key, and so in what a
thief gets. Each one here was run for real, on a local cloud, and recorded:

    playground create --method claim        make a device by it
    playground methods                      the table below
    playground methods claim                one run, message by message

The page is written by `make methods`, which runs each method {runs} times, cuts it off in every
state that it comes to, and lets a thief try what it can steal. [security-keys.md](security-keys.md)
says more about the keys, [sequences.md](sequences.md) about the rest of the workflow. Two more ways
of AWS IoT are not here: just-in-time provisioning (JITP) and bulk registration.

## Side by side
"""
SIDE = (
    "| method | the device begins with | the key is made by | seconds | connections | messages |"
    " calls | functions | transitions | dollars |",
    "|---|---|---|---|---|---|---|---|---|---|",
)
FIGURES = """
Seconds from StartExecution to SUCCEEDED, median of {runs}, on a warm local cloud with two cores; on
AWS a Fargate task takes 10 to 60 s to start. Messages are the device's MQTT messages until then, in
and out. Calls are those of functions to AWS, in so many invocations. Dollars are for a thousand
devices, by the list price of state transitions and messages in us-east-1, without the task.
"""
AFTER = """
## Cut off, and robbed

Each method was stopped (`aws stepfunctions stop-execution`) once in every state that it comes to.
Then the stack undid it, and the sweep looked. Left is what there was more than before, in any
service. A certificate that fleet provisioning has made and nobody uses does not count: AWS IoT
deletes it after an hour. The [fault matrix](evidence/faults.md) also fails every single call.

| method | cut off | left | quota of AWS IoT | what a thief gets |
|---|---|---|---|---|
"""
ROBBED = """
What thieves were told:

| method | has | tries | answer |
|---|---|---|---|
"""
COUNTED = ("connections", "messages", "calls", "invocations", "transitions")
PARTICIPANTS: Mapping[str, str] = {
    "You": "Y",
    "Step Functions": "W",
    "Lambda": "F",
    "DynamoDB": "C",
    "S3": "S",
    "ECS": "E",
    "ECR": "R",
    "SQS": "Q",
    "AWS IoT": "I",
    "Device": "D",
}


def page(document: Mapping[str, Any]) -> str:
    """The whole page, without the line that says of which commit it is."""
    found, runs = document["methods"], document["runs"]
    lines = [INTRODUCTION.format(runs=runs), *SIDE, *map(_figures, found)]
    lines += [FIGURES.format(runs=runs), AFTER.strip("\n"), *map(_cut, found)]
    lines += [ROBBED.rstrip("\n")]
    lines += [
        f"| {one['name']} | {attack['has']} | {attack['tries']} | {attack['told']} |"
        for one in found
        for attack in one["attacks"]
    ]
    for one in found:
        lines += ["", *_picture(one)]
    return "\n".join(lines) + "\n"


def _figures(one: Mapping[str, Any]) -> str:
    cells = [
        f"[{one['name']}](#{one['name']})",
        one["starts_with"],
        one["key_made_by"],
        f"{one['seconds']:.2f}",
        *(f"{one[name]:g}" for name in COUNTED),
        f"{one['dollars']:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def _cut(one: Mapping[str, Any]) -> str:
    left = sum(len(names) for found in one["left"].values() for names in found.values())
    return (
        f"| {one['name']} | {one['cuts']} times | {left} | {one['quota']} | {one['thief_gets']} |"
    )


def _picture(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {one['name']}"
    yield ""
    yield (
        f"It begins with {one['starts_with']}. The key is made by {one['key_made_by']}; it travels"
        f" {one['key_travels']}."
    )
    yield ""
    yield "```mermaid"
    yield "sequenceDiagram"
    used = {step[end] for step in one["steps"] for end in ("source", "target")}
    for name, short in PARTICIPANTS.items():
        if name in used:
            yield f"    {'actor' if name == 'You' else 'participant'} {short} as {name}"
    for step in together(one["steps"]):
        arrow = "-->>" if step["target"] in ("You", "Device") else "->>"
        by = f"{step['by']}: " if step["by"] else ""
        times = f" ({step['times']} times)" if step["times"] > 1 else ""
        ends = f"{PARTICIPANTS[step['source']]}{arrow}{PARTICIPANTS[step['target']]}"
        yield f"    {ends}: {step['ms']} ms {by}{step['what']}{times}"
    yield "```"


def together(steps: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The steps with the calls that a function makes to one service, one after another, as one."""
    found: list[dict[str, Any]] = []
    last: dict[str, dict[str, Any]] = {}
    for step in steps:
        by, before = step["by"], last.get(step["by"])
        if by and before is not None and before["target"] == step["target"]:
            before["what"] += f", {step['what']}"
            continue
        found.append(dict(step))
        if by:
            last[by] = found[-1]
    return found
