"""AWS IoT with what an audit looks at: versions of policies with their documents, certificates that
can be read.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.unit.doubles.clock import Clock
from tests.unit.doubles.iot import MemoryIot
from tests.unit.doubles.service import Refusal

ACCOUNT = "arn:aws:iot:eu-west-1:123456789012"
MOST_VERSIONS = 5  # https://docs.aws.amazon.com/general/latest/gr/iot-core.html


@dataclass
class Versioned:
    """A policy's documents by version, and which is in force."""

    default: str = "1"
    documents: dict[str, str] = field(default_factory=dict)
    last: int = 1


class AuditedIot(MemoryIot):
    """Refuses a sixth version, and to delete the one in force, as AWS does. Two entries a page."""

    def __init__(self, policies: dict[str, Any], clock: Clock) -> None:
        types = {"playground-bulb"}
        super().__init__(types, {"playground-devices"}, set(policies), clock)
        self.versioned = {
            name: Versioned(documents={"1": json.dumps(found)}) for name, found in policies.items()
        }
        self.on_group: list[str] = []
        self.logging: Any = Refusal("NotConfiguredException", 404)
        self.audits: dict[str, list[dict[str, Any]]] = {}
        self.pages = 0

    def add_certificate(
        self, pem: str, things: tuple[str, ...] = (), status: str = "ACTIVE"
    ) -> str:
        """Register one, and attach it; its id."""
        made = self.create_keys_and_certificate(setAsActive=True)
        certificate = self.certificates[made["certificateArn"]]
        certificate.pem, certificate.status = pem, status
        for name in things:
            self.things[name].principals.add(made["certificateArn"])
        return str(made["certificateId"])

    def describe_certificate(self, certificateId: str) -> dict[str, Any]:
        told = super().describe_certificate(certificateId)["certificateDescription"]
        made_at = self.certificates[told["certificateArn"]].made_at
        return {
            "certificateDescription": {
                **told,
                "certificateId": certificateId,
                "creationDate": made_at,
            }
        }

    def list_things_in_thing_group(
        self,
        thingGroupName: str,
        nextToken: str = "0",
    ) -> dict[str, Any]:
        self.pages += 1
        names, at = super().list_things_in_thing_group(thingGroupName)["things"], int(nextToken)
        more = {"nextToken": str(at + 2)} if at + 2 < len(names) else {}
        return {"things": names[at : at + 2], **more}

    def list_attached_policies(self, target: str) -> dict[str, Any]:
        if ":thinggroup/" in target:
            return {"policies": [{"policyName": name} for name in self.on_group]}
        return super().list_attached_policies(target)

    def get_v2_logging_options(self) -> dict[str, Any]:
        if isinstance(self.logging, Refusal):
            raise self.logging
        told: dict[str, Any] = self.logging
        return told

    def list_audit_findings(
        self,
        taskId: str,
        checkName: str,
        nextToken: str = "0",
    ) -> dict[str, Any]:
        found = [one for one in self.audits[taskId] if one["checkName"] == checkName]
        at = int(nextToken)
        more = {"nextToken": str(at + 1)} if at + 1 < len(found) else {}
        return {"findings": found[at : at + 1], **more}

    # --- policies

    def get_policy(self, policyName: str) -> dict[str, Any]:
        found = self._policy(policyName)
        return {
            "policyName": policyName,
            "policyArn": f"{ACCOUNT}:policy/{policyName}",
            "policyDocument": found.documents[found.default],
            "defaultVersionId": found.default,
        }

    def get_policy_version(self, policyName: str, policyVersionId: str) -> dict[str, Any]:
        return {"policyDocument": self._document(policyName, policyVersionId)}

    def list_policy_versions(self, policyName: str) -> dict[str, Any]:
        found = self._policy(policyName)
        listed = [
            {"versionId": name, "isDefaultVersion": name == found.default}
            for name in found.documents
        ]
        return {"policyVersions": sorted(listed, key=lambda one: -int(str(one["versionId"])))}

    def create_policy_version(
        self,
        policyName: str,
        policyDocument: str,
        setAsDefault: bool,  # noqa: FBT001
    ) -> dict[str, Any]:
        found = self._policy(policyName)
        if len(found.documents) >= MOST_VERSIONS:
            raise Refusal("VersionsLimitExceededException", 409, policyName)
        if len(policyDocument) > 2048:
            raise Refusal("MalformedPolicyException", 400, policyName)
        found.last += 1
        found.documents[str(found.last)] = policyDocument
        found.default = str(found.last) if setAsDefault else found.default
        return {"policyVersionId": str(found.last), "isDefaultVersion": setAsDefault}

    def set_default_policy_version(self, policyName: str, policyVersionId: str) -> None:
        self._document(policyName, policyVersionId)
        self._policy(policyName).default = policyVersionId

    def delete_policy_version(self, policyName: str, policyVersionId: str) -> None:
        self._document(policyName, policyVersionId)
        if policyVersionId == self._policy(policyName).default:
            raise Refusal("DeleteConflictException", 409, policyVersionId)
        del self._policy(policyName).documents[policyVersionId]

    def _document(self, name: str, version: str) -> str:
        if version not in self._policy(name).documents:
            raise Refusal("ResourceNotFoundException", 404, version)
        return self._policy(name).documents[version]

    def _policy(self, name: str) -> Versioned:
        if name not in self.versioned:
            raise Refusal("ResourceNotFoundException", 404, name)
        return self.versioned[name]


def overly_permissive(policy: str, *, suppressed: bool = False) -> dict[str, Any]:
    """A finding of Device Defender:
    https://docs.aws.amazon.com/iot/latest/apireference/API_AuditFinding.html.
    """
    identifier = {"policyVersionIdentifier": {"policyName": policy, "policyVersionId": "2"}}
    return {
        "findingId": "ef4826b8-e55a-44b9-b460-5c485355371b",
        "taskId": "task",
        "checkName": "IOT_POLICY_OVERLY_PERMISSIVE_CHECK",
        "findingTime": datetime.now(UTC),
        "severity": "CRITICAL",
        "nonCompliantResource": {"resourceType": "IOT_POLICY", "resourceIdentifier": identifier},
        "reasonForNonCompliance": "Policy allows broad access to IoT data plane actions.",
        "reasonForNonComplianceCode": "ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS",
        "isSuppressed": suppressed,
    }
