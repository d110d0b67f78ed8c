"""AWS IoT's registry and shadows, with the refusals of
https://docs.aws.amazon.com/iot/latest/apireference/.

By default everything is at once as it was asked to be. AWS takes its time: `slowness` says for
what, and how long.
"""

import hashlib
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from tests.unit.doubles.clock import Clock
from tests.unit.doubles.service import MemoryService, Refusal

_ATTRIBUTE_VALUE = re.compile(r"[a-zA-Z0-9_.,@/:#=\[\]-]{0,800}")
_JOB_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ACCOUNT = "arn:aws:iot:eu-west-1:123456789012"


@dataclass
class Slowness:
    """Seconds that AWS IoT and IAM take for what they have said yes to."""

    detach: float = 0.0
    """DetachThingPrincipal: still listed, and in the way of every deletion."""
    deactivate: float = 0.0
    """UpdateCertificate INACTIVE: still active for DeleteCertificate."""
    register: float = 0.0
    """CreateThing: not found."""
    trust: float = 0.0
    """A role that was just made: refused whatever it asks for."""
    detach_policy: float = 0.0
    """DetachPolicy: still in the way of the policy's deletion."""


@dataclass
class Thing:
    """A registered thing."""

    thing_type: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    principals: set[str] = field(default_factory=set)
    leaving: dict[str, float] = field(default_factory=dict)
    """Principals that were detached, and until when that is not known everywhere."""
    found_from: float = 0.0


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
    active_until: float = 0.0
    """Until when a deactivation is not known everywhere."""
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    authority: str = ""
    """Id of the one that has signed it, if it was registered for that."""


@dataclass
class RegisteredAuthority:
    """A certificate authority that AWS IoT was told of."""

    stack: str
    """Its tag."""
    status: str = "ACTIVE"


