"""Gives the stack's device policy its restrictive default back, and touches no other policy.

https://docs.aws.amazon.com/iot/latest/apireference/API_CreatePolicyVersion.html: a policy has at
most five versions, and the default one can't be deleted.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.jsontext import read

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

MOST_VERSIONS = 5
DOCUMENT = Path(__file__).with_name("device_policy.json")


@dataclass(frozen=True)
class Outcome:
    """What became of a policy that was found overly permissive."""

    policy: str
    outcome: str
    """`replaced`, `unchanged` (it has the restrictive default already), `untouched` (not ours to
    change) or `gone`.
    """
    reason: str
    version: str = ""
    """The default version now."""
    removed: tuple[str, ...] = ()
    """Versions that had to go to make room."""

    def as_dict(self) -> Mapping[str, Any]:
        """For the function's answer."""
        return {**asdict(self), "removed": list(self.removed)}


@dataclass(frozen=True)
class Version:
    """One version of a policy."""

    id: str
    is_default: bool
    document: Mapping[str, Any]


@dataclass(frozen=True)
class Repair:
    """Knows the one policy that it may change, by its exact name: a prefix could be that of another
    stack's.
    """

    iot: "IoTClient"
    device_policy: str

    def repair(self, name: str) -> Outcome:
        """Put the restrictive document in force. Safe to repeat: a second time there is nothing to
        do.
        """
        if name != self.device_policy:
            return Outcome(
                name, "untouched", "it is not the device policy of this stack: narrow it yourself"
            )
        try:
            return self._repaired(self.iot.get_policy(policyName=name)["policyArn"])
        except self.iot.exceptions.ResourceNotFoundException:
            return Outcome(name, "gone", "there is no such policy any more")

    def _repaired(self, policy_arn: str) -> Outcome:
        name, wanted = self.device_policy, restrictive(policy_arn)
        versions = self._versions()
        (default,) = (version for version in versions if version.is_default)
        if default.document == wanted:
            return Outcome(
                name, "unchanged", "its default version is the restrictive one", default.id
            )
        was = f"version {default.id} was not the restrictive one"
        good = [version.id for version in versions if version.document == wanted]
        if good:
            # The newest; nothing has to be made, and nothing to go.
            self.iot.set_default_policy_version(policyName=name, policyVersionId=good[-1])
            return Outcome(name, "replaced", was, good[-1])
        removed = tuple(self._make_room(versions))
        made = self.iot.create_policy_version(
            policyName=name, policyDocument=_compact(wanted), setAsDefault=True
        )
        return Outcome(name, "replaced", was, made["policyVersionId"], removed)

    def _versions(self) -> list[Version]:
        """All versions, oldest first: their numbers only grow."""
        listed = self.iot.list_policy_versions(policyName=self.device_policy)["policyVersions"]
        return [
            Version(one["versionId"], one["isDefaultVersion"], self._document(one["versionId"]))
            for one in sorted(listed, key=lambda one: int(one["versionId"]))
        ]

    def _document(self, version_id: str) -> Mapping[str, Any]:
        told = self.iot.get_policy_version(
            policyName=self.device_policy, policyVersionId=version_id
        )
        document: Mapping[str, Any] = read(told["policyDocument"])
        return document

    def _make_room(self, versions: list[Version]) -> list[str]:
        """Delete the oldest that is not in force until one more fits. None of them is a good one,
        see above.
        """
        spare = [version.id for version in versions if not version.is_default]
        going = spare[: max(0, len(versions) - MOST_VERSIONS + 1)]
        for version_id in going:
            self.iot.delete_policy_version(
                policyName=self.device_policy, policyVersionId=version_id
            )
        return going


def restrictive(policy_arn: str) -> Mapping[str, Any]:
    """The device policy of template.yaml (a test keeps them equal), for partition, region and
    account of the ARN.
    """
    _arn, partition, _iot, region, account, _name = policy_arn.split(":", 5)
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, value in (("Partition", partition), ("Region", region), ("AccountId", account)):
        text = text.replace(f"${{AWS::{name}}}", value)
    document: Mapping[str, Any] = read(text)
    return document


def _compact(document: Mapping[str, Any]) -> str:
    """Without blanks: at most 2048 characters, not counting those."""
    return json.dumps(document, separators=(",", ":"))
