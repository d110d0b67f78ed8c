"""How answers look: at a terminal of 80 and of 120 columns, and in a pipe."""

import fcntl
import os
import pty
import struct
import termios
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import RenderableType
from rich.text import Text
from typer.testing import CliRunner

from playground.base.processes import birth
from playground.cli import users as cli_users
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.home.sessions import Session, name_of
from playground.line.app import app
from playground.line.options import walk
from playground.messages.watch import Message
from playground.show import views
from playground.show.ages import age, short
from playground.show.devices import devices_table, shown_device
from playground.show.messages import message_line, message_text

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LONG = "boiler-in-the-cellar-of-the-old-house-at-the-corner"
REASON = "was opened by somebody who had no business in the cellar"


def ago(**since: float) -> str:
    return (datetime.now(UTC) - timedelta(**since)).isoformat()


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[str]]]:
    """What stands on a terminal of so many columns: a real one, by its file descriptor."""
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()

    def show(view: RenderableType, columns: int, encoding: str = "utf-8") -> list[str]:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        monkeypatch.setenv("COLUMNS", str(columns))
        with os.fdopen(os.dup(theirs), "w", encoding=encoding) as file:
            assert file.isatty()
            console = views.Terminal(file=file, soft_wrap=True, highlight=False, color_system=None)
            console.print(view)
        return os.read(ours, 65_536).decode().rstrip("\r\n").split("\r\n")

    yield show
    os.close(ours)
    os.close(theirs)


def in_pipe(view: RenderableType, capsys: pytest.CaptureFixture[str]) -> list[str]:
    views.out.print(view)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (7200, "2h"),
        (86_400 * 5, "5d"),
        (86_400 * 800, "2y"),
    ],
)
def test_ages_are_as_kubectl_has_them(seconds: float, told: str) -> None:
    assert short(seconds) == told
    assert age(NOW - timedelta(seconds=seconds), NOW) == told


def test_what_is_no_time_has_no_age() -> None:
    assert [age(at) for at in (None, "", "once")] == ["", "", ""]
    assert age("2026-01-02T03:00:05", NOW) == "4m"  # no zone is UTC


# --- list

ROWS: list[dict[str, Any]] = [
    {
        "thing_name": LONG, "device_type": "generic", "status": "QUARANTINED", "ip": "10.0.0.1",
        "last_seen_at": ago(minutes=3), "created_at": ago(days=5), "quarantine_reason": REASON,
        "presence_connected": True,
    },
    {"thing_name": "lamp", "device_type": "bulb", "status": "ONLINE", "last_seen_at": ago(hours=2)},
    {
        "thing_name": "wall", "device_type": "switch", "status": "OFFLINE",
        "last_seen_at": ago(hours=2),
    },
    {
        "thing_name": "new", "device_type": "meter", "status": "PROVISIONING",
        "created_at": ago(seconds=7),
    },
]  # fmt: skip


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_device_is_one_line(at_terminal: Callable[..., list[str]], columns: int) -> None:
    lines = at_terminal(devices_table(ROWS), columns)
    assert len(lines) == 1 + len(ROWS)
    assert max(map(len, lines)) <= columns
    assert "…" in lines[1]
    assert lines[2].split()[:4] == ["lamp", "bulb", "ONLINE", "2h"]
    # and where there is no such letter, it is three, in the same room
    plain = at_terminal(devices_table(ROWS), columns, "ascii")
    assert (max(map(len, plain)) <= columns, "..." in plain[1]) == (True, True)


def test_in_a_pipe_nothing_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    heading, long, lamp, wall, new = in_pipe(devices_table(ROWS), capsys)
    assert heading.split() == ["NAME", "TYPE", "STATUS", "CONNECTED", "AGE", "REASON"]
    assert (LONG in long, long.endswith(REASON)) == (True, True)
    assert (lamp.split()[3:], wall.split()[3:]) == (["2h"], ["until", "2h", "ago"])
    assert new.split()[3][-1] in "sm"  # however long the tests before it took
    endless = [{"thing_name": "x", "status_reason": "n" * 20_000}]
    assert "n" * 20_000 in in_pipe(devices_table(endless), capsys)[1]


