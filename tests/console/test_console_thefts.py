"""Those who steal: a token, a session, a message. Each is tried as it would be done."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import digest
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import expect

from tests.console.looking import Console
from tests.playground_cloud import Cloud

pytestmark = pytest.mark.thorough

SCRIPT = "window.stolen=1"


def test_no_token_is_kept_where_a_script_or_a_later_page_finds_it(lamp: Console) -> None:
    kept: dict[str, Any] = lamp.page.evaluate(
        """async () => ({
            local: {...localStorage}, session: {...sessionStorage}, cookie: document.cookie,
            databases: await indexedDB.databases(), caches: await caches.keys(),
            name: window.name, state: history.state, workers:
                (await navigator.serviceWorker.getRegistrations()).length,
            globals: Object.keys(window).filter((key) => {
                try { return JSON.stringify(window[key])?.includes('eyJ'); } catch { return false; }
            })})"""
    )

    assert "eyJ" not in json.dumps(kept)
    assert kept["cookie"] == ""
    assert (kept["databases"], kept["caches"], kept["workers"]) == ([], [], 0)
    (cookie,) = lamp.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/session")
    assert "eyJ" not in cookie["value"]
    assert "code=" not in lamp.page.url


@pytest.mark.breaks_the_policy
def test_a_script_that_got_in_could_neither_run_nor_send(lamp: Console) -> None:
    told = lamp.page.evaluate(
        """async (script) => {
            const refused = [];
            document.addEventListener('securitypolicyviolation',
                (event) => refused.push(event.effectiveDirective));
            const inline = document.createElement('script');
            inline.textContent = script;
            document.body.append(inline);
            const foreign = document.createElement('script');
            foreign.src = 'http://127.0.0.1:1/x.js';
            document.body.append(foreign);
            document.body.insertAdjacentHTML('beforeend', `<img src=x onerror="${script}">`);
            for (const place of ['http://127.0.0.1:1/', 'https://example.com/'])
                await fetch(place).catch(() => 0);
            await new Promise((done) => setTimeout(done, 500));
            return [window.stolen ?? null, refused];
        }""",
        SCRIPT,
    )

    assert told[0] is None
    # Not `eval`: what a test evaluates is the debugger's, which may. The header has no unsafe-eval.
    assert {"script-src-elem", "script-src-attr", "connect-src"} <= set(told[1])


def test_a_script_in_a_things_attribute_is_text(cloud: Cloud, console: Console) -> None:
    # given: the workflow refuses such a value, AWS IoT's own call might not
    cloud.playground("create", "odd", "--type", "generic")
    cloud.client("dynamodb").update_item(
        TableName=cloud.home.output("DeviceCatalogTableName"),
        Key={"thing_name": {"S": "odd"}},
        UpdateExpression="SET status_reason = :reason",
        ExpressionAttributeValues={":reason": {"S": f"<script>{SCRIPT}</script>"}},
    )
    cloud.client("iot-data").update_thing_shadow(
        thingName="odd",
        payload=json.dumps(
            {"state": {"desired": {"<b onclick=x>": f"<script>{SCRIPT}</script>"}}}
        ).encode(),
    )
    # when
    console.sign_in("odd")
    for tab in ("Shadow", "Config", "Timeline and why", "Jobs, links, quarantine", "Log"):
        console.tab(tab)
    console.tab("Shadow")
    # then
    expect(console.at("shadow")).to_contain_text(f"<script>{SCRIPT}</script>")
    assert console.page.evaluate("window.stolen") is None
    cloud.playground("delete", "odd")


@contextmanager
def another_origin() -> Iterator[str]:
    """A page of another port of this machine, which is another origin and the same site."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<!doctype html><title>elsewhere</title>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.breaks_the_policy
def test_a_page_of_another_origin_gets_neither_token_nor_answer(lamp: Console) -> None:
    origin = lamp.origin
    with another_origin() as elsewhere:
        lamp.page.goto(elsewhere)
        told = lamp.page.evaluate(
            """async (origin) => {
                const tries = {
                    session: ['/session', {method: 'POST', body: '{}', credentials: 'include',
                        headers: {'content-type': 'application/json'}}],
                    simple: ['/session', {method: 'POST', body: '{}', credentials: 'include',
                        mode: 'no-cors'}],
                    out: ['/session', {method: 'DELETE', credentials: 'include'}],
                    config: ['/config.json', {}],
                    devices: ['/v1/devices', {headers: {authorization: 'Bearer x'}}],
                };
                const found = {};
                for (const [name, [path, given]] of Object.entries(tries)) {
                    try {
                        const answer = await fetch(origin + path, given);
                        found[name] = answer.type + await answer.text();
                    } catch (error) { found[name] = 'refused'; }
                }
                const frame = document.createElement('iframe');
                frame.src = origin + '/devices';
                document.body.append(frame);
                await new Promise((done) => setTimeout(done, 1000));
                try { found.frame = frame.contentDocument?.body.innerText ?? 'refused'; }
                catch { found.frame = 'refused'; }
                return found;
            }""",
            origin,
        )
    # then
    assert told == {
        "session": "refused",
        "simple": "refused",
        "out": "refused",
        "config": "refused",
        "devices": "refused",
        "frame": "refused",
    }
    # and who was signed in still is
    lamp.page.goto(f"{origin}/devices/lamp")
    expect(lamp.at("device-status")).to_be_visible()


def open_websocket(console: Console, url: str) -> str:
    """What becomes of it: `open`, or `refused`."""
    return str(
        console.page.evaluate(
            """(url) => new Promise((done) => {
                const socket = new WebSocket(url, 'mqtt');
                socket.onopen = () => { socket.close(); done('open'); };
                socket.onerror = () => done('refused');
            })""",
            url,
        )
    )


