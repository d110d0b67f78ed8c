"""What IAM checks calls of AWS IoT against.

AWS checks a policy's attachment against the certificate or the thing group that it is attached to,
a thing's certificate against the certificate, an authority's against the authority, a policy's
targets against the policy, a client's connection against the client, a job against the job and what
it is for. Required is every one of
them.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsiot.html

Emulator: finds the first word of the path that names a kind of resource, so these go against `*`, a
thing, or one of several.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from ministack.core import iam_actions

SERVICES = ("iot", "iot-data")
# Where a call names the certificate or the group. A Cognito identity has an id and no ARN, and
# stands for itself.
IN_HEADER = {
    "AttachPrincipalPolicy": "x-amzn-iot-principal",
    "DetachPrincipalPolicy": "x-amzn-iot-principal",
    "AttachThingPrincipal": "x-amzn-principal",
    "DetachThingPrincipal": "x-amzn-principal",
    "ListPrincipalThings": "x-amzn-principal",
}
IN_BODY = {
    "AttachPolicy": "target",
    "DetachPolicy": "target",
    "GetEffectivePolicies": "principal",
    "TestAuthorization": "principal",
}
IN_PATH = {
    "DeleteCACertificate": ("/cacertificate/", "cacert"),
    "DeleteConnection": ("/connections/", "client"),
    "DescribeCACertificate": ("/cacertificate/", "cacert"),
    "ListNamedShadowsForThing": ("/api/things/shadow/ListNamedShadowsForThing/", "thing"),
    "ListTargetsForPolicy": ("/policy-targets/", "policy"),
    "UpdateCACertificate": ("/cacertificate/", "cacert"),
}
OF_INDEX = (
    "GetBucketsAggregation",
    "GetCardinality",
    "GetPercentiles",
    "GetStatistics",
    "SearchIndex",
)
# Where these calls' paths begin: to find a call's name costs a tenth of a millisecond and more.
PATHS = re.compile(
    r"/(target-policies|principal-policies|policy-targets|principals|cacertificate|connections|api|indices|jobs"
    r"|test-authorization|effective-policies|things/[^/]+/(principals|jobs))(/|$)"
)
EXECUTION = re.compile(r"/things/([^/]+)/jobs/([^/]+)(/.*)?")


def fill() -> None:
    """Name the resource that the emulator does not find; leave all others to it."""
    one, many = iam_actions.extract_resource_arn, iam_actions.iot_resource_arns

    def resource(*request: Any) -> str:
        service, method, path, headers, body, query, region, account = request
        if service in SERVICES and PATHS.match(path):
            action = iam_actions._match_rest_action(service, method, path, query)
            found = _of_one(str(action), path, headers, body)
            if found is not None:
                return (
                    found
                    if found == "*" or ":" in found.partition("/")[0]
                    else _arn(region, account, found)
                )
        return str(one(*request))

    def resources(method: str, path: str, body: bytes, region: str, account: str) -> list[str]:
        action = (
            iam_actions._match_rest_action("iot", method, path, {}) if PATHS.match(path) else ""
        )
        found = _of_many(str(action), path, body)
        if found:
            return [
                name if name.startswith("arn:") else _arn(region, account, name) for name in found
            ]
        return list(many(method, path, body, region, account))

    iam_actions.extract_resource_arn, iam_actions.iot_resource_arns = resource, resources


def _arn(region: str, account: str, resource: str) -> str:
    return f"arn:aws:iot:{region}:{account}:{resource}"


def _of_one(action: str, path: str, headers: Mapping[str, str], body: bytes) -> str | None:
    """The one resource of the call, as an ARN or what comes last in it; None where the emulator
    knows better.
    """
    if action in IN_HEADER:
        return headers.get(IN_HEADER[action]) or "*"
    if action in IN_BODY:
        return str(_field(body, IN_BODY[action]) or "*")
    if action in OF_INDEX:
        return f"index/{_field(body, 'indexName') or 'AWS_Things'}"
    if action in IN_PATH:
        prefix, kind = IN_PATH[action]
        return f"{kind}/{path.removeprefix(prefix)}"
    return None


def _of_many(action: str, path: str, body: bytes) -> list[str]:
    """All the resources of a call that has several; none where the emulator knows them."""
    match action:
        case "CreateJob":
            return [f"job/{path.rpartition('/')[2]}", *_targets(body)]
        case "AssociateTargetsWithJob":
            return [f"job/{path.split('/')[2]}", *_targets(body)]
        case "DescribeJobExecution" | "CancelJobExecution" | "DeleteJobExecution":
            found = EXECUTION.fullmatch(path)
            return [f"job/{found[2]}", f"thing/{found[1]}"] if found else []
    return []


def _targets(body: bytes) -> list[str]:
    value = _field(body, "targets")
    return (
        [arn for arn in value if isinstance(arn, str) and arn.startswith("arn:")]
        if isinstance(value, list)
        else []
    )


def _field(body: bytes, name: str) -> object:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return None
    return found.get(name) if isinstance(found, dict) else None
