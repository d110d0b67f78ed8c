"""What a command loads: no more than it needs, for a command is called often, and waited for."""

import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
import typer
from typer._click.exceptions import BadParameter
from typer._coercion import build_runtime_param, resolve_type_descriptor
from typer.models import OptionInfo

from playground.home.paths import PROJECT
from playground.line.app import app
from playground.line.later import loaded
from playground.line.table import PANELS, Listed
from playground.line.values import Reading

pytestmark = pytest.mark.thorough  # processes of the command

LISTED = [one for commands in PANELS.values() for one in commands]
LIBRARIES = frozenset(
    {"boto3", "botocore", "awscrt", "pydantic", "yaml", "packaging", "psutil", "cryptography"}
)
CLOUD = frozenset(
    {"playground.local.builder", "playground.local.agent", "playground.local.cloud", "awscrt.mqtt5"}
)

RUN = """
import json, sys
words = json.loads(sys.argv[1])
sys.argv = ["playground", *words]
from playground.entry import main
try:
    main()
except SystemExit:
    pass
print("\\n" + json.dumps(sorted(sys.modules)))
"""


def modules(*words: str) -> set[str]:
    """What a fresh interpreter has loaded after a command."""
    command = [sys.executable, "-c", RUN, json.dumps(words)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    assert "playground.line.app" in found
    return set(found)


@pytest.fixture(autouse=True)
def nothing_is_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's decides what is loaded."""
    monkeypatch.setenv("PLAYGROUND_DIR", str(tmp_path / ".playground"))
    for name in ("PLAYGROUND_HOME", "PLAYGROUND_OUTPUT", "PLAYGROUND_STACK", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "words", ["--version", "--help", "", "lsit", "--nonsense", "list --nonsense", "help lsit"]
)
def test_what_asks_no_cloud_loads_neither_the_sdk_nor_a_module_of_a_command(words: str) -> None:
    found = modules(*words.split())
    assert not found & LIBRARIES
    asked = {one.module for one in LISTED if one.name in words.split()}
    ours = {f"playground.cli.{one.module}" for one in LISTED if one.module not in asked}
    assert not found & ours


@pytest.mark.parametrize("words", ["list", "show lamp", "set lamp time=5", "status", "env"])
def test_without_a_cloud_a_command_loads_no_sdk(words: str) -> None:
    found = modules("--home", "local", *words.split())
    assert not found & (LIBRARIES - {"psutil"})  # it looks for a cloud that has lost its state
    assert not found & CLOUD


@pytest.mark.parametrize("name", ["devices", "settings", "status", "shell", "users"])
def test_looking_at_devices_loads_nothing_of_what_makes_a_cloud(name: str) -> None:
    code = (
        f"import json, sys, boto3; import playground.cli.{name}; "
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert not set(json.loads(done.stdout)) & CLOUD


def test_the_tab_key_loads_the_one_command_that_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_PLAYGROUND_COMPLETE", "complete_bash")
    for typed, there in (
        ("playground ", set()),
        ("playground set --", {"playground.cli.settings"}),
    ):
        monkeypatch.setenv("COMP_WORDS", typed)
        monkeypatch.setenv("COMP_CWORD", str(typed.count(" ")))
        found = modules()
        assert not found & LIBRARIES
        assert found & {f"playground.cli.{one.module}" for one in LISTED} == there


# --- what is read without Typer's library is read as with it


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((str, value) for value in ("", " lamp", "5", "true", "größe", "\udc80", None)),
        *((list[str], value) for value in ((), ("a",), ["a", "5"], ("a", "\udc80"), None)),
        *((Literal["table", "json"], value) for value in ("json", "JSON", "", "yaml", None)),
        *((int, value) for value in (5, "5", " 5", "five", "5.0", None)),
        *((float, value) for value in (15.0, "15", "nan", "x", None)),
        *((bool, value) for value in (True, "yes", "maybe", None)),
        *((Path, value) for value in (Path("seen.md"), "seen.md", None)),
    ],
)
def test_a_value_is_what_typer_would_make_of_it(kind: Any, value: Any) -> None:
    found = resolve_type_descriptor(kind, OptionInfo())
    param: Any = SimpleNamespace(multiple=False, nargs=1, name="x")

    def read(by: Any) -> Any:
        try:
            read = by.coerce(value, param=param, ctx=None)
        except BadParameter as error:
            return error.message
        return repr(read)

    assert read(Reading(found.parameter_info, kind, found)) == read(build_runtime_param(found))


# --- the table says what the modules say


@pytest.mark.parametrize("one", LISTED, ids=lambda one: one.name)
def test_a_command_is_listed_as_it_is(one: Listed) -> None:
    listed = typer.main.get_command(app).commands[one.name]  # type: ignore[attr-defined]
    command = loaded(listed)
    assert command is not listed
    first = inspect.cleandoc(command.help).split("\n\n")[0]
    assert " ".join(first.split()) == " ".join(one.told.split())
    assert (command.name, command.hidden) == (one.name, one.hidden)


def test_every_command_is_listed_once() -> None:
    names = [one.name for one in LISTED]
    assert len(set(names)) == len(names)
    files = {file.stem for file in (PROJECT / "playground" / "cli").glob("*.py")} - {"__init__"}
    assert files == {one.module for one in LISTED}
    for module in files:
        __import__(f"playground.cli.{module}")
        there = typer.main.get_group(sys.modules[f"playground.cli.{module}"].app).commands
        assert set(there) == {one.name for one in LISTED if one.module == module}
