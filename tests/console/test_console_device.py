"""The seed's page, alive: each part is clicked through, and what the device does is seen."""

import re

import pytest
from playwright.sync_api import expect

from tests.console.looking import Console
from tests.playground_cloud import wait_for


def test_the_url_leads_to_the_device_and_the_code_is_gone_from_the_address(
    console: Console, devices: tuple[str, str]
) -> None:
    console.sign_in("lamp")

    expect(console.page).to_have_url(f"{console.origin}/devices/lamp")
    expect(console.at("device-status")).to_have_attribute("data-status", "ONLINE")
    # A page that is loaded again is signed in still.
    console.page.reload()
    expect(console.at("device-status")).to_have_attribute("data-status", "ONLINE")


def test_a_setting_is_changed_and_seen_in_shadow_and_telemetry(lamp: Console) -> None:
    # when
    lamp.tab("Config")
    lamp.fill("setting-time", "2")
    lamp.at("settings-save").click()
    # then
    expect(lamp.at("setting-time")).to_have_attribute("data-reported", "2")
    lamp.cloud.wait_until_reported("lamp", time=2)
    lamp.tab("Shadow")
    row = lamp.at("shadow-time")
    expect(row.locator("td")).to_contain_text(["2", "2"])
    lamp.tab("Log")
    expect(lamp.message("telemetry", "temperature")).to_be_visible()


@pytest.mark.thorough
def test_what_the_device_would_refuse_is_told_while_one_types(lamp: Console) -> None:
    lamp.tab("Config")
    lamp.fill("setting-time", "0")

    expect(lamp.at("setting-time")).to_contain_text("must be an integer from 1 to 86400")
    expect(lamp.at("settings-save")).to_be_disabled()


@pytest.mark.thorough
def test_endpoint_and_certificate_are_shown(lamp: Console) -> None:
    overview = lamp.page.get_by_role("tabpanel")
    expect(overview).to_contain_text(f"127.0.0.1:{lamp.cloud.home.mqtt_port}")
    expect(overview).to_contain_text("connected")
    lamp.tab("Certificate")
    life = lamp.at("certificate-life")
    expect(life).to_contain_text(lamp.cloud.row("lamp")["certificate_id"])
    expect(life.locator("li[data-state]").first).to_be_visible()


@pytest.mark.thorough
def test_its_own_help_is_shown_as_buttons_with_arguments(lamp: Console) -> None:
    lamp.tab("Commands")

    for name in ("ping", "tamper", "large", "authorization-error"):
        expect(lamp.at(f"command-{name}")).to_be_enabled()
    lamp.fill("argument-large-bytes", "512")
    lamp.at("command-large").click()
    expect(lamp.at("reply-large")).to_contain_text('"bytes": 512')


@pytest.mark.thorough
def test_tamper_large_payload_and_authorisation_error_are_done_and_seen(lamp: Console) -> None:
    for button, kind, words in (
        ("tamper", "event", "tamper"),
        ("large", "telemetry", ""),
        ("authorization-error", "command", "authorization-error"),
    ):
        lamp.tab("Overview")
        lamp.at(f"quick-{button}").click()
        expect(lamp.at(f"quick-{button}")).to_be_enabled()
        lamp.tab("Log")
        expect(lamp.message(kind, words)).to_be_visible()
    expect(
        lamp.at("message-telemetry").filter(has_text=re.compile(r"117|120")).first
    ).to_be_visible()


@pytest.mark.thorough
def test_reconnect_and_clean_disconnect_are_told_apart(lamp: Console) -> None:
    for button, last_will in (("reconnect", True), ("clean", False)):
        lamp.tab("Overview")
        before = lamp.cloud.row("lamp").get("session_identifier")
        lamp.at(f"quick-{button}").click()
        lamp.tab("Log")
        expect(lamp.message("presence", "disconnected")).to_be_visible()
        expect(lamp.message("presence", "connected")).to_be_visible()
        if last_will:
            expect(lamp.message("event", "lwt")).to_be_visible()
        assert lamp.cloud.row("lamp").get("session_identifier") != before or before is None
        expect(lamp.at("device-status")).to_have_attribute("data-status", "ONLINE")


