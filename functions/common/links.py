"""The AWS IoT policy of a switch's links: its name.

The row's `links` is the truth; functions/links makes the policy after it (docs/links.md). By the
row and not by the policy's name: what a device of the same name has left is nobody's to inherit.
Which certificates carry it says `devices.confinement.Policies`.
"""

import hashlib

LINKED = frozenset({"links", "linked_from", "linking"})
"""Attributes of a row: what a switch drives, what a bulb is driven by, who changes a switch's links
now.
"""

# https://docs.aws.amazon.com/iot/latest/apireference/API_CreatePolicy.html
LONGEST_NAME = 128


def links_policy_name(prefix: str, thing_name: str) -> str:
    """The name of the thing's policy; `prefix` is `<stack>-links`. No two things share one.

    A policy's name has no colon, which a thing's may have, and both may have 128 characters: where
    the thing's name does not fit, a hash stands for it, behind an underscore instead of the hyphen.
    """
    plain = f"{prefix}-{thing_name}"
    if ":" not in thing_name and len(plain) <= LONGEST_NAME:
        return plain
    return f"{prefix}_{hashlib.sha256(thing_name.encode()).hexdigest()[:40]}"


def is_links_policy(prefix: str, policy_name: str) -> bool:
    """Whether a policy of that name can be a thing's."""
    return policy_name.startswith((f"{prefix}-", f"{prefix}_"))
