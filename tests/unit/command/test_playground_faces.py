"""Failures that nobody caught by name: each has a sentence, and comes within seconds."""

import io
import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from awscrt.exceptions import AwsCrtError
from botocore.exceptions import ClientError, EndpointConnectionError, SSLError
from botocore.parsers import ResponseParserError
from typer.testing import CliRunner

from playground.base.processes import ProcessId, birth
from playground.devices import sweep
from playground.devices.workflows import DEPROVISION, PROVISION, RELEASE, RESTART, Workflow
from playground.errors import AgentError, ImageError, SweepError
from playground.home.homes import Home, local_home
from playground.home.paths import Paths
from playground.home.state import LocalState
from playground.images.local_builds import LocalBuilds
from playground.images.rolling import Plan
from playground.line.app import app
from playground.line.failures import sentence

NOW = datetime(2026, 1, 2, tzinfo=UTC)
CAUGHT = {
    "Error": "RollUnderWay",
    "Cause": json.dumps({"errorMessage": "Another roll is under way: arn:x"}),
}
AGENT = "The task agent is not running, so no device can start: run `playground up`"


class FakeHome(Home):
    """A home of one fake service: DescribeExecution gives `ends` one after the other, then the last
    one.
    """

    calls: list[str]
    ends: list[dict[str, Any]]
    events: list[dict[str, Any]]

    def client(self, *_: Any, **__: Any) -> Any:
        return self

    def output(self, name: str) -> str:
        return name

    def describe_state_machine(self, **_: Any) -> dict[str, Any]:
        return {
            "definition": json.dumps(
                {"StartAt": "A", "States": {"A": {"Type": "Task", "End": True}}}
            )
        }

    def start_execution(self, **_: Any) -> dict[str, str]:
        self.calls.append("start")
        return {"executionArn": "arn:execution"}

    def describe_execution(self, **_: Any) -> dict[str, Any]:
        self.calls.append("look")
        return self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]

    def get_paginator(self, _name: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: [{"events": self.events}])


def home_of(
    *ends: dict[str, Any], events: list[dict[str, Any]] | None = None, **more: Any
) -> FakeHome:
    home = FakeHome("local", None, "r", "1", "s", "http://127.0.0.1:1", poll=0.01, **more)  # type: ignore[arg-type]
    home.__dict__.update(calls=[], ends=list(ends), events=events or [])
    return home


def ended(status: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "startDate": NOW, "stopDate": NOW + timedelta(seconds=1), **more}


# --- a roll whose function fails


@pytest.mark.parametrize(
    "given",
    [
        {"output": json.dumps({"asked": {}, "progress": {}, "error": CAUGHT})},
        {"output": json.dumps({"asked": {}, "error": CAUGHT})},
        {"output": json.dumps({"progress": {"verdict": "ROLL"}})},
        {"output": "[]"},
        {"output": '{"progress":', "outputDetails": {"truncated": True}},
        {},
    ],
    ids=["caught", "no progress", "half a progress", "no object", "cut short", "left out"],
)
def test_a_roll_beside_another_one_is_told(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    # given a roll whose NextDevice has failed, which the workflow catches
    left = {"type": "TaskStateExited", "stateExitedEventDetails": {"name": "NextDevice", **given}}
    home = home_of(ended("FAILED", error=CAUGHT["Error"], cause=CAUGHT["Cause"]), events=[left])
    monkeypatch.setattr("playground.line.context.find_home", lambda *_: home)
    monkeypatch.setattr("playground.cli.images.plan", lambda *_: Plan("sha256:new", ("lamp",)))
    # when
    answer = CliRunner().invoke(app, ["roll"])
    # then
    assert answer.exit_code == 1
    assert "ended as FAILED. RollUnderWay: Another roll is under way" in answer.stderr
    assert "bug" not in answer.stderr


# --- a task agent that is dead


def test_without_a_task_agent_nothing_is_started() -> None:
    home = home_of(ended("SUCCEEDED", output="{}"), trouble=lambda: AGENT)
    for workflow in (PROVISION, RESTART, RELEASE):
        with pytest.raises(AgentError, match="run `playground up`"):
            Workflow(home, workflow).run({}, lambda _steps: None)
        with pytest.raises(AgentError, match="run `playground up`"):
            Workflow(home, workflow).run_many([{}, {}], lambda _outcome: None)
    assert home.calls == []
    # but what stops a device goes on without one
    assert Workflow(home, DEPROVISION).run({}, lambda _steps: None).status == "SUCCEEDED"


@pytest.mark.timeout(20)
def test_a_task_agent_that_dies_meanwhile_is_told_at_once() -> None:
    answers = iter([None, None, None])
    home = home_of({"status": "RUNNING"}, trouble=lambda: next(answers, AGENT))
    with pytest.raises(AgentError, match="is not running"):
        Workflow(home, PROVISION).run({}, lambda _steps: None)
    assert home.calls == ["start", "look", "look", "look"]
    answers = iter([None, None, None])
    with pytest.raises(AgentError, match="is not running"):
        Workflow(home, PROVISION).run_many([{}], lambda _outcome: None)


@pytest.mark.timeout(20)
def test_a_build_is_not_waited_for_without_an_agent(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="is not running"):
        LocalBuilds(Paths(directory=tmp_path), lambda: AGENT).follow("v1", lambda _step: None)


def test_the_local_home_knows_whether_its_agent_runs(tmp_path: Path) -> None:
    paths, here = Paths(directory=tmp_path), ProcessId.__new__(ProcessId)
    here = ProcessId(1, birth(1) or "")
    state = LocalState(emulator=here, agent=here)
    state.save(paths)
    home = local_home(paths, state)
    assert home.trouble() is None
    replace(state, agent=ProcessId(1, "another time")).save(paths)
    assert str(home.trouble()).startswith(AGENT)
    replace(state, emulator=None).save(paths)
    assert "has stopped" in str(home.trouble())


# --- functions that fail


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (
            b'{"errorMessage": "Task timed out after 300.00 seconds"}',
            "Task timed out after 300.00 seconds",
        ),
        (b'{"errorType": "Runtime.ExitError"}', "Runtime.ExitError"),
        (b'"killed"', "killed"),
        (b"<html>", "<html>"),
        (b"\xff", "\ufffd"),
        (b"[" * 100_000, "[["),
        (b"null", "gave no answer"),
        (b"", "gave no answer"),
    ],
)
def test_what_a_function_says_when_it_fails_is_told(payload: bytes, told: str) -> None:
    home = home_of()
    for error in ({}, {"FunctionError": "Unhandled"}):
        if not error and payload.startswith(b"{"):
            continue
        answer = {"Payload": io.BytesIO(payload), **error}
        home.__dict__["invoke"] = lambda answer=answer, **_: answer
        with pytest.raises(SweepError, match="The sweep failed: ") as refused:
            sweep.sweep(home, 300)
        assert told in str(refused.value)


