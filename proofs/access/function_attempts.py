"""Every function's role tries, with credentials of its own, every action that another function has
and it has not.

A call has made-up values where its resource does not matter, and another function's real resource
where it does: tables and buckets, for which the same action may be allowed on one and not on the
other. IAM is asked before a request is looked at, so the values need no meaning. The emulator gives
the account's administrator a role's credentials; on AWS only Lambda gets them.
"""

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from tests.playground_cloud import Cloud
from tests.role_policies import Grant, RolePolicies, actions_of

# IAM's prefixes whose client has another name:
# https://docs.aws.amazon.com/service-authorization/latest/reference/
SERVICES = {"states": "stepfunctions"}
# Operations of another service that goes by the same prefix.
DATA_PLANE = {
    "iot:Publish": "iot-data",
    "iot:GetThingShadow": "iot-data",
    "iot:UpdateThingShadow": "iot-data",
    "iot:DeleteThingShadow": "iot-data",
    "iot:DeleteConnection": "iot-data",
}
REFUSED = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "ForbiddenException",
    "UnauthorizedException",
}
# These can be granted and are no calls.
NO_CALL = {"iam:PassRole", "iot:Connect"}


@dataclass(frozen=True)
class FunctionAttempt:
    """One call of one function; `resource` only where it makes the difference."""

    function: str
    action: str
    resource: str
    error: str
    """The error code; empty when the call was let through."""

    @property
    def is_refused(self) -> bool:
        """Whether IAM said no."""
        return self.error in REFUSED


@dataclass(frozen=True)
class Reach:
    """An action on a resource that the role of some function may use."""

    action: str
    resource: str


def attempts(cloud: Cloud) -> Iterator[FunctionAttempt]:
    """Each function with each foreign reach, by the function's name."""
    policies = RolePolicies.of(cloud)
    reaches = {function: list(_reaches(policies, function)) for function in policies.roles}
    every = sorted(
        {reach for own in reaches.values() for reach in own},
        key=lambda reach: (reach.action, reach.resource),
    )
    for function, role in sorted(policies.roles.items()):
        caller = Caller.of(cloud, role)
        for reach in every:
            if not any(_covers(own, reach) for own in reaches[function]):
                resource = reach.resource if _is_particular(reach) else ""
                yield FunctionAttempt(function, reach.action, resource, caller.call(reach))


def _reaches(policies: RolePolicies, function: str) -> Iterator[Reach]:
    for document in policies.of_role(function).values():
        for statement in document["Statement"]:
            resources = (
                statement["Resource"]
                if isinstance(statement["Resource"], list)
                else [statement["Resource"]]
            )
            for action in actions_of(statement):
                if action in NO_CALL:
                    continue
                for resource in resources:
                    yield Reach(
                        action, resource if _is_particular(Reach(action, resource)) else "*"
                    )


def _is_particular(reach: Reach) -> bool:
    return reach.action.startswith(("dynamodb:", "s3:", "sqs:")) and reach.resource != "*"


def _covers(own: Reach, reach: Reach) -> bool:
    return own.action == reach.action and fnmatch.fnmatchcase(
        reach.resource.replace("*", "x"), own.resource
    )


@dataclass(frozen=True)
class Caller:
    """Calls AWS with the credentials of one role."""

    session: boto3.Session
    endpoint: str | None
    clients: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, cloud: Cloud, role: str) -> "Caller":
        """Whoever has the role."""
        arn = cloud.client("iam").get_role(RoleName=role)["Role"]["Arn"]
        given = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="access-matrix")[
            "Credentials"
        ]
        key = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        return cls(boto3.Session(*key, region_name=cloud.home.region), cloud.home.endpoint)

    def call(self, reach: Reach) -> str:
        """The error code of the answer; empty when there was no error."""
        service, operation = _operation_of(reach.action)
        try:
            getattr(self._client(service), xform_name(operation))(
                **_arguments(service, operation, reach.resource)
            )
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    def _client(self, service: str) -> Any:
        if service not in self.clients:
            # Values that no service would take: whether IAM is asked first is the question.
            config = Config(
                parameter_validation=False,
                retries={"total_max_attempts": 1},
                proxies={},
                inject_host_prefix=False,
            )
            make: Any = self.session.client
            self.clients[service] = make(service, endpoint_url=self.endpoint, config=config)
        return self.clients[service]


def _operation_of(action: str) -> tuple[str, str]:
    prefix = action.partition(":")[0]
    return DATA_PLANE.get(action, SERVICES.get(prefix, prefix)), Grant("", action).operation


def _arguments(service: str, operation: str, resource: str) -> dict[str, Any]:
    """What the operation requires, made up; tables, indexes, buckets, keys and queues as the
    resource names them.
    """
    shape = _model(service).operation_model(operation).input_shape
    made = _made_up(shape) if shape is not None else {}
    assert isinstance(made, dict)
    name = resource.rpartition(":")[2]
    if service == "dynamodb":
        table, _, index = name.partition("/")[2].partition("/index/")
        item = {"id": {"S": "x"}}
        if "RequestItems" in made:
            return {"RequestItems": {table: {"Keys": [item]}}}
        made["TableName"] = table
        made |= {"IndexName": index} if index else {}
        made |= {"Key": item} if "Key" in made else {}
    if service == "sqs":
        made["QueueUrl"] = f"http://localhost/{resource.split(':')[4]}/{name}"
    if service == "s3":
        made["Bucket"], _, key = name.partition("/")
        made |= {"Key": key.replace("*", "x")} if "Key" in made else {}
    return made


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def _made_up(shape: Shape) -> Any:
    if isinstance(shape, StructureShape):
        return {name: _made_up(shape.members[name]) for name in shape.required_members}
    if isinstance(shape, ListShape):
        return [_made_up(shape.member)]
    if isinstance(shape, MapShape):
        return {"x": _made_up(shape.value)}
    if isinstance(shape, StringShape):
        return shape.enum[0] if shape.enum else "x" * max(1, int(shape.metadata.get("min", 1)))
    return {"blob": b"x", "boolean": False, "timestamp": 0}.get(shape.type_name, 1)
