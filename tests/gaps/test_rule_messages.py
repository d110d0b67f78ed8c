"""What a rule makes of a message that it can't read."""

import importlib
from typing import Any

import pytest

UNREADABLE = {"brackets": b"[" * 60_000, "digits": b"9" * 5000}


@pytest.mark.parametrize("payload", UNREADABLE.values(), ids=UNREADABLE)
def test_a_payload_that_can_not_be_read_is_a_text(payload: bytes) -> None:
    # given: the emulator fails; once it does not, the gap goes
    iot: Any = importlib.import_module("ministack.services.iot")
    with pytest.raises((RecursionError, ValueError)):
        iot._rule_message(payload)
    # when
    importlib.import_module("playground.local.gaps.rule_messages").fill()
    # then
    assert iot._rule_message(payload) == payload.decode()


def test_all_else_stays_as_it_was() -> None:
    iot: Any = importlib.import_module("ministack.services.iot")
    importlib.import_module("playground.local.gaps.rule_messages").fill()
    assert iot._rule_message(b'{"a": 1}') == {"a": 1}
    assert iot._rule_message(b"text") == "text"
    assert iot._rule_message(b"\xff") is iot._MISSING
