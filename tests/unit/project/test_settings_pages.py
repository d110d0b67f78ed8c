"""Whatever repeats the device's table of settings is written from it."""

import json
from pathlib import Path

import pytest

from checks import settings_pages

PAGES = (
    settings_pages.API_TABLE,
    settings_pages.API_DOCUMENT,
    settings_pages.FIRST_SHADOW,
    settings_pages.API_DEVICES,
    settings_pages.TEMPLATE,
    settings_pages.CONTRACTS,
)
BY_HAND = {"86400": "86401", '"value": 60': '"value": 61', '"meter"': '"metre"', "-meter": "-metre"}
"""What somebody changes in the pages: of each there is something in one of them."""


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_what_the_table_says(page: str) -> None:
    assert (settings_pages.PROJECT / page).read_text() == settings_pages.pages()[page]


def test_a_page_that_differs_is_noticed_and_put_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given: what somebody has written by hand
    for page in PAGES:
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        text = (settings_pages.PROJECT / page).read_text()
        for right, wrong in BY_HAND.items():
            text = text.replace(right, wrong)
        (tmp_path / page).write_text(text)
    monkeypatch.setattr(settings_pages, "PROJECT", tmp_path)
    # then
    assert settings_pages.main(["--check"]) == 1
    assert capsys.readouterr().err.count("make settings") == len(PAGES)
    # when
    assert settings_pages.main([]) == 0
    # then
    assert settings_pages.main(["--check"]) == 0
    time = json.loads((tmp_path / settings_pages.API_TABLE).read_text())["time"]
    assert time["high"] == 86_400