class MemoryIot(MemoryService):
    """Things, certificates, policies."""

    def __init__(
        self, thing_types: set[str], groups: set[str], policies: set[str], clock: Clock
    ) -> None:
        self.thing_types = thing_types
        self.groups = groups
        self.policies = policies
        self.versions = {name: ["1"] for name in policies}
        # Of the version in force, and until when a policy that was detached can't be deleted.
        self.documents: dict[str, str] = {}
        self.detaching: dict[str, float] = {}
        self.clock = clock
        self.slowness = Slowness()
        self.things: dict[str, Thing] = {}
        self.certificates: dict[str, RegisteredCertificate] = {}
        self.authorities: dict[str, RegisteredAuthority] = {}
        self.jobs: dict[str, Job] = {}
        self.revoked: list[str] = []
        self.ever_made = 0
        self.templates = {"playground-claim"}
        self.claims_made = 0

    def describe_thing(self, thingName: str) -> dict[str, Any]:
        thing = self._thing(thingName)
        arn = f"{_ACCOUNT}:thing/{thingName}"
        told = {"thingName": thingName, "thingArn": arn, "thingTypeName": thing.thing_type}
        return {**told, "attributes": dict(thing.attributes)}

    def create_thing(
        self,
        thingName: str,
        thingTypeName: str,
        attributePayload: dict[str, dict[str, str]],
    ) -> dict[str, Any]:
        if thingTypeName not in self.thing_types:
            raise Refusal("ResourceNotFoundException", 404, thingTypeName)
        attributes = attributePayload["attributes"]
        if len(attributes) > 50 or not all(
            _ATTRIBUTE_VALUE.fullmatch(value) for value in attributes.values()
        ):
            raise Refusal("InvalidRequestException", 400, "attributes")
        there = self.things.get(thingName)
        if there and (there.thing_type, there.attributes) != (thingTypeName, attributes):
            raise Refusal("ResourceAlreadyExistsException", 409, thingName)
        found_from = self.clock.seconds + self.slowness.register
        self.things.setdefault(
            thingName, Thing(thingTypeName, dict(attributes), found_from=found_from)
        )
        return {"thingName": thingName}

    def add_thing_to_thing_group(self, thingGroupName: str, thingName: str) -> None:
        if thingGroupName not in self.groups:
            raise Refusal("ResourceNotFoundException", 404, thingGroupName)
        self._thing(thingName).groups.add(thingGroupName)

    def remove_thing_from_thing_group(self, thingGroupName: str, thingName: str) -> None:
        if thingGroupName not in self.groups:
            raise Refusal("ResourceNotFoundException", 404, thingGroupName)
        self._thing(thingName).groups.discard(thingGroupName)

    def delete_thing(self, thingName: str) -> None:
        if thingName in self.things and self._principals(self.things[thingName]):
            raise Refusal(
                "InvalidRequestException", 400, "Thing is still attached to one or more principals"
            )
        self.things.pop(thingName, None)

    def list_thing_principals(self, thingName: str) -> dict[str, Any]:
        return {"principals": sorted(self._principals(self._thing(thingName)))}

    def attach_thing_principal(self, thingName: str, principal: str) -> None:
        self.certificate(principal)
        self._thing(thingName).principals.add(principal)

    def detach_thing_principal(self, thingName: str, principal: str) -> None:
        principals = self._thing(thingName).principals
        if principal not in principals:
            raise Refusal("ResourceNotFoundException", 404, "The principal is not attached")
        principals.remove(principal)
        self._thing(thingName).leaving[principal] = self.clock.seconds + self.slowness.detach

    def create_keys_and_certificate(self, setAsActive: bool) -> dict[str, Any]:  # noqa: FBT001
        self.ever_made += 1
        arn = f"{_ACCOUNT}:cert/{hashlib.sha256(str(self.ever_made).encode()).hexdigest()}"
        key = (
            f"-----BEGIN RSA PRIVATE KEY-----\nsecret-{self.ever_made}\n-----END RSA PRIVATE "
            "KEY-----\n"
        )
        self.certificates[arn] = RegisteredCertificate(key, "ACTIVE" if setAsActive else "INACTIVE")
        return {
            "certificateId": arn.rpartition("/")[2],
            "certificateArn": arn,
            "certificatePem": (
                f"-----BEGIN CERTIFICATE-----\n{self.ever_made}\n-----END CERTIFICATE-----\n"
            ),
            "keyPair": {"PublicKey": "public", "PrivateKey": key},
        }

    def create_provisioning_claim(self, templateName: str) -> dict[str, Any]:
        if templateName not in self.templates:
            raise Refusal("ResourceNotFoundException", 404, templateName)
        self.claims_made += 1
        name = hashlib.sha256(f"claim {self.claims_made}".encode()).hexdigest()
        key = f"-----BEGIN RSA PRIVATE KEY-----\n{name}\n-----END RSA PRIVATE KEY-----\n"
        return {
            "certificateId": name,
            "certificatePem": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
            "keyPair": {"PublicKey": "public", "PrivateKey": key},
            "expiration": datetime.now(UTC) + timedelta(minutes=5),
        }

    def create_certificate_from_csr(
        self,
        certificateSigningRequest: str,
        setAsActive: bool,  # noqa: FBT001
    ) -> dict[str, Any]:
        if "\nMI" not in certificateSigningRequest:
            raise Refusal("InvalidRequestException", 400, "CSR violates constraints")
        self.ever_made += 1
        arn = f"{_ACCOUNT}:cert/{hashlib.sha256(str(self.ever_made).encode()).hexdigest()}"
        pem = f"-----BEGIN CERTIFICATE-----\n{self.ever_made}\n-----END CERTIFICATE-----\n"
        self.certificates[arn] = RegisteredCertificate(
            "", "ACTIVE" if setAsActive else "INACTIVE", pem=pem
        )
        return {
            "certificateId": arn.rpartition("/")[2],
            "certificateArn": arn,
            "certificatePem": pem,
        }

    def describe_certificate(self, certificateId: str) -> dict[str, Any]:
        arn = f"{_ACCOUNT}:cert/{certificateId}"
        found = self.certificate(arn)
        told = {
            "certificateArn": arn,
            "certificateId": certificateId,
            "certificatePem": found.pem,
            "status": found.status,
            "creationDate": found.made_at,
        }
        signed = {"caCertificateId": found.authority} if found.authority else {}
        return {"certificateDescription": told | signed}

    def describe_ca_certificate(self, certificateId: str) -> dict[str, Any]:
        if certificateId not in self.authorities:
            raise Refusal("ResourceNotFoundException", 404, certificateId)
        status = self.authorities[certificateId].status
        return {"certificateDescription": {"certificateId": certificateId, "status": status}}

    def list_ca_certificates(self) -> dict[str, Any]:
        listed = [(identifier, found.status) for identifier, found in self.authorities.items()]
        return {
            "certificates": [
                {
                    "certificateArn": f"{_ACCOUNT}:cacert/{identifier}",
                    "certificateId": identifier,
                    "status": status,
                }
                for identifier, status in listed
            ]
        }

    def list_certificates_by_ca(self, caCertificateId: str) -> dict[str, Any]:
        signed = {
            arn for arn, found in self.certificates.items() if found.authority == caCertificateId
        }
        listed = self.list_certificates()["certificates"]
        return {"certificates": [one for one in listed if one["certificateArn"] in signed]}

    def list_tags_for_resource(self, resourceArn: str) -> dict[str, Any]:
        found = self.authorities.get(resourceArn.rpartition(":cacert/")[2])
        if found is None:
            raise Refusal("ResourceNotFoundException", 404, resourceArn)
        return {"tags": [{"Key": "playground-stack", "Value": found.stack}] if found.stack else []}

    def describe_job_execution(self, jobId: str, thingName: str) -> dict[str, Any]:
        if jobId not in self.jobs or thingName not in self.jobs[jobId].executions:
            raise Refusal("ResourceNotFoundException", 404, jobId)
        return {"execution": {"jobId": jobId, "status": self.jobs[jobId].executions[thingName]}}

    def create_job(
        self,
        jobId: str,
        targets: list[str],
        document: str,
        description: str = "",
        timeoutConfig: dict[str, int] | None = None,
    ) -> dict[str, Any]:
        if not _JOB_ID.fullmatch(jobId) or len(description) > 2028 or timeoutConfig == {}:
            raise Refusal("InvalidRequestException", 400, jobId)
        if jobId in self.jobs:
            raise Refusal("ResourceAlreadyExistsException", 409, jobId)
        names = [arn.removeprefix(f"{_ACCOUNT}:thing/") for arn in targets]
        for name in names:
            self._thing(name)
        self.jobs[jobId] = Job(document, dict.fromkeys(names, "QUEUED"))
        return {"jobId": jobId}

    def delete_job(self, jobId: str, force: bool) -> None:  # noqa: FBT001
        if jobId not in self.jobs:
            raise Refusal("ResourceNotFoundException", 404, jobId)
        if not force and "IN_PROGRESS" in self.jobs[jobId].executions.values():
            raise Refusal("InvalidStateTransitionException", 409, jobId)
        del self.jobs[jobId]

    def list_job_executions_for_thing(self, thingName: str) -> dict[str, Any]:
        self._thing(thingName)
        found = {
            job_id: job.executions[thingName]
            for job_id, job in self.jobs.items()
            if thingName in job.executions
        }
        return {
            "executionSummaries": [
                {"jobId": job_id, "jobExecutionSummary": {"status": status}}
                for job_id, status in found.items()
            ]
        }

    def get_job_document(self, jobId: str) -> dict[str, Any]:
        if jobId not in self.jobs:
            raise Refusal("ResourceNotFoundException", 404, jobId)
        return {"document": self.jobs[jobId].document}

    def update_certificate(self, certificateId: str, newStatus: str) -> None:
        if newStatus == "REVOKED":
            self.revoked.append(certificateId)
        certificate = self.certificate(f"{_ACCOUNT}:cert/{certificateId}")
        if certificate.status == "ACTIVE" and newStatus != "ACTIVE":
            certificate.active_until = self.clock.seconds + self.slowness.deactivate
        certificate.status = newStatus

    def delete_certificate(self, certificateId: str) -> None:
        arn = f"{_ACCOUNT}:cert/{certificateId}"
        certificate = self.certificate(arn)
        if certificate.status == "ACTIVE" or certificate.active_until > self.clock.seconds:
            raise Refusal("CertificateStateException", 406, certificateId)
        if certificate.policies or any(
            arn in self._principals(thing) for thing in self.things.values()
        ):
            raise Refusal("DeleteConflictException", 409, certificateId)
        del self.certificates[arn]

    def attach_policy(self, policyName: str, target: str) -> None:
        if policyName not in self.policies:
            raise Refusal("ResourceNotFoundException", 404, policyName)
        self.certificate(target).policies.add(policyName)

    def detach_policy(self, policyName: str, target: str) -> None:
        self._versions(policyName)
        self.certificate(target).policies.discard(policyName)
        self.detaching[policyName] = self.clock.seconds + self.slowness.detach_policy

    def list_attached_policies(self, target: str) -> dict[str, Any]:
        return {
            "policies": [{"policyName": name} for name in sorted(self.certificate(target).policies)]
        }

    def list_certificates(self) -> dict[str, Any]:
        return {
            "certificates": [
                {
                    "certificateArn": arn,
                    "certificateId": arn.rpartition("/")[2],
                    "status": certificate.status,
                    "creationDate": certificate.made_at,
                }
                for arn, certificate in self.certificates.items()
            ]
        }

    def list_principal_things(self, principal: str) -> dict[str, Any]:
        self.certificate(principal)
        return {
            "things": sorted(
                name for name, thing in self.things.items() if principal in self._principals(thing)
            )
        }

    def list_things_in_thing_group(self, thingGroupName: str) -> dict[str, Any]:
        return {
            "things": sorted(
                name for name, thing in self.things.items() if thingGroupName in thing.groups
            )
        }

    def list_targets_for_policy(self, policyName: str) -> dict[str, Any]:
        return {
            "targets": [
                arn for arn, found in self.certificates.items() if policyName in found.policies
            ]
        }

    def list_policy_versions(self, policyName: str) -> dict[str, Any]:
        *others, default = self._versions(policyName)
        return {
            "policyVersions": [
                {"versionId": version, "isDefaultVersion": False} for version in others
            ]
            + [{"versionId": default, "isDefaultVersion": True}]
        }

    def delete_policy_version(self, policyName: str, policyVersionId: str) -> None:
        if policyVersionId == self._versions(policyName)[-1]:
            raise Refusal("DeleteConflictException", 409, "Cannot delete the default version")
        self.versions[policyName].remove(policyVersionId)

    def delete_policy(self, policyName: str) -> None:
        if len(self._versions(policyName)) > 1:
            raise Refusal("DeleteConflictException", 409, "The policy has more than one version")
        attached = self.list_targets_for_policy(policyName)["targets"]
        if attached or self.detaching.get(policyName, 0.0) > self.clock.seconds:
            raise Refusal("DeleteConflictException", 409, "The policy is attached")
        self.policies.remove(policyName)
        del self.versions[policyName]
        self.documents.pop(policyName, None)

    def list_policies(self) -> dict[str, Any]:
        return {"policies": [{"policyName": name} for name in sorted(self.policies)]}

    def get_policy(self, policyName: str) -> dict[str, Any]:
        default = self._versions(policyName)[-1]
        return {"policyDocument": self.documents.get(policyName, "{}"), "defaultVersionId": default}

    def create_policy(self, policyName: str, policyDocument: str) -> None:
        # https://docs.aws.amazon.com/iot/latest/apireference/API_CreatePolicy.html
        if (
            not re.fullmatch(r"[\w+=,.@-]{1,128}", policyName, re.ASCII)
            or len(policyDocument) > 2048
        ):
            raise Refusal("InvalidRequestException", 400, policyName)
        if policyName in self.policies:
            raise Refusal("ResourceAlreadyExistsException", 409, policyName)
        self.policies.add(policyName)
        self.versions[policyName] = ["1"]
        self.documents[policyName] = policyDocument

    def create_policy_version(
        self,
        policyName: str,
        policyDocument: str,
        setAsDefault: bool,  # noqa: FBT001
    ) -> dict[str, Any]:
        versions = self._versions(policyName)
        if len(versions) >= 5:
            raise Refusal("VersionsLimitExceededException", 409, policyName)
        assert setAsDefault, "a version that is not in force"
        if len(policyDocument) > 2048:
            raise Refusal("MalformedPolicyException", 400, policyName)
        versions.append(str(int(versions[-1]) + 1))
        self.documents[policyName] = policyDocument
        return {"policyVersionId": versions[-1], "isDefaultVersion": True}

    def may_publish(self, arn: str) -> set[str]:
        """The topics that policies with a document let the certificate publish to."""
        documents = [
            json.loads(self.documents[name])
            for name in self.certificate(arn).policies & self.documents.keys()
        ]
        statements = [statement for document in documents for statement in document["Statement"]]
        assert all((one["Effect"], one["Action"]) == ("Allow", "iot:Publish") for one in statements)
        return {
            resource.partition(":topic/")[2] for one in statements for resource in one["Resource"]
        }

    def _versions(self, policy: str) -> list[str]:
        if policy not in self.policies:
            raise Refusal("ResourceNotFoundException", 404, policy)
        return self.versions[policy]

    def _principals(self, thing: Thing) -> set[str]:
        """Those attached, and those whose detachment is not known everywhere."""
        return thing.principals | {
            arn for arn, until in thing.leaving.items() if until > self.clock.seconds
        }

    def _answer(
        self, model: Any, context: dict[str, Any], **more: Any
    ) -> tuple[Any, dict[str, Any]]:
        if self.slowness.trust > self.clock.seconds:
            refusal = {"Error": {"Code": "AccessDeniedException", "Message": "is not authorized"}}
            return SimpleNamespace(status_code=403), {
                **refusal,
                "ResponseMetadata": {"HTTPStatusCode": 403},
            }
        return super()._answer(model, context, **more)

    def describe_endpoint(self, endpointType: str) -> dict[str, Any]:
        host = {"iot:Data-ATS": "abc123-ats", "iot:Data": "abc123"}[endpointType]
        return {"endpointAddress": f"{host}.iot.eu-west-1.amazonaws.com"}

    def certificate(self, arn: str) -> RegisteredCertificate:
        """The certificate; refuses an ARN that is not registered."""
        if arn not in self.certificates:
            raise Refusal("ResourceNotFoundException", 404, arn)
        return self.certificates[arn]

    def _thing(self, name: str) -> Thing:
        if name not in self.things or self.things[name].found_from > self.clock.seconds:
            raise Refusal("ResourceNotFoundException", 404, name)
        return self.things[name]


