"""What commands print, and what they say when something is wrong."""

import io
import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typer
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    UnauthorizedSSOTokenError,
)
from typer.testing import CliRunner

from playground import errors, exit_codes
from playground.base.plain import plain
from playground.devices.devices import Devices
from playground.devices.sweep import Swept
from playground.home.homes import Home, Login, find_home
from playground.home.paths import PROJECT, Paths
from playground.home.state import LocalState
from playground.line.app import app
from playground.line.completing import in_time
from playground.line.examples import BEGIN, EXAMPLES
from playground.line.failures import one_sentence, sentence
from playground.line.options import walk
from playground.show import views
from playground.show.output import Output, Query
from playground.show.output_text import text_lines

COMMAND = typer.main.get_command(app)
COMMANDS = {
    words: command
    for words, command in walk(COMMAND)
    if not hasattr(command, "commands") and not command.hidden
}
ROWS = [
    {"thing_name": "b", "version": Decimal(3), "load": Decimal("0.5")},
    {"thing_name": "a", "seen_at": datetime(2026, 1, 2, tzinfo=UTC)},
]


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments)


def only(monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, Any]]) -> None:
    """The catalog has these rows."""
    monkeypatch.setattr(Devices, "rows", lambda _: rows)
    monkeypatch.setattr(Devices, "newest", lambda *_: (rows, False))


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two devices, wherever the home is."""
    monkeypatch.setattr(
        "playground.line.context.find_home",
        lambda *_: Home("aws", None, "eu-west-1", "1", "s"),  # type: ignore[arg-type]
    )
    only(monkeypatch, ROWS)


@pytest.mark.usefixtures("devices")
@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--output", "json", "--query", "devices[].thing_name"),
        ("--output", "json", "list", "--query", "devices[].thing_name"),
        (
            "--output",
            "text",
            "--query",
            "x",
            "list",
            "--output",
            "json",
            "--query",
            "devices[].thing_name",
        ),
        ("list", "--json", "--query", "devices[].thing_name"),
    ],
)
def test_options_stand_before_or_after_the_command_and_the_last_wins(
    arguments: tuple[str, ...],
) -> None:
    answer = run(*arguments)
    assert (answer.exit_code, json.loads(answer.stdout)) == (0, ["b", "a"])


@pytest.mark.usefixtures("devices")
def test_the_same_data_as_json_text_and_table(monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(run("list", "--output", "json").stdout)
    assert found == {
        "devices": [
            {"thing_name": "b", "version": 3, "load": 0.5},
            {"thing_name": "a", "seen_at": "2026-01-02T00:00:00+00:00"},
        ]
    }
    assert (
        run("list", "--output", "text", "--query", "devices[].[thing_name, load]").stdout
        == "b\t0.5\na\tNone\n"
    )
    assert run("list", "--query", "devices[?load].{n: thing_name, l: load}").stdout.split() == [
        "n",
        "l",
        "b",
        "0.5",
    ]
    assert run("list").stdout.split()[0] == "NAME"
    # and by the environment, unless an option says otherwise
    monkeypatch.setenv("PLAYGROUND_OUTPUT", "text")
    assert run("list", "--query", "devices[0].thing_name").stdout == "b\n"
    assert run("--output", "json", "list", "--query", "devices[0].thing_name").stdout == '"b"\n'


@pytest.mark.usefixtures("devices")
def test_a_table_of_what_a_query_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = run("list", "--query", "devices[].[thing_name, load]").stdout.splitlines()
    assert [row.split() for row in rows] == [["b", "0.5"], ["a", "null"]]
    assert run("list", "--query", "devices[?load > `9`].thing_name").stdout == ""
    # in a pipe a line is a record, whatever COLUMNS says
    only(monkeypatch, [{"thing_name": "n" * 128}])
    monkeypatch.setenv("COLUMNS", "80")
    assert "n" * 128 in run("list").stdout
    assert "n" * 128 in run("list", "--query", "devices").stdout


def test_a_table_has_numbers_and_times_as_people_write_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    views.out.print(views.fields_table({"presence_version": Decimal(3), "load": Decimal("0.5")}))
    assert capsys.readouterr().out.split() == ["presence_version", "3", "load", "0.5"]
    times: list[str | datetime] = [
        "2026-01-02T03:04:05.678Z",
        "2026-01-02T04:04:05+01:00",
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    ]
    assert {views.moment(at) for at in times} == {"2026-01-02T03:04:05Z"}
    assert [views.moment(at) for at in (None, "", "once")] == ["", "", "once"]


@pytest.mark.usefixtures("devices")
def test_words_are_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, [])
    empty = run("list", "--output", "json")
    assert json.loads(empty.stdout) == {"devices": []}
    assert "No devices yet" in empty.stderr
    assert run("list").stdout == ""


@pytest.mark.parametrize(
    "command", [("--query", "devices[", "list"), ("list", "--query", "devices[")]
)
def test_a_query_that_is_none_is_one_sentence(command: tuple[str, ...]) -> None:
    answer = run(*command)
    assert (answer.exit_code, answer.stdout, answer.stderr.count("\n")) == (2, "", 1)
    assert answer.stderr.startswith("--query 'devices[' is no JMESPath: ")


@pytest.mark.usefixtures("devices")
def test_a_query_that_does_not_fit_the_data_is_one_sentence() -> None:
    answer = run("list", "--query", "length(`1`)")
    assert (answer.exit_code, answer.stdout, answer.stderr.splitlines()[-1][:8]) == (
        2,
        "",
        "--query ",
    )


def test_a_stream_is_one_line_each_and_a_query_picks(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output("json", Query.read("payload.a"))
    for payload in ({"a": {"b": 1}}, {"c": 2}, {"a": "ü"}):
        output.stream({"payload": payload}, "for people")
    Output("table").stream({"payload": 1}, "for [bold]people :smile:")
    assert capsys.readouterr().out.splitlines() == ['{"b": 1}', '"ü"', "for [bold]people :smile:"]


def test_data_is_what_json_can_hold() -> None:
    given = {"a": {"y", "x"}, 1: (b"\x00", Path("/p")), "swept": Swept("k", "n", "r", "o", "")}
    assert plain(given) == {
        "a": ["x", "y"],
        "1": ["AA==", "/p"],
        "swept": {"kind": "k", "name": "n", "reason": "r", "outcome": "o", "error": ""},
    }


def test_text_is_in_the_order_of_the_aws_cli() -> None:
    given = {
        "b": 1,
        "a": True,
        "d": {"x": None},
        "c": [1, "two"],
        "e": [{"f": 1}, {"f": 2}],
        "g": [],
    }
    assert list(text_lines(given)) == ["True\t1", "C\t1\ttwo", "D\tNone", "E\t1", "E\t2"]


# --- what goes wrong

CODES = {
    errors.NotUpError: 3,
    errors.NoHomeError: 3,
    errors.NoStackError: 3,
    errors.UnknownDeviceError: 4,
    errors.UnknownFleetError: 4,
    errors.UnknownJobError: 4,
    errors.UnknownModelError: 4,
    errors.UnknownUserError: 4,
    errors.StoppedError: 99,
    errors.LogsError: 2,
    errors.UsageError: 2,
    errors.SettingError: 2,
    errors.QueryError: 2,
    errors.FilterError: 2,
    errors.JobUsageError: 2,
}


def _all_errors(top: type[errors.PlaygroundError]) -> Iterator[type[errors.PlaygroundError]]:
    yield top
    for kind in top.__subclasses__():
        yield from _all_errors(kind)


@pytest.mark.parametrize("kind", sorted(set(_all_errors(errors.PlaygroundError)), key=str))
def test_each_error_has_its_exit_code(kind: type[errors.PlaygroundError]) -> None:
    assert sentence(kind("Why.")) == ("Why.", CODES.get(kind, 1))


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "ListThings")


@pytest.mark.parametrize(
    ("error", "told", "code"),
    [
        (ProfileNotFound(profile="nobody"), "There is no AWS profile nobody: ", 3),
        (UnauthorizedSSOTokenError(), "Your IAM Identity Center session has expired", 3),
        (NoRegionError(), "There is no AWS region: name one with --region", 3),
        (NoCredentialsError(), "There are no AWS credentials: name a profile with --profile", 3),
        (client_error("ExpiredTokenException"), "Your AWS credentials have expired", 3),
        (client_error("UnrecognizedClientException"), "AWS does not know your credentials", 3),
        (client_error("AccessDeniedException"), "An error occurred (AccessDeniedException)", 1),
        (
            EndpointConnectionError(endpoint_url="http://x"),
            'Could not connect to the endpoint URL: "http://x"',
            3,
        ),
        (PermissionError(13, "Permission denied", "/f"), "/f: Permission denied.", 1),
        (
            KeyError("k"),
            "This is a bug in the playground: KeyError: 'k' Run it again with --debug",
            70,
        ),
    ],
)
def test_any_error_is_one_sentence(error: Exception, told: str, code: int) -> None:
    found = sentence(error)
    assert (found[0].startswith(told), found[1], "\n" in found[0]) == (True, code, False)


@pytest.mark.parametrize(
    ("raised", "code"), [(KeyboardInterrupt, 130), (BrokenPipeError, 141), (ZeroDivisionError, 70)]
)
def test_no_traceback_unless_debugging(
    monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], code: int
) -> None:
    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr("playground.line.context.find_home", fail)
    quiet = run("list")
    assert (quiet.exit_code, quiet.stdout, bool(quiet.stderr)) == (code, "", code == 70)
    if code == 70:
        assert isinstance(run("list", "--debug").exception, raised)
        assert isinstance(run("--debug", "list").exception, raised)


def test_what_click_raises_is_left_to_click() -> None:
    with pytest.raises(typer.Abort), one_sentence(lambda: False, str):
        raise typer.Abort
    assert run("list", "--no-such").exit_code == exit_codes.USAGE
    assert run("reset").exit_code == exit_codes.FAILED


def test_a_console_nobody_reads_ends_the_command() -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        views.Terminal(file=Gone()).print("x")


# --- where to


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """AWS files with a profile each for what can be wrong."""
    (tmp_path / "config").write_text("[profile good]\nregion = eu-west-3\n[profile nowhere]\n")
    keys = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n"
    (tmp_path / "credentials").write_text(f"[good]\n{keys}[nowhere]\n{keys}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_a_profile_and_a_region_are_aws(aws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = Paths(directory=aws)
    found = find_home(paths, login=Login("good"))
    assert (found.kind, found.region, found.profile) == ("aws", "eu-west-3", "good")
    assert find_home(paths, login=Login("good", "eu-north-1")).region == "eu-north-1"
    # and by the environment, as with the AWS CLI
    monkeypatch.setenv("AWS_PROFILE", "good")
    monkeypatch.setenv("AWS_REGION", "sa-east-1")
    assert find_home(paths).region == "sa-east-1"


@pytest.mark.parametrize(
    ("login", "told"),
    [
        (Login("nobody"), "There is no AWS profile nobody"),
        (Login("nowhere"), "There is no AWS region"),
        (Login("good", "no region"), "'no region' is no AWS region"),
    ],
)
def test_what_is_wrong_with_a_login_is_one_sentence(aws: Path, login: Login, told: str) -> None:
    with pytest.raises(errors.NoHomeError, match=told):
        find_home(Paths(directory=aws), login=login)


def test_a_shell_of_the_local_cloud_is_no_way_to_aws(
    aws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalState, "up", property(lambda _: True))
    monkeypatch.setenv("AWS_ENDPOINT_URL", LocalState().endpoint)
    with pytest.raises(errors.NoHomeError, match="use another shell"):
        find_home(Paths(directory=aws), login=Login("good"))
    refused = run("--home", "local", "list", "--profile", "good")
    assert (refused.exit_code, "leave out --home local" in refused.stderr) == (2, True)


@pytest.mark.usefixtures("devices")
def test_aws_is_said_when_a_local_cloud_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalState, "up", property(lambda _: True))
    assert (
        "A local cloud is up; --profile or --region means AWS."
        in run("list", "--region", "eu-west-1").stderr
    )


def test_a_bad_filter_is_told_before_a_home_is_asked() -> None:
    refused = run("listen", "a/#/b")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert (
        refused.stderr.strip()
        == "'a/#/b' is no topic filter: # must be the last level (MQTT 5, 4.7.1.2)."
    )


# --- help and completion


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_examples_that_it_understands(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "image.json").write_text("{}")
    for line in EXAMPLES[words]:
        arguments = shlex.split(line.removeprefix('eval "$(').removesuffix(')"'))
        ends = [arguments.index(word) for word in ("|", ">") if word in arguments]
        assert arguments[0] == "playground"
        parse(COMMAND, arguments[1 : min(ends, default=None)], words)


@pytest.mark.parametrize("line", [line for line, _ in BEGIN])
def test_what_a_newcomer_is_told_is_understood(line: str) -> None:
    words = shlex.split(line)[1:]
    parse(COMMAND, words, words[0])


def parse(command: Any, arguments: list[str], expected: str) -> None:
    """Read a command line as it is, and run nothing."""
    ctx, words = command.make_context("playground", arguments), []
    while hasattr(ctx.command, "commands"):
        name, inner, rest = ctx.command.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
        words.append(name)
        ctx = inner.make_context(name, rest, parent=ctx)
    assert " ".join(words) == expected


def test_examples_are_shown_and_belong_to_a_command() -> None:
    assert set(EXAMPLES) == set(COMMANDS)
    shown = CliRunner().invoke(app, ["list", "--help"], env={"COLUMNS": "200"}).stdout
    assert "Examples" in shown
    assert "playground list --output json --query 'devices[].thing_name'" in shown


@pytest.fixture(scope="module")
def complete() -> Callable[..., list[str]]:
    """What bash offers for the last word, by the script that the command prints."""
    script = CliRunner().invoke(app, ["completion", "bash"]).stdout
    program = Path(sys.executable).with_name("playground")

    def ask(*words: str) -> list[str]:
        quoted = " ".join(shlex.quote(word) for word in words)
        typed = f"COMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}"
        text = f"{script}\n{typed}\n_playground_completion {shlex.quote(str(program))}\n"
        done = subprocess.run(
            ["bash", "--norc", "-c", text + "printf '%s\\n' \"${COMPREPLY[@]}\""],
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(PROJECT),
                "PLAYGROUND_DIR": "/nonexistent",
                "HOME": "/",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.split()

    return ask


@pytest.mark.processes
def test_bash_completes_commands_options_and_types(complete: Callable[..., list[str]]) -> None:
    assert complete("playground", "li") == ["list", "link", "links", "listen"]
    assert complete("playground", "list", "--q") == ["--query"]
    assert complete("playground", "create", "--type", "the") == ["thermostat"]


def test_scripts_for_other_shells() -> None:
    assert "#compdef playground" in run("completion", "zsh").stdout
    assert "complete --command playground" in run("completion", "fish").stdout
    assert run("completion", "tcsh").exit_code == exit_codes.USAGE


def test_completion_is_silent_and_does_not_wait() -> None:
    assert in_time(lambda: ["a"]) == ["a"]
    assert in_time(lambda: [str(1 // 0)]) == []
    assert in_time(lambda: [input()], limit=0.0) == []
