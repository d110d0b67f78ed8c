"""For everybody: each view without a finding of axe-core, light and dark, and a phone's width."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.console.looking import Console

pytestmark = pytest.mark.thorough

TABS = ("config", "shadow", "commands", "timeline", "certificate", "log", "more")
VIEWS = (
    "/devices",
    "/devices/lamp",
    *(f"/devices/lamp/{tab}" for tab in TABS),
    "/devices/wall",
    "/fleets",
    "/methods",
    "/workflows",
    "/workflows/provision-device",
    "/messages",
    "/learn",
    "/devices/nobody",
    "/nowhere",
)


STILL = """() => document.getAnimations().every(
    (one) => one.playState !== 'running' || one.effect.getComputedTiming().endTime === Infinity)"""
"""Whether nothing fades in any more: half of a colour has half of its contrast."""


def findings(console: Console) -> list[str]:
    """What axe-core finds, with the places."""
    console.page.wait_for_function(STILL)
    found = Axe().run(console.page).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['target']} {node['html'][:160]}"
        for one in found
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_has_a_finding(console: Console, devices: tuple[str, str], scheme: "str") -> None:
    console.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    console.page.goto(f"{console.origin}/devices")
    expect(console.at("sign-in")).to_be_visible()
    told = {"sign in": findings(console)}
    console.sign_in()
    console.live()
    for view in VIEWS:
        console.page.goto(f"{console.origin}{view}")
        expect(console.at("user-menu")).to_be_visible()
        console.page.wait_for_load_state("networkidle")
        told[view] = findings(console)
    console.page.goto(f"{console.origin}/devices")
    console.at("create-device").click()
    expect(console.at("create-submit")).to_be_visible()
    told["create"] = findings(console)

    assert {view: found for view, found in told.items() if found} == {}


def test_an_execution_has_no_finding(console: Console, devices: tuple[str, str]) -> None:
    console.sign_in("lamp")
    console.page.get_by_role("link", name="ProvisionDevice").or_(
        console.page.get_by_text("provision-device")
    ).first.click()
    expect(console.at("graph")).to_be_visible()

    assert findings(console) == []


@pytest.mark.parametrize(
    "view", ["/devices", "/devices/lamp", "/fleets", "/methods", "/messages", "/workflows"]
)
def test_a_phone_shows_it_without_scrolling_sideways(
    console: Console, devices: tuple[str, str], view: str
) -> None:
    console.page.set_viewport_size({"width": 390, "height": 844})
    console.sign_in()
    console.page.goto(f"{console.origin}{view}")
    expect(console.at("user-menu")).to_be_visible()
    console.page.wait_for_load_state("networkidle")

    width = console.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390


def test_everything_is_reached_by_the_keyboard(lamp: Console) -> None:
    lamp.page.keyboard.press("Tab")
    seen = set()
    for _ in range(120):
        seen.add(
            lamp.page.evaluate(
                "document.activeElement?.closest('[data-testid]')?.dataset.testid ?? ''"
            )
        )
        lamp.page.keyboard.press("Tab")

    assert {"dark-mode", "user-menu", "delete-device", "quick-tamper", "toggle-light"} <= seen
