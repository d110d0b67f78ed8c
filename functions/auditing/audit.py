"""Audit: holds the stack's devices, certificates and policies against the checks of AWS IoT Device
Defender.

Changes nothing. What it finds of policies when the clock calls it goes to the topic that Device
Defender tells, too, and from there to ProcessFinding.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from auditing.checks import NAMES, OVERLY_PERMISSIVE, Verdict, run
from auditing.findings import Finding
from auditing.gathering import Gatherer
from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import InvalidInput
from common.jsonvalues import told
from common.moments import as_text
from common.observability import Handler, logger, metrics, observed
from devices import wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_sns import SNSClient

# A message of Amazon SNS has at most 256 KiB; a finding has some 600 bytes.
MOST_TOLD = 100


@dataclass(frozen=True)
class AuditRequest:
    """Which checks to run, and whether what can be repaired is to be told to whoever repairs it."""

    checks: tuple[str, ...] = NAMES
    tell: bool = False

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "AuditRequest":
        """From `{"checks"?: [NAME...]}` or a scheduled event; raises InvalidInput."""
        if event.get("source") == "aws.events":
            return cls(tell=True)
        for field in sorted(event.keys() - {"checks"}):
            raise InvalidInput(field, "is not known; there is checks")
        checks = event.get("checks", list(NAMES))
        if not isinstance(checks, list) or not checks:
            raise InvalidInput("checks", f"must be a list of names, got {told(checks)}")
        for name in checks:
            if name not in NAMES:
                raise InvalidInput("checks", f"{told(name)} is none of {', '.join(NAMES)}")
        return cls(tuple(checks))


@dataclass(frozen=True)
class Herald:
    """Tells findings to whoever listens to the topic of audits."""

    sns: "SNSClient"
    topic_arn: str

    def tell(self, findings: Sequence[Finding]) -> None:
        """Publish them, if there are any, in the form that ProcessFinding takes
        (docs/contracts.md).
        """
        if findings:
            message = json.dumps(
                {"findings": [finding.as_dict() for finding in findings[:MOST_TOLD]]}
            )
            self.sns.publish(
                TopicArn=self.topic_arn,
                Subject="Findings of the playground's audit",
                Message=message,
            )


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """Called by `playground audit` and once a day. Gives `{at, complete, checks, findings}`
    (docs/contracts.md).
    """
    gatherer = Gatherer(
        iot=session.client("iot", config=CONFIG),
        table=wiring.catalog_table(environment, session),
        thing_group_arn=environment.required("THING_GROUP_ARN"),
        device_policy=environment.required("DEVICE_POLICY"),
    )
    herald = Herald(session.client("sns", config=CONFIG), environment.required("AUDIT_TOPIC_ARN"))

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        request = AuditRequest.from_event(event)
        with transient_faults_named():
            facts = gatherer.look(datetime.now(UTC))
            at = as_text(facts.at)
            verdicts = run(facts, request.checks, at)
            found = [finding for verdict in verdicts for finding in verdict.findings]
            if request.tell:
                herald.tell([finding for finding in found if finding.check == OVERLY_PERMISSIVE])
        _log(verdicts, facts.left_out)
        return {
            "at": at,
            "complete": not facts.left_out,
            "checks": [verdict.as_dict() for verdict in verdicts],
            "findings": [finding.as_dict() for finding in found],
        }

    return handler


handler = observed(build(environment, session))


def _log(verdicts: Sequence[Verdict], left_out: int) -> None:
    found = [finding for verdict in verdicts for finding in verdict.findings]
    metrics.add_metric("AuditFindings", "Count", len(found))
    for finding in found:
        logger.warning("audit finding", finding=finding.as_dict())
    if left_out:
        logger.warning("there are more devices than one audit checks", left_out=left_out)
    logger.info("audited", checks=len(verdicts), findings=len(found))
