"""What tells of findings: AWS IoT Device Defender, over Amazon SNS, and the playground's own
audit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditing.checks import OVERLY_PERMISSIVE
from common.errors import InvalidInput
from common.jsontext import decode

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

NON_COMPLIANT = "COMPLETED_NON_COMPLIANT"


@dataclass(frozen=True)
class Notification:
    """Policies that were found overly permissive, and audits of Device Defender whose findings tell
    of more.
    """

    policies: tuple[str, ...]
    task_ids: tuple[str, ...]

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Notification":
        """From SNS records, or from one message without them. Findings of other checks are no
        business of this.

        A message is Device Defender's
        (https://docs.aws.amazon.com/iot/latest/developerguide/device-defender-audit.html,
        "Notifications") or `{"findings": [...]}` as our audit gives them. Raises InvalidInput for
        anything else.
        """
        messages = list(_messages(event))
        policies = [policy for message in messages for policy in _policies(message)]
        tasks = [task for message in messages for task in _tasks(message)]
        return cls(tuple(dict.fromkeys(policies)), tuple(dict.fromkeys(tasks)))


def policies_found(iot: "IoTClient", task_id: str) -> list[str]:
    """Names of the policies that an audit of Device Defender found overly permissive, without
    suppressed findings.
    """
    pages = iot.get_paginator("list_audit_findings").paginate(
        taskId=task_id, checkName=OVERLY_PERMISSIVE
    )
    found = (
        finding for page in pages for finding in page["findings"] if not finding.get("isSuppressed")
    )
    named = (finding["nonCompliantResource"]["resourceIdentifier"] for finding in found)
    return [
        one["policyVersionIdentifier"]["policyName"]
        for one in named
        if "policyVersionIdentifier" in one
    ]


def _messages(event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    records = event.get("Records")
    if records is None:
        yield event
        return
    for record in records:
        try:
            message = decode(record["Sns"]["Message"])
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(
                "Records", "must each have a JSON document in Sns.Message"
            ) from error
        if not isinstance(message, Mapping):
            raise InvalidInput("Records", "must each have a JSON object in Sns.Message")
        yield message


def _tasks(message: Mapping[str, Any]) -> Iterator[str]:
    for detail in message.get("auditDetails", ()):
        if (
            detail.get("checkName") == OVERLY_PERMISSIVE
            and detail.get("checkRunStatus") == NON_COMPLIANT
        ):
            yield message["taskId"]


def _policies(message: Mapping[str, Any]) -> Iterator[str]:
    if "auditDetails" in message:
        return
    findings = message.get("findings")
    if not isinstance(findings, list):
        raise InvalidInput(
            "findings", "must be a list, or the message one of Device Defender with auditDetails"
        )
    for finding in findings:
        try:
            check, resource = finding["check"], finding["resource"]
            if check == OVERLY_PERMISSIVE and resource["type"] == "IOT_POLICY":
                yield resource["id"]
        except (KeyError, TypeError) as error:
            raise InvalidInput(
                "findings", "must each have check and resource {type, id}"
            ) from error
