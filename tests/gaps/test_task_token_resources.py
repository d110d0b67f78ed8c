"""What IAM checks the answer to a waiting state against."""

import threading
from typing import Any

import pytest

from tests.gaps.filled import ACCOUNT, REGION, call, checked, fill, in_scope

MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:provision"
STATE = {
    "Type": "Task",
    "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "Parameters": {},
    "End": True,
}


class Waiting:
    """A state that waits with a token, in a thread of its own."""

    def __init__(self) -> None:
        from ministack.services import stepfunctions

        in_scope()
        self.sent = sent = threading.Event()
        stepfunctions._SERVICE_DISPATCH = {"arn:aws:states:::sqs:": lambda *_: sent.set()}
        self.context: dict[str, Any] = {
            "State": {"Name": "it"},
            "StateMachine": {"Id": MACHINE, "Name": "provision"},
        }
        execution = {
            "executionArn": "arn",
            "status": "RUNNING",
            "events": [],
            "_lock": threading.Lock(),
        }

        def run() -> None:
            in_scope()
            stepfunctions._execute_task(STATE, {}, execution, self.context)

        self.thread = threading.Thread(target=run)
        self.thread.start()
        assert self.sent.wait(5)
        self.token: str = self.context["Task"]["Token"]

    def answer(self) -> None:
        """Let it go on, and see its end."""
        assert (
            call(
                "stepfunctions",
                "stepfunctions",
                "SendTaskSuccess",
                taskToken=self.token,
                output="{}",
            ).status
            == 200
        )
        self.thread.join(5)
        assert not self.thread.is_alive()


@pytest.mark.parametrize("filled", [False, True])
def test_an_answer_is_checked_against_the_state_machine_that_waits(*, filled: bool) -> None:
    """When the first fails the emulator has learned it: away with the gap."""
    # given
    if filled:
        fill("task_token_resources")
    waiting = Waiting()
    # when
    found = [
        checked("stepfunctions", operation, taskToken=waiting.token)
        for operation in ("SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat")
    ]
    waiting.answer()
    # then
    assert found == [[MACHINE if filled else "*"]] * 3


@pytest.mark.parametrize(
    ("resource", "allowed"), [(MACHINE, True), (f"{MACHINE}-other", False), ("*", True)]
)
def test_who_answers_a_state_that_is_gone_is_told_so_when_it_may_answer_any(
    resource: str, *, allowed: bool
) -> None:
    # given: a workflow, and whoever asks has this policy
    from ministack.core import iam_evaluator
    from ministack.services import stepfunctions

    statement = {"Effect": "Allow", "Action": "states:SendTaskFailure", "Resource": resource}
    policy = iam_evaluator.parse_policy_document({"Statement": [statement]})
    who = iam_evaluator.PrincipalInfo("arn:aws:iam::1:user/u", "User", ACCOUNT, [policy])
    iam_evaluator.resolve_principal = lambda *_: who
    fill("task_token_resources")
    waiting = Waiting()
    stepfunctions._state_machines[MACHINE] = {"name": "provision"}
    waiting.answer()
    # when
    (arn,) = checked("stepfunctions", "SendTaskFailure", taskToken=waiting.token)
    refused = iam_evaluator.enforce(
        "KEY", "states:SendTaskFailure", "states", REGION, resource_arn=arn, service_context={}
    )
    # then
    assert (refused is None) is allowed
    answer = call("stepfunctions", "stepfunctions", "SendTaskFailure", taskToken=waiting.token)
    assert answer.error == "TaskDoesNotExist"
