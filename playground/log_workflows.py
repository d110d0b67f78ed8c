"""What executions tell. Their history is there at once and in both homes; the emulator writes no workflow log."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from playground.history import Happening, happenings
from playground.homes import Home
from playground.local.history import as_on_aws
from playground.workflows import history

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

# Forgotten after 90 days; an ARN of another kind, as in a sample event.
NOT_THERE = ("ExecutionDoesNotExist", "InvalidArn")


@dataclass
class Executions:
    """Histories by execution; one that has ended is read once."""

    home: Home
    _ended: dict[str, list[Happening]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._sfn: SFNClient = self.home.client("stepfunctions")

    def happenings(self, arn: str) -> list[Happening]:
        """What happened in it; nothing when there is no such execution any more."""
        if arn in self._ended:
            return self._ended[arn]
        try:
            # Status first: a history that is read after the end is complete.
            execution = self._sfn.describe_execution(executionArn=arn)
            running = execution["status"] == "RUNNING"
            found = history(self._sfn, arn)
            if self.home.kind == "local":
                machine = self._sfn.describe_state_machine_for_execution(executionArn=arn)
                given = json.loads(execution.get("input") or "{}")
                found = as_on_aws(found, json.loads(machine["definition"]), given if isinstance(given, dict) else {})
        except ClientError as error:
            if error.response["Error"]["Code"] not in NOT_THERE:
                raise
            return []
        told = happenings(found)
        if not running:
            self._ended[arn] = told
        return told