def test_wide_has_the_rest_and_cuts_nothing(at_terminal: Callable[..., list[str]]) -> None:
    text = "\n".join(at_terminal(devices_table(ROWS, wide=True), 80))
    assert all(word in text for word in ("IP", "SINCE", "10.0.0.1", LONG, REASON))


def test_a_status_has_its_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    colours = {row["status"]: devices_table([row]).rows[0][2].style for row in ROWS}
    assert colours == {
        "QUARANTINED": "magenta",
        "ONLINE": "green",
        "OFFLINE": "yellow",
        "PROVISIONING": "cyan",
    }


# --- show

SHOWN = {
    "catalog": {
        **ROWS[1],
        "ip": "10.0.0.1", "created_at": ago(days=5), "task_arn": "arn:aws:ecs:task",
        "certificate_id": "0123456789abcdef", "certificate_status": "ACTIVE",
        "certificate_created_at": ago(days=4), "certificate_replaced_by": "2027-01-02T03:04:05Z",
        "certificate_expires_at": "2049-12-31T23:59:59Z", "linked_from": ["wall"],
        "expires_at": ago(hours=-3),
    },
    "shadow": {
        "desired": {"time": 5, "unit": "furlong", "status": "on"},
        "reported": {
            "time": 5, "status": "off", "metrics": 0,
            "rejected": {"unit": {"value": "furlong", "reason": "must be metric"}},
        },
    },
}  # fmt: skip


def test_show_names_the_host_whose_task_is_shared(capsys: pytest.CaptureFixture[str]) -> None:
    catalog = {**SHOWN["catalog"], "task_arn": "seat/host-3/lamp/1"}
    told = "\n".join(in_pipe(shown_device({**SHOWN, "catalog": catalog}), capsys))
    assert "host         host-3\n" in told


