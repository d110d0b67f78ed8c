"""The server as a process of its own: how it is started, what can be seen of it, how it ends."""

import json
import os
import stat
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from playground.base.processes import ProcessId, birth, stop
from playground.base.reporting import Reporter
from playground.errors import ConsoleError, PortTakenError
from playground.home import running
from playground.home.paths import Paths
from playground.home.state import LocalState, one_at_a_time, secret_of
from playground.local import cloud, console
from playground.web import codes, foreground, opening, starting
from playground.web.building import Builder
from playground.web.settings import Settings
from tests.ports import free_port
from tests.unit.console.stage import CLIENT, CONFIG, KEY, LIVE

PASSWORD = "Very-secret-1"
MOST_MEGABYTES = 60

pytestmark = [pytest.mark.processes, pytest.mark.thorough]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(directory=tmp_path / "home")
    found.make()
    return found


@pytest.fixture
def settings(page: Path) -> Settings:
    return Settings(
        port=free_port(),
        page=str(page),
        lock=str(page.parent / "lock"),
        api="http://127.0.0.1:1",
        cognito="http://127.0.0.1:1/",
        client_id=CLIENT,
        live=LIVE,
        config=CONFIG,
        username="console",
        password=PASSWORD,
        key=KEY.hex(),
    )


@pytest.fixture
def server(
    paths: Paths, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ProcessId]:
    """Started as `playground up` does, from a shell that has credentials."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the shell")
    secret_of(paths)
    process = starting.start(paths, settings)
    try:
        yield process
    finally:
        stop(process, limit=5)


def test_nothing_secret_can_be_seen_of_it(
    paths: Paths, settings: Settings, server: ProcessId
) -> None:
    seen = psutil.Process(server.pid)
    told = f"{seen.cmdline()} {seen.environ()} {(paths.logs / 'console.log').read_text()}"

    for secret in (PASSWORD, KEY.hex(), secret_of(paths), "of the shell"):
        assert secret not in told
    assert PASSWORD not in repr(settings)
    assert KEY.hex() not in repr(settings)


def test_it_listens_on_this_machine_alone(settings: Settings, server: ProcessId) -> None:
    listening = [
        (one.laddr.ip, one.laddr.port)
        for one in psutil.Process(server.pid).net_connections()
        if one.status == psutil.CONN_LISTEN
    ]

    assert listening == [("127.0.0.1", settings.port)]


def test_it_is_small(server: ProcessId) -> None:
    assert psutil.Process(server.pid).memory_info().rss < MOST_MEGABYTES * 1e6


def test_it_is_found_by_what_it_was_started_with(
    paths: Paths, server: ProcessId, tmp_path: Path
) -> None:
    assert [one.process for one in running.find(paths).consoles] == [server]
    assert not running.find(Paths(directory=tmp_path / "other"))
    # a state that has been lost
    assert LocalState.load(paths).console == server


def test_down_ends_it(paths: Paths, server: ProcessId) -> None:
    starting.keep_key(paths, KEY)
    done = cloud.down(paths, Reporter(step=lambda _text: None, line=lambda _text: None))

    assert done.was_up
    assert not server.alive()
    assert not paths.console_key.exists()


def test_it_ends_at_once_when_it_is_told_to(server: ProcessId) -> None:
    psutil.Process(server.pid).terminate()
    psutil.wait_procs([psutil.Process(server.pid)], timeout=5)

    assert not server.alive()


def test_a_second_one_at_its_port_says_why_it_can_not_start(
    paths: Paths, settings: Settings, server: ProcessId
) -> None:
    assert server.alive()
    with pytest.raises(ConsoleError, match="did not start"):
        starting.start(paths, replace(settings, page="/nowhere", port=free_port()))


def test_the_key_is_this_users_alone(paths: Paths) -> None:
    starting.keep_key(paths, KEY)

    assert stat.S_IMODE(paths.console_key.stat().st_mode) == 0o600
    assert starting.kept_key(paths) == KEY


@pytest.mark.parametrize("content", [None, "", "no hex", "00ff"])
def test_a_key_that_is_gone_is_told_with_what_to_do(paths: Paths, content: str | None) -> None:
    if content is not None:
        paths.console_key.write_text(content)

    with pytest.raises(ConsoleError, match="playground up"):
        starting.kept_key(paths)


def test_settings_come_back(settings: Settings) -> None:
    given = replace(settings, beside=ProcessId(1, "born"))

    assert Settings.from_json(given.to_json()) == given


# --- `playground up` ---------------------------------------------------------------------------


class Page:
    """A build that is done, or has failed."""

    done = True

    def __init__(self, digest: str = "digest", error: str = "") -> None:
        self.digest, self.error = digest, error

    def result(self) -> str:
        if self.error:
            raise ConsoleError(self.error)
        return self.digest


@pytest.fixture
def upped(paths: Paths, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What `up` reports; the cloud that it would ask is left out."""
    monkeypatch.setattr(starting, "settings_for", lambda *_: replace(settings, username="console"))
    monkeypatch.setattr(console, "local_home", lambda *_: SimpleNamespace())
    said: list[str] = []
    yield said
    for one in running.find(paths).consoles:
        stop(one.process, limit=5)


