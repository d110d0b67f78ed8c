"""The page that says which calls of AWS IoT are answered."""

from tests.gaps import calls
from tests.gaps.filled import fill_all


def test_the_page_says_who_answers_which_call() -> None:
    # given
    before = calls.unanswered()
    # when
    fill_all()
    # then: what the emulator learns, and what is added, is on the page once it is written anew
    assert calls.PAGE.read_text() == calls.page(before, calls.unanswered())
