"""Executions that ran when the emulator ended: undone as AWS would have them undone.

AWS keeps executions. The emulator marks them as failed at its next start and tells nobody, so the
functions that the stack's rules name for "Step Functions Execution Status Change" are told here,
one after the other for each execution. Then the workflows that such rules start are started: they
remove what functions have not undone.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from common.jsontext import read
from playground.home.homes import Home

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_lambda import LambdaClient

SOURCE = "aws.states"
DETAIL_TYPE = "Step Functions Execution Status Change"
STATUS = "FAILED"
AT_ONCE = 4
PATIENT = Config(read_timeout=70, retries={"total_max_attempts": 1})


@dataclass(frozen=True)
class Target:
    """Whom a rule tells, and which part of the event."""

    arn: str
    input_path: str = "$"

    @property
    def is_workflow(self) -> bool:
        """Or else a function."""
        return ":stateMachine:" in self.arn

    def input_of(self, event: Mapping[str, Any]) -> Any:
        """The part of the event that its path names, such as `$.detail`."""
        found: Any = event
        for name in self.input_path.split(".")[1:]:
            found = found[name]
        return found


@dataclass
class Interrupted:
    """The executions, by ARN.

    `to_restart`: devices whose restart was undone, and which have no task now.
    """

    home: Home
    arns: Sequence[str]
    to_restart: list[str] = field(default_factory=list)

    def undo(self) -> Iterator[str]:
        """Have each undone. Gives sentences about it."""
        if not self.arns:
            return
        targets = self._targets()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = list(pool.map(lambda arn: self._undo(arn, targets), self.arns))
            results += pool.map(lambda arn: self._start(arn, targets), self.arns)
        count = len(self.arns)
        yield (
            f"{count} workflow{'s were' if count > 1 else ' was'} interrupted, and undone."
            if all(not failure for failure in results)
            else f"{count} interrupted workflows were looked at."
        )
        yield from (failure for failure in results if failure)

    def _undo(self, arn: str, targets: Mapping[str, Sequence[Target]]) -> str:
        """Tell the functions; gives what went wrong."""
        sfn = self.home.client("stepfunctions")
        client: LambdaClient = self.home.client("lambda", PATIENT)
        try:
            found = sfn.describe_execution(executionArn=arn)
            for target in targets.get(found["stateMachineArn"], ()):
                if target.is_workflow:
                    continue
                event = json.dumps(status_event(found, self.home))
                answer = client.invoke(FunctionName=target.arn, Payload=event.encode())
                said = read(answer["Payload"].read())
                if "FunctionError" in answer:
                    return f"{arn} could not be undone: {said.get('errorMessage', said)}"
                if isinstance(said, dict) and said.get("again"):
                    self.to_restart.append(said["thingName"])
        except (BotoCoreError, ClientError) as error:
            return f"{arn} could not be undone: {error}"
        return ""

    def _start(self, arn: str, targets: Mapping[str, Sequence[Target]]) -> str:
        """Start the workflows that undo; gives what went wrong."""
        sfn = self.home.client("stepfunctions")
        try:
            found = sfn.describe_execution(executionArn=arn)
            for target in targets.get(found["stateMachineArn"], ()):
                if target.is_workflow:
                    given = target.input_of(status_event(found, self.home))
                    sfn.start_execution(stateMachineArn=target.arn, input=json.dumps(given))
        except (BotoCoreError, ClientError) as error:
            return f"{arn} could not be undone: {error}"
        return ""

    def _targets(self) -> dict[str, list[Target]]:
        """Functions and workflows by the state machine of whose executions a rule tells them."""
        client: EventBridgeClient = self.home.client("events")
        found: dict[str, list[Target]] = {}
        for page in client.get_paginator("list_rules").paginate():
            for rule in page["Rules"]:
                pattern = read(rule.get("EventPattern") or "{}")
                for machine in machines_of(pattern):
                    targets = client.list_targets_by_rule(Rule=rule["Name"])["Targets"]
                    found.setdefault(machine, []).extend(
                        Target(target["Arn"], target.get("InputPath", "$")) for target in targets
                    )
        return found


def machines_of(pattern: Mapping[str, Any]) -> list[str]:
    """ARNs of the state machines of whose failures a rule with this event pattern is told."""
    detail = pattern.get("detail", {})
    told = SOURCE in pattern.get("source", ()) and STATUS in detail.get("status", ())
    return [
        machine
        for machine in detail.get("stateMachineArn", ())
        if told and isinstance(machine, str)
    ]


def status_event(execution: Mapping[str, Any], home: Home) -> dict[str, Any]:
    """The event about an execution, from what DescribeExecution says of it.

    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": DETAIL_TYPE,
        "source": SOURCE,
        "account": home.account,
        "time": now,
        "region": home.region,
        "resources": [execution["executionArn"]],
        "detail": {
            "executionArn": execution["executionArn"],
            "stateMachineArn": execution["stateMachineArn"],
            "name": execution["name"],
            "status": STATUS,
            "input": execution.get("input"),
            "inputDetails": {"included": True},
            "output": None,
            "outputDetails": None,
        },
    }
