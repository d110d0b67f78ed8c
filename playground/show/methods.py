"""How the ways to become a device are shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from playground.show.views import fields_table, headed_table

Figures = Mapping[str, Any]


def side_by_side(found: Sequence[Figures]) -> Table:
    """A line for each."""
    table = headed_table(
        "METHOD",
        "BEGINS WITH",
        "KEY MADE BY",
        "SECONDS",
        "MESSAGES",
        "CALLS",
        "CUT OFF",
        "LEFT",
    )
    for one in found:
        table.add_row(
            one["name"],
            one["starts_with"],
            one["key_made_by"],
            f"{one['seconds']:.2f}",
            f"{one['messages']:g}",
            f"{one['calls']:g}",
            f"{one['cuts']} times",
            str(left_over(one)),
        )
    return table


def one(found: Figures) -> Group:
    """Its words and figures, what thieves were told, and the run message by message."""
    words = fields_table(
        {
            "begins with": found["starts_with"],
            "key made by": found["key_made_by"],
            "key travels": found["key_travels"],
            "a thief": found["thief_gets"],
            "quota": found["quota"],
            "seconds": f"{found['seconds']:.2f}",
            "for a thousand devices": (
                f"{found['dollars']:.2f} dollars on AWS for {found['transitions']:g}"
                f" transitions and {found['messages']:g} messages each"
            ),
            "cut off": f"in {found['cuts']} states, left over: {left_over(found)}",
        }
    )
    robbed = headed_table("A THIEF HAS", "TRIES", "IS TOLD")
    for attack in found["attacks"]:
        robbed.add_row(attack["has"], attack["tries"], attack["told"])
    return Group(words, Text(), robbed, Text(), _sequence(found["steps"]))


def left_over(figures: Figures) -> int:
    """How much there was more after all cuts than before."""
    return sum(len(names) for found in figures["left"].values() for names in found.values())


def _sequence(steps: Sequence[Figures]) -> Table:
    table = headed_table("MS", "FROM", "TO", "WHAT")
    table.columns[0].justify = "right"
    for step in steps:
        by = Text(f"{step['by']}: ", style="dim") if step["by"] else Text()
        times = f" ({step['times']} times)" if step["times"] > 1 else ""
        table.add_row(
            str(step["ms"]), step["source"], step["target"], by.append(step["what"] + times, "")
        )
    return table
