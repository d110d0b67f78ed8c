"""Why a device could not be made: what Step Functions has written down of it."""

from datetime import UTC, datetime
from typing import Any

from common.executions import Executions
from explaining.why import Sources

ARN = "arn:aws:states:eu-west-1:123456789012:execution:playground-provision-device:one"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class StepFunctions:
    """One execution, which has failed in a state."""

    def describe_execution(self, **_: Any) -> Any:
        return {
            "executionArn": ARN, "status": "FAILED", "error": "NoDeviceImage",
            "cause": "push an image first", "stopDate": AT,
        }  # fmt: skip

    def get_execution_history(self, **_: Any) -> Any:
        failed = {"error": "NoDeviceImage", "cause": "push an image first"}
        events = [
            {"id": 1, "type": "TaskStateEntered", "timestamp": AT,
             "stateEnteredEventDetails": {"name": "StartTask"}},
            {"id": 2, "type": "TaskScheduled", "timestamp": AT, "previousEventId": 1},
            {"id": 3, "type": "TaskFailed", "timestamp": AT, "previousEventId": 2,
             "taskFailedEventDetails": failed},
        ]  # fmt: skip
        return {"events": events}


def sources() -> Sources:
    nothing: Any = None
    sfn: Any = StepFunctions()
    return Sources(nothing, nothing, nothing, nothing, nothing, nothing, Executions(sfn))


def test_a_failed_execution_is_told_with_its_state() -> None:
    found = sources()._failed_execution({"status": "FAILED", "execution_arn": ARN})
    assert found is not None
    assert (found.workflow, found.name, found.state) == ("provision-device", "one", "StartTask")
    assert (found.error, found.cause) == ("NoDeviceImage", "push an image first")


def test_nothing_is_asked_of_a_device_that_is_there() -> None:
    assert sources()._failed_execution({"status": "ONLINE", "execution_arn": ARN}) is None
