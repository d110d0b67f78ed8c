"""Events that rules hand to a function wait for room, and none is lost."""

import threading
from typing import Any

from tests.gaps.modules import gap, service
from tests.playground_cloud import wait_for

ARN = "arn:aws:lambda:us-east-1:111122223333:function:presence"
EVENTS = 200


class Function:
    """A function that takes as long as it is told to, and counts how many of it run."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.go_on, self.lock = threading.Event(), threading.Lock()
        self.running = self.most = 0
        self.had: list[int] = []

    def __call__(self, _: Any, event: int) -> None:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.go_on.wait(20)
        with self.lock:
            self.running -= 1
            self.had.append(event)
        if self.fails and event == 0:
            raise ValueError("the first one fails")


def handed(function: Function) -> None:
    """A fleet leaves: so many events in one go."""
    functions = service("lambda_svc")
    functions._get_func_record_for_ref_in_scope = lambda *_, **__: (
        {"config": {}},
        {"FunctionArn": ARN},
        "presence",
    )
    functions._execution_record_for_config = lambda found, _: found
    functions._execute_function_with_config_scope = function
    for number in range(EVENTS):
        service("iot")._dispatch_rule_to_lambda("111122223333", "us-east-1", ARN, number)


def test_as_many_run_as_there_is_room_for_and_all_are_called_in_the_end() -> None:
    invocations = gap("rule_invocations")
    invocations.fill()
    function = Function(fails=True)

    handed(function)
    wait_for("all the room to be taken", lambda: function.running == invocations.AT_A_TIME)
    function.go_on.set()
    wait_for("all events", lambda: len(function.had) == EVENTS)

    assert function.most == invocations.AT_A_TIME
    assert sorted(function.had) == list(range(EVENTS))


def test_the_emulator_itself_calls_all_at_once() -> None:
    """Once it does not, the gap can go."""
    function = Function()

    handed(function)
    wait_for("all to run", lambda: function.running == EVENTS)
    function.go_on.set()
    wait_for("all events", lambda: len(function.had) == EVENTS)
