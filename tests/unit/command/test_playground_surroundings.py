"""What a command prints under other settings of the machine: another zone, width, locale, terminal.
Nothing is lost.
"""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.line import surroundings

pytestmark = pytest.mark.thorough  # processes of the command

ROW = {
    "thing_name": "Küche-ちゃ",
    "status": "ONLINE",
    "device_type": "bulb",
    "seen": "2026-01-02T03:04:05+01:00",
    "mark": "✓ \N{GRINNING FACE}",
    "lone": "\ud800",
}
SHOW = """
from playground.line import surroundings
surroundings.settle()
import sys
from datetime import UTC, datetime
from pathlib import Path
from rich.console import Group
from rich.text import Text
from playground.show import views
from playground.show import devices as device_views, logs as log_views, messages as message_views
from playground.devices.devices import Answer
from playground.messages.logs import Record
from playground.show.output import Output, Query
from playground.messages.packets import Packet
from playground.messages.watch import Message

forms, file = sys.argv[1:]
row = __import__("json").loads(Path(file).read_text())
table = views.anything([row])
table.add_row(*[views.moment(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) for _ in row])
at = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
record = Record(at, "devices", "device", "INFO", "started", {"room": {"name": row["thing_name"]}})
said = message_views.message_text(Message("dt/playground/a/telemetry", {"room": row["thing_name"]}))
view = Group(
    table,
    views.fields_table(row),
    device_views.answer_text(Answer("room", {"in": row["thing_name"]}, "accepted")),
    log_views.record_text(record),
    Text(said.plain.partition(" ")[2]),
    Text(views.clock(at)),
)
for form in forms.split():
    Output(form).show({"rows": [row]}, view)
    print("--")
views.note("Ger\\u00e4t \\u2713")
views.say(f"{len(said.plain.partition(' ')[0])} {said.plain.partition(' ')[0][-1]}")
"""
FORMS = ("table", "json", "text")
SETTINGS: dict[str, dict[str, str]] = {
    "another zone": {"TZ": "Pacific/Chatham"},
    "no zone": {"TZ": "Nowhere/At-All"},
    "width 0": {"COLUMNS": "0", "LINES": "0"},
    "width 1": {"COLUMNS": "1"},
    "no width": {"COLUMNS": "wide", "LINES": "-3", "TERMINAL_WIDTH": "wide"},
    "odd digits": {"COLUMNS": "²", "TERMINAL_WIDTH": "٣"},
    "endless": {"COLUMNS": "9" * 12},
    "POSIX": {"LC_ALL": "POSIX"},
    "foreign": {"LC_ALL": "tr_TR.UTF-8", "LANG": "ja_JP.eucJP", "LANGUAGE": "de"},
    "dumb": {"TERM": "dumb"},
    "no colour": {"NO_COLOR": "1"},
}
ASCII = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "strict": {"PYTHONIOENCODING": "ascii:strict"},
    "C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}


