"""NotifySecurity: tells whoever has subscribed to the stack's security topic what was done, and
why.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.moments import now
from common.observability import Handler, logger, observed

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_sns import SNSClient

LONGEST_SUBJECT = 100
"""https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""


@dataclass(frozen=True)
class Notice:
    """What has become of which device, why, and what a detector had to say, if one did."""

    thing_name: str
    execution_arn: str
    event: str
    reason: str
    verdict: Mapping[str, Any] | None = None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Notice":
        """From the state's payload; `input` is the workflow's."""
        said = event["input"]
        return cls(
            event["thingName"],
            event["execution"],
            event["event"],
            event["reason"],
            said.get("verdict"),
        )

    @property
    def message(self) -> str:
        """The JSON that is sent (docs/contracts.md)."""
        told = {
            "event": self.event,
            "thingName": self.thing_name,
            "reason": self.reason,
            "at": now(),
            "execution": self.execution_arn,
        }
        return json.dumps(told | ({"verdict": self.verdict} if self.verdict else {}))


def notify(notice: Notice, sns: "SNSClient", topic_arn: str) -> str:
    """Gives the message's id. A repetition tells it twice: SNS has no way to tell."""
    subject = f"{notice.event}: {notice.thing_name}"[:LONGEST_SUBJECT]
    return sns.publish(TopicArn=topic_arn, Subject=subject, Message=notice.message)["MessageId"]


def build(environment: Environment, session: "Session") -> Handler[dict[str, str]]:
    """State NotifySecurity, of both workflows. Gives `{messageId}`."""
    sns_client = session.client("sns", config=CONFIG)
    security_topic = environment.required("SECURITY_TOPIC_ARN")

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
        notice = Notice.from_event(event)
        with transient_faults_named():
            message_id = notify(notice, sns_client, security_topic)
        logger.info("security notified", security_event=notice.event, message_id=message_id)
        return {"messageId": message_id}

    return handler


handler = observed(build(environment, session))