# --- clocks, certificates, and what else the world does


def refused(code: str, message: str, **headers: str) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPHeaders": headers},
    }
    return ClientError(response, "GetCallerIdentity")


def untrusted(said: str) -> SSLError:
    return SSLError(endpoint_url="https://x", error=OSError(said))


EXPIRED = (
    "Signature expired: 20250101T000000Z is now earlier than 20260102T025500Z "
    "(20260102T030000Z - 5 min.)"
)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        ("RequestExpired", "Request has expired."),
        ("RequestInTheFuture", "Too far."),
        ("SignatureDoesNotMatch", EXPIRED),
        ("InvalidSignatureException", EXPIRED),
        (
            "InvalidSignatureException",
            "Signature not yet current: 20270101T000000Z is still later than 20260102T",
        ),
    ],
)
def test_a_wrong_clock_is_told_as_one(code: str, message: str) -> None:
    told, exit_code = sentence(refused(code, message, date="Fri, 02 Jan 2026 03:00:00 GMT"))
    assert told.startswith(f"This machine's clock is wrong ({code}): here it is ")
    assert told.endswith("UTC, at AWS 2026-01-02 03:00. Set it, and run this again.")
    assert exit_code == 3
    for odd in ({}, {"date": "once"}):
        assert "clock is wrong" in sentence(refused(code, message, **odd))[0]


@pytest.mark.parametrize(
    "code", ["SignatureDoesNotMatch", "InvalidSignatureException", "InvalidAccessKeyId"]
)
def test_a_wrong_key_is_not_told_as_a_wrong_clock(code: str) -> None:
    message = "The request signature we calculated does not match the signature you provided."
    assert sentence(refused(code, message))[0].startswith(
        f"AWS does not know your credentials ({code})"
    )


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (untrusted("certificate verify failed: certificate is not yet valid"), "clock"),
        (untrusted("unable to get local issuer certificate"), "AWS_CA_BUNDLE"),
        (untrusted("self-signed certificate in certificate chain"), "AWS_CA_BUNDLE"),
        (untrusted("EOF"), "SSL validation failed"),
        (
            ResponseParserError("Unable to parse response, invalid XML received.\nb'<html>'"),
            "neither from AWS nor from the local",
        ),
        (
            AwsCrtError(1, "AWS_IO_SOCKET_CLOSED", "socket is closed."),
            "The MQTT connection failed: ",
        ),
        (
            subprocess.TimeoutExpired(["/usr/bin/docker", "info"], 10.0),
            "`docker` gave no answer within 10 s.",
        ),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "text can't be read"),
        (MemoryError(), "not enough memory"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:4566/"), "run `playground up`"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_the_world_does_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    found, code = sentence(error)
    assert told in found
    assert (code in (1, 3), "\n" in found, "bug" in found) == (True, False, False)
