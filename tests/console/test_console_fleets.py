"""A fleet in the console: made from a file, refused with the field at fault, shown, deleted."""

import json

import pytest
from playwright.sync_api import expect

from tests.console.looking import Console

pytestmark = pytest.mark.thorough

LAMPS = {"name": "lamp", "count": 1, "deviceType": "bulb"}


def succeeded(console: Console) -> None:
    """The execution that the page now shows, to its end."""
    console.page.wait_for_url("**/executions/*")
    expect(console.at("execution-status")).to_have_attribute("data-status", "SUCCEEDED")


def test_a_fleet_is_made_from_a_file_and_deleted(console: Console) -> None:
    # given
    console.sign_in()
    console.go("Fleets")
    console.shown("No fleets yet")
    console.at("make-fleet").click()
    # when the text is no fleet, and when a field breaks a rule
    console.fill("fleet-file", '{"name": "desk"')
    expect(console.at("fleet-submit")).to_be_disabled()
    wrong = {"name": "desk", "groups": [{**LAMPS, "count": "one"}]}
    console.fill("fleet-file", json.dumps(wrong))
    console.at("fleet-submit").click()
    # then
    expect(console.at("error")).to_contain_text("/groups/0/count")
    # and when it is right
    console.fill("fleet-file", json.dumps({"name": "desk", "groups": [LAMPS]}))
    console.at("fleet-submit").click()
    # then: its workflow is shown, and the fleet with its group
    succeeded(console)
    console.go("Fleets")
    expect(console.at("fleet-status-desk")).to_have_attribute("data-status", "READY")
    expect(console.at("fleet-group")).to_contain_text("bulb")
    console.go("Devices")
    console.shown("desk-lamp-0001")
    # and when it is deleted
    console.go("Fleets")
    console.at("delete-fleet-desk").click()
    console.at("fleet-delete-submit").click()
    # then
    succeeded(console)
    console.go("Fleets")
    console.shown("No fleets yet")
