"""`floor` in rules' SQL."""

import importlib
from typing import Any

import pytest

CASES = [
    ("floor(4500 / 1000) + 3600", 3604),
    ("floor(temperature)", 21),
    ("floor(-1.5)", -2),
    ("floor(text)", 7),
]


def value(expression: str) -> Any:
    iot = importlib.import_module("ministack.services.iot")
    message = {"temperature": 21.9, "text": "7.8", "name": "lamp"}
    found = iot._eval_select_expr(expression, "dt/lamp", b"{}", message)
    return None if found is iot._MISSING else found


def test_the_emulator_does_not_know_it() -> None:
    """Fails once it does: then the gap's module can go."""
    assert value("floor(temperature)") is None


@pytest.mark.parametrize(("expression", "expected"), CASES)
def test_a_number_is_rounded_down(expression: str, expected: int) -> None:
    importlib.import_module("playground.local.gaps.rule_floor").fill()
    found = value(expression)
    assert (found, type(found)) == (expected, int)
    # and what is no number is nothing, and the other functions are as they were
    assert value("floor(name)") is None
    assert value("topic(2)") == "lamp"