def started(paths: Paths, state: LocalState, page: Any, said: list[str]) -> LocalState:
    return console.started(paths, state, page, Reporter(step=said.append, line=said.append))


def test_up_starts_it_and_leaves_one_alone_that_serves_the_same(
    paths: Paths, settings: Settings, upped: list[str]
) -> None:
    state = LocalState(console_port=settings.port)
    first = started(paths, state, Page(), upped)
    second = started(paths, first, Page(), upped)

    assert first.console_url == f"http://127.0.0.1:{settings.port}"
    assert second == first
    assert len(upped) == 1
    assert LocalState.load(paths) == first


@pytest.mark.parametrize(
    "changed", [{"deployed": "other"}, {"standing": "other"}, {"stack_name": "other"}]
)
def test_up_starts_another_one_when_it_has_something_else_to_serve(
    paths: Paths, settings: Settings, upped: list[str], changed: dict[str, str]
) -> None:
    first = started(paths, LocalState(console_port=settings.port), Page(), upped)
    second = started(paths, replace(first, **changed), Page(), upped)  # type: ignore[arg-type]
    third = started(paths, second, Page("another page"), upped)

    assert len({first.console, second.console, third.console}) == 3
    assert [one.process for one in running.find(paths).consoles] == [third.console]


def test_a_page_that_was_not_built_is_one_sentence(
    paths: Paths, settings: Settings, upped: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Builder, "built", lambda _: "")
    state = started(
        paths, LocalState(console_port=settings.port), Page(error="It was not built."), upped
    )

    assert upped == ["It was not built. The rest is up."]
    assert state.console is None


def test_and_the_page_of_before_is_served(
    paths: Paths, settings: Settings, upped: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Builder, "built", lambda _: "before")
    state = started(
        paths, LocalState(console_port=settings.port), Page(error="It was not built."), upped
    )

    assert state.console_url is not None


def test_a_port_that_is_taken_is_one_sentence(
    paths: Paths, settings: Settings, upped: list[str], server: ProcessId
) -> None:
    assert server.alive()
    state = started(
        Paths(directory=paths.home.parent / "another"),
        LocalState(console_port=settings.port),
        Page(),
        upped,
    )

    assert state.console is None
    (sentence,) = upped
    assert sentence.startswith(f"There is no console. Port {settings.port} cannot be used")
    assert sentence.endswith("`playground up --console-port PORT`.")


def test_a_taken_port_that_was_asked_for_ends_up_before_it_begins(
    settings: Settings, server: ProcessId
) -> None:
    assert server.alive()
    with pytest.raises(PortTakenError):
        cloud._planned(LocalState(), cloud.UpOptions(console_port=settings.port))


def test_without_a_console_nothing_is_built_and_what_runs_ends(
    paths: Paths, settings: Settings, upped: list[str]
) -> None:
    first = started(paths, LocalState(console_port=settings.port), Page(), upped)
    with console.begun(paths, replace(first, console_port=0)) as page:
        second = started(paths, replace(first, console_port=0), page, upped)

    assert (page, second.console, running.find(paths).consoles) == (None, None, [])


