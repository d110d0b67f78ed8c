"""The one AWS IoT policy of a switch: it may update the shadows of its linked bulbs, and do nothing
else with them.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from common.certificates import tolerating
from common.clients import error_code
from common.errors import InvalidInput
from common.jsontext import read
from common.links import links_policy_name

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

# https://docs.aws.amazon.com/iot/latest/apireference/API_CreatePolicyVersion.html, without
# whitespace
LONGEST_DOCUMENT = 2048
MOST_VERSIONS = 5
# Of the removal: each one that attaches the policy by what it has read before can come between
# once, and take it back.
ROUNDS = 3


@dataclass(frozen=True)
class LinksPolicies:
    """Writes and removes these policies; every method can be repeated.

    `topics` is how the ARN of a topic begins, `arn:aws:iot:<region>:<account>:topic/`; `prefix` as
    in common/links.py.
    """

    iot: "IoTClient"
    prefix: str
    topics: str

    def document(self, targets: Collection[str]) -> str:
        """What allows a switch to update the shadow of these devices. Raises InvalidInput when it
        would be too long.
        """
        resources = [
            f"{self.topics}$aws/things/{target}/shadow/update" for target in sorted(targets)
        ]
        statement = {"Effect": "Allow", "Action": "iot:Publish", "Resource": resources}
        text = json.dumps(
            {"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":")
        )
        if len(text) > LONGEST_DOCUMENT:
            raise InvalidInput(
                "target",
                f"too many links: an AWS IoT policy has at most {LONGEST_DOCUMENT} "
                f"characters, {len(targets)} links"
                f" with these names make {len(text)}",
            )
        return text

    def grant(self, switch: str, targets: Collection[str]) -> None:
        """Have the policy allow these and no other; it is made when there is none, and attached to
        nothing by that.
        """
        name, document = links_policy_name(self.prefix, switch), self.document(targets)
        found = self._document_of(name) or self._made(name, document)
        if read(found) != read(document):
            self._make_room(name)
            self.iot.create_policy_version(
                policyName=name, policyDocument=document, setAsDefault=True
            )

    def attach(self, switch: str, certificate_arns: Iterable[str]) -> None:
        """The policy onto these certificates; one that is gone meanwhile needs none."""
        for arn in certificate_arns:
            with tolerating("ResourceNotFoundException"):
                self.iot.attach_policy(
                    policyName=links_policy_name(self.prefix, switch), target=arn
                )

    def detach(self, switch: str, certificate_arns: Iterable[str]) -> None:
        """The policy off these certificates."""
        for arn in certificate_arns:
            with tolerating("ResourceNotFoundException"):
                self.iot.detach_policy(
                    policyName=links_policy_name(self.prefix, switch), target=arn
                )

    def remove(self, switch: str) -> bool:
        """Detach it from every certificate and delete it.

        False when it is detached and AWS IoT does not delete it yet, which takes it up to five
        minutes: the sweep does.
        https://docs.aws.amazon.com/iot/latest/apireference/API_DeletePolicy.html
        """
        return any(self._removed(switch) for _ in range(ROUNDS))

    def _removed(self, switch: str) -> bool:
        name = links_policy_name(self.prefix, switch)
        try:
            self.detach(switch, self._targets(name))
            for version in self._old_versions(name):
                self.iot.delete_policy_version(policyName=name, policyVersionId=version)
            self.iot.delete_policy(policyName=name)
        except ClientError as error:
            if error_code(error) == "DeleteConflictException":
                return False
            if error_code(error) != "ResourceNotFoundException":
                raise
        return True

    def _document_of(self, name: str) -> str | None:
        """Of the version in force; None when there is no such policy."""
        with tolerating("ResourceNotFoundException"):
            return self.iot.get_policy(policyName=name)["policyDocument"]
        return None

    def _made(self, name: str, document: str) -> str:
        # When the answer to an attempt was lost, the SDK's next one finds the policy there.
        with tolerating("ResourceAlreadyExistsException"):
            self.iot.create_policy(policyName=name, policyDocument=document)
        return document

    def _make_room(self, name: str) -> None:
        """AWS IoT keeps five versions and refuses a sixth: the oldest go."""
        old = self._old_versions(name)
        for version in old[: max(0, len(old) + 2 - MOST_VERSIONS)]:
            with tolerating("ResourceNotFoundException"):
                self.iot.delete_policy_version(policyName=name, policyVersionId=version)

    def _old_versions(self, name: str) -> list[str]:
        """Those not in force, the oldest first."""
        versions = self.iot.list_policy_versions(policyName=name)["policyVersions"]
        return sorted(
            (found["versionId"] for found in versions if not found["isDefaultVersion"]), key=int
        )

    def _targets(self, name: str) -> list[str]:
        pages = self.iot.get_paginator("list_targets_for_policy").paginate(policyName=name)
        return [target for page in pages for target in page["targets"]]
