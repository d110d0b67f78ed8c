"""What the functions' roles may do, and how to take one action away from one of them for a
while.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tests.playground_cloud import Cloud

Document = dict[str, Any]

ONE_MORE = "one-more"

# Actions whose operation has another name.
CALLED_OTHERWISE = {"lambda:InvokeFunction": "Invoke", "s3:ListBucket": "ListObjectsV2"}


@dataclass(frozen=True)
class Grant:
    """One action that one function's own policies allow."""

    function: str
    """Logical id in template.yaml."""
    action: str

    @property
    def operation(self) -> str:
        """The API operation that needs it."""
        return CALLED_OTHERWISE.get(self.action, self.action.partition(":")[2])


@dataclass(frozen=True)
class RolePolicies:
    """The policies of every function's role that are the stack's, as they stand in IAM: its own,
    and those that it shares with others.
    """

    cloud: Cloud
    roles: Mapping[str, str]
    """Role name by the function's logical id."""

    @classmethod
    def of(cls, cloud: Cloud) -> "RolePolicies":
        """Those of all functions of the stack."""
        functions = cloud.client("lambda")
        roles = {
            name: functions.get_function_configuration(FunctionName=function)["Role"]
            for name, function in cloud.functions.items()
        }
        return cls(cloud, {name: arn.rpartition("/")[2] for name, arn in roles.items()})

    def grants(self) -> list[Grant]:
        """Every action of every function, by the function's name."""
        return [
            Grant(function, action)
            for function in sorted(self.roles)
            for action in dict.fromkeys(
                action
                for document in self.of_role(function).values()
                for statement in document["Statement"]
                for action in actions_of(statement)
            )
        ]

    def inline(self, function: str) -> dict[str, Document]:
        """The role's own policies by name."""
        iam, role = self.cloud.client("iam"), self.roles[function]
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        return {
            name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in names
        }

    def of_role(self, function: str) -> dict[str, Document]:
        """The role's own policies by name, and by their ARN those that it shares."""
        iam = self.cloud.client("iam")
        shared = [arn for arn in self._attached(function).values() if not _is_of_aws(arn)]
        return self.inline(function) | {arn: _shared(iam, arn) for arn in shared}

    def managed(self) -> set[str]:
        """Names of the managed policies of AWS's that any of the roles has."""
        return {
            name
            for function in self.roles
            for name, arn in self._attached(function).items()
            if _is_of_aws(arn)
        }

    @contextmanager
    def without(self, grant: Grant) -> Iterator[None]:
        """Take the action away, in every statement that has it; given back in any case."""
        whole = self.of_role(grant.function)
        try:
            self._write(
                grant.function,
                {name: _reduced(document, grant.action) for name, document in whole.items()},
            )
            yield
        finally:
            self._write(grant.function, whole)

    @contextmanager
    def with_one_more(self, grant: Grant) -> Iterator[None]:
        """Allow the action on everything; taken back in any case."""
        statement = {"Effect": "Allow", "Action": grant.action, "Resource": "*"}
        more = {"Version": "2012-10-17", "Statement": [statement]}
        try:
            self._write(grant.function, {ONE_MORE: more})
            yield
        finally:
            self._write(grant.function, {ONE_MORE: {**more, "Statement": []}})

    def allow(self, function: str, whole: Mapping[str, Document], actions: Collection[str]) -> None:
        """Leave of the policies, which are `whole`, what these actions allow. What allows nothing
        is not there.
        """
        self._write(
            function, {name: _of_actions(document, actions) for name, document in whole.items()}
        )

    def _write(self, function: str, documents: Mapping[str, Document]) -> None:
        iam, role = self.cloud.client("iam"), self.roles[function]
        for name, document in documents.items():
            # What is shared stays as it is for the others: this role gets a copy in its place.
            inline = name.rpartition("/")[2]
            is_whole = name != inline and _listed(document) == _listed(_shared(iam, name))
            if is_whole:
                iam.attach_role_policy(RoleName=role, PolicyArn=name)
            elif document["Statement"]:
                iam.put_role_policy(
                    RoleName=role, PolicyName=inline, PolicyDocument=json.dumps(document)
                )
            # IAM takes no policy without a statement.
            if is_whole or not document["Statement"]:
                with suppress(iam.exceptions.NoSuchEntityException):
                    iam.delete_role_policy(RoleName=role, PolicyName=inline)
            if name != inline and not is_whole:
                with suppress(iam.exceptions.NoSuchEntityException):
                    iam.detach_role_policy(RoleName=role, PolicyArn=name)
        left = {
            name.rpartition("/")[2]: _listed(found)
            for name, found in self.of_role(function).items()
        }
        for name, document in documents.items():
            expected = _listed(document) if document["Statement"] else None
            assert left.get(name.rpartition("/")[2]) == expected, name

    def _attached(self, function: str) -> dict[str, str]:
        """ARNs of the managed policies that the role has, by name."""
        iam, role = self.cloud.client("iam"), self.roles[function]
        found = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        return {policy["PolicyName"]: policy["PolicyArn"] for policy in found}


def _is_of_aws(arn: str) -> bool:
    return ":iam::aws:policy/" in arn


def _shared(iam: Any, arn: str) -> Document:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document: Document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"][
        "Document"
    ]
    return document


def _reduced(document: Document, action: str) -> Document:
    return _of_actions(document, actions_in({"": document}) - {action})


def _listed(document: Document) -> Document:
    """The same, with a list of actions in each statement."""
    return _of_actions(document, actions_in({"": document}))


def _of_actions(document: Document, actions: Collection[str]) -> Document:
    kept = [
        {**statement, "Action": [action for action in actions_of(statement) if action in actions]}
        for statement in document["Statement"]
    ]
    return {**document, "Statement": [statement for statement in kept if statement["Action"]]}


def actions_in(documents: Mapping[str, Document]) -> set[str]:
    """All that these policies allow."""
    return {
        action
        for document in documents.values()
        for statement in document["Statement"]
        for action in actions_of(statement)
    }


def actions_of(statement: Document) -> list[str]:
    """The actions of a statement, which may name one alone."""
    actions = statement["Action"]
    return [actions] if isinstance(actions, str) else actions
