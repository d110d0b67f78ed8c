"""The counter in presence events goes on over a restart of the broker."""

import importlib

CLIENT = ("111122223333", "us-east-1", "lamp")


def test_the_emulator_begins_anew_with_each_start() -> None:
    """Fails once it does not: then the gap's module can go."""
    iot = importlib.import_module("ministack.services.iot")
    before = [iot._next_presence_version(*CLIENT) for _ in range(3)]
    iot._presence_versions.clear()
    assert iot._next_presence_version(*CLIENT) <= before[0]


def test_a_number_is_higher_than_all_before_it() -> None:
    iot = importlib.import_module("ministack.services.iot")
    importlib.import_module("playground.local.gaps.presence_versions").fill()
    # when: many within a millisecond, and a restart in between
    seen = [iot._next_presence_version(*CLIENT) for _ in range(100)]
    assert seen == sorted(set(seen))
    iot._presence_versions.clear()
    # then
    assert iot._next_presence_version(*CLIENT) >= seen[0]
    assert iot._next_presence_version("444455556666", *CLIENT[1:]) < 2**53