def test_show_begins_with_what_matters(capsys: pytest.CaptureFixture[str]) -> None:
    told = "\n".join(in_pipe(shown_device(SHOWN), capsys))
    assert told.startswith("lamp\nstatus       ONLINE\ntype         bulb\nconnected    2h (")
    for words in (
        "from 10.0.0.1", "expires      in 2h (20", "driven by    wall", "time     5        5\n",
        "certificate  ACTIVE, age 4d, replaced by 2027-01-02, expires 2049-12-31 (0123456789ab)",
        "unit     furlong            rejected: must be metric\n",
        "status   on       off       pending\n", "metrics           0",
    ):  # fmt: skip
        assert words in told, told
    assert "arn:" not in told
    wide = "\n".join(in_pipe(shown_device(SHOWN, wide=True), capsys))
    assert (wide.startswith(told), "task_arn" in wide, '"value": "furlong"' in wide) == (
        True,
        True,
        True,
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_show_folds_nothing(at_terminal: Callable[..., list[str]], columns: int) -> None:
    reported = {"topic": "t/" * 80}
    found = {
        "catalog": {"thing_name": LONG, "status_reason": REASON * 3},
        "shadow": {"reported": reported},
    }
    assert max(map(len, at_terminal(shown_device(found), columns))) <= columns


# --- watch


def told(topic: str, payload: Any, *names: str) -> str:
    return message_text(Message(topic, payload), names or ("lamp",)).plain[10:]


@pytest.mark.parametrize(
    ("topic", "payload", "line"),
    [
        (
            "dt/playground/lamp/telemetry",
            {"thingName": "lamp", "t": 2.5, "on": True},
            "telemetry t=2.5 on=true",
        ),
        ("dt/playground/lamp/extra", {"thingName": "wall"}, "telemetry extra thingName=wall"),
        ("elsewhere", {"a": {"b": 1}}, 'telemetry elsewhere a={"b": 1}'),
        (
            "$aws/things/lamp/shadow/update/delta",
            {"state": {"time": 2}, "version": 3},
            "shadow    delta time=2",
        ),
        (
            "$aws/things/lamp/shadow/update/accepted",
            {"state": {"reported": {"time": 2}}, "metadata": {}, "version": 4},
            "shadow    reported time=2",
        ),
        ("$aws/things/lamp/shadow/update/rejected", {"code": 400}, "shadow    rejected code=400"),
        (
            "$aws/events/presence/connected/lamp",
            {"clientId": "lamp", "ip": "x"},
            "presence  connected ip=x",
        ),
        ("cmd/playground/lamp/req", {"command": "ping"}, "command   req command=ping"),
        ("cmd/playground/lamp/res/2b88", {"status": "accepted"}, "command   res status=accepted"),
        ("evt/playground/lamp/button", "two\nlines", "event     button two␊lines"),
        (
            "dt/playground/lamp/telemetry",
            {"a": "true", "b": "5", "c d": "e f"},
            'telemetry a="true" b="5" "c d"="e f"',
        ),
    ],
)
def test_a_line_says_nothing_twice(topic: str, payload: Any, line: str) -> None:
    assert told(topic, payload) == line


def test_a_time_that_is_not_now_is_told() -> None:
    topic = "dt/playground/lamp/telemetry"
    assert told(topic, {"timestamp": ago(seconds=0)}) == "telemetry "
    assert "timestamp=" in told(topic, {"timestamp": ago(minutes=2)})


def test_each_device_has_a_colour() -> None:
    names = ("lamp", "wall")
    messages = {name: Message(f"dt/playground/{name}/telemetry", {}) for name in names}
    texts = {name: message_text(message, names) for name, message in messages.items()}
    assert [text.plain[10:].split() for text in texts.values()] == [
        ["lamp", "telemetry"],
        ["wall", "telemetry"],
    ]
    colours = {name: {str(span.style) for span in text.spans} for name, text in texts.items()}
    assert colours == {"lamp": {"bold cyan", "cyan"}, "wall": {"bold green", "green"}}
    done = Message("$workflow/quarantine-device/MarkShadow", {"status": "done"}, "wall")
    step = message_text(done, names)
    assert step.plain[10:] == "wall workflow  quarantine-device MarkShadow status=done"


@pytest.mark.parametrize("columns", [80, 120])
def test_a_message_is_one_line(at_terminal: Callable[..., list[str]], columns: int) -> None:
    message = Message("dt/playground/lamp/telemetry", {"payload": "x" * 300})
    (line,) = at_terminal(message_line(message), columns)
    assert (len(line), line[-1]) == (columns, "…")
    whole = "".join(at_terminal(message_line(message, wide=True), columns))
    assert f'dt/playground/lamp/telemetry {{"payload": "{"x" * 300}"}}' in whole


# --- the home


def test_a_session_hears_of_a_home_once(tmp_path: Path) -> None:
    paths, session = Paths(directory=tmp_path / "pg"), Session(name_of(os.getpid()))
    heard = [session.hears_first(paths, home) for home in ("local", "local", "AWS", "AWS", "local")]
    assert heard == [True, False, True, False, True]
    # another session hears of it itself, and what is known of one that is over goes
    old = paths.sessions / "999999999-0123456789ab"
    old.write_text("local")
    parent = Session(name_of(os.getppid()))
    assert [parent.hears_first(paths, "local"), parent.hears_first(paths, "local")] == [True, False]
    assert (old.exists(), session.hears_first(paths, "local")) == (False, False)
    # where nothing can be remembered, it is told each time
    (tmp_path / "file").write_text("")
    nowhere = Paths(directory=tmp_path / "file")
    assert [session.hears_first(nowhere, "x"), Session(None).hears_first(paths, "x")] == [
        True,
        True,
    ]


def test_the_number_of_a_process_that_is_gone_is_no_session() -> None:
    assert (birth(999_999_999), name_of(999_999_999)) == (None, None)


def test_a_change_in_an_aws_account_names_it_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYGROUND_DIR", str(tmp_path / "pg"))
    home = Home("aws", None, "eu-west-1", "123456789012", "s")  # type: ignore[arg-type]
    monkeypatch.setattr("playground.line.context.find_home", lambda *_: home)
    monkeypatch.setattr("playground.devices.devices.Devices.rows", lambda _: [])
    # The leader of the session that the tests run in may be gone.
    monkeypatch.setattr(Session, "here", lambda: Session(name_of(os.getpid())))

    def named(*words: str) -> bool:
        return home.label in CliRunner().invoke(app, words).stderr

    assert [named("list"), named("list"), named("list", "--output", "json")] == [True, False, False]
    assert [named("delete", "lamp", "--home", "aws") for _ in range(2)] == [True, True]


# --- words


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "crate lamp",
            "There is no command crate (did you mean create?): see `playground --help`.",
        ),
        (
            "job crate",
            "There is no command crate (did you mean create?): see `playground job --help`.",
        ),
        ("zzz", "There is no command zzz: see `playground --help`."),
        ("show", "NAME is missing: see `playground show --help`."),
        ("set lamp", "KEY=VALUE is missing: see `playground set --help`."),
        (
            "list --al",
            "There is no option --al (did you mean --all?): see `playground list --help`.",
        ),
        ("api a b", "Too much was given, a b: see `playground api --help`."),
        ("create --type", "--type needs a value: see `playground create --help`."),
        (
            "create --count none",
            (
                "--count must be a whole number from 1 to 10,000, not none: see `playground "
                "create --help`."
            ),
        ),
        (
            "--output yaml list",
            "--output must be table, json or text, not yaml: see `playground --help`.",
        ),
    ],
)
def test_a_wrong_command_line_is_one_sentence(words: str, sentence: str) -> None:
    answer = CliRunner().invoke(app, words.split(), prog_name="playground")
    assert (answer.exit_code, answer.stdout, answer.stderr) == (2, "", f"{sentence}\n")


