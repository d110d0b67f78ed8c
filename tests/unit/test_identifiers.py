"""Names that come from an execution: the same for each of its attempts, different from everybody
else's.
"""

import re
import uuid
from pathlib import Path

import pytest

from common.errors import InvalidInput
from common.identifiers import (
    RESERVED_NAMES,
    checked_thing_name,
    config_key,
    identity_key,
    made_up_name,
    owner_of,
)
from tests.unit.stack import EXECUTION

EXECUTIONS = [f"{EXECUTION}-{number}" for number in range(200)]


@pytest.mark.parametrize("execution", EXECUTIONS[:20])
def test_a_made_up_name_is_a_legal_name_of_the_contracts_form(execution: str) -> None:
    name = made_up_name(execution)
    assert re.fullmatch(r"dev-[A-Z0-9]{6}", name)
    assert checked_thing_name(name) == name


def test_a_made_up_name_is_the_executions_own() -> None:
    assert made_up_name(EXECUTION) == made_up_name(EXECUTION)
    assert len({made_up_name(execution) for execution in EXECUTIONS}) == len(EXECUTIONS)


def test_every_character_of_the_alphabet_occurs_in_made_up_names() -> None:
    letters = "".join(made_up_name(execution)[4:] for execution in EXECUTIONS)
    assert set(letters) == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


def test_the_owner_is_the_version_5_uuid_of_the_arn() -> None:
    # The contract's words, and RFC 9562's name space for URLs.
    assert owner_of(EXECUTION) == str(
        uuid.uuid5(uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8"), EXECUTION)
    )


def test_the_names_that_are_refused_are_the_contracts() -> None:
    # given
    contracts = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text()
    (row,) = (line for line in contracts.splitlines() if line.startswith("| refused thing names |"))
    listed = re.findall(r"`([\w-]+)`", row.partition(". A thing")[0])
    # then
    assert set(listed) == RESERVED_NAMES
    for name in listed:
        with pytest.raises(InvalidInput, match=name):
            checked_thing_name(name)


def test_objects_lie_where_the_contract_says() -> None:
    assert config_key("lamp") == "devices/lamp/config.json"
    assert identity_key("lamp") == "devices/lamp/identity.json"