def test_a_press_of_the_switch_lights_the_bulb(console: Console, devices: tuple[str, str]) -> None:
    # given both, side by side in the list
    lamp, wall = devices
    console.sign_in()
    console.live()
    before = console.cloud.shadow(lamp)["reported"]["status"]
    after = "off" if before == "on" else "on"
    # when
    console.page.locator(f'[data-device="{wall}"]').get_by_test_id("press-switch").click()
    # then
    lit = console.page.locator(f'[data-device="{lamp}"] [data-lit]')
    expect(lit).to_have_attribute("data-lit", "true" if after == "on" else "false")
    console.cloud.wait_until_reported(lamp, status=after)


@pytest.mark.thorough
def test_a_device_is_made_while_its_workflow_is_watched_and_removed_again(
    console: Console,
) -> None:
    # when
    console.sign_in()
    console.live()
    console.at("create-device").click()
    console.fill("create-name", "made-here")
    console.fill("create-ttl", "2h")
    console.at("create-submit").click()
    # then
    expect(console.page).to_have_url(re.compile(r"/executions/"))
    expect(console.at("graph")).to_be_visible()
    console.shown("SUCCEEDED")
    console.page.goto(f"{console.origin}/devices/made-here")
    expect(console.at("device-status")).to_have_attribute("data-status", "ONLINE")
    expect(console.page.get_by_text("Expires", exact=True)).to_be_visible()
    # when
    console.at("delete-device").click()
    console.at("delete-submit").click()
    # then
    expect(console.page).to_have_url(re.compile(r"/executions/"))
    console.shown("SUCCEEDED")
    wait_for("the end", lambda: console.cloud.row("made-here")["status"] == "TERMINATED")


@pytest.mark.thorough
def test_the_line_beside_a_button_is_the_call_and_can_be_copied(lamp: Console) -> None:
    lamp.tab("Shadow")
    line = lamp.at("cli-line").first
    line.get_by_role("button").click()
    copied = lamp.page.evaluate("navigator.clipboard.readText()")

    assert copied == line.locator("code").inner_text()
    told = lamp.cloud.run("sh", "-c", copied)
    assert '"reported"' in told.stdout


def test_the_timeline_tells_what_was_refused_and_why(lamp: Console) -> None:
    lamp.at("quick-authorization-error").click()
    expect(lamp.at("quick-authorization-error")).to_be_enabled()
    lamp.tab("Timeline and why")

    expect(lamp.at("entry-refused").first).to_be_visible()
    expect(lamp.at("why")).to_have_attribute("data-trouble", "refused")
    lamp.fill("explain-resource", "playground/forbidden/lamp/telemetry")
    lamp.at("explain-submit").click()
    expect(lamp.at("explain-answer")).to_be_visible()


@pytest.mark.thorough
def test_a_device_is_confined_let_out_stopped_and_restarted(console: Console) -> None:
    console.cloud.playground("create", "cell", "--type", "generic")
    console.sign_in("cell")
    console.device_shown()
    console.tab("Jobs, links, quarantine")
    expect(console.at("quarantine-submit")).to_be_disabled()
    console.fill("quarantine-reason", "it smells")
    for button, state in (
        ("quarantine-submit", "in"),
        ("release-submit", "out"),
        ("stop-submit", "out"),
        ("restart-submit", "out"),
    ):
        # when
        console.at(button).click()
        # then: its workflow is shown, to the end
        console.page.wait_for_url("**/executions/*")
        expect(console.at("execution-status")).to_have_attribute("data-status", "SUCCEEDED")
        console.page.goto(f"{console.origin}/devices/cell")
        console.tab("Jobs, links, quarantine")
        expect(console.at("quarantine")).to_have_attribute("data-state", state)
        if state == "in":
            expect(console.at("quarantine")).to_contain_text("it smells")
    console.cloud.playground("delete", "cell")
