"""The bad days: what a person sees when something is wrong, and that the page comes back."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Route, expect

from playground.home.state import LocalState
from playground.stack.users import Users
from tests.console.looking import Console
from tests.playground_cloud import Cloud

pytestmark = pytest.mark.thorough

API_LOST = re.compile("The API can.t be reached")
NASTY = '<img src=x onerror="window.stolen=1"><script>window.stolen=1</script>'


def publish(console: Console, topic: str, payload: bytes, count: int = 1) -> None:
    """From outside, as any client of the account."""
    data = console.cloud.client("iot-data")
    for _ in range(count):
        data.publish(topic=topic, qos=0, payload=payload)


@pytest.fixture(scope="module")
def viewer(cloud: Cloud) -> Iterator[tuple[str, str]]:
    """A user who may look only."""
    users = Users(cloud.home)
    password = users.add("vera", "viewers")
    yield "vera", password
    users.remove("vera")


def test_a_wrong_password_is_told_and_the_right_one_lets_in(
    console: Console, viewer: tuple[str, str]
) -> None:
    name, password = viewer
    console.sign_in_as(name, "Wrong-password-1")
    expect(console.at("sign-in-fault")).to_contain_text("The user name or the password is wrong.")
    console.fill("sign-in-password", password)
    console.at("sign-in-submit").click()

    expect(console.at("user-menu")).to_be_visible()


def test_a_link_that_was_used_says_what_to_do(console: Console) -> None:
    url = console.url()
    console.page.goto(url)
    expect(console.at("user-menu")).to_be_visible()
    console.context.clear_cookies()
    console.page.goto("about:blank")
    console.page.goto(url)

    expect(console.at("sign-in-fault")).to_contain_text("playground console")


def test_an_expired_token_is_renewed_and_nothing_typed_is_lost(lamp: Console) -> None:
    # given a form that is half filled in, and an API that takes the token no longer
    lamp.tab("Config")
    lamp.fill("setting-time", "7")
    refused: list[str] = []

    def refuse(route: Route) -> None:
        given = route.request.headers["authorization"]
        if not refused or given == refused[0]:
            refused.append(given)
            body = json.dumps({"message": "Unauthorized"})
            route.fulfill(status=401, body=body, content_type="application/json")
        else:
            route.continue_()

    lamp.page.route("**/v1/**", refuse)
    # when
    lamp.at("settings-save").click()
    # then: asked of the page, for the route is served only while something is
    expect(lamp.at("setting-time")).to_have_attribute("data-reported", "7")
    lamp.cloud.wait_until_reported("lamp", time=7)
    assert refused
    expect(lamp.at("sign-in")).to_have_count(0)


def test_a_session_that_has_ended_asks_above_the_page_and_keeps_it(
    console: Console, devices: tuple[str, str], viewer: tuple[str, str]
) -> None:
    # given a browser that has lost its cookie, and an API that takes the token no longer
    console.sign_in("lamp")
    console.tab("Config")
    console.fill("setting-time", "9")
    console.context.clear_cookies()
    console.page.route(
        "**/v1/**",
        lambda route: route.fulfill(status=401, body="{}", content_type="application/json"),
        times=1,
    )
    console.at("settings-save").click()
    # then
    expect(console.at("sign-in")).to_be_visible()
    expect(console.at("setting-time").locator("input")).to_have_value("9")


def test_a_viewer_sees_the_buttons_and_why_they_do_not_work(
    console: Console, devices: tuple[str, str], viewer: tuple[str, str]
) -> None:
    console.sign_in_as(*viewer)
    expect(console.at("user-menu")).to_be_visible()
    console.page.goto(f"{console.origin}/devices/lamp")
    button = console.at("quick-tamper")

    expect(button).to_be_disabled()
    expect(console.at("delete-device")).to_be_disabled()
    # And the API refuses what the page would not send.
    told = console.page.evaluate(
        """async (token) => {
            const answer = await fetch('/v1/devices/lamp', {method: 'DELETE',
                headers: {authorization: `Bearer ${token}`}});
            return [answer.status, (await answer.json()).type];
        }""",
        console.token(),
    )
    assert told == [403, "urn:iot-playground:problem:not-allowed"]


@contextmanager
def standing_still(console: Console) -> Iterator[None]:
    """The emulator answers nobody, as one that was stopped; API and broker are gone at once."""
    state = LocalState.load(console.cloud.paths)
    assert state.emulator is not None
    os.kill(state.emulator.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(state.emulator.pid, signal.SIGCONT)


def test_an_api_that_is_gone_is_told_and_the_page_comes_back(lamp: Console) -> None:
    away = json.dumps({"type": "urn:iot-playground:problem:api-away", "status": 502})
    lamp.page.route(
        "**/v1/**",
        lambda route: route.fulfill(
            status=502,
            body=away,
            content_type="application/problem+json",
            headers={"playground-api": "away"},
        ),
    )
    lamp.at("quick-tamper").click()
    lamp.shown(API_LOST)
    # what was there is there still
    expect(lamp.at("device-status")).to_have_attribute("data-status", "ONLINE")
    lamp.page.unroute("**/v1/**")
    expect(lamp.page.get_by_text(API_LOST)).to_have_count(0)
    lamp.at("quick-tamper").click()
    expect(lamp.at("quick-tamper")).to_be_enabled()


def test_a_local_cloud_that_stands_still_for_a_minute_is_waited_for(lamp: Console) -> None:
    with standing_still(lamp):
        lamp.at("quick-tamper").click()
        time.sleep(45)
        # The page itself is served by another process.
        assert lamp.page.evaluate("fetch('/config.json').then((answer) => answer.status)") == 200
    lamp.live()
    lamp.tab("Log")
    publish(lamp, "dt/playground/lamp/telemetry", b'{"after": "the minute"}')
    expect(lamp.message("telemetry", "the minute")).to_be_visible()


def test_messages_that_are_gone_are_told_and_come_back(
    console: Console, devices: tuple[str, str]
) -> None:
    # given a page with live messages
    with console.page.expect_response("**/v1/live") as asked:
        console.sign_in("lamp")
    console.live()
    browser = console.context.new_cdp_session(console.page)
    browser.send("Network.enable")
    # when the broker ends the connection, and no other one comes about
    browser.send("Network.setBlockedURLs", {"urls": ["ws://*"]})
    console.cloud.client("iot-data").delete_connection(clientId=asked.value.json()["clientId"])
    # then
    expect(console.at("live-state")).to_have_attribute("data-state", "lost")
    console.shown("Live messages have stopped")
    # when
    browser.send("Network.setBlockedURLs", {"urls": []})
    console.page.get_by_role("button", name="Try now").click()
    # then
    console.live()
    console.tab("Log")
    publish(console, "dt/playground/lamp/telemetry", b'{"back": "again"}')
    expect(console.message("telemetry", "again")).to_be_visible()


def test_a_device_that_is_removed_while_its_page_is_open(console: Console) -> None:
    console.cloud.playground("create", "short", "--type", "generic")
    console.sign_in("short")
    console.live()
    expect(console.at("device-status")).to_have_attribute("data-status", "ONLINE")
    console.cloud.playground("delete", "short")

    expect(console.at("device-status")).to_have_attribute("data-status", "TERMINATED")
    expect(console.at("delete-device")).to_be_disabled()


def test_html_and_script_of_a_device_are_text(lamp: Console) -> None:
    lamp.tab("Log")
    publish(lamp, "dt/playground/lamp/telemetry", json.dumps({"a": NASTY}).encode())
    publish(lamp, "evt/playground/lamp/tamper", NASTY.encode())
    publish(lamp, f"dt/playground/{'x' * 20}<b>/lamp", NASTY.encode())
    message = lamp.message("telemetry", "onerror")
    message.get_by_role("button").click()

    expect(message.locator("pre")).to_contain_text("<script>")
    lamp.go("Messages")
    expect(lamp.at("topics")).to_be_visible()
    assert lamp.page.evaluate("window.stolen") is None
    assert lamp.page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b'{"text": "' + b"x" * 131_000 + b'"}', "131.0 KB"),
        (b"no json at all", "no json at all"),
        (bytes(range(256)), "00 01 02 03"),
        (b"", "empty"),
        (b'{"deep": ' + b"[" * 500 + b"]" * 500 + b"}", "deep"),
    ],
    ids=["128 KB", "no JSON", "binary", "empty", "deep"],
)
def test_any_payload_is_shown_as_what_it_is(lamp: Console, payload: bytes, told: str) -> None:
    lamp.tab("Log")
    publish(lamp, "dt/playground/lamp/telemetry", payload)
    newest = lamp.at("message-telemetry").first
    expect(newest).to_be_visible()
    newest.get_by_role("button").click()

    expect(lamp.page.get_by_role("tabpanel")).to_contain_text(told)
    # And the page goes on.
    publish(lamp, "dt/playground/lamp/telemetry", b'{"temperature": 1.5}')
    expect(lamp.message("telemetry", "1.5")).to_be_visible()


def test_two_hundred_messages_a_second_are_kept_up_with(lamp: Console) -> None:
    lamp.go("Messages")
    expect(lamp.at("topics")).to_be_visible()
    # a page that draws: how long its longest pause is
    lamp.page.evaluate(
        """() => { window.longest = 0; let before = performance.now();
            const look = (now) => { window.longest = Math.max(window.longest, now - before);
                before = now; requestAnimationFrame(look); }; requestAnimationFrame(look); }"""
    )
    began = time.monotonic()
    for burst in range(5):
        publish(lamp, f"dt/playground/lamp/{burst}/lamp", b'{"n": 1}', 200)
    rate = 1000 / (time.monotonic() - began)
    publish(lamp, "dt/playground/lamp/telemetry", b'{"the": "last one"}')

    expect(lamp.at("messages")).to_contain_text("last one")
    longest = lamp.page.evaluate("window.longest")
    assert longest < 3000, f"no picture for {longest:.0f} ms at {rate:.0f} messages a second"