@pytest.fixture(scope="module")
def row(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A row in a file: UTF-8, as all files of the project."""
    file = tmp_path_factory.mktemp("surroundings") / "row.json"
    file.write_text(
        json.dumps(ROW, ensure_ascii=False).replace("\ud800", "\\ud800"), encoding="utf-8"
    )
    return file


def environment(settings: dict[str, str]) -> dict[str, str]:
    taken = (
        "COLUMNS",
        "LINES",
        "TERM",
        "TZ",
        "LANG",
        "NO_COLOR",
        "FORCE_COLOR",
        "PYTHONUTF8",
        "PYTHONIOENCODING",
    )
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in taken and not name.startswith("LC_")
    }
    return {**kept, "LC_ALL": "C.UTF-8", **settings}


def shown(row: Path, *forms: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    """What is printed in these forms, each with a line of its own after it."""
    command = [sys.executable, "-c", SHOW, " ".join(forms), str(row)]
    done = subprocess.run(
        command, env=environment(settings), capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    return done


@pytest.fixture(scope="module")
def reference(row: Path) -> dict[str, tuple[bytes, bytes]]:
    """What is printed in a pipe on an ordinary machine, by form."""
    done = shown(row, *FORMS)
    return {
        form: (text, done.stderr)
        for form, text in zip(FORMS, done.stdout.split(b"--\n"), strict=False)
    }


def test_the_reference_has_it_all(reference: dict[str, tuple[bytes, bytes]]) -> None:
    table = reference["table"][0].decode()
    for text in (
        "Küche-ちゃ",
        "ONLINE",
        "2026-01-02T03:04:05+01:00",
        "✓ \N{GRINNING FACE}",
        "\N{REPLACEMENT CHARACTER}",
    ):
        assert text in table
    assert '✓ room = {"in": "Küche-ちゃ"}' in table
    assert '03:04:05.678Z device               started room={"name": "Küche-ちゃ"}' in table
    assert "telemetry room=Küche-ちゃ" in table
    assert "2026-01-02T03:04:05Z" in table
    assert table.splitlines()[-1] == "03:04:05Z"
    assert json.loads(reference["json"][0]) == {"rows": [ROW]}
    assert "Gerät ✓\n9 Z\n" in reference["table"][1].decode()


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=list(SETTINGS))
def test_in_a_pipe_the_machines_settings_change_nothing(
    row: Path, reference: dict[str, tuple[bytes, bytes]], settings: dict[str, str]
) -> None:
    done = shown(row, *FORMS, **settings)
    parts = done.stdout.split(b"--\n")
    assert parts.pop() == b""
    assert {form: (part, done.stderr) for form, part in zip(FORMS, parts, strict=True)} == reference


@pytest.mark.parametrize("settings", ASCII.values(), ids=list(ASCII))
def test_where_there_are_no_letters_but_english_ones_nothing_is_lost_either(
    row: Path, reference: dict[str, tuple[bytes, bytes]], settings: dict[str, str]
) -> None:
    done = shown(row, *FORMS, **settings)
    table, document, text, _ = done.stdout.decode("ascii").split("--\n")
    # JSON has the same data, by its own escapes
    assert json.loads(document) == {"rows": [ROW]}
    # tables and words have our marks in ASCII, and escapes for the rest
    assert '+ room = {"in": "K\\u00fcche-\\u3061\\u3083"}' in table
    assert "+ \\ud83d\\ude00" in table
    assert done.stderr.decode("ascii") == "Ger\\u00e4t +\n9 Z\n"
    assert "K\\u00fcche-\\u3061\\u3083" in text


def test_colours_in_a_pipe_do_not_fold_it(
    row: Path, reference: dict[str, tuple[bytes, bytes]]
) -> None:
    table, document, *_ = shown(row, "table", "json", FORCE_COLOR="1").stdout.split(b"--\n")
    assert b"\x1b[" in table
    plain = re.sub(rb"\x1b\[[0-9;]*m", b"", table)
    assert [line.rstrip() for line in plain.splitlines()] == [
        line.rstrip() for line in reference["table"][0].splitlines()
    ]
    assert document == reference["json"][0]


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal."""
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("columns", [0, 1, 40, 79])
def test_at_a_terminal_of_any_width_no_letter_is_lost(
    row: Path, terminal: tuple[int, int], columns: int
) -> None:
    # given a terminal, some of which say that they have no width at all
    ours, theirs = terminal
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    # when
    command = [sys.executable, "-c", SHOW, "table", str(row)]
    with subprocess.Popen(
        command, env=environment({"TERM": "xterm"}), stdout=theirs, stderr=subprocess.PIPE
    ) as shows:
        seen, over = b"", False
        while not over:
            over = shows.poll() is not None  # what is there by then is all
            while select.select([ours], [], [], 0.05)[0]:
                seen += os.read(ours, 65_536)
        assert shows.stderr is not None
        assert shows.returncode == 0, shows.stderr.read().decode()
    # then each name and value is there, letter by letter
    text = re.sub(r"\x1b\[[0-9;]*m", "", seen.decode())
    for value in ("Küche-ちゃ", "ONLINE", "bulb", "thing_name", "device_type"):
        assert set(value) <= set(text), value
    fields = "".join(text.split("thing_name")[-1].split())
    assert "Küche-ちゃ" in fields
    assert "2026-01-02T03:04:05+01:00" in fields


def test_streams_that_were_closed_end_nothing(row: Path) -> None:
    for closed in (">&-", "2>&-", ">&- 2>&- <&-"):
        script = f'exec "$0" -c "$1" table "$2" {closed}'
        command = ["/bin/sh", "-c", script, sys.executable, SHOW, str(row)]
        done = subprocess.run(
            command, env=environment({}), capture_output=True, check=False, timeout=60
        )
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize("name", surroundings.WIDTHS)
def test_a_width_that_is_one_counts(name: str) -> None:
    for good in ("10", "80", "9999"):
        assert surroundings.useless({name: good}) == []
    for bad in ("", "0", "9", "-1", "1e3", "08", " 80", "80x", "10000", "٣٣", "²²"):
        assert surroundings.useless({name: bad}) == [name]


def test_the_command_itself_starts_under_all_of_them(tmp_path: Path) -> None:
    hostile = {"COLUMNS": "0", "TERMINAL_WIDTH": "x", "TZ": "x", "LC_ALL": "C", "PYTHONUTF8": "0"}
    hostile |= {
        "PYTHONCOERCECLOCALE": "0",
        "PLAYGROUND_DIR": str(tmp_path / "p"),
        "FORCE_COLOR": "1",
    }
    command = Path(sys.executable).with_name("playground")
    for arguments, code in (
        (("--help",), 0),
        (("models",), 0),
        (("status",), 0),
        (("list", "--home", "local"), 3),
    ):
        done = subprocess.run(
            [command, *arguments],
            env=environment(hostile),
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == code, done.stderr.decode()
        assert len(done.stdout + done.stderr) > 40
        assert (done.stdout + done.stderr).isascii()
        assert b"bug" not in done.stderr
