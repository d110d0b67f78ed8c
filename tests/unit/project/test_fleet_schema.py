"""The JSON Schema of a fleet file: it is the API's, and takes what the page on fleets shows."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from checks.fleet_schema import fleet_schema
from common.fleet_wish import FleetWish

DOCS = Path(__file__).parents[3] / "docs"
SCHEMA = fleet_schema()
OBJECTS = re.compile(r"^\{\n.*?^\}$", re.MULTILINE | re.DOTALL)
SHOWN = [json.loads(text) for text in OBJECTS.findall((DOCS / "fleets.md").read_text())]


def test_the_published_schema_is_current() -> None:
    assert json.loads((DOCS / "fleet.schema.json").read_text()) == SCHEMA


@pytest.mark.parametrize("file", SHOWN)
def test_what_the_page_shows_is_a_fleet_file(file: dict[str, Any]) -> None:
    assert jsonschema_rs.is_valid(SCHEMA, file)
    assert FleetWish.of(file).count > 0


def test_the_page_shows_a_file_without_stages_and_one_with() -> None:
    assert [bool(file.get("stages")) for file in SHOWN] == [False, True]


def test_the_command_takes_the_name_of_a_model_file() -> None:
    groups = [{**group, "model": "model.json"} for group in SHOWN[0]["groups"]]
    assert jsonschema_rs.is_valid(SCHEMA, {**SHOWN[0], "groups": groups})


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a b"},
        {"groups": []},
        {"size": 3},
        {"groups": [{"name": "lamp", "count": 1, "arrival": {"over": 1, "rate": 1}}]},
        {"groups": [{"name": "lamp", "count": 1, "arrival": {"rate": 0}}]},
        {"stages": [{"name": "one"}]},
        {"stages": [{"name": "one", "seconds": 1, "actions": [{"reconnect": "now"}]}]},
        {"stops": [{"measure": "mood", "above": 1}]},
    ],
)
def test_what_breaks_a_rule_is_none(change: dict[str, Any]) -> None:
    assert not jsonschema_rs.is_valid(SCHEMA, {**SHOWN[0], **change})
