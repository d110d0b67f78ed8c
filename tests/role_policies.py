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
    """The inline policies of every function's role, as they stand in IAM."""

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
                for document in self.inline(function).values()
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

    def managed(self) -> set[str]:
        """Names of the managed policies that any of the roles has."""
        iam = self.cloud.client("iam")
        return {
            policy["PolicyName"]
            for role in self.roles.values()
            for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        }

    @contextmanager
    def without(self, grant: Grant) -> Iterator[None]:
        """Take the action away, in every statement that has it; given back in any case."""
        whole = self.inline(grant.function)
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
        whole = self.inline(grant.function)
        statement = {"Effect": "Allow", "Action": grant.action, "Resource": "*"}
        wider = {
            name: {**document, "Statement": [*document["Statement"], statement]}
            for name, document in whole.items()
        }
        try:
            self._write(grant.function, wider)
            yield
        finally:
            self._write(grant.function, whole)

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
            if document["Statement"]:
                iam.put_role_policy(
                    RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document)
                )
                continue
            # IAM takes no policy without a statement.
            with suppress(iam.exceptions.NoSuchEntityException):
                iam.delete_role_policy(RoleName=role, PolicyName=name)
        assert self.inline(function) == {
            name: found for name, found in documents.items() if found["Statement"]
        }


def _reduced(document: Document, action: str) -> Document:
    return _of_actions(document, actions_in({"": document}) - {action})


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
