"""When a rogue does what wrong: a schedule that a seed makes. `rogue` carries it out."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from virtual_device.shadow.settings import ALL_MISBEHAVIOURS, MISBEHAVIOURS

EARLIEST, LATEST = 0.5, 1.5
"""A misbehaviour follows the one before after so many periods."""


@dataclass(frozen=True, slots=True)
class Step:
    """Misbehave in this way, so many seconds after the step before."""

    after: float
    name: str


def chosen(misbehave: object) -> Sequence[str]:
    """The names that a value of the setting `misbehave` stands for, in the table's order."""
    if misbehave == ALL_MISBEHAVIOURS:
        return MISBEHAVIOURS
    return (
        [name for name in MISBEHAVIOURS if name in misbehave] if isinstance(misbehave, list) else ()
    )


def schedule(seed: int, names: Sequence[str], period: float) -> Iterator[Step]:
    """For ever: rounds in which each of `names` has its turn once, shuffled, `period` seconds apart
    on average.

    The same arguments give the same schedule on every machine. No names, no steps.
    """
    generator = random.Random(f"{seed}")  # noqa: S311 - a schedule is to be repeated, not to be kept secret
    while names:
        # Each round in the table's order first, so that the order of a round depends on the seed
        # alone.
        turns = list(names)
        generator.shuffle(turns)
        for name in turns:
            yield Step(period * generator.uniform(EARLIEST, LATEST), name)
