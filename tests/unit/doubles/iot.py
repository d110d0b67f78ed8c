"""AWS IoT's registry and shadows, with the refusals of https://docs.aws.amazon.com/iot/latest/apireference/."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.unit.doubles.service import MemoryService, Refusal

_ATTRIBUTE_VALUE = re.compile(r"[a-zA-Z0-9_.,@/:#=\[\]-]{0,800}")
_ACCOUNT = "arn:aws:iot:eu-west-1:123456789012"


@dataclass
class Thing:
    """A registered thing."""

    thing_type: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    principals: set[str] = field(default_factory=set)


@dataclass
class Job:
    """A job, and how its execution on each thing is going."""

    document: str
    executions: dict[str, str] = field(default_factory=dict)


@dataclass
class RegisteredCertificate:
    """A certificate, and what hangs on it."""

    private_key: str
    """Empty when the key was made elsewhere."""
    status: str = "ACTIVE"
    policies: set[str] = field(default_factory=set)
    pem: str = ""


class MemoryIot(MemoryService):
    """Things, certificates, policies."""

    def __init__(self, thing_types: set[str], groups: set[str], policies: set[str]) -> None:
        self.thing_types = thing_types
        self.groups = groups
        self.policies = policies
        self.things: dict[str, Thing] = {}
        self.certificates: dict[str, RegisteredCertificate] = {}
        self.jobs: dict[str, Job] = {}
        self.revoked: list[str] = []
        self.ever_made = 0

    def describe_thing(self, thingName: str) -> dict[str, Any]:  # noqa: N803 - AWS's names, here and below
        thing = self._thing(thingName)
        return {"thingName": thingName, "thingTypeName": thing.thing_type, "attributes": dict(thing.attributes)}

    def create_thing(
        self,
        thingName: str,  # noqa: N803
        thingTypeName: str,  # noqa: N803
        attributePayload: dict[str, dict[str, str]],  # noqa: N803
    ) -> dict[str, Any]:
        if thingTypeName not in self.thing_types:
            raise Refusal("ResourceNotFoundException", 404, thingTypeName)
        attributes = attributePayload["attributes"]
        if len(attributes) > 50 or not all(_ATTRIBUTE_VALUE.fullmatch(value) for value in attributes.values()):
            raise Refusal("InvalidRequestException", 400, "attributes")
        there = self.things.get(thingName)
        if there and (there.thing_type, there.attributes) != (thingTypeName, attributes):
            raise Refusal("ResourceAlreadyExistsException", 409, thingName)
        self.things.setdefault(thingName, Thing(thingTypeName, dict(attributes)))
        return {"thingName": thingName}

    def add_thing_to_thing_group(self, thingGroupName: str, thingName: str) -> None:  # noqa: N803
        if thingGroupName not in self.groups:
            raise Refusal("ResourceNotFoundException", 404, thingGroupName)
        self._thing(thingName).groups.add(thingGroupName)

    def delete_thing(self, thingName: str) -> None:  # noqa: N803
        if thingName in self.things and self.things[thingName].principals:
            raise Refusal("InvalidRequestException", 400, "Thing is still attached to one or more principals")
        self.things.pop(thingName, None)

    def list_thing_principals(self, thingName: str) -> dict[str, Any]:  # noqa: N803
        return {"principals": sorted(self._thing(thingName).principals)}

    def attach_thing_principal(self, thingName: str, principal: str) -> None:  # noqa: N803
        self.certificate(principal)
        self._thing(thingName).principals.add(principal)

    def detach_thing_principal(self, thingName: str, principal: str) -> None:  # noqa: N803
        principals = self._thing(thingName).principals
        if principal not in principals:
            raise Refusal("ResourceNotFoundException", 404, "The principal is not attached")
        principals.remove(principal)

    def create_keys_and_certificate(self, setAsActive: bool) -> dict[str, Any]:  # noqa: FBT001, N803
        self.ever_made += 1
        arn = f"{_ACCOUNT}:cert/{hashlib.sha256(str(self.ever_made).encode()).hexdigest()}"
        key = f"-----BEGIN RSA PRIVATE KEY-----\nsecret-{self.ever_made}\n-----END RSA PRIVATE KEY-----\n"
        self.certificates[arn] = RegisteredCertificate(key, "ACTIVE" if setAsActive else "INACTIVE")
        return {
            "certificateId": arn.rpartition("/")[2],
            "certificateArn": arn,
            "certificatePem": f"-----BEGIN CERTIFICATE-----\n{self.ever_made}\n-----END CERTIFICATE-----\n",
            "keyPair": {"PublicKey": "public", "PrivateKey": key},
        }

    def create_certificate_from_csr(
        self,
        certificateSigningRequest: str,  # noqa: N803
        setAsActive: bool,  # noqa: FBT001, N803
    ) -> dict[str, Any]:
        if "\nMI" not in certificateSigningRequest:
            raise Refusal("InvalidRequestException", 400, "CSR violates constraints")
        self.ever_made += 1
        arn = f"{_ACCOUNT}:cert/{hashlib.sha256(str(self.ever_made).encode()).hexdigest()}"
        pem = f"-----BEGIN CERTIFICATE-----\n{self.ever_made}\n-----END CERTIFICATE-----\n"
        self.certificates[arn] = RegisteredCertificate("", "ACTIVE" if setAsActive else "INACTIVE", pem=pem)
        return {"certificateId": arn.rpartition("/")[2], "certificateArn": arn, "certificatePem": pem}

    def describe_certificate(self, certificateId: str) -> dict[str, Any]:  # noqa: N803
        arn = f"{_ACCOUNT}:cert/{certificateId}"
        found = self.certificate(arn)
        return {"certificateDescription": {"certificateArn": arn, "certificatePem": found.pem, "status": found.status}}

    def describe_job_execution(self, jobId: str, thingName: str) -> dict[str, Any]:  # noqa: N803
        if jobId not in self.jobs or thingName not in self.jobs[jobId].executions:
            raise Refusal("ResourceNotFoundException", 404, jobId)
        return {"execution": {"jobId": jobId, "status": self.jobs[jobId].executions[thingName]}}

    def get_job_document(self, jobId: str) -> dict[str, Any]:  # noqa: N803
        if jobId not in self.jobs:
            raise Refusal("ResourceNotFoundException", 404, jobId)
        return {"document": self.jobs[jobId].document}

    def update_certificate(self, certificateId: str, newStatus: str) -> None:  # noqa: N803
        self.certificate(f"{_ACCOUNT}:cert/{certificateId}").status = newStatus
        if newStatus == "REVOKED":
            self.revoked.append(certificateId)

    def delete_certificate(self, certificateId: str) -> None:  # noqa: N803
        arn = f"{_ACCOUNT}:cert/{certificateId}"
        certificate = self.certificate(arn)
        if certificate.status == "ACTIVE":
            raise Refusal("CertificateStateException", 406, certificateId)
        if certificate.policies or any(arn in thing.principals for thing in self.things.values()):
            raise Refusal("DeleteConflictException", 409, certificateId)
        del self.certificates[arn]

    def attach_policy(self, policyName: str, target: str) -> None:  # noqa: N803
        if policyName not in self.policies:
            raise Refusal("ResourceNotFoundException", 404, policyName)
        self.certificate(target).policies.add(policyName)

    def detach_policy(self, policyName: str, target: str) -> None:  # noqa: N803
        self.certificate(target).policies.discard(policyName)

    def list_attached_policies(self, target: str) -> dict[str, Any]:
        return {"policies": [{"policyName": name} for name in sorted(self.certificate(target).policies)]}

    def describe_endpoint(self, endpointType: str) -> dict[str, Any]:  # noqa: N803
        host = {"iot:Data-ATS": "abc123-ats", "iot:Data": "abc123"}[endpointType]
        return {"endpointAddress": f"{host}.iot.eu-west-1.amazonaws.com"}

    def certificate(self, arn: str) -> RegisteredCertificate:
        """The certificate; refuses an ARN that is not registered."""
        if arn not in self.certificates:
            raise Refusal("ResourceNotFoundException", 404, arn)
        return self.certificates[arn]

    def _thing(self, name: str) -> Thing:
        if name not in self.things:
            raise Refusal("ResourceNotFoundException", 404, name)
        return self.things[name]


class MemoryShadows(MemoryService):
    """Classic shadows, which outlive their thing, as on AWS; and what is published to devices."""

    def __init__(self) -> None:
        self.desired: dict[str, dict[str, Any]] = {}
        self.published: list[tuple[str, dict[str, Any]]] = []

    def publish(self, topic: str, qos: int, payload: bytes) -> None:
        assert qos == 1, "an answer that may get lost"
        self.published.append((topic, json.loads(payload)))

    def update_thing_shadow(self, thingName: str, payload: bytes) -> None:  # noqa: N803
        state = json.loads(payload)["state"]
        self.desired.setdefault(thingName, {}).update(state["desired"])

    def delete_thing_shadow(self, thingName: str) -> None:  # noqa: N803
        if thingName not in self.desired:
            raise Refusal("ResourceNotFoundException", 404, thingName)
        del self.desired[thingName]
