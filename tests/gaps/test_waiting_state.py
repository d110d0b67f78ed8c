"""What becomes of a state that waits for its token when its function fails."""

import pytest

from tests.gaps.emulated import cause_of, function, run, state_of

FAILING = """
class OwnershipLost(Exception):
    pass

def handler(event, context):
    raise OwnershipLost("somebody else's")
"""
CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]


def test_the_emulator_still_waits_after_its_function_has_failed() -> None:
    """When this fails the emulator has learned it: away with the gap."""
    with function(FAILING) as made:
        data, _ = run(state_of(made, waits=True, TimeoutSeconds=0.3, Catch=CATCH))
    assert data["Error"] == "States.Timeout"


def test_the_state_ends_with_the_function() -> None:
    # given
    from playground.local.gaps import error_names, waiting_state

    waiting_state.fill()
    error_names.fill()
    with function(FAILING) as made:
        # when
        data, following = run(state_of(made, waits=True, TimeoutSeconds=60, Catch=CATCH))
    # then
    assert (data["Error"], following) == ("OwnershipLost", "Caught")
    assert cause_of(data)["errorMessage"] == "somebody else's"


def test_it_is_tried_again_by_name() -> None:
    # given
    from ministack.services import stepfunctions

    from playground.local.gaps import error_names, waiting_state

    error_names.fill()
    waiting_state.fill()
    calls = []
    before = stepfunctions._call_lambda

    def counted(*arguments: object) -> object:
        calls.append(arguments)
        return before(*arguments)

    stepfunctions._call_lambda = counted
    retry = [{"ErrorEquals": ["OwnershipLost"], "IntervalSeconds": 0, "MaxAttempts": 2}]
    with function(FAILING) as made:
        # when
        data, _ = run(state_of(made, waits=True, TimeoutSeconds=60, Retry=retry, Catch=CATCH))
    # then
    assert (data["Error"], len(calls)) == ("OwnershipLost", 3)


def test_an_answer_that_has_come_before_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    from ministack.services import stepfunctions

    from playground.local.gaps import waiting_state

    def answers_then_fails(_function: object, event: dict[str, str]) -> None:
        stepfunctions._send_task_success(
            {"taskToken": event["taskToken"], "output": '{"status": "ONLINE"}'}
        )
        raise stepfunctions._ExecutionError("OwnershipLost", "too late")

    monkeypatch.setattr(stepfunctions, "_call_lambda", answers_then_fails)
    waiting_state.fill()
    with function(FAILING) as made:
        # when
        data, _ = run(state_of(made, waits=True, TimeoutSeconds=60))
    # then
    assert data == {"status": "ONLINE"}
