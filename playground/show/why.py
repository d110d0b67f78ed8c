"""How troubles, decisions and timelines look at the terminal."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

DECISIONS = {"ALLOWED": "green", "EXPLICIT_DENY": "red", "IMPLICIT_DENY": "red"}


def why_text(found: Mapping[str, Any]) -> Text:
    """What is wrong first, each trouble with its cause, evidence and what to do."""
    text = Text()
    if not found["troubles"]:
        text.append(f"Nothing is wrong with {found['thingName']}: it is {found['status']}.")
    for number, trouble in enumerate(found["troubles"]):
        text.append("\n\n" if number else "")
        text.append_text(_trouble(trouble))
    for line in found["notes"]:
        text.append(f"\n\n{line}", style="dim")
    return text


def _trouble(trouble: Mapping[str, Any]) -> Text:
    text = Text()
    text.append(trouble["sentence"], style="bold" if trouble["now"] else "")
    text.append(f"\n  when   {trouble['at']}", style="dim")
    text.append("" if trouble["now"] else " (over)", style="dim")
    text.append(f"\n  why    {trouble['cause']}")
    for line in trouble["evidence"]:
        text.append(f"\n  seen   {line}", style="dim")
    for line in trouble["todo"]:
        text.append(f"\n  to do  {line}", style="cyan")
    return text


def timeline_text(entries: Sequence[Mapping[str, Any]]) -> Text:
    """A line each, the newest last."""
    text = Text()
    for number, entry in enumerate(reversed(entries)):
        text.append("\n" if number else "")
        text.append(f"{entry['at'][11:23]}Z ", style="dim")
        text.append(f"{entry['kind']:<12} ", style="cyan")
        text.append(entry["text"], style="yellow" if entry["trouble"] else "")
        if entry["latencyMs"] is not None:
            text.append(f" ({entry['latencyMs']} ms later)", style="dim")
    return text


def decision_text(found: Mapping[str, Any]) -> Text:
    """The sentence, the statement, the values of the variables."""
    text = Text()
    text.append(found["decision"], style=DECISIONS.get(found["decision"], ""))
    text.append(f"  {found['sentence']}")
    shown = found["statement"] or found["nearest"]
    if shown is not None:
        head = "statement" if found["statement"] else "nearest"
        text.append(f"\n{head} {shown['index'] + 1} of {shown['policy']}:\n", style="dim")
        text.append(json.dumps(shown["statement"], indent=2))
    for name, value in found["variables"].items():
        told = "no value here" if value is None else value
        text.append(f"\n{name} = {told}", style="dim")
    return text


def policy_text(document: Mapping[str, Any]) -> Text:
    """The document, ready for `aws iot create-policy`."""
    return Text(json.dumps(document, indent=2))
