"""ProcessFinding: an overly permissive policy gets the restrictive default back, if it is this
stack's.

Called through Amazon SNS by AWS IoT Device Defender and by the daily audit, and by `playground
audit --fix`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditing.notification import Notification, policies_found
from auditing.repair import Outcome, Repair
from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.observability import Handler, logger, metrics, observed

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_iot import IoTClient
    from types_boto3_sns import SNSClient

# What somebody should know of.
TOLD = ("replaced", "untouched")


@dataclass(frozen=True)
class Processor:
    """Repairs, and tells what it did and what it left."""

    iot: "IoTClient"
    sns: "SNSClient"
    repair: Repair
    topic_arn: str

    def process(self, notification: Notification) -> list[Outcome]:
        """One outcome for each policy."""
        found = [
            name for task_id in notification.task_ids for name in policies_found(self.iot, task_id)
        ]
        outcomes = [
            self.repair.repair(name) for name in dict.fromkeys([*notification.policies, *found])
        ]
        self._tell([outcome for outcome in outcomes if outcome.outcome in TOLD])
        return outcomes

    def _tell(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            message = json.dumps({"policies": [outcome.as_dict() for outcome in outcomes]})
            self.sns.publish(
                TopicArn=self.topic_arn,
                Subject="Overly permissive AWS IoT policies",
                Message=message,
            )


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """Gives `{policies: [{policy, outcome, reason, version, removed}]}` (docs/contracts.md)."""
    iot_client = session.client("iot", config=CONFIG)
    processor = Processor(
        iot=iot_client,
        sns=session.client("sns", config=CONFIG),
        repair=Repair(iot_client, environment.required("DEVICE_POLICY")),
        topic_arn=environment.required("RESULT_TOPIC_ARN"),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        notification = Notification.from_event(event)
        with transient_faults_named():
            outcomes = processor.process(notification)
        replaced = sum(outcome.outcome == "replaced" for outcome in outcomes)
        metrics.add_metric("PoliciesReplaced", "Count", replaced)
        for outcome in outcomes:
            logger.warning("overly permissive policy", policy=outcome.as_dict())
        logger.info("processed", policies=len(outcomes), replaced=replaced)
        return {"policies": [outcome.as_dict() for outcome in outcomes]}

    return handler


handler = observed(build(environment, session))