class MemoryShadows(MemoryService):
    """Classic shadows, which outlive their thing, as on AWS; and what is published to devices."""

    def __init__(self) -> None:
        self.desired: dict[str, dict[str, Any]] = {}
        self.reported: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, int] = {}
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.connected: set[str] = set()
        """Client ids that have a connection."""
        self.requests: list[dict[str, Any]] = []
        """MQTT 5 properties of what was published, where it had some."""
        self.before_reading: list[Callable[[], None]] = []
        self.before_writing: list[Callable[[], None]] = []
        """What happens just before the next readings or writings, one at a time."""
        self.on_request: Callable[[dict[str, Any]], None] = lambda _request: None
        """The device's part: called with the properties of each request."""

    def publish(self, topic: str, qos: int, payload: bytes, **properties: Any) -> None:
        assert qos == 1, "an answer that may get lost"
        self.published.append((topic, json.loads(payload)))
        if properties:
            self.requests.append(properties)
            self.on_request(properties)

    def update_thing_shadow(self, thingName: str, payload: bytes) -> dict[str, Any]:
        if self.before_writing:
            self.before_writing.pop(0)()
        asked = json.loads(payload)
        before = self.versions.get(thingName, 1 if thingName in self.desired else 0)
        if asked.get("version", before) != before:
            raise Refusal("ConflictException", 409, "Version conflict")
        for part, content in (("desired", self.desired), ("reported", self.reported)):
            if part in asked["state"]:
                content[thingName] = _merged(content.get(thingName, {}), asked["state"][part])
        self.desired.setdefault(thingName, {})
        self.versions[thingName] = before + 1
        return {
            "payload": io.BytesIO(
                json.dumps({"state": asked["state"], "version": before + 1}).encode()
            )
        }

    def delete_connection(self, clientId: str, cleanSession: bool) -> None:  # noqa: FBT001
        assert cleanSession, "a session that waits for the device's return"
        if clientId not in self.connected:
            raise Refusal("ResourceNotFoundException", 404, clientId)
        self.connected.remove(clientId)

    def get_thing_shadow(self, thingName: str) -> dict[str, Any]:
        if self.before_reading:
            self.before_reading.pop(0)()
        if thingName not in self.desired:
            raise Refusal("ResourceNotFoundException", 404, thingName)
        state = {"desired": self.desired[thingName], "reported": self.reported.get(thingName, {})}
        found = {"state": {part: held for part, held in state.items() if held}}
        return {
            "payload": io.BytesIO(
                json.dumps({**found, "version": self.versions.get(thingName, 1)}).encode()
            )
        }

    def delete_thing_shadow(self, thingName: str) -> None:
        if thingName not in self.desired:
            raise Refusal("ResourceNotFoundException", 404, thingName)
        del self.desired[thingName]
        self.reported.pop(thingName, None)


def _merged(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """As the shadow service does it: objects merged, null removes."""
    found = {key: value for key, value in base.items() if key not in patch}
    for key, value in patch.items():
        if isinstance(value, dict):
            found[key] = _merged(base[key] if isinstance(base.get(key), dict) else {}, value)
        elif value is not None:
            found[key] = value
    return found
