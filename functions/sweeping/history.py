"""The provisioning executions of this stack, by what they left: their marks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from common.executions import UNDER_WAY, Executions
from common.identifiers import owner_of

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

IN_VAIN = ("FAILED", "TIMED_OUT", "ABORTED")


@dataclass
class History:
    """Read at most once, and only when something has to be traced back. Step Functions forgets
    after 90 days.
    """

    sfn: "SFNClient"
    machine_arn: str

    def running(self, arn: str, named_at: str) -> bool:
        """Whether the execution, which was at work then, may still make or remove something."""
        return Executions(self.sfn).running(arn, named_at)

    @cached_property
    def in_vain(self) -> frozenset[str]:
        """ARNs of the executions that did not succeed: nothing that they made may stay."""
        return frozenset(
            item["executionArn"] for status in IN_VAIN for item in self._listed(statusFilter=status)
        )

    @cached_property
    def by_mark(self) -> Mapping[str, Mapping[str, Any]]:
        """Every execution by the mark that its things and tasks carry."""
        return {owner_of(item["executionArn"]): item for item in self._listed()}

    def over_since(self, mark: str, cutoff: datetime) -> str | None:
        """ARN of the execution with this mark if it ended before `cutoff`; "" if it did not, None
        if there is none.
        """
        found = self.by_mark.get(mark)
        if found is None:
            return None
        ended = found["status"] not in UNDER_WAY and found["stopDate"] <= cutoff
        return str(found["executionArn"]) if ended else ""

    def input_of(self, arn: str) -> str:
        """What the execution was started with, JSON."""
        return self.sfn.describe_execution(executionArn=arn)["input"]

    def _listed(self, **which: Any) -> list[Any]:
        pages = self.sfn.get_paginator("list_executions").paginate(
            stateMachineArn=self.machine_arn, **which
        )
        return [item for page in pages for item in page["executions"]]
