"""python -m benchmarks.console, by the environment `browser`: how fast the console is, how heavy.

A local cloud of its own, the system's Chromium, and the product's own page. The thousand devices of
the list are rows that stand in the API's answer; their messages are real ones.
"""

import json
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Spread
from benchmarks.machine import machine
from playground.home.paths import Paths
from playground.web.building import Builder
from tests.playground_cloud import Cloud, own_cloud
from tests.ports import free_port

LOADS, MESSAGES = 10, 50
MANY, RATE, SECONDS = 1000, 200, 20
FRAME = 1000 / 60
"""Milliseconds of a picture."""

SEEN = """
window.seen = {};
new MutationObserver(() => {
    if (!window.seen.device && document.querySelector('[data-device]')) {
        window.seen.device = -1;
        requestAnimationFrame(() => requestAnimationFrame(() => {
            window.seen.device = performance.now();
        }));
    }
}).observe(document, {childList: true, subtree: true});
"""
PIXELS = """
window.marks = {};
new MutationObserver(() => {
    const text = document.querySelector('[data-testid=messages]')?.textContent ?? '';
    for (const [mark] of text.matchAll(/mark-[0-9]+-/g)) {
        if (window.marks[mark]) continue;
        window.marks[mark] = -1;
        requestAnimationFrame(() => setTimeout(() => { window.marks[mark] = Date.now(); }, 0));
    }
}).observe(document, {childList: true, subtree: true, characterData: true});
"""
FRAMES = """
() => {
    window.frames_seen = [];
    let before = performance.now();
    const look = (now) => {
        window.frames_seen.push(now - before);
        before = now;
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
}
"""


@dataclass(frozen=True)
class Load:
    """A page while there are many devices and messages: `processor` is of one core, `rate` what was
    sent.
    """

    page: str
    rate: float
    processor: float
    frames: int
    dropped: int
    longest: float


@dataclass(frozen=True)
class Figures:
    """`first_page` is what the build says of script and style, `received` the bytes of all that
    came, with fonts and the part for messages; times in milliseconds, those of builds in seconds.
    """

    first_page: str
    received: int
    first_paint: Spread
    publish_to_pixel: Spread
    loads: tuple[Load, ...]
    build: float
    up_with_build: float
    up_without: float


def measure(browser: Browser) -> Figures:
    """Bring a cloud up twice, with and without a page to build, and look at the second one."""
    with tempfile.TemporaryDirectory(prefix="playground-bench-") as folder:
        build = _build(Path(folder))
        first_page = _first_page()
        builder = Builder(Paths(directory=Path(folder) / "first"))
        shutil.rmtree(builder.folder)
        with_build, without = Path(folder) / "with", Path(folder) / "without"
        began = time.monotonic()
        with _cloud(with_build):
            up_with_build = time.monotonic() - began
        began = time.monotonic()
        with _cloud(without) as cloud:
            up_without = time.monotonic() - began
            cloud.playground("create", "lamp", "--type", "bulb")
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.goto(_url(cloud))
            page.get_by_test_id("user-menu").wait_for()
            size, first_paint = _loads(browser, context, _origin(cloud))
            pixel = _pixels(cloud, page)
            loads = tuple(_load(cloud, context, view) for view in ("devices", "messages"))
    return Figures(first_page, size, first_paint, pixel, loads, build, up_with_build, up_without)


@contextmanager
def _cloud(folder: Path) -> Iterator[Cloud]:
    with own_cloud(folder, {"PLAYGROUND_CONSOLE_PORT": str(free_port())}) as cloud:
        yield cloud


def _url(cloud: Cloud) -> str:
    told = cloud.playground("console", "--no-browser", "--output", "json").stdout
    return str(json.loads(told)["url"])


def _origin(cloud: Cloud) -> str:
    return _url(cloud).partition("/#")[0]


def _build(folder: Path) -> float:
    """Seconds of a build whose packages are installed."""
    builder = Builder(Paths(directory=folder / "first"))
    builder.build()
    shutil.rmtree(builder.folder)
    began = time.monotonic()
    builder.build()
    return time.monotonic() - began


def _first_page() -> str:
    """Script and style of the first page, gzipped, by the build's own manifest."""
    paths = Paths.here()
    command = [str(paths.tool("node", "node")), "scripts/size.mjs"]
    done = subprocess.run(
        command, cwd=paths.root / "console", capture_output=True, text=True, check=True
    )
    return done.stdout.strip().rpartition("first page: ")[2]


def _loads(browser: Browser, signed_in: BrowserContext, origin: str) -> tuple[int, Spread]:
    """Bytes of the first page, and when the first device is seen, with an empty cache."""
    sizes, paints = [], []
    for _ in range(LOADS):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_cookies(signed_in.cookies())  # type: ignore[arg-type]
        page = context.new_page()
        page.add_init_script(SEEN)
        received: list[float] = []
        protocol = context.new_cdp_session(page)
        protocol.send("Network.enable")
        names: dict[str, str] = {}
        protocol.on(
            "Network.responseReceived",
            lambda event, names=names: names.update({event["requestId"]: event["response"]["url"]}),
        )

        def finished(
            event: Any, names: dict[str, str] = names, received: list[float] = received
        ) -> None:
            if "/v1/" not in names.get(event["requestId"], ""):
                received.append(event["encodedDataLength"])

        protocol.on("Network.loadingFinished", finished)
        page.goto(f"{origin}/devices")
        page.wait_for_function("() => window.seen.device > 0")
        sizes.append(int(sum(received)))
        paints.append(float(page.evaluate("window.seen.device")))
        context.close()
    return int(statistics.median(sizes)), Spread.of(paints)


