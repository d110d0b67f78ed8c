"""What the commands read from the command line and from devices."""

import json
from pathlib import Path
from unittest import mock

import pytest
from typer.testing import CliRunner

from playground.devices.devices import Answer, answer_of
from playground.devices.executions import Outcome
from playground.errors import CommandError, NotUpError, SettingError, WatchError, WorkflowError
from playground.line.app import app
from playground.line.typed import attributes_of, settings_of
from playground.messages import watch
from playground.messages.commands import Reply
from playground.messages.watch import Message, filters, kind_of, new_topic, workflow_topic
from playground.show.devices import reply_text
from playground.stack.demo import is_report, update_command


def test_values_are_json_when_they_can_be() -> None:
    pairs = ["time=5", "unit=imperial", 'payload={"a": 1}', "reconnect=a=b", "topic=", "debug=null"]
    expected = {
        "time": 5,
        "unit": "imperial",
        "payload": {"a": 1},
        "reconnect": "a=b",
        "topic": "",
        "debug": None,
    }
    assert settings_of(pairs) == expected


def test_attributes_are_strings() -> None:
    assert attributes_of(["room=1", "a=b=c"]) == {"room": "1", "a": "b=c"}


@pytest.mark.parametrize("pair", ["time", "=5"])
def test_what_is_no_pair(pair: str) -> None:
    with pytest.raises(SettingError, match="is not KEY=VALUE"):
        settings_of([pair])
    with pytest.raises(SettingError, match="is not KEY=VALUE"):
        attributes_of([pair])


def test_answers_of_a_device() -> None:
    reported = {"time": 5, "rejected": {"unit": {"value": "x", "reason": "no"}}}
    state = {"desired": {"time": 5, "unit": "x"}, "reported": reported}
    assert answer_of("time", 5, state).result == "accepted"
    assert answer_of("unit", "x", state) == Answer("unit", "x", "rejected", "no")
    assert answer_of("time", 6, {"desired": {"time": 6}, "reported": reported}).result == "pending"


def test_watch_follows_the_telemetry_topic() -> None:
    assert "newtopic/d" in filters("d", "newtopic/d")
    assert filters("d", "dt/playground/d/other") == filters("d")
    moved = Message(
        "$aws/things/d/shadow/update/accepted", {"state": {"reported": {"topic": "x/d"}}}
    )
    assert new_topic(moved) == "x/d"
    assert (
        new_topic(Message("$aws/things/d/shadow/update/accepted", {"state": {"reported": None}}))
        is None
    )
    assert new_topic(Message("dt/playground/d/telemetry", "text")) is None


def test_a_subscribe_holds_at_most_eight_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    sent: list[list[str]] = []
    monkeypatch.setattr(watch, "subscribe", lambda _client, wanted: sent.append(list(wanted)))
    watcher = watch.Watcher(client=mock.sentinel.client, name="d")
    # when
    watcher.subscribe(filters("d", "newtopic/d"))
    watcher.subscribe(filters("d", "newtopic/d"))
    # then
    assert [item for request in sent for item in request] == filters("d", "newtopic/d")
    assert max(len(request) for request in sent) <= 8


def test_a_new_topic_is_that_of_the_device_that_reports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # given: two devices in one connection
    sent: list[str] = []
    monkeypatch.setattr(watch, "subscribe", lambda _client, wanted: sent.extend(wanted))
    watcher = watch.Watcher(client=mock.sentinel.client, name="wall")
    watcher.subscribe([*filters("wall"), *filters("lamp")])
    sent.clear()
    # when
    watcher.inbox.put(
        Message(
            "$aws/things/lamp/shadow/update/accepted", {"state": {"reported": {"topic": "x/lamp"}}}
        )
    )
    assert len(list(watcher.messages(limit=0.01))) == 1
    # then
    assert sent == ["x/lamp"]


def test_a_connection_watches_as_many_devices_as_its_subscriptions_allow() -> None:
    assert watch.MOST_DEVICES * (len(filters("d", "x/d")) + 1) <= 50
    with (
        pytest.raises(WatchError, match="At most 4 devices"),
        watch.watching(mock.sentinel.home, *"abcde"),
    ):
        pass


def test_kinds_of_messages() -> None:
    topics = (
        "$aws/things/d/shadow/get",
        "evt/playground/d/metrics",
        "$aws/events/presence/connected/d",
        "evt/playground/d/lwt",
        "cmd/playground/d/req",
        "$aws/commands/things/d/executions/1/request/json",
        "x/d",
        workflow_topic("quarantine-device", "IsolateDevice"),
    )
    assert [kind_of(topic) for topic in topics] == [
        "shadow",
        "metrics",
        "presence",
        "event",
        "command",
        "command",
        "telemetry",
        "workflow",
    ]


def test_a_reply_is_result_or_error() -> None:
    good = Reply.from_payload(
        "large", {"command": "large", "status": "accepted", "result": {"bytes": 9}}
    )
    assert good.accepted
    assert reply_text(good).plain == "✓ large"
    error = {"field": "arguments.bytes", "reason": "must be an integer"}
    bad = Reply.from_payload("large", {"command": "large", "status": "refused", "error": error})
    assert not bad.accepted
    assert reply_text(bad).plain == "✗ large refused: arguments.bytes must be an integer"


