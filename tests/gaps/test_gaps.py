"""Every gap says what AWS does and where that is written, and can be filled."""

import importlib

import pytest

from playground.local import gaps


@pytest.mark.parametrize("name", gaps.names())
def test_a_gap_says_what_aws_does_with_its_source_and_what_the_emulator_does(name: str) -> None:
    module = importlib.import_module(f"{gaps.__name__}.{name}")
    assert "AWS" in (module.__doc__ or "")
    assert "Source: " in (module.__doc__ or "")
    assert "Emulator: " in (module.__doc__ or "")


def test_all_gaps_are_filled_at_once() -> None:
    gaps.fill()
