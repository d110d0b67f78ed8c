"""A browser, a local cloud with a console, and devices in it.

The browser is the system's own Chromium. Where there is none, these tests say so; in CI that is a
failure.
"""

import json
import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.playground_cloud import Cloud, own_cloud
from tests.ports import free_port

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
HERE = find_spec("playwright") is not None

if not HERE:
    # `make test` runs these by the environment that has it.
    collect_ignore_glob = ["test_*.py"]
else:
    from tests.console.looking import Console


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """The system's Chromium: nothing is downloaded."""
    if CHROMIUM is None:
        sentence = "there is no Chromium: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    # Root, as in a container, has no other way to start it.
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {"executable_path": CHROMIUM, "args": [*args, "--disable-dev-shm-usage"]}


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    """A laptop's screen; times as the page's own."""
    return {"viewport": {"width": 1280, "height": 900}, "timezone_id": "UTC", "locale": "en-GB"}


@pytest.fixture(scope="session")
def cloud(
    browser_type_launch_args: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
    shared_build: Path,
) -> Iterator[Cloud]:
    """The local cloud, with its console on a free port; not without a browser."""
    folder = tmp_path_factory.mktemp("console")
    variables = {"PLAYGROUND_CONSOLE_PORT": str(free_port())}
    with own_cloud(folder / "home", variables, shared_build) as running:
        assert json.loads(running.playground("status", "--output", "json").stdout)["console"]
        yield running


@pytest.fixture(scope="session")
def devices(cloud: Cloud) -> tuple[str, str]:
    """A lamp and a switch that drives it."""
    cloud.playground("create", "lamp", "--type", "bulb", "--attribute", "room=hall")
    cloud.playground("create", "wall", "--type", "switch")
    cloud.playground("link", "wall", "lamp")
    return "lamp", "wall"


@pytest.fixture
def console(cloud: Cloud, context: "BrowserContext", page: "Page") -> "Console":
    """A browser at the console; nobody is signed in yet."""
    found = Console(cloud, context, page)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=found.origin)
    return found


@pytest.fixture
def lamp(console: "Console", devices: tuple[str, str]) -> "Console":
    """Signed in, at the page of the lamp: the API has told of it, and messages come."""
    name, _ = devices
    console.sign_in(name)
    console.device_shown()
    console.live()
    return console


@pytest.fixture(autouse=True)
def nothing_broken(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test in which the page has broken its own policy, or has thrown."""
    if "page" not in request.fixturenames:
        yield
        return
    page: Page = request.getfixturevalue("page")
    told: list[str] = []
    page.on("pageerror", lambda error: told.append(f"thrown: {error}"))
    page.on("console", lambda line: told.append(line.text))
    yield
    broken = [text for text in told if "Content Security Policy" in text or "thrown:" in text]
    if request.node.get_closest_marker("breaks_the_policy") is None:
        assert broken == []