@pytest.mark.parametrize("payload", ["text", None, [], {}, {"status": 1}])
def test_what_is_no_reply_is_an_error(payload: object) -> None:
    with pytest.raises(CommandError):
        Reply.from_payload("ping", payload)


def test_demo_knows_the_report() -> None:
    assert is_report(
        Message("$aws/things/d/shadow/update/accepted", {"state": {"reported": {"time": 2}}})
    )
    assert not is_report(
        Message("$aws/things/d/shadow/update/accepted", {"state": {"desired": {"time": 2}}})
    )
    assert "--thing-name d " in update_command("d")


def test_a_failed_execution_names_error_and_cause() -> None:
    with pytest.raises(WorkflowError, match=r"FAILED\. ThingExists: dev-1 exists"):
        Outcome("FAILED", 1.0, {}, "ThingExists", "dev-1 exists").require()


def test_errors_are_a_sentence_unless_debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_arguments: object) -> None:
        raise NotUpError("The local cloud is not up.")

    monkeypatch.setattr("playground.line.context.find_home", nothing)
    answer = CliRunner().invoke(app, ["list"])
    assert (answer.exit_code, answer.stderr.strip()) == (3, "The local cloud is not up.")
    assert isinstance(CliRunner().invoke(app, ["--debug", "list"]).exception, NotUpError)


def test_a_model_is_shown_as_it_stands_in_its_file() -> None:
    answer = CliRunner().invoke(app, ["models", "vehicle"])
    assert json.loads(answer.stdout)["name"] == "vehicle"
    unknown = CliRunner().invoke(app, ["models", "toaster"])
    assert unknown.exit_code == 4
    assert unknown.stderr.startswith("There is no model toaster: there are bulb, generic, ")


@pytest.mark.processes
def test_a_model_of_ones_own_is_checked_with_a_sample_of_each_message(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    row = {"topic": "tele/STATE", "every": 30, "as": "text", "content": {"constant": "on"}}
    file.write_text(json.dumps({"messages": [row]}))
    shown = CliRunner().invoke(app, ["models", "--check", str(file)])
    assert shown.exit_code == 0
    assert "30 s" in shown.stdout
    assert "dt/playground/dev-SAMPLE/tele/STATE" in shown.stdout
    told = CliRunner().invoke(
        app, ["models", "--check", "-", "--output", "json"], file.read_bytes()
    )
    (sample,) = json.loads(told.stdout)["messages"]
    assert sample == {
        "topic": "dt/playground/dev-SAMPLE/tele/STATE",
        "every": 30,
        "payload": "on",
    }
    file.write_text('{"messages": [{"content": 5, "every": "x"}]}')
    refused = CliRunner().invoke(app, ["models", "--check", str(file)])
    assert refused.exit_code == 1
    assert f"{file}: messages[0].every: must be a number > 0" in refused.stderr


@pytest.mark.processes
def test_recorded_messages_give_a_model_that_passes_the_check(tmp_path: Path) -> None:
    recorded = "".join(json.dumps({"t": 20 + n / 10, "id": "a"}) + "\n" for n in (1, 5, 3))
    made = CliRunner().invoke(app, ["models", "--from", "-"], recorded.encode())
    assert made.exit_code == 0
    uniform = {"uniform": {"min": 20.1, "max": 20.5}, "decimals": 1}
    assert json.loads(made.stdout)["telemetry"] == {"t": uniform, "id": {"constant": "a"}}
    assert CliRunner().invoke(app, ["models", "--check", "-"], made.stdout.encode()).exit_code == 0
    broken = CliRunner().invoke(app, ["models", "--from", "-"], b"{")
    assert broken.exit_code == 1
    assert broken.stderr.startswith("standard input: ")


@pytest.mark.processes
def test_recorded_messages_are_replayed_by_a_model_also_those_of_a_table(tmp_path: Path) -> None:
    # given
    file = tmp_path / "recorded.csv"
    file.write_text("temperature,mode\n20.5,eco\n21,eco\n")
    # when
    made = CliRunner().invoke(app, ["models", "--from", str(file), "--replay"])
    # then
    assert json.loads(made.stdout)["telemetry"] == {
        "temperature": {"sequence": {"of": [20.5, 21]}},
        "mode": {"constant": "eco"},
    }
    # and when a line has another number of values, or there is nothing to replay
    for content in ("a,b\n1\n", "a,b\n", "a,b\n1,2,3\n"):
        file.write_text(content)
        refused = CliRunner().invoke(app, ["models", "--from", str(file), "--replay"])
        assert refused.exit_code == 1
        assert "must have a line with names" in refused.stderr
    assert CliRunner().invoke(app, ["models", "--replay"]).exit_code == 2


def test_models_does_one_thing_at_a_time() -> None:
    answer = CliRunner().invoke(app, ["models", "bulb", "--check", "x.json"])
    assert answer.exit_code == 2


@pytest.mark.processes
def test_a_bad_model_is_told_before_anything_is_asked_of_the_cloud(tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text('{"telemetry": {"t": {"sine": {"amplitude": 1, "period": 0}}, "u": 5}}')
    answer = CliRunner().invoke(app, ["create", "--model", str(file)])
    assert answer.exit_code == 1
    assert f"{file}: telemetry.t.sine.period: must be a number > 0" in answer.stderr
    assert f"{file}: telemetry.u: must be an object" in answer.stderr
