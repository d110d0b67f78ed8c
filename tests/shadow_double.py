"""The Device Shadow service's document rules in memory, written from the AWS IoT Core developer
guide.

Shares no code with the device, so that a misreading there shows.
"""

import copy
import json
import time
from dataclasses import dataclass, field
from typing import Any

Answer = tuple[str, dict[str, Any]]
"""Last levels of the topic, and payload."""


@dataclass
class Shadow:
    """One thing's classic shadow."""

    desired: dict[str, Any] = field(default_factory=dict)
    reported: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    exists: bool = False

    def get(self, request: dict[str, Any]) -> list[Answer]:
        """Answers to a message on `shadow/get`."""
        if not self.exists:
            return [
                (
                    "get/rejected",
                    _echo(request, {"code": 404, "message": "No shadow exists with name: 'x'"}),
                )
            ]
        state = {"desired": self.desired, "reported": self.reported, "delta": self.delta()}
        content = {part: copy.deepcopy(value) for part, value in state.items() if value}
        return [
            (
                "get/accepted",
                _echo(request, {"state": content, "version": self.version, "timestamp": _now()}),
            )
        ]

    def update(self, request: dict[str, Any]) -> list[Answer]:
        """Answers to a message on `shadow/update`."""
        state = request.get("state")
        if not isinstance(state, dict):
            return [
                (
                    "update/rejected",
                    _echo(request, {"code": 400, "message": "Missing required node: state"}),
                )
            ]
        if "version" in request and request["version"] != self.version:
            return [
                ("update/rejected", _echo(request, {"code": 409, "message": "Version conflict"}))
            ]
        desired, reported = copy.deepcopy((self.desired, self.reported))
        desired, reported = (
            _updated(desired, state, "desired"),
            _updated(reported, state, "reported"),
        )
        if _bytes(desired) + _bytes(reported) > 8192:
            return [
                (
                    "update/rejected",
                    _echo(request, {"code": 413, "message": "The payload exceeds 8 KB"}),
                )
            ]
        self.desired, self.reported, self.version, self.exists = (
            desired,
            reported,
            self.version + 1,
            True,
        )
        stamp = {"version": self.version, "timestamp": _now()}
        answers = [("update/accepted", _echo(request, {"state": copy.deepcopy(state), **stamp}))]
        if delta := self.delta():
            answers.append(("update/delta", _echo(request, {"state": delta, **stamp})))
        return answers

    def delete(self, request: dict[str, Any]) -> list[Answer]:
        """Answers to a message on `shadow/delete`. The version stays."""
        self.desired, self.reported, self.exists = {}, {}, False
        return [("delete/accepted", _echo(request, {"version": self.version, "timestamp": _now()}))]

    def delta(self) -> dict[str, Any]:
        """What of `desired` differs from `reported`."""
        return _differing(self.desired, self.reported)


def _updated(current: dict[str, Any], state: dict[str, Any], part: str) -> dict[str, Any]:
    if part not in state:
        return current
    return {} if state[part] is None else _merged(current, state[part])


def _merged(current: Any, patch: dict[str, Any]) -> dict[str, Any]:
    result = dict(current) if isinstance(current, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = _merged(result.get(key), value)
        else:
            result[key] = value
    return result


def _differing(desired: dict[str, Any], reported: dict[str, Any]) -> dict[str, Any]:
    delta = {}
    for key, value in desired.items():
        other = reported.get(key)
        if isinstance(value, dict) and isinstance(other, dict):
            if inner := _differing(value, other):
                delta[key] = inner
        elif key not in reported or type(value) is not type(other) or value != other:
            delta[key] = copy.deepcopy(value)
    return delta


def _bytes(state: dict[str, Any]) -> int:
    return len(
        json.dumps(state, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    )


def _echo(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "clientToken": request["clientToken"]} if "clientToken" in request else answer


def _now() -> int:
    return int(time.time())
