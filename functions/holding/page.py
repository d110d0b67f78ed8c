"""docs/holding.md, written from the table of purposes: `make holding`."""

import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum

from holding.purposes import BY_PRESENCE, RULES, Purpose, Rule, State


class Stance(StrEnum):
    """How a taker and a holder stand to each other."""

    WAITS = "waits"
    INHERITS = "when dead"
    TAKES = "takes"
    BESIDE = "beside"


HEAD = """# Who holds a device

Written by `make holding` from the table in
[functions/holding/purposes.py](../functions/holding/purposes.py): change that, not this.

A device's row in the [catalog](contracts.md#catalog) is the lock on the device. Whoever works on
it first writes its name into one attribute of the row, on condition that the row allows it, and
every later write is conditional on the name being there still. So of two, one is refused, at once
or with its next write.
"""

STATES = """## The states of a row

An arrow is named for whoever brings a device from one state to the other: one of the purposes
below, or presence, which writes down connections as they come and go. `FREE` is a name without a
row, or one whose row is `FAILED` or `TERMINATED`; `GIVEN_UP` is a row with `given_up_at`:
`FAILED` after repeated restarts, or `STOPPED`. A purpose that changes no state has no arrow.
"""

PURPOSES = """## What a device is held for

| purpose | its name stands in | taken in | dead when | a late write raises |
|---|---|---|---|---|
"""

PAIRS = f"""## Who may take it from whom

Who wants the device stands above, who holds it on the left.

- `{Stance.WAITS}`: the holder keeps it, the taker is refused.
- `{Stance.INHERITS}`: refused while the holder lives, taken over when it is dead.
- `{Stance.TAKES}`: taken over at once; the holder's next write is refused.
- `{Stance.BESIDE}`: both go on, or one within the other.
"""


def stance(holder: Purpose, taker: Purpose) -> Stance:
    """What becomes of them when a device is held for the one and wanted for the other."""
    rule = RULES[taker]
    if holder in rule.waits_for:
        return Stance.WAITS
    if holder in rule.inherits:
        return Stance.INHERITS
    return Stance.TAKES if holder in rule.takes_over else Stance.BESIDE


def arrows() -> dict[tuple[State, State], list[str]]:
    """From which state to which other one, and who brings a device there."""
    found: dict[tuple[State, State], list[str]] = {}
    by_purpose = [(purpose.value, rule.moves) for purpose, rule in _rules()]
    for name, moves in [("presence", BY_PRESENCE), *by_purpose]:
        for before in State:
            for after in moves.get(before, ()):
                found.setdefault((before, after), []).append(name)
    return found


def page() -> str:
    """The whole page, Markdown."""
    parts = (
        HEAD,
        STATES,
        _fenced(_diagram()),
        PURPOSES + "".join(f"{line}\n" for line in _purposes()),
        PAIRS,
        "".join(f"{line}\n" for line in _pairs()),
    )
    return "\n".join(parts)


def _diagram() -> Iterator[str]:
    yield "stateDiagram-v2"
    yield f"    [*] --> {State.FREE}"
    for (before, after), names in arrows().items():
        yield f"    {before} --> {after}: {', '.join(names)}"


def _fenced(lines: Iterable[str]) -> str:
    return "\n".join(("```mermaid", *lines, "```", ""))


def _purposes() -> Iterator[str]:
    for purpose, rule in _rules():
        states = ", ".join(f"`{state}`" for state in State if state in rule.takes_in)
        told = f"`{rule.attribute}`", states, rule.life, f"`{rule.lost.__name__}`"
        yield _row(purpose, *told)


def _pairs() -> Iterator[str]:
    takers = [purpose for purpose, _ in _rules()]
    yield _row("held for", *takers)
    yield "|" + "---|" * (len(takers) + 1)
    for holder in takers:
        yield _row(f"**{holder}**", *(stance(holder, taker) for taker in takers))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rules() -> list[tuple[Purpose, Rule]]:
    return [(purpose, RULES[purpose]) for purpose in Purpose]


if __name__ == "__main__":
    sys.stdout.write(page())
