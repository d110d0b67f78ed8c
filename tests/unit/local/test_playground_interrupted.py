"""Ctrl-C: no traceback, no waiting, and a word about what goes on."""

import sys
import threading
from typing import Any

import pytest

from playground import entry, exit_codes
from playground.devices.workflows import PROVISION, Workflow
from playground.home.homes import Home
from playground.show import views


class Interrupted:
    def __getattr__(self, _name: str) -> Any:
        raise KeyboardInterrupt


def test_a_command_that_is_still_being_loaded_ends_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "playground.line.app", Interrupted())
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == exit_codes.INTERRUPTED


class Endless:
    """Step Functions, whose executions do not end."""

    def __init__(self) -> None:
        self.started = 0
        self.looked = threading.Event()

    def start_execution(self, **_: Any) -> dict[str, Any]:
        self.started += 1
        return {"executionArn": f"arn:{self.started}"}

    def describe_execution(self, **_: Any) -> dict[str, Any]:
        self.looked.set()
        return {"status": "RUNNING"}


class EndlessHome(Home):
    states = Endless()

    def client(self, *_: Any, **__: Any) -> Any:
        return self.states

    def output(self, name: str) -> str:
        return name


@pytest.mark.timeout(20)
def test_an_interrupted_command_waits_for_no_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    home = EndlessHome("local", None, "r", "1", "s")  # type: ignore[arg-type]

    def interrupt(_jobs: Any) -> Any:
        assert home.states.looked.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr("playground.devices.workflows.as_completed", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Workflow(home, PROVISION).run_many([{}] * 20, lambda _outcome: None)
    assert home.states.started < 20


def test_what_goes_on_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), views.goes_on("The roll goes on."):
        raise KeyboardInterrupt
    with views.goes_on("Not said."):
        pass
    assert capsys.readouterr().err == "The roll goes on.\n"
