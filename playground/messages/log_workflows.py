"""What executions tell. Their history is there at once and in both homes; the emulator writes no
workflow log.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from playground.devices.executions import UNKNOWN, history
from playground.devices.history import Happening, happenings
from playground.home.homes import Home

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient


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
        except ClientError as error:
            if error.response["Error"]["Code"] not in UNKNOWN:
                raise
            return []
        told = happenings(found)
        if not running:
            self._ended[arn] = told
        return told
