"""An expression of names alone is not read for every item; every other one means what it did."""

from typing import Any

import pytest

from tests.gaps.modules import gap, service

ITEM = {"status": {"S": "ONLINE"}, "place": {"S": "here"}, "more": {"M": {"a": {"N": "1"}}}}
NAMES = {"#status": "status", "#more": "more", "#gone": "gone"}
ONLY_NAMES = "#status, #more,#gone"


def reads(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are read from now on."""
    found: list[str] = []
    read = dynamodb._parse_projection_path

    def noted(path: str, names: Any) -> Any:
        found.append(path)
        return read(path, names)

    monkeypatch.setattr(dynamodb, "_parse_projection_path", noted)
    return found


def test_attributes_are_taken_without_reading_the_expression_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dynamodb = service("dynamodb")
    expected = dynamodb._project_item(ITEM, ONLY_NAMES, NAMES)
    gap("projections").fill()
    found = reads(dynamodb, monkeypatch)

    assert dynamodb._project_item(ITEM, ONLY_NAMES, NAMES) == expected
    assert expected == {"status": {"S": "ONLINE"}, "more": {"M": {"a": {"N": "1"}}}}
    assert found == []


@pytest.mark.parametrize("expression", ["place", "#more.a", "#status, place, #more.a", "#more.b"])
def test_other_expressions_mean_what_they_did(expression: str) -> None:
    dynamodb = service("dynamodb")
    expected = dynamodb._project_item(ITEM, expression, NAMES)
    gap("projections").fill()

    assert dynamodb._project_item(ITEM, expression, NAMES) == expected


def test_what_is_wanted_twice_is_still_refused() -> None:
    dynamodb = service("dynamodb")
    gap("projections").fill()

    with pytest.raises(ValueError, match="overlap"):
        dynamodb._project_item(ITEM, "#status, #status", NAMES)


def test_the_emulator_itself_reads_it_for_every_item(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it does not, the gap can go."""
    dynamodb = service("dynamodb")
    found = reads(dynamodb, monkeypatch)

    for _ in range(2):
        dynamodb._project_item(ITEM, "#status", NAMES)

    assert found == ["#status", "#status"]
