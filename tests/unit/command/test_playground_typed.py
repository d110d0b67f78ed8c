"""What somebody types, pipes, exports or names on the command line: read as meant, or refused
before any call."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from playground.base import input_files
from playground.errors import InputFileError, SettingError, UsageError
from playground.home.paths import Paths
from playground.line import typed
from playground.line.app import app

MARK = "\ufeff"
# Values that no door takes, and what is said of them behind the field's name.
NASTY: Mapping[str, tuple[str, str]] = {
    "nan": ("NaN", ": NaN is no number, or out of range."),
    "infinity": ("-Infinity", ": -Infinity is no number, or out of range."),
    "deep in it": ('{"a":[1,Infinity]}', ".a[1]: Infinity is no number, or out of range."),
    "20 digits": (
        "12345678901234567890",
        ": 12345678901234567890 is out of range: integers have 64 bits.",
    ),
    "decimals": (
        "0.12345678901234567890",
        ": 0.12345678901234567890 has more digits than a number keeps.",
    ),
    "a name twice": ('{"a":1,"a":2}', ': has two members named "a".'),
    "abyss": ("[" * 60_000, ": must not be nested more than 64 levels deep."),
    "half a pair": ('"\\ud800"', ": is not valid Unicode."),
}


@pytest.fixture(autouse=True)
def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        pytest.fail("a cloud was asked")

    monkeypatch.setattr("playground.line.context.find_home", asked)


def said(*words: str, given: bytes = b"") -> str:
    """What is said on stderr of a command line that is wrong."""
    answer = CliRunner().invoke(app, list(words), input=given)
    assert answer.exit_code in (1, 2), (answer.exception, answer.output)
    assert answer.stdout == ""
    return answer.stderr.strip()


@pytest.mark.parametrize(("value", "rule"), NASTY.values(), ids=NASTY)
@pytest.mark.parametrize(
    "words",
    [("set", "lamp"), ("command", "lamp", "ping"), ("job", "create", "lamp", "change-unit")],
    ids=["set", "command", "job"],
)
def test_a_value_is_kept_or_refused_with_its_name(
    words: tuple[str, ...], value: str, rule: str
) -> None:
    assert said(*words, f"field={value}") == f"field{rule}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10.0", 10.0),
        ("1e2", 100.0),
        ("9223372036854775807", 2**63 - 1),
        ("0.1", 0.1),
        ("true", True),
        ("01", "01"),
        ("+5", "+5"),
        ("nan", "nan"),
        ("infinity", "infinity"),
        ("1_000", "1_000"),
        ("{t:1}", "{t:1}"),
        ("", ""),
        ('"NaN"', "NaN"),
        ('"a\\u0000b"', "a\0b"),
    ],
)
def test_a_value_that_is_json_is_json_and_all_else_is_text(text: str, value: Any) -> None:
    found = typed.settings_of([f"key={text}"])
    assert (found, type(found["key"])) == ({"key": value}, type(value))


@pytest.mark.parametrize("read", [typed.settings_of, typed.attributes_of])
def test_a_name_stands_once(read: Any) -> None:
    with pytest.raises(SettingError, match="room is given twice"):
        read(["room=a", "x=1", "room=b"])
    assert said("job", "create", "lamp", "change-unit", "operation=x").startswith(
        "operation is given twice"
    )
    assert (
        said("create", "--attribute", "room=a", "--attribute", "room=a") == "room is given twice."
    )


@pytest.mark.parametrize("value", ["inf", "nan", "-inf", "-1", "1e300", "soon"])
@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("set", "lamp", "time=5"), "--timeout"),
        (("command", "lamp", "ping"), "--timeout"),
        (("listen",), "--for"),
    ],
    ids=["set", "command", "listen"],
)
def test_seconds_are_a_number_of_them(words: tuple[str, ...], option: str, value: str) -> None:
    told = said(*words, option, value)
    assert told.startswith((f"{option} must be a number from ", f"{option}: {value} is no number"))


@pytest.mark.parametrize(
    "words",
    [
        ("create", "--count", "99999999999999999999"),
        ("sweep", "--older-than", "99999999999999999999"),
        ("up", "--port", "99999"),
        ("logs", "lamp", "--since", "999999d"),
    ],
    ids=["count", "older than", "port", "since"],
)
def test_numbers_that_are_too_large(words: tuple[str, ...]) -> None:
    assert words[-2] in said(*words)


def test_words_are_unicode_and_have_no_line_ends() -> None:
    assert typed.words_of(["dev-1\r", f"{MARK}dev-2\r\n", "a b"]) == ["dev-1", "dev-2", "a b"]
    assert "is not valid UTF-8" in said("show", b"l\xffamp".decode(errors="surrogateescape"))


def test_a_variable_has_no_line_end() -> None:
    environ = {
        "PLAYGROUND_OUTPUT": "json\r",
        "AWS_REGION": f"{MARK}eu-west-1\r\n",
        "OTHER": "x\r",
        "IOT_PORT": "1",
    }
    typed.mend(environ)
    assert environ == {
        "PLAYGROUND_OUTPUT": "json",
        "AWS_REGION": "eu-west-1",
        "OTHER": "x\r",
        "IOT_PORT": "1",
    }


def test_a_variable_is_mended_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_OUTPUT", "json\r")
    answer = CliRunner().invoke(app, ["models", "bulb", "--query", "name"])
    assert answer.stdout == '"bulb"\n'
    assert os.environ["PLAYGROUND_OUTPUT"] == "json"


# --- secrets


@pytest.mark.parametrize(
    "piped",
    [
        b"pass word",
        b"pass word\n",
        b"pass word\r\n",
        b"\xef\xbb\xbfpass word\r\n",
        b"pass word\nmore\n",
    ],
    ids=["plain", "line", "CR LF", "PowerShell", "two lines"],
)
def test_a_password_is_what_somebody_meant(piped: bytes) -> None:
    assert typed.secret_line(piped) == "pass word"


@pytest.mark.parametrize(
    ("piped", "rule"),
    [
        (b"", "is empty"),
        (b"\r\n", "is empty"),
        (b"\xef\xbb\xbf\r\n", "is empty"),
        ("geheim".encode("utf-16"), "seems to be UTF-16"),
        ("geheim".encode("utf-16-le"), "seems to be UTF-16"),
        (b"p\xe4ss", "must be UTF-8: byte 1 is not"),
        (b"x" * 5000, "must have at most 4096 bytes"),
    ],
)
def test_a_password_that_is_none(piped: bytes, rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        typed.secret_line(piped)


# --- files

MODEL = b'{"telemetry": {"t": {"constant": 1}}}'
BAD_FILES: Mapping[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty."),
    "blank": (b"\r\n\r\n", "is empty."),
    "large": (b" " * 300_000, "is too large: at most 262144 bytes."),
    "utf-16": (MODEL.decode().encode("utf-16"), "model: must be UTF-8, and seems to be UTF-16"),
    "latin": (b'{"telemetry": {"\xe4": {"constant": 1}}}', "model: must be UTF-8: byte 16 is not"),
    "twice": (
        MODEL.replace(b'{"t"', b'{"t": {"constant": 2}, "t"'),
        'model: has two members named "t"',
    ),
    "nan": (
        MODEL.replace(b"1", b"NaN"),
        "model: telemetry.t.constant: NaN is no number, or out of range",
    ),
    "digits": (
        MODEL.replace(b"1", b"9" * 20),
        "model: telemetry.t.constant: 99999999999999999999 is out of range",
    ),
    "abyss": (b"[" * 60_000, "model: must not be nested more than 64 levels deep"),
}


@pytest.mark.processes
@pytest.mark.parametrize(("content", "rule"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_model_file_that_is_none(tmp_path: Path, content: bytes, rule: str) -> None:
    file = tmp_path / "model.json"
    file.write_bytes(content)
    told = said("create", "--model", str(file))
    assert told.startswith(str(file))
    assert rule in told
    told = said("create", "--model", "-", given=content)
    assert told.startswith("standard input")
    assert rule in told


@pytest.mark.parametrize(
    "option", [("create", "--model"), ("job", "create", "lamp", "update-firmware", "--file")]
)
def test_what_is_no_file(
    tmp_path: Path, option: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("home", "home_to_change"):
        monkeypatch.setattr(f"playground.line.context.Context.{name}", lambda _self: None)
    assert said(*option, str(tmp_path)) == f"{tmp_path} can't be read: Is a directory."
    assert (
        said(*option, str(tmp_path / "no"))
        == f"{tmp_path / 'no'} can't be read: No such file or directory."
    )
    assert "too large" in said(*option, "/dev/zero")


@pytest.mark.processes
@pytest.mark.parametrize("content", [MODEL, b"\xef\xbb\xbf" + MODEL, MODEL.replace(b" ", b"\r\n")])
def test_a_model_is_read_once_from_wherever_it_comes(
    content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from playground.devices import models  # noqa: PLC0415 - so that the fixture comes first

    # given: a pipe, as `<(...)` of a shell makes one
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    # when
    try:
        found = models.checked(Paths(), Path(f"/dev/fd/{reading}"))
    finally:
        os.close(reading)
    # then
    assert found == {"telemetry": {"t": {"constant": 1}}}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert models.checked(Paths(), Path("-")) == found


def test_a_file_with_a_nul_in_its_name_is_none() -> None:
    with pytest.raises(InputFileError, match="can't be read"):
        input_files.content_of(Path("a\0b"), 10)
