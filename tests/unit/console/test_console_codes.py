"""One-time codes: once, for a minute, by the right key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.web import codes
from playground.web.codes import Codes

KEY = bytes(range(32))
NOW = 1_800_000_000.0


def test_a_code_is_good_once() -> None:
    known = Codes(KEY, lambda: NOW)
    code = codes.make(KEY, lambda: NOW)

    assert [known.take(code), known.take(code)] == [True, False]


@pytest.mark.parametrize(
    ("later", "good"), [(0.0, True), (59.9, True), (60.1, False), (-4.9, True), (-5.1, False)]
)
def test_a_code_is_good_for_a_minute(later: float, good: object) -> None:
    code = codes.make(KEY, lambda: NOW)

    assert Codes(KEY, lambda: NOW + later).take(code) is good


def test_a_used_code_stays_used_as_long_as_it_could_be_taken() -> None:
    # given a code that was taken at once
    now = [NOW]
    known = Codes(KEY, lambda: now[0])
    code = codes.make(KEY, lambda: NOW + 4)
    assert known.take(code)
    # when
    again = []
    for second in range(70):
        now[0] = NOW + second
        again.append(known.take(code))
    # then
    assert not any(again)


def test_used_codes_are_forgotten_when_they_are_too_old_anyway() -> None:
    now = [NOW]
    known = Codes(KEY, lambda: now[0])
    for _ in range(100):
        now[0] += 10
        assert known.take(codes.make(KEY, lambda: now[0]))

    assert len(known._used) < 10


def test_another_key_opens_nothing() -> None:
    assert not Codes(bytes(32), lambda: NOW).take(codes.make(KEY, lambda: NOW))


def test_the_key_is_in_no_text_of_the_object() -> None:
    assert KEY.hex() not in repr(Codes(KEY))
    assert repr(KEY) not in repr(Codes(KEY))


@given(st.text(max_size=80))
def test_nothing_else_is_a_code(text: str) -> None:
    assert not Codes(KEY, lambda: NOW).take(text)


@given(st.integers(0, 41), st.sampled_from("ABab01-_"))
def test_no_character_of_a_code_can_be_another_one(place: int, other: str) -> None:
    code = codes.make(KEY, lambda: NOW)
    changed = code[:place] + other + code[place + 1 :]

    assert Codes(KEY, lambda: NOW).take(changed) is (changed == code)
