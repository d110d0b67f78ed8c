"""The ways to become a device in the console: side by side, and one run as a picture."""

import pytest
from playwright.sync_api import expect

from playground.devices import methods
from tests.console.looking import Console

pytestmark = pytest.mark.thorough


def test_each_way_is_shown_with_its_run(console: Console) -> None:
    # given
    console.sign_in()
    console.go("Methods")
    for method in methods.METHODS:
        # when
        console.page.get_by_role("radio", name=method.name, exact=True).check(force=True)
        # then
        picture = console.page.get_by_role("group", name=f"A run of {method.name}", exact=True)
        expect(picture).to_contain_text("StartExecution")
        expect(picture).to_contain_text("CONNECT as NAME")
        console.shown(method.thief_gets)


def test_the_picture_of_a_claim_has_its_exchange(console: Console) -> None:
    console.sign_in()
    console.go("Methods")
    console.page.get_by_role("radio", name="claim", exact=True).check(force=True)
    picture = console.at("sequence")
    for said in ("CONNECT as claim.DIGEST", "PUBLISH $aws/certificates/create/json", "AdmitDevice"):
        expect(picture).to_contain_text(said)
    console.shown("AccessDenied")
