"""What a person does at the console: sign in, go to a view, press, read."""

import json
import re
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.playground_cloud import PATIENCE, Cloud

expect.set_options(timeout=10_000 * PATIENCE)


@dataclass(frozen=True)
class Console:
    """A browser at the console of one cloud."""

    cloud: Cloud
    context: BrowserContext
    page: Page

    @property
    def origin(self) -> str:
        """The console's own."""
        status = json.loads(self.cloud.playground("status", "--output", "json").stdout)
        return str(status["console"])

    def url(self, *name: str) -> str:
        """A URL that signs in."""
        told = self.cloud.playground("console", *name, "--no-browser", "--output", "json")
        return str(json.loads(told.stdout)["url"])

    def sign_in(self, *name: str) -> None:
        """As whoever runs `playground console` does."""
        self.page.goto(self.url(*name))
        expect(self.at("user-menu")).to_be_visible()

    def sign_in_as(self, username: str, password: str) -> None:
        """By the form."""
        self.page.goto(f"{self.origin}/devices")
        self.fill("sign-in-username", username)
        self.fill("sign-in-password", password)
        self.at("sign-in-submit").click()

    def live(self) -> None:
        """Wait until messages come."""
        expect(self.at("live-state")).to_have_attribute("data-state", "live")

    def device_shown(self) -> None:
        """Wait for the API's answer, which brings the buttons; messages may come before it."""
        expect(self.at("quick-tamper")).to_be_enabled()

    def at(self, test_id: str) -> Locator:
        """A part of the page."""
        return self.page.get_by_test_id(test_id)

    def fill(self, test_id: str, text: str) -> None:
        """The field in a part."""
        self.at(test_id).locator("input, textarea").first.fill(text)

    def tab(self, label: str) -> None:
        """A side of the device."""
        self.page.get_by_role("tab", name=label).click()

    def go(self, view: str) -> None:
        """A view of the list at the left."""
        self.page.get_by_role("link", name=view, exact=True).first.click()

    def shown(self, text: str | re.Pattern[str]) -> None:
        """Wait until it stands somewhere."""
        expect(self.page.get_by_text(text).first).to_be_visible()

    def message(self, kind: str, *words: str) -> Locator:
        """A message of the list, the newest with these words."""
        found = self.at(f"message-{kind}")
        for word in words:
            found = found.filter(has_text=word)
        return found.first

    def token(self) -> str:
        """Of a session of its own, as a program that has the cookie gets one."""
        answer: Any = self.page.evaluate(
            """async () => (await fetch('/session', {method: 'POST', body: '{}',
                headers: {'content-type': 'application/json'}})).json()"""
        )
        return str(answer["accessToken"])
