"""python -m proofs.screenshots, by the environment `browser`: the pictures of the console in docs/.

They are of the product as it runs: a local cloud of its own, four devices, the system's Chromium.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

from playground.home.paths import PROJECT
from tests.playground_cloud import Cloud, own_cloud
from tests.ports import free_port

DOCS = PROJECT / "docs"
DEVICES = {"lamp": "bulb", "wall": "switch", "flat": "thermostat", "van": "vehicle"}
SIZE: ViewportSize = {"width": 1280, "height": 800}
TELEMETRY = 20_000
"""Milliseconds in which the lines get long enough to be seen."""


def take(cloud: Cloud, page: Page) -> None:
    """All pictures."""
    for name, kind in DEVICES.items():
        cloud.playground("create", name, "--type", kind, "--attribute", "room=hall")
    cloud.playground("link", "wall", "lamp")
    cloud.playground("command", "wall", "press", "position=on")
    for name in DEVICES:
        cloud.playground("set", name, "time=1")
    told = cloud.playground("console", "lamp", "--no-browser", "--output", "json")
    page.goto(json.loads(told.stdout)["url"])
    page.locator('[data-testid=live-state][data-state="live"]').wait_for()
    page.wait_for_timeout(TELEMETRY)
    page.screenshot(path=DOCS / "console.png")
    page.get_by_role("link", name="Devices", exact=True).first.click()
    page.wait_for_timeout(3000)
    page.get_by_test_id("dark-mode").click()
    page.wait_for_timeout(500)
    page.screenshot(path=DOCS / "console-devices.png")


def main() -> None:
    """Take them."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("there is no Chromium: apt-get install chromium")
    variables = {"PLAYGROUND_CONSOLE_PORT": str(free_port())}
    with (
        tempfile.TemporaryDirectory(prefix="playground-screens-") as folder,
        own_cloud(Path(folder) / "home", variables) as cloud,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        take(cloud, browser.new_page(viewport=SIZE, color_scheme="light"))
        browser.close()


if __name__ == "__main__":
    main()