def _pixels(cloud: Cloud, page: Page) -> Spread:
    """From the call of Publish to the frame after the message stands in the list."""
    data = cloud.client("iot-data")
    page.goto(f"{_origin(cloud)}/messages")
    page.locator('[data-testid=live-state][data-state="live"]').wait_for()
    page.evaluate(PIXELS)
    began = {}
    for number in range(MESSAGES):
        mark = f"mark-{number}-"
        began[mark] = time.time()
        payload = json.dumps({"mark": mark}).encode()
        data.publish(topic="dt/playground/lamp/telemetry", qos=0, payload=payload)
        page.wait_for_function("(mark) => window.marks[mark] > 0", arg=mark)
    seen = page.evaluate("window.marks")
    return Spread.of([seen[mark] - at * 1000 for mark, at in began.items()])


def _load(cloud: Cloud, context: BrowserContext, view: str) -> Load:
    page = context.new_page()
    page.route("**/v1/devices?**", _many)
    page.goto(f"{_origin(cloud)}/{view}")
    if view == "devices":
        page.get_by_text(f"of {MANY})").wait_for()
    page.locator('[data-testid=live-state][data-state="live"]').wait_for()
    protocol = context.new_cdp_session(page)
    protocol.send("Performance.enable")
    with _publishing(cloud) as sent:
        page.wait_for_timeout(2000)
        page.evaluate(FRAMES)
        before, sent_before, began = _busy(protocol), len(sent), time.monotonic()
        page.wait_for_timeout(SECONDS * 1000)
        took = time.monotonic() - began
        busy, rate = (_busy(protocol) - before) / took, (len(sent) - sent_before) / took
        frames = [float(one) for one in page.evaluate("window.frames_seen")]
    dropped = sum(max(0, round(one / FRAME) - 1) for one in frames)
    page.unroute_all(behavior="wait")
    page.close()
    return Load(view, rate, busy, len(frames), dropped, max(frames))


def _many(route: Route) -> None:
    first = int(route.request.url.partition("nextToken=")[2].partition("&")[0] or 0)
    real = route.fetch(url=route.request.url.partition("?")[0] + "?limit=1").json()
    row = real["devices"][0]
    rows = [{**row, "thingName": f"dev-{first + number:06d}"} for number in range(100)]
    after = str(first + 100) if first + 100 < MANY else None
    route.fulfill(
        body=json.dumps({"devices": rows, "nextToken": after}), content_type="application/json"
    )


@contextmanager
def _publishing(cloud: Cloud) -> Iterator[list[float]]:
    """Telemetry of all devices in turn, at the rate if the machine can; when each was sent."""
    data, sent, over = cloud.client("iot-data"), [], threading.Event()

    def publish(worker: int, workers: int) -> None:
        number, due = worker, time.monotonic()
        while not over.is_set():
            payload = json.dumps({"temperature": number % 40, "sequence": number}).encode()
            topic = f"dt/playground/dev-{number % MANY:06d}/telemetry"
            data.publish(topic=topic, qos=0, payload=payload)
            sent.append(time.monotonic())
            number += workers
            due = max(due + workers / RATE, time.monotonic() - 1)
            over.wait(max(0.0, due - time.monotonic()))

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(publish, worker, 4) for worker in range(4)]
        try:
            yield sent
        finally:
            over.set()
            for one in running:
                one.result()


def _busy(protocol: Any) -> float:
    """Seconds that the page's main thread has worked."""
    found = protocol.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in found if one["name"] == "TaskDuration"))


def shown(figures: Figures) -> Table:
    """For the page of figures."""
    table = Table("what", "figure")
    paint, pixel = figures.first_paint, figures.publish_to_pixel
    table.add_row("first page, script and style, gzipped", figures.first_page)
    table.add_row("all that came, with fonts and messages", f"{figures.received / 1000:.0f} KB")
    table.add_row("first device is seen after", f"{paint.median:.0f} ms (p99 {paint.p99:.0f})")
    table.add_row("publish to pixel", f"{pixel.median:.0f} ms (p99 {pixel.p99:.0f})")
    for load in figures.loads:
        told = f"{load.page}: {MANY} devices, messages a second"
        table.add_row(told, f"{load.rate:.0f}")
        table.add_row("  CPU of the page, of a core", f"{load.processor:.0%}")
        table.add_row("  frames, dropped", f"{load.frames}, {load.dropped}")
        table.add_row("  longest frame", f"{load.longest:.0f} ms")
    table.add_row("build of the page", f"{figures.build:.1f} s")
    table.add_row("`up`, first time, with the build", f"{figures.up_with_build:.1f} s")
    table.add_row("`up`, first time, without", f"{figures.up_without:.1f} s")
    return table


def main() -> None:
    """Measure and print."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("there is no Chromium: apt-get install chromium")
    console = Console(highlight=False)
    console.print(machine())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        figures = measure(browser)
        browser.close()
    console.print(shown(figures))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
