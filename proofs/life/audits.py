"""The audit, and the repair of the device policy."""

import json
from typing import Any

from proofs.life.life import Life

OVERLY_PERMISSIVE = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK"
WIDE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}],
}


def restore(iot: Any, name: str, document: str) -> None:
    """Leave the policy with this document, in one version. A sixth one is refused, so the others go
    first.
    """
    for version in iot.list_policy_versions(policyName=name)["policyVersions"]:
        if not version["isDefaultVersion"]:
            iot.delete_policy_version(policyName=name, policyVersionId=version["versionId"])
    before = iot.get_policy(policyName=name)["defaultVersionId"]
    iot.create_policy_version(policyName=name, policyDocument=document, setAsDefault=True)
    iot.delete_policy_version(policyName=name, policyVersionId=before)


def audited(life: Life) -> None:
    """A wide policy is found; the device policy gets a version back that it has, then one that is
    made anew.
    """
    iot, name = life.cloud.client("iot"), life.cloud.home.output("DevicePolicyName")
    good = iot.get_policy(policyName=name)
    told = {
        "findings": [{"check": OVERLY_PERMISSIVE, "resource": {"type": "IOT_POLICY", "id": name}}]
    }

    def widen() -> None:
        iot.create_policy_version(
            policyName=name, policyDocument=json.dumps(WIDE), setAsDefault=True
        )

    try:
        widen()
        repaired = life.call("ProcessFinding", told)["policies"]
        life.expect(
            "ProcessFinding",
            "the good version is put in force",
            repaired[0]["outcome"] == "replaced",
        )
        for _ in range(3):
            widen()
        iot.delete_policy_version(policyName=name, policyVersionId=good["defaultVersionId"])
        widen()
        repaired = life.call("ProcessFinding", told)["policies"]
        life.expect(
            "ProcessFinding", "a good version is made", repaired[0]["outcome"] == "replaced"
        )
    finally:
        restore(iot, name, good["policyDocument"])
    audited_with_a_wide_policy(life, life.cloud.row(life.thing_name)["certificate_arn"])


def audited_with_a_wide_policy(life: Life, certificate_arn: str) -> None:
    """Not the stack's, so that whoever hears of it changes nothing."""
    iot, name = life.cloud.client("iot"), f"{life.thing_name}-wide"
    iot.create_policy(policyName=name, policyDocument=json.dumps(WIDE))
    iot.attach_policy(policyName=name, target=certificate_arn)
    try:
        found = life.call("Audit", {"source": "aws.events"})["findings"]
        life.expect(
            "Audit", "the policy is found", name in {one["resource"]["id"] for one in found}
        )
    finally:
        iot.detach_policy(policyName=name, target=certificate_arn)
        iot.delete_policy(policyName=name)