def test_a_page_that_is_built_later_is_not_waited_for_and_finish_starts_the_console(
    paths: Paths, settings: Settings, upped: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given `up` for the demo, with sources that have changed
    begun_beside: list[None] = []
    monkeypatch.setattr(Builder, "up_to_date", lambda _: False)
    monkeypatch.setattr(Builder, "build_beside", partial(begun_beside.append, None))
    monkeypatch.setattr(Builder, "build", lambda _: "built")
    here = ProcessId(os.getpid(), birth(os.getpid()) or "")
    state = LocalState(console_port=settings.port, emulator=here, deployed="d")
    with console.begun(paths, state, later=True) as page:
        state = started(paths, state, page, upped)
    state.save(paths)
    assert (len(begun_beside), state.console, upped) == (1, None, [])
    # when
    report = Reporter(step=upped.append, line=upped.append)
    console.Finishing(paths).wait(report)
    console.Finishing(paths).wait(report)
    # then
    found = LocalState.load(paths)
    assert found.console_url == f"http://127.0.0.1:{settings.port}"
    assert len([text for text in upped if text.startswith("Starting the console")]) == 1


def test_why_there_is_no_console_is_told_to_who_waits(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ConsoleError("It can't be.")

    monkeypatch.setattr(console, "finish", broken)
    with pytest.raises(ConsoleError, match="It can't be"):
        console.Finishing(paths).wait(Reporter(step=lambda _: None, line=lambda _: None))


def test_a_command_that_ends_early_does_not_wait_for_the_build(paths: Paths) -> None:
    # given somebody who builds, and a demo that fails meanwhile
    program = (
        "from playground.home.paths import Paths; from playground.local.console import Finishing; "
        "import time; Finishing(Paths.here()); time.sleep(0.5); raise SystemExit(7)"
    )
    environ = os.environ | {"PLAYGROUND_DIR": str(paths.home)}
    # when
    with one_at_a_time(Builder(paths).lock):
        done = subprocess.run([sys.executable, "-c", program], env=environ, timeout=30, check=False)
    # then
    assert done.returncode == 7


def test_which_port(monkeypatch: pytest.MonkeyPatch) -> None:
    def planned(**options: Any) -> int:
        return cloud._planned(LocalState(), cloud.UpOptions(**options)).console_port

    monkeypatch.delenv("PLAYGROUND_CONSOLE_PORT", raising=False)
    assert (planned(), planned(console_port=0)) == (4570, 0)
    monkeypatch.setenv("PLAYGROUND_CONSOLE_PORT", "0")
    free = free_port()
    assert (planned(), planned(console_port=free)) == (0, free)


# --- `playground console` ----------------------------------------------------------------------


def test_the_url_signs_in_and_leads_to_the_device() -> None:
    url = opening.sign_in_url("http://127.0.0.1:4570", KEY, opening.path_of("a:b_1-x"))
    origin, _, fragment = url.partition("/#")
    given = dict(part.partition("=")[::2] for part in fragment.split("&"))

    assert (origin, given["to"]) == ("http://127.0.0.1:4570", "/devices/a%253Ab_1-x")
    assert codes.Codes(KEY).take(given["code"])


@pytest.mark.parametrize(
    ("environ", "platform", "there"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({}, "darwin", True),
        ({"CI": "true", "DISPLAY": ":0"}, "linux", False),
        ({"CI": "true"}, "darwin", False),
        ({"SSH_CONNECTION": "1.2.3.4", "DISPLAY": "localhost:10"}, "linux", False),
    ],
)
def test_where_a_browser_is_seen(environ: dict[str, str], platform: str, there: object) -> None:
    assert opening.has_screen(environ, platform) is there


def test_a_browsers_command_line_holds_no_code(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a browser that writes down what it was called with
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" > {seen}\n')
    browser.chmod(0o755)
    monkeypatch.setattr(webbrowser, "_tryorder", [str(browser)])
    monkeypatch.setattr(
        webbrowser,
        "_browsers",
        {str(browser): [None, webbrowser.GenericBrowser(str(browser))]},
    )
    url = opening.sign_in_url("http://127.0.0.1:4570", KEY)
    # when
    assert opening.open_browser(paths, url)
    # then
    code = url.partition("code=")[2].partition("&")[0]
    assert seen.read_text().strip() == paths.console_open.as_uri()
    assert code in paths.console_open.read_text()
    assert stat.S_IMODE(paths.console_open.stat().st_mode) == 0o600


# --- on AWS --------------------------------------------------------------------------------------


def test_on_aws_the_servers_user_goes_however_it_ends(
    paths: Paths, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[str] = []
    home: Any = SimpleNamespace(kind="aws")
    monkeypatch.setattr(foreground, "settings_for", lambda *_: settings)
    monkeypatch.setattr(foreground, "Users", lambda _home: SimpleNamespace(remove=removed.append))

    def look(key: bytes) -> None:
        assert starting.answers(settings.port)
        assert len(key) == 32
        os.kill(os.getpid(), 2)  # Ctrl-C

    monkeypatch.setattr(starting, "answers", lambda port: port == settings.port)
    foreground.serve(paths, home, settings.port, look)
    nowhere = replace(settings, page="/nowhere")
    monkeypatch.setattr(foreground, "settings_for", lambda *_: nowhere)
    with pytest.raises(ConsoleError, match="can't be served"):
        foreground.serve(paths, home, settings.port, look)

    name = starting.user_name(home)
    assert removed == [name, name]
    assert name.startswith("console-")


def test_what_is_told_to_whoever_asks_holds_no_secret() -> None:
    home: Any = SimpleNamespace(
        kind="aws",
        region="eu-west-1",
        stack_name="mine",
        profile="my work",
        endpoint=None,
        outputs={"UserPoolClientId": "client", "ApiUrl": "https://api"},
        output=lambda name: {"UserPoolClientId": "client"}[name],
        client=lambda _: SimpleNamespace(
            describe_endpoint=lambda **_: {"endpointAddress": "x-ats.example"}
        ),
    )

    assert starting.live_origin(home) == "wss://x-ats.example"
    assert json.loads(json.dumps(starting.config(home))) == {
        "home": "aws",
        "signIn": "server",
        "region": "eu-west-1",
        "stack": "mine",
        "userPoolClientId": "client",
        "outputs": {"UserPoolClientId": "client", "ApiUrl": "https://api"},
        "iotEndpoint": "x-ats.example",
        "awsCliPrefix": "AWS_REGION=eu-west-1 AWS_PROFILE='my work' ",
    }