def ticket(console: Console) -> dict[str, Any]:
    """A signed URL, as the page gets one."""
    found: dict[str, Any] = console.page.evaluate(
        """async (token) => (await fetch('/v1/live', {method: 'POST', body: '{}', headers:
            {'content-type': 'application/json', authorization: `Bearer ${token}`}})).json()""",
        console.token(),
    )
    return found


def test_a_signed_url_that_was_changed_opens_nothing(lamp: Console) -> None:
    url = ticket(lamp)["url"]
    assert open_websocket(lamp, url) == "open"

    signature = url.partition("X-Amz-Signature=")[2].partition("&")[0]
    flipped = "0" if signature[0] != "0" else "1"
    for changed in (
        url.replace(signature, flipped + signature[1:]),
        url.replace("X-Amz-Expires=", "X-Amz-Expires=9"),
        url.partition("X-Amz-Security-Token=")[0].rstrip("&"),
        url.partition("?")[0],
    ):
        assert open_websocket(lamp, changed) == "refused", changed[-40:]


def test_a_signed_url_reads_what_it_is_for_and_writes_nothing(lamp: Console) -> None:
    given = ticket(lamp)
    told = lamp.page.evaluate(MQTT, [given["url"], given["clientId"]])

    # SUBACK: 128 and more is a refusal (MQTT 5, 3.9.3); what it is for is granted.
    assert told["for it"] < 128
    assert told["shadow of all"] >= 128
    assert told["everything"] >= 128
    assert told["publish"] in ("closed", 135)


MQTT = """
async ([url, clientId]) => {
    const text = (value) => {
        const bytes = new TextEncoder().encode(value);
        return [bytes.length >> 8, bytes.length & 255, ...bytes];
    };
    const packet = (head, body) => {
        const length = [];
        let left = body.length;
        do { length.push((left % 128) | (left > 127 ? 128 : 0)); left = left >> 7; } while (left);
        return new Uint8Array([head, ...length, ...body]);
    };
    const socket = new WebSocket(url, 'mqtt');
    socket.binaryType = 'arraybuffer';
    const inbox = [];
    let wake = () => 0;
    socket.onmessage = ({data}) => { inbox.push(new Uint8Array(data)); wake(); };
    socket.onclose = () => { inbox.push('closed'); wake(); };
    const next = async () => {
        while (!inbox.length) await new Promise((done) => { wake = done; });
        return inbox.shift();
    };
    await new Promise((done, fail) => { socket.onopen = done; socket.onerror = fail; });
    socket.send(packet(0x10, [...text('MQTT'), 5, 2, 0, 30, 0, ...text(clientId)]));
    await next();
    const found = {};
    let id = 0;
    for (const [name, filter] of Object.entries({'for it': 'dt/playground/#',
            'everything': '#', 'shadow of all': '$aws/rules/#'})) {
        id += 1;
        socket.send(packet(0x82, [0, id, 0, ...text(filter), 0]));
        let answer = await next();
        while (answer !== 'closed' && answer[0] !== 0x90) answer = await next();
        found[name] = answer === 'closed' ? 135 : answer[answer.length - 1];
    }
    socket.send(packet(0x32, [...text('dt/playground/lamp/telemetry'), 0, 9, 0, 123, 125]));
    let answer = await next();
    while (answer !== 'closed' && answer[0] !== 0x40) answer = await next();
    found.publish = answer === 'closed' ? 'closed' : answer[4] ?? 0;
    socket.close();
    return found;
}
"""


def test_a_signed_url_that_is_too_old_opens_nothing(lamp: Console) -> None:
    given = ticket(lamp)
    left = datetime.fromisoformat(given["expiresAt"]) - datetime.now(UTC)
    # then: no longer than a quarter of an hour, as the signature itself says
    assert left <= timedelta(minutes=16)
    seconds = int(given["url"].partition("X-Amz-Expires=")[2].partition("&")[0])
    assert seconds <= 900
    # when: one that was signed an hour ago, with a right signature, is as good as none
    old = signed_before(lamp.cloud, given["url"], 3600)
    assert open_websocket(lamp, old) == "refused"
    fresh = signed_before(lamp.cloud, given["url"], 0)
    assert open_websocket(lamp, fresh) == "open"


def signed_before(cloud: Cloud, url: str, seconds: int) -> str:
    """The same URL, signed so many seconds ago by the account itself."""
    key = cloud.home.session.get_credentials()
    assert key is not None
    at = datetime.now(UTC) - timedelta(seconds=seconds)
    day, stamp = f"{at:%Y%m%d}", f"{at:%Y%m%dT%H%M%SZ}"
    scope = f"{day}/{cloud.home.region}/iotdevicegateway/aws4_request"
    parts = urlsplit(url)
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        f"&X-Amz-Credential={quote(f'{key.access_key}/{scope}', safe='')}"
        f"&X-Amz-Date={stamp}&X-Amz-Expires=900&X-Amz-SignedHeaders=host"
    )
    empty = sha256(b"").hexdigest()
    canonical = f"GET\n{parts.path}\n{query}\nhost:{parts.netloc}\n\nhost\n{empty}"
    told = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    secret = f"AWS4{key.secret_key}".encode()
    for part in (day, cloud.home.region, "iotdevicegateway", "aws4_request"):
        secret = digest(secret, part.encode(), "sha256")
    signature = digest(secret, told.encode(), "sha256").hex()
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{query}&X-Amz-Signature={signature}"
