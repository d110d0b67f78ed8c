"""The AWS IoT policy of a switch's links: its name, and its way onto a new certificate of a device that is there.

The row's `links` is the truth; functions/links makes the policy after it (docs/links.md). A certificate that takes the
place of another carries what that one carried, so whoever attaches the device policy to it calls `attach_links`.
"""

import hashlib
from typing import TYPE_CHECKING

from common.certificates import tolerating

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_iot import IoTClient

LINKED = frozenset({"links", "linked_from", "linking"})
"""Attributes of a row: what a switch drives, what a bulb is driven by, who changes a switch's links now."""

# https://docs.aws.amazon.com/iot/latest/apireference/API_CreatePolicy.html
LONGEST_NAME = 128


def links_policy_name(prefix: str, thing_name: str) -> str:
    """The name of the thing's policy; `prefix` is `<stack>-links`. No two things share one.

    A policy's name has no colon, which a thing's may have, and both may have 128 characters: where the thing's name
    does not fit, a hash stands for it, behind an underscore instead of the hyphen.
    """
    plain = f"{prefix}-{thing_name}"
    if ":" not in thing_name and len(plain) <= LONGEST_NAME:
        return plain
    return f"{prefix}_{hashlib.sha256(thing_name.encode()).hexdigest()[:40]}"


def is_links_policy(prefix: str, policy_name: str) -> bool:
    """Whether a policy of that name can be a thing's."""
    return policy_name.startswith((f"{prefix}-", f"{prefix}_"))


def attach_links(iot: "IoTClient", table: "Table", prefix: str, thing_name: str, certificate_arn: str) -> bool:
    """The policy of the thing's links onto that certificate, which the row names already; False when it has no links.

    By the row and not by the policy's name: what a device of the same name has left is nobody's to inherit. A policy
    that is not there yet is being made, and its maker reads the row for certificates after that.
    """
    asked = table.get_item(Key={"thing_name": thing_name}, ConsistentRead=True, ProjectionExpression="links")
    if "links" not in asked.get("Item", {}):
        return False
    with tolerating("ResourceNotFoundException"):
        iot.attach_policy(policyName=links_policy_name(prefix, thing_name), target=certificate_arn)
    return True
