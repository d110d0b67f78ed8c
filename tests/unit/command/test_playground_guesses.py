"""What people type first: it does what they mean, or says in a sentence what is wrong, at once."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
import typer
from typer.testing import CliRunner

from common.device_wish import DeviceWish
from common.errors import InvalidInput
from common.statuses import STATUSES
from playground.base.command_lines import command_line
from playground.devices import models
from playground.devices import settings as device_settings
from playground.devices.devices import Devices
from playground.errors import NotUpError, SettingError, UnknownDeviceError, UsageError
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.line.app import app
from playground.line.options import walk
from playground.line.typed import statuses_of
from tests.unit.stack import TABLE

COMMANDS = {
    words: command
    for words, command in walk(typer.main.get_command(app))
    if not hasattr(command, "commands")
}
WITH_WORDS = [
    words
    for words, command in COMMANDS.items()
    if any(one.param_type_name == "argument" for one in command.params) and words != "help"
]
LAMP: Mapping[str, Any] = {"thing_name": "lamp", "device_type": "bulb", "status": "OFFLINE"}


class OneStack(Home):
    """A home whose catalog is the table of these tests."""

    def client(self, service: str, *_: Any) -> Any:
        return boto3.client(service, region_name="eu-west-1")  # type: ignore[call-overload]

    def output(self, _name: str) -> str:
        return TABLE

    @property
    def parameters(self) -> dict[str, str]:
        return {"MetricsFloor": "7"}


HOME = OneStack("aws", None, "eu-west-1", "1", "s")  # type: ignore[arg-type]


def run(*words: str) -> Any:
    return CliRunner().invoke(app, words, env={"COLUMNS": "200"})


@pytest.fixture
def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.line.context.find_home", lambda *_: pytest.fail("asked"))


@pytest.fixture
def lamp(monkeypatch: pytest.MonkeyPatch, table: Any) -> Any:
    """A bulb in the catalog, of a home that this login session was told of."""
    monkeypatch.setattr("playground.line.context.find_home", lambda *_: HOME)
    monkeypatch.setattr("playground.home.sessions.Session.hears_first", lambda *_: False)
    table.put_item(Item={**LAMP, "created_at": "2026-01-02T03:04:05.678Z"})
    return table


# --- help


@pytest.mark.usefixtures("nobody_is_asked")
def test_nothing_typed_is_told_what_to_begin_with() -> None:
    answer = run()
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert "playground create lamp" in answer.stdout
    assert "playground help" in answer.stdout
    assert len(answer.stdout.splitlines()) < 15
    assert max(map(len, answer.stdout.splitlines())) <= 80


@pytest.mark.usefixtures("nobody_is_asked")
def test_a_group_alone_lists_its_commands() -> None:
    for group in ("job", "user"):
        answer = run(group)
        assert answer.exit_code == 0
        assert f"playground {group} list" in run("help", group, "list").stdout
    assert run("--home", "moon").exit_code == 2


@pytest.mark.thorough
@pytest.mark.usefixtures("nobody_is_asked")
@pytest.mark.parametrize("words", [(), *(tuple(words.split()) for words in COMMANDS)])
def test_help_is_the_help_of_the_command(words: tuple[str, ...]) -> None:
    answer = run("help", *words)
    assert answer.exit_code == 0
    assert answer.stdout == run(*words, "--help").stdout
    assert "Usage: " in answer.stdout


@pytest.mark.usefixtures("nobody_is_asked")
def test_help_of_nothing_names_what_is_near() -> None:
    for words in (("lsit",), ("job", "lsit")):
        answer = run("help", *words)
        assert answer.exit_code == 2
        assert "did you mean list" in answer.stderr


def test_describe_is_show(lamp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Devices, "shadow", lambda *_: {"state": {"reported": {"time": 60}}})
    shown = run("show", "lamp", "--output", "json")
    assert run("describe", "lamp", "--output", "json").stdout == shown.stdout
    assert json.loads(shown.stdout)["shadow"] == {"reported": {"time": 60}}
    params = [[one.name for one in COMMANDS[words].params] for words in ("show", "describe")]
    assert params[0] == params[1]


# --- names that begin with a dash


@pytest.mark.usefixtures("nobody_is_asked")
@pytest.mark.parametrize("words", WITH_WORDS)
def test_a_name_with_a_dash_can_be_named(words: str) -> None:
    for name in ("-x", "-lamp", "--lamp"):
        answer = run(*words.split(), name)
        assert (answer.exit_code, answer.stdout) == (2, "")
        if COMMANDS[words].context_settings.get("ignore_unknown_options"):
            assert "no option" not in answer.stderr
        else:
            assert f"There is no option {name}. A name that begins with a dash" in answer.stderr
            assert f"`{command_line(words, name)}`" in answer.stderr
    # and after -- it is no option, whatever else is wrong with it
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("playground.line.context.find_home", nobody)
        assert "no option" not in run(*words.split(), "--", "-x").stderr


def nobody(*_: object) -> None:
    raise NotUpError("Nobody is at home.")


@pytest.mark.usefixtures("nobody_is_asked")
def test_what_is_all_but_an_option_is_told_that_option() -> None:
    for words in (("show", "lamp", "--ouput", "json"), ("up", "-x")):
        answer = run(*words)
        assert answer.exit_code == 2
        assert "A name that begins" not in answer.stderr


def test_a_command_in_a_message_can_be_pasted() -> None:
    assert command_line("unset", "lamp", "time") == "playground unset lamp time"
    assert command_line("job show", "-x") == "playground job show -- -x"
    assert command_line("unset", "lamp", "a b") == "playground unset lamp 'a b'"


# --- a wish with a mistake

WRONG: Mapping[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "blank": (("a b",), {"thingName": "a b"}),
    "empty": (("",), {"thingName": ""}),
    "long": (("x" * 129,), {"thingName": "x" * 129}),
    "reserved": (("--name", "shadow"), {"thingName": "shadow"}),
    "attribute": (("--attribute", "ro om=x"), {"attributes": {"ro om": "x"}}),
    "ours": (("--attribute", "execution=x"), {"attributes": {"execution": "x"}}),
    "value": (("--attribute", "room=living room"), {"attributes": {"room": "living room"}}),
    "long value": (("--attribute", f"a={'x' * 801}"), {"attributes": {"a": "x" * 801}}),
    "ttl": (("--ttl", "90s"), {"ttl": "90s"}),
    "long ttl": (("--ttl", "366d"), {"ttl": "366d"}),
    "attributes": (
        tuple(word for number in range(21) for word in ("--attribute", f"a{number}=1")),
        {"attributes": {f"a{number}": "1" for number in range(21)}},
    ),
}


@pytest.mark.usefixtures("nobody_is_asked")
@pytest.mark.parametrize(("words", "asked"), WRONG.values(), ids=WRONG)
def test_a_wish_is_refused_at_once_in_the_words_of_the_workflow(
    words: tuple[str, ...], asked: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        DeviceWish.of(asked)
    answer = run("create", *words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr == f"{refused.value}.\n"
    assert answer.stderr.startswith(next(iter(asked)))


# --- list


def test_a_status_is_given_as_one_likes() -> None:
    assert statuses_of(["online", "Failed,OFFLINE", "online"]) == ["ONLINE", "FAILED", "OFFLINE"]
    for wrong in ("lost", "", "online,", "online offline"):
        with pytest.raises(
            UsageError, match=f"--status: must be one of {', '.join(STATUSES)}, got"
        ):
            statuses_of([wrong])


@pytest.mark.usefixtures("nobody_is_asked")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--status", "lost"), "must be one of PROVISIONING, ONLINE, "),
        (("--status", "online", "--all"), "leave out --all or --status"),
        (("--type", "fridge"), "There is no device type fridge"),
    ],
)
def test_a_list_of_what_there_is_not(words: tuple[str, ...], told: str) -> None:
    answer = run("list", *words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert told in answer.stderr


def test_a_list_of_some_statuses(lamp: Any) -> None:
    # given more devices than a request for rows may name
    with lamp.batch_writer() as batch:
        for number in range(260):
            row = {"status": STATUSES[number % 2 + 1], "device_type": "switch", "task_token": "x"}
            batch.put_item(Item={**row, "thing_name": f"s{number:03}", "created_at": "2026"})
        batch.put_item(
            Item={**LAMP, "thing_name": "old", "status": "TERMINATED", "created_at": "1"}
        )

    def names(*words: str) -> list[str]:
        answer = run("list", "--output", "json", *words)
        assert answer.exit_code == 0, answer.stderr
        assert "x" not in {row.get("task_token") for row in json.loads(answer.stdout)["devices"]}
        return [row["thing_name"] for row in json.loads(answer.stdout)["devices"]]

    # then
    offline, online = ([f"s{number:03}" for number in range(first, 260, 2)] for first in (1, 0))
    assert names("--status", "online") == online
    assert names("--status", "offline") == ["lamp", *offline]
    assert names("--status", "OFFLINE,online") == names() == ["lamp", *sorted(offline + online)]
    assert names("--status", "offline", "--type", "bulb") == names("--type", "bulb") == ["lamp"]
    assert names("--status", "terminated") == ["old"]
    assert run("list", "--status", "failed").stderr.endswith("No such device.\n")


def test_a_long_list_is_a_page_of_the_newest(lamp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr("playground.cli.devices.PAGE", 20)
    with lamp.batch_writer() as batch:
        for number in range(60):
            status = STATUSES[number % len(STATUSES)]
            kind = "switch" if number % 2 else "meter"
            row = {"thing_name": f"s{number:02}", "device_type": kind, "status": status}
            batch.put_item(Item={**row, "created_at": f"3000-01-{60 - number:03}"})
    there = [f"s{number:02}" for number in range(60) if STATUSES[number % 7] != "TERMINATED"]

    def listed(*words: str) -> tuple[list[str], str]:
        answer = run("list", *words)
        names = [line.split()[0] for line in answer.stdout.splitlines()[1:]]
        return names, answer.stderr

    def of(*words: str) -> list[str]:
        names, said = listed(*words)
        assert "there are more: --limit 0 shows all" in said
        return names

    # then: the newest, by name
    assert of() == there[:20]
    assert of("--limit", "3") == there[:3]
    assert of("--status", "online,offline", "--limit", "4") == ["s01", "s02", "s08", "s09"]
    assert of("--type", "switch", "--limit", "2") == ["s01", "s03"]
    assert of("--all", "--limit", "6") == [f"s{number:02}" for number in range(6)]
    # and all for who wants them, a program among these
    assert listed("--limit", "0") == (["lamp", *there], "")
    assert listed("--limit", "53") == (["lamp", *there], "")
    whole = json.loads(run("list", "--output", "json").stdout)["devices"]
    assert [row["thing_name"] for row in whole] == ["lamp", *there]
    some = json.loads(run("list", "--output", "json", "--limit", "1").stdout)["devices"]
    assert [row["thing_name"] for row in some] == there[:1]


def test_a_list_is_what_the_rows_say_and_not_their_index(
    lamp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a device that goes online between the two looks, and an answer that is only a part
    lamp.put_item(Item={**LAMP, "thing_name": "wall", "created_at": "2026"})
    client: Any = boto3.client("dynamodb", region_name="eu-west-1")
    asked: list[int] = []

    class Busy:
        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 - as boto3 calls it
            keys = RequestItems[TABLE]["Keys"]
            asked.append(len(keys))
            lamp.put_item(
                Item={**LAMP, "thing_name": "wall", "status": "ONLINE", "created_at": "2026"}
            )
            left = {TABLE: {**RequestItems[TABLE], "Keys": keys[1:]}} if keys[1:] else {}
            given = {TABLE: {**RequestItems[TABLE], "Keys": keys[:1]}}
            return {**client.batch_get_item(RequestItems=given), "UnprocessedKeys": left}

    monkeypatch.setattr(OneStack, "client", lambda *_: Busy())
    # when
    rows, _ = Devices(HOME).of_status(["OFFLINE"])
    # then
    assert [row["thing_name"] for row in rows] == ["lamp"]
    assert asked == [2, 1]


# --- settings


@pytest.mark.processes
def test_settings_of_a_type_need_no_cloud(nobody_is_asked: None) -> None:
    del nobody_is_asked
    for device_type in models.types(Paths()):
        answer = run("settings", device_type, "--output", "json")
        assert answer.exit_code == 0
        found = json.loads(answer.stdout)["settings"]
        assert all(device_type in one["device_types"] for one in found)
        assert {"time", "topic", "unit"} <= {one["key"] for one in found}
    bulb = run("settings", "bulb").stdout
    assert "one of on, off; off unless set" in bulb
    assert "The light." in bulb
    assert "position" not in bulb
    assert "switch only" in run("settings").stdout


@pytest.mark.processes
def test_settings_of_a_device_have_what_its_shadow_holds(
    lamp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = {"desired": {"time": 5, "unit": "metric"}, "reported": {"time": 60, "unit": "metric"}}
    monkeypatch.setattr(Devices, "shadow", lambda *_: {"state": state})
    answer = run("settings", "lamp", "--output", "json")
    found = {one["key"]: one for one in json.loads(answer.stdout)["settings"]}
    assert (found["time"]["desired"], found["time"]["reported"], found["time"]["default"]) == (
        5,
        60,
        60,
    )
    assert found["topic"]["default"] == "dt/playground/lamp/telemetry"
    assert found["metrics"]["rule"] == "0 or an integer from 7 to 86400"
    assert found["payload"]["reported"] is None
    table = run("settings", "lamp").stdout
    assert table.count("desired: ") == 1
    assert "desired: 5" in table


def test_settings_of_nothing(lamp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = run("settings", "fridge")
    assert answer.exit_code == UnknownDeviceError.exit_code
    assert "There is no device type fridge: there are bulb, " in answer.stderr
    assert "And there is no device fridge." in answer.stderr
    monkeypatch.setattr("playground.line.context.find_home", nobody)
    answer = run("settings", "fridge")
    assert answer.exit_code == NotUpError.exit_code
    assert "There is no device type fridge" in answer.stderr
    assert "Nobody is at home." in answer.stderr


@pytest.mark.processes
@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        ({"colour": "red"}, "colour: is not a setting of a bulb device. There are time, topic, "),
        ({"stauts": "on"}, "stauts: is not a setting of a bulb device. Did you mean status?"),
        ({"Time": 1}, "Time: is not a setting of a bulb device. Did you mean time?"),
        ({"position": "on"}, "position: is not a setting of a bulb device. Only switch devices"),
        ({"time": 1, "b": 1, "a": 1}, "b: is not a setting of a bulb device"),
        ({"time": 1, "b": 1, "a": 1}, "\na: is not a setting of a bulb device"),
        (
            {"quarantine": True},
            "quarantine: is set by workflows alone: `playground quarantine lamp`",
        ),
        ({"quarantine": None}, "quarantine: is set by workflows alone"),
    ],
)
def test_a_key_that_is_no_setting_is_refused(wishes: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingError) as refused:
        device_settings.require_settable(Paths(), LAMP, wishes)
    assert told in str(refused.value)


@pytest.mark.processes
def test_a_key_that_is_none_can_always_be_removed() -> None:
    device_settings.require_settable(Paths(), LAMP, {"colour": None, "position": None, "time": 5})
    # and of a type that this version does not know, the device is the judge
    device_settings.require_settable(Paths(), {**LAMP, "device_type": "fridge"}, {"light": "on"})


@pytest.fixture
def desired(lamp: Any, monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """What was written to the shadow of a bulb that is offline, whose shadow holds a wrong key."""
    written: list[Mapping[str, Any]] = []
    state: dict[str, Any] = {
        "desired": {"colour": "red", "time": 0},
        "reported": {"rejected": {"time": {"value": 0, "reason": "must be an integer"}}},
    }
    monkeypatch.setattr(Devices, "shadow", lambda *_: {"state": state})
    monkeypatch.setattr(Devices, "desire", lambda _self, _name, wishes: written.append(wishes))
    return written


@pytest.mark.processes
def test_a_setting_that_the_device_can_not_have_does_not_get_into_its_shadow(
    desired: list[Mapping[str, Any]],
) -> None:
    answer = run("--home", "aws", "set", "lamp", "time=5", "colour=red")
    assert (answer.exit_code, answer.stdout, desired) == (2, "", [])
    assert "colour: is not a setting of a bulb device" in answer.stderr


@pytest.mark.processes
def test_what_the_device_refuses_is_told_with_the_command_that_removes_it(
    desired: list[Mapping[str, Any]],
) -> None:
    answer = run("--home", "aws", "set", "lamp", "time=0")
    assert (answer.exit_code, desired) == (1, [{"time": 0}])
    assert "`playground unset lamp time`" in answer.stderr


@pytest.mark.processes
def test_unset_takes_out_what_is_there(desired: list[Mapping[str, Any]]) -> None:
    answer = run("--home", "aws", "unset", "lamp", "colour", "time", "size")
    assert desired == [{"colour": None, "time": None}]
    assert "size is not in the shadow's `desired`" in answer.stderr
    assert "colour removed" in answer.stdout
    run("--home", "aws", "unset", "lamp", "size")
    assert len(desired) == 1
    refused = run("--home", "aws", "unset", "lamp", "quarantine")
    assert (refused.exit_code, len(desired)) == (2, 1)