COMMAND = typer.main.get_command(app)
TYPES = ("str", "int", "float", "bool", "list", "path", "file", "text", "integer", "dir", "range")


@pytest.mark.thorough
@pytest.mark.parametrize("words", ["", *(words for words, _ in walk(COMMAND))])
def test_help_names_values_and_no_type_of_python(words: str) -> None:
    shown = CliRunner().invoke(app, [*words.split(), "--help"], env={"COLUMNS": "200"}).stdout
    assert "--help" in shown
    for name in TYPES:
        assert f"<{name}" not in shown, shown
    for name in ("TEXT", "INTEGER", "FLOAT", "PATH", "BOOLEAN"):
        assert f" {name} " not in shown, shown


def test_the_first_password_is_told_with_its_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home("aws", None, "r", "1", "s")  # type: ignore[arg-type]
    passwords = iter(["Secret1", None])
    monkeypatch.setattr("playground.stack.users.Users.first", lambda _: next(passwords))
    cli_users.tell_first_user(home)
    said = capsys.readouterr()
    assert said.out == ""
    assert "HTTP API" in said.err
    assert "The password of admin is Secret1\n" in said.err
    assert "`playground token` asks for it. `playground user password admin` sets" in said.err
    # who is there already is not told of again
    cli_users.tell_first_user(home)
    assert capsys.readouterr().err == ""


def test_colour_does_not_count_as_room(at_terminal: Callable[..., list[str]]) -> None:
    rows = devices_table([{"thing_name": "a", "status": "ONLINE"}])
    rows.rows[0][2] = Text("ONLINE", style="bold red")
    assert at_terminal(rows, 80)[1].split() == ["a", "ONLINE"]
