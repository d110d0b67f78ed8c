"""A thousand devices in the list: it is there, and one can work with it."""

import json
import time

import pytest
from playwright.sync_api import Route, expect

from tests.console.looking import Console

pytestmark = pytest.mark.thorough

MANY = 1000


def of_many(first: int, count: int) -> list[dict[str, object]]:
    """Rows as the API has them."""
    return [
        {
            "thingName": f"dev-{number:06d}",
            "deviceType": ("bulb", "switch", "thermostat")[number % 3],
            "status": "ONLINE" if number % 10 else "OFFLINE",
            "createdAt": "2026-01-01T00:00:00Z",
        }
        for number in range(first, first + count)
    ]


def test_a_thousand_devices_are_listed_and_filtered(
    console: Console, devices: tuple[str, str]
) -> None:
    # given an API that has so many; each row is as that of a real device, but for its name
    console.sign_in()
    expect(console.page.locator('[data-device="lamp"]')).to_be_visible()
    template: dict[str, object] = {}

    def answer(route: Route) -> None:
        if "/v1/devices?" not in route.request.url and not route.request.url.endswith("/devices"):
            route.continue_()
            return
        if not template:
            real = route.fetch()
            template.update(real.json()["devices"][0])
        token = route.request.url.partition("nextToken=")[2].partition("&")[0] or "0"
        first = int(token)
        rows = [{**template, **row} for row in of_many(first, 100)]
        after = str(first + 100) if first + 100 < MANY else None
        route.fulfill(
            body=json.dumps({"devices": rows, "nextToken": after}),
            content_type="application/json",
        )

    console.page.route("**/v1/devices**", answer)
    # when
    began = time.monotonic()
    console.page.reload()
    console.shown(f"of {MANY})")
    # then
    took = time.monotonic() - began
    assert took < 30
    console.fill("filter-text", "000777")
    console.shown(f"1 of {MANY}")
    expect(console.page.locator("[data-device]")).to_have_count(1)
    console.fill("filter-text", "")
    # What is not seen is not drawn.
    assert console.page.locator("[data-device]").count() < 200
