"""What a delta holds."""

import importlib
from typing import Any

import pytest

# What is desired, what is reported, and the delta of AWS.
CASES: list[tuple[Any, Any, Any]] = [
    ({"a": 1}, {"a": True}, {"a": 1}),
    ({"a": True}, {"a": 1}, {"a": True}),
    ({"a": False}, {"a": 0}, {"a": False}),
    ({"a": {"b": [1], "c": 2}}, {"a": {"b": [True], "c": 2}}, {"a": {"b": [1]}}),
]
ALIKE: list[tuple[Any, Any, Any]] = [
    ({"a": 1}, {"a": 1.0}, {}),
    ({"a": {"b": 1}}, {"a": {"b": 1}}, {}),
    ({"a": 1}, {}, {"a": 1}),
    ({"a": {"b": 1}}, {"a": 1}, {"a": {"b": 1}}),
    ({"a": [1, 2]}, {"a": [1]}, {"a": [1, 2]}),
]


def modules() -> tuple[Any, Any]:
    """The emulator's, and the gap's."""
    return importlib.import_module("ministack.services.iot"), importlib.import_module(
        "playground.local.gaps.shadow_differences"
    )


@pytest.mark.parametrize(("desired", "reported", "delta"), CASES)
def test_true_is_no_number(desired: Any, reported: Any, delta: Any) -> None:
    # given: the emulator takes them for equal; once it does not, the gap goes
    iot, gap = modules()
    assert iot._compute_delta(desired, reported) == {}
    # when
    gap.fill()
    # then
    assert repr(iot._compute_delta(desired, reported)) == repr(delta)


@pytest.mark.parametrize(("desired", "reported", "delta"), ALIKE)
def test_all_else_stays_as_it_was(desired: Any, reported: Any, delta: Any) -> None:
    iot, gap = modules()
    assert iot._compute_delta(desired, reported) == delta
    gap.fill()
    assert iot._compute_delta(desired, reported) == delta
