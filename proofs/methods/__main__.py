"""`python -m proofs.methods [--write] [--runs N]`: records each way to become a device.

Each method is run N times (10), cut off once in every state it comes to, and robbed. With --write
the figures go to docs/methods.json, where `playground methods` and the console have
them from, and the page docs/methods.md is written. Ends with 1 when something was left behind, or a
thief was let in.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playground.base.signals import orderly_end
from playground.devices.methods import METHODS, RECORDED, in_words
from proofs import evidence
from proofs.methods.page import PAGE, page
from proofs.methods.recorder import Recorder, named, recording
from proofs.methods.sequence import Course
from proofs.methods.thieves import attempts

WARM_UP = 1
# us-east-1, December 2026: https://aws.amazon.com/step-functions/pricing/ (Standard Workflows),
# https://aws.amazon.com/iot-core/pricing/ (messaging, up to a billion a month).
DOLLARS_A_TRANSITION, DOLLARS_A_MESSAGE = 0.000025, 0.000001
THOUSAND = 1000
SHORT = 7
"""Digits of a commit; more would look like a secret to who looks for them in data."""


def main(arguments: Sequence[str]) -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(prog="python -m proofs.methods")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--runs", type=int, default=10)
    asked = parser.parse_args(arguments)
    names = [method.name for method in METHODS]
    _say("bringing up a local cloud ...")
    with tempfile.TemporaryDirectory() as folder, recording(Path(folder)) as recorder:
        courses = _courses(recorder, names, asked.runs)
        found = {name: _figures(recorder, name, courses[name]) for name in names}
    wrong = [name for name, figures in found.items() if not _is_right(figures)]
    for name, figures in found.items():
        _say(json.dumps({name: {**figures, "steps": len(figures["steps"])}}))
    if asked.write:
        commit = evidence.standing()
        document = {
            "commit": commit[:SHORT],
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "runs": asked.runs,
            "methods": [{**in_words(name), **figures} for name, figures in found.items()],
        }
        RECORDED.write_text(json.dumps(document, indent=1) + "\n")
        evidence.write(PAGE, page(document), commit)
    print(f"{len(found)} methods, {asked.runs} runs of each; wrong: {', '.join(wrong) or 'none'}")
    return 1 if wrong else 0


def _courses(recorder: Recorder, names: Sequence[str], runs: int) -> Mapping[str, list[Course]]:
    """The methods take turns, so that noise hits all."""
    found: dict[str, list[Course]] = {name: [] for name in names}
    for number in range(WARM_UP + runs):
        _say(f"run {number} of {runs}" if number else "a first run of each, which does not count")
        for name in names:
            thing = named(name)
            course = recorder.course(thing, {"method": name})
            recorder.removed(thing)
            if number >= WARM_UP:
                found[name].append(course)
    return found


def _figures(recorder: Recorder, name: str, courses: Sequence[Course]) -> Mapping[str, Any]:
    """Medians of all; the steps are those of the run in the middle."""
    middle = sorted(courses, key=_seconds)[len(courses) // 2]
    thing = named(name)
    recorder.course(thing, {"method": name})
    robbed = attempts(recorder, name, thing)
    recorder.removed(thing)
    left = {}
    for state in middle.states:
        _say(f"{name}: cut off in {state}")
        if remains := recorder.cut(named(name), {"method": name}, state):
            left[state] = remains
    hidden = {middle.thing: "NAME", **recorder.templates}
    transitions = statistics.median(course.transitions for course in courses)
    messages = statistics.median(course.messages for course in courses)
    dollars = transitions * DOLLARS_A_TRANSITION + messages * DOLLARS_A_MESSAGE
    return {
        "seconds": round(statistics.median(map(_seconds, courses)), 2),
        "messages": messages,
        "connections": statistics.median(course.connections for course in courses),
        "calls": statistics.median(course.calls for course in courses),
        "invocations": statistics.median(course.invocations for course in courses),
        "transitions": transitions,
        "dollars": round(dollars * THOUSAND, 2),
        "cuts": len(middle.states),
        "left": left,
        "attacks": [attempt.as_json() for attempt in robbed],
        "steps": [step.as_json() for step in middle.steps(hidden)],
    }


def _is_right(figures: Mapping[str, Any]) -> bool:
    return not figures["left"] and all(attack["refused"] for attack in figures["attacks"])


def _seconds(course: Course) -> float:
    return course.seconds


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    with orderly_end():  # its cloud is taken down, however it is ended
        sys.exit(main(sys.argv[1:]))
