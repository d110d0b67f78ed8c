"""Records a finding once for each episode, and tells of it: on the topic, and to the quarantine
where that is wished.

What dies half-way is finished when its event is delivered again, a minute later on AWS.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.clients import error_code
from common.items import update_if
from detecting.finding import UNKNOWN, Finding
from detecting.rules import Rule

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_sns import SNSClient
    from types_boto3_stepfunctions import SFNClient

Clock = Callable[[], float]

LATEST = -1
"""The `bucket` of the item that holds a rule's latest finding on a thing."""

LIFE_SECONDS = 30
"""The function's time limit: whoever has claimed longer ago, and has not told, never will."""

KEPT_SECONDS = 90 * 86_400
LATEST_KEPT_SECONDS = 86_400


_TELL = "SET at_ms = :at, claimed = :now, told = :no, expires = :expires"
_NOBODY_TELLS = "attribute_not_exists(at_ms) OR at_ms < :silent OR (told = :no AND claimed < :dead)"


@dataclass(frozen=True)
class Recorder:
    """Keeps findings."""

    observations: "Table"
    findings: "Table"
    sns: "SNSClient"
    sfn: "SFNClient"
    topic_arn: str
    quarantine_machine: str
    """ARN of the workflow that each finding starts; empty for none."""
    clock: Clock = time.time

    def record(self, finding: Finding, rule: Rule) -> bool:
        """Keep it and tell of it; False when the rule has told of this thing a short while ago."""
        if not self._claim(finding, rule):
            return False
        document = finding.as_document()
        self.findings.put_item(Item={**document, "expires": finding.at_ms // 1000 + KEPT_SECONDS})
        self.sns.publish(
            TopicArn=self.topic_arn,
            Subject=f"{finding.rule}: {finding.thing_name}"[:100],
            Message=json.dumps(document),
            MessageAttributes={"rule": {"DataType": "String", "StringValue": finding.rule}},
        )
        if self.quarantine_machine and finding.thing_name != UNKNOWN:
            self._quarantine(finding, document)
        self._told(finding)
        return True

    def _claim(self, finding: Finding, rule: Rule) -> bool:
        """Whether nobody else tells of this episode, or whoever did has died before it was told."""
        values = {
            ":at": finding.at_ms,
            ":now": int(self.clock()),
            ":dead": int(self.clock()) - LIFE_SECONDS,
            ":silent": finding.at_ms - rule.quiet_ms,
            ":no": False,
            ":expires": finding.at_ms // 1000 + LATEST_KEPT_SECONDS,
        }
        return update_if(self.observations, _key(finding), _TELL, _NOBODY_TELLS, values) is not None

    def _told(self, finding: Finding) -> None:
        self.observations.update_item(
            Key=_key(finding),
            UpdateExpression="SET told = :yes",
            ExpressionAttributeValues={":yes": True},
        )

    def _quarantine(self, finding: Finding, document: Mapping[str, Any]) -> None:
        digest = hashlib.sha256(f"{finding.thing_name}#{finding.verdict_id}".encode()).hexdigest()
        reason = f"{finding.rule}: {finding.reason}"
        try:
            self.sfn.start_execution(
                stateMachineArn=self.quarantine_machine,
                name=f"finding-{digest[:32]}",
                input=json.dumps(
                    {"thingName": finding.thing_name, "reason": reason, "verdict": document}
                ),
            )
        except ClientError as error:
            if error_code(error) != "ExecutionAlreadyExists":
                raise


def _key(finding: Finding) -> dict[str, Any]:
    return {"subject": f"{finding.rule}#{finding.thing_name}", "bucket": LATEST}
