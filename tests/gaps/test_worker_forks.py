"""Functions in the emulator's own modules, run by workers that are copies of a loaded process."""

import ctypes
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from playground.local.forks import PR_SET_CHILD_SUBREAPER
from playground.local.worker_forks import PACKAGES, Worker, WorkerForks, install
from tests.gaps.emulated import cause_of, function, invoked, run, state_of
from tests.gaps.filled import fill

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="copies are made on Linux alone"
)

CODE = """
import os, sys, time

class InvalidInput(Exception):
    pass

calls = 0

def handler(event, context):
    global calls
    calls += 1
    if event == "who":
        return os.getpid()
    if event == "calls":
        return calls
    if event == "exit":
        os._exit(3)
    if event == "slow":
        time.sleep(60)
    if event == "environment":
        return dict(os.environ)
    if event == "log":
        print("to nobody in particular")
        print("an error", file=sys.stderr)
        return context.aws_request_id
    raise InvalidInput("deviceType: " + str(event))
"""
LOGGING = """
from aws_lambda_powertools import Logger, Metrics

logger, metrics = Logger(), Metrics()

@logger.inject_lambda_context
def handler(event, context):
    logger.info("a line")
    metrics.add_metric("one", "Count", 1)
    found = metrics.serialize_metric_set()
    metrics.clear_metrics()
    return found["service"]
"""


@pytest.fixture
def forks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerForks]:
    """As in the emulator's process; every worker is a copy."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the account's own")
    fill("code_folders", "error_names")
    made, started = install(), []
    emulators = importlib.import_module("ministack.core.lambda_runtime").subprocess

    def popen(*arguments: Any, **named: Any) -> Any:
        started.append(made.popen(*arguments, **named))
        return started[-1]

    monkeypatch.setattr(emulators, "Popen", popen)
    with made.expecting_more():
        yield made
    made.close()
    assert all(isinstance(process, Worker) for process in started)
    for process in started:  # the emulator leaves that open
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def process_of(made: Any) -> Any:
    """What the function's worker runs in."""
    runtime = importlib.import_module("ministack.core.lambda_runtime")
    config = made["config"]
    (worker,) = runtime._workers[runtime._worker_key(config["FunctionName"], config, "$LATEST")]
    return worker._proc


def test_packages_are_where_the_gap_puts_them() -> None:
    from playground.local.gaps import code_folders

    assert code_folders.PACKAGES == PACKAGES


def test_a_copy_answers_logs_and_stays_warm(forks: WorkerForks) -> None:
    with function(CODE) as made:
        assert invoked(made, "calls")["body"] == 1
        process = process_of(made)
        assert isinstance(process, Worker)
        assert invoked(made, "calls")["body"] == 2
        assert invoked(made, "who")["body"] == process.pid
        told = invoked(made, "log")
    assert len(told["body"]) == 36
    assert told["log"] == "to nobody in particular\nan error"


def test_it_has_the_function_s_variables_and_its_role_s_credentials(forks: WorkerForks) -> None:
    from ministack.core import lambda_runtime

    with function(CODE, Environment={"Variables": {"TABLE": "mine"}}) as made:
        found = invoked(made, "environment")["body"]
        expected = lambda_runtime.execution_credentials(made["config"])
    assert (found["TABLE"], found["AWS_REGION"]) == ("mine", "us-east-1")
    assert expected.items() <= found.items()
    assert "PLAYGROUND_CHANNEL" not in found
    assert found.get("AWS_SECRET_ACCESS_KEY") == expected["AWS_SECRET_ACCESS_KEY"]


@pytest.mark.thorough
def test_powertools_are_each_function_s_own(forks: WorkerForks) -> None:
    found, logged = [], []
    for name in ("first", "second"):
        variables = {"POWERTOOLS_SERVICE_NAME": name, "POWERTOOLS_METRICS_NAMESPACE": "test"}
        with function(LOGGING, Environment={"Variables": variables}) as made:
            told = invoked(made)
        found.append(told["body"])
        logged.append(json.loads(told["log"]))
    assert len(forks._servers) == 1
    assert found == ["first", "second"] == [line["service"] for line in logged]
    assert [line["cold_start"] for line in logged] == [True, True]


def test_its_errors_have_their_names(forks: WorkerForks) -> None:
    with function(CODE) as made:
        body = invoked(made, "toaster")["body"]
        catch = {"ErrorEquals": ["InvalidInput"], "Next": "Right"}
        data, following = run(state_of(made, Catch=[catch]))
    assert (body["errorType"], body["errorMessage"]) == ("InvalidInput", "deviceType: toaster")
    assert following == "Right"
    assert cause_of(data)["errorType"] == "InvalidInput"


def test_a_module_that_cannot_be_loaded_says_why(forks: WorkerForks) -> None:
    with function("import nothing_of_that_name") as made:
        body = invoked(made)["body"]
    assert body["errorType"] == "Runtime.ImportModuleError"


@pytest.mark.thorough
def test_one_that_takes_too_long_is_killed(forks: WorkerForks) -> None:
    with function(CODE, Timeout=1) as made:
        pid = invoked(made, "who")["body"]
        process = process_of(made)
        body = invoked(made, "slow")["body"]
        assert process.returncode is not None
        assert invoked(made, "who")["body"] != pid
    assert body["errorType"] == "Sandbox.Timedout"
    assert not psutil.pid_exists(pid)


@pytest.mark.thorough
def test_one_that_ends_is_noticed_and_there_is_another(forks: WorkerForks) -> None:
    with function(CODE) as made:
        pid = invoked(made, "who")["body"]
        body = invoked(made, "exit")["body"]
        # and one that is killed between two invocations
        killed = invoked(made, "who")["body"]
        os.kill(killed, 9)
        process_of(made).wait(20)
        another = invoked(made, "who")["body"]
    assert body["errorType"] == "Runtime.ExitError"
    assert len({pid, killed, another}) == 3
    assert not any(map(psutil.pid_exists, (pid, killed)))


@pytest.mark.thorough
def test_new_code_is_run_and_the_old_process_is_gone(forks: WorkerForks) -> None:
    from ministack.core import lambda_runtime

    with function("VALUE = 1\ndef handler(event, context): return VALUE") as made:
        assert invoked(made)["body"] == 1
        before = process_of(made)
        lambda_runtime.invalidate_worker(made["config"]["FunctionName"])
    with function("VALUE = 2\ndef handler(event, context): return VALUE") as made:
        assert invoked(made)["body"] == 2
    assert before.returncode is not None
    assert not psutil.pid_exists(before.pid)
