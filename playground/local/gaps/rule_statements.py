"""A rule's SQL statement is read once, not with every message.

AWS evaluates 20,000 rules a second for an account; a statement is checked when the rule is made.
Source: https://docs.aws.amazon.com/general/latest/gr/iot-core.html (rules engine quotas)
Emulator: every message has the statements of all rules taken apart anew, character by character,
which costs more than all the rest of its way through the broker.

What takes a statement apart depends on the statement alone, so its answers are remembered.
"""

from functools import lru_cache

from ministack.services import iot

PARTS = 4096
"""How many answers of each; a statement has some ten parts."""
READERS = (
    "_parse_where",
    "_rule_select_clause",
    "_rule_topic_filter",
    "_rule_where_clause",
    "_select_default_key",
    "_split_arithmetic",
    "_split_select_alias",
    "_split_select_items",
    "_sql_string_value",
)


def fill() -> None:
    """Remember what each reader has answered."""
    for name in READERS:
        setattr(iot, name, lru_cache(PARTS)(getattr(iot, name)))
