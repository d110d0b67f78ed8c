"""Records a verdict once for each episode, and tells of it: on the topic, and to the quarantine where that is wished.

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
from detecting.rules import Rule
from detecting.verdict import UNKNOWN, Verdict

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_sns import SNSClient
    from types_boto3_stepfunctions import SFNClient

LATEST = -1
"""The `bucket` of the item that holds a rule's latest verdict on a thing."""

LIFE_SECONDS = 30
"""The function's time limit: whoever has claimed longer ago, and has not told, never will."""

KEPT_SECONDS = 90 * 86_400
LATEST_KEPT_SECONDS = 86_400


_TELL = "SET at_ms = :at, claimed = :now, told = :no, expires = :expires"
_NOBODY_TELLS = "attribute_not_exists(at_ms) OR at_ms < :silent OR (told = :no AND claimed < :dead)"


@dataclass(frozen=True)
class Recorder:
    """Keeps verdicts."""

    observations: "Table"
    verdicts: "Table"
    sns: "SNSClient"
    sfn: "SFNClient"
    topic_arn: str
    quarantine_machine: str
    """ARN of the workflow that each verdict starts; empty for none."""
    clock: Callable[[], float] = time.time

    def record(self, verdict: Verdict, rule: Rule) -> bool:
        """Keep it and tell of it; False when the rule has told of this thing a short while ago."""
        if not self._claim(verdict, rule):
            return False
        document = verdict.as_document()
        self.verdicts.put_item(Item={**document, "expires": verdict.at_ms // 1000 + KEPT_SECONDS})
        self.sns.publish(
            TopicArn=self.topic_arn,
            Subject=f"{verdict.rule}: {verdict.thing_name}"[:100],
            Message=json.dumps(document),
            MessageAttributes={"rule": {"DataType": "String", "StringValue": verdict.rule}},
        )
        if self.quarantine_machine and verdict.thing_name != UNKNOWN:
            self._quarantine(verdict, document)
        self._told(verdict)
        return True

    def _claim(self, verdict: Verdict, rule: Rule) -> bool:
        """Whether nobody else tells of this episode, or whoever did has died before it was told."""
        values = {
            ":at": verdict.at_ms,
            ":now": int(self.clock()),
            ":dead": int(self.clock()) - LIFE_SECONDS,
            ":silent": verdict.at_ms - rule.quiet_ms,
            ":no": False,
            ":expires": verdict.at_ms // 1000 + LATEST_KEPT_SECONDS,
        }
        return update_if(self.observations, _key(verdict), _TELL, _NOBODY_TELLS, values) is not None

    def _told(self, verdict: Verdict) -> None:
        self.observations.update_item(
            Key=_key(verdict), UpdateExpression="SET told = :yes", ExpressionAttributeValues={":yes": True}
        )

    def _quarantine(self, verdict: Verdict, document: Mapping[str, Any]) -> None:
        digest = hashlib.sha256(f"{verdict.thing_name}#{verdict.verdict_id}".encode()).hexdigest()
        reason = f"{verdict.rule}: {verdict.reason}"
        try:
            self.sfn.start_execution(
                stateMachineArn=self.quarantine_machine,
                name=f"verdict-{digest[:32]}",
                input=json.dumps({"thingName": verdict.thing_name, "reason": reason, "verdict": document}),
            )
        except ClientError as error:
            if error_code(error) != "ExecutionAlreadyExists":
                raise


def _key(verdict: Verdict) -> dict[str, Any]:
    return {"subject": f"{verdict.rule}#{verdict.thing_name}", "bucket": LATEST}
