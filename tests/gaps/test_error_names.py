"""The name of a function's error, with the gap filled and without."""

import pytest

from tests.gaps.emulated import cause_of, function, invoked, run, state_of

CODE = """
import os

class InvalidInput(Exception):
    pass

def handler(event, context):
    if event == "who":
        return os.getpid()
    raise InvalidInput("deviceType: " + str(event))
"""


def _filled() -> None:
    from playground.local.gaps import error_names

    error_names.fill()


def test_the_emulator_still_gives_every_exception_one_name() -> None:
    """When this fails the emulator has learned it: away with the gap."""
    with function(CODE) as made:
        result = invoked(made)
        caught, _ = run(state_of(made, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]))
    assert result["body"]["errorType"] == "Runtime.HandlerError"
    assert "stackTrace" not in result["body"]
    assert caught["Error"] == "Runtime.HandlerError"


def test_who_calls_is_told_class_message_and_stack() -> None:
    # given
    _filled()
    with function(CODE) as made:
        # when
        result = invoked(made, "toaster")
    # then
    body = result["body"]
    assert result["error"] is True
    assert (body["errorType"], body["errorMessage"]) == ("InvalidInput", "deviceType: toaster")
    assert len(body["requestId"]) == 36
    assert [line.splitlines()[1].strip() for line in body["stackTrace"]] == [
        'raise InvalidInput("deviceType: " + str(event))'
    ]
    assert "InvalidInput: deviceType: toaster" in result["log"]


def test_catch_goes_by_the_name_of_the_class_and_has_all_in_its_cause() -> None:
    # given
    _filled()
    catches = [
        {"ErrorEquals": ["ThingExists"], "Next": "Wrong"},
        {"ErrorEquals": ["InvalidInput"], "Next": "Right"},
        {"ErrorEquals": ["States.ALL"], "Next": "Wrong"},
    ]
    with function(CODE) as made:
        # when
        data, following = run(state_of(made, Catch=catches))
    # then
    assert (data["Error"], following) == ("InvalidInput", "Right")
    assert cause_of(data).keys() == {"errorMessage", "errorType", "requestId", "stackTrace"}


def test_the_process_goes_on_after_an_exception() -> None:
    # given
    _filled()
    with function(CODE) as made:
        before = invoked(made, "who")["body"]
        # when
        assert invoked(made)["error"]
        # then
        assert invoked(made, "who")["body"] == before


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        ("raise ValueError('TABLE is not set')", "ValueError", "TABLE is not set"),
        (
            "import nothing_of_that_name",
            "Runtime.ImportModuleError",
            "Unable to import module 'failing': No module named 'nothing_of_that_name'",
        ),
    ],
)
def test_a_module_that_cannot_be_loaded_says_why_every_time(
    code: str, name: str, message: str
) -> None:
    # given
    _filled()
    with function(code) as made:
        # when
        answers = [invoked(made)["body"] for _ in range(2)]
    # then
    assert [(answer["errorType"], answer["errorMessage"]) for answer in answers] == [
        (name, message)
    ] * 2


def test_a_function_that_takes_too_long_is_timed_out_as_before() -> None:
    # given
    _filled()
    with function("import time\ndef handler(event, context): time.sleep(60)", Timeout=1) as made:
        # when
        body = invoked(made)["body"]
    # then
    assert body["errorType"] == "Sandbox.Timedout"


def test_a_process_that_ends_is_named_so() -> None:
    # given
    code = "import os\ndef handler(event, context): os._exit(3)"
    with function(code) as made:
        unfilled = invoked(made)["body"]
        _filled()
        # when
        body = invoked(made)["body"]
    # then
    assert unfilled["errorType"] == "Runtime.HandlerError"
    assert body["errorType"] == "Runtime.ExitError"


def test_a_call_that_is_turned_away_is_named_so() -> None:
    # given
    with function(CODE) as made:
        made["concurrency"] = 0
        catch = {"ErrorEquals": ["States.ALL"], "Next": "Caught"}
        unfilled = run(state_of(made, Catch=[catch]))[0]
        _filled()
        # when
        caught = run(state_of(made, Catch=[catch]))[0]
    # then
    assert unfilled["Error"] == "Lambda.Unknown"
    assert caught["Error"] == "Lambda.TooManyRequestsException"
    assert caught["Cause"].startswith("Rate Exceeded")
