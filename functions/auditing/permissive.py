"""IOT_POLICY_OVERLY_PERMISSIVE_CHECK: does a policy let one device act for a broad set of devices?

https://docs.aws.amazon.com/iot-device-defender/latest/devguide/audit-chk-iot-policy-permissive.html.
Its rules by examples, as rules: a wildcard is good where the thing's own name, a whole level,
stands before it. One that stands before the name is good as long as it does not reach the topics
that AWS IoT reserves for other things. Any other wildcard is broad. Receiving is always good, for
only what was subscribed to is received. What is denied is not allowed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditing.statements import CLIENT_ID, THING_NAME, Statement, covers, resource_of, statements

REASON_CODE = "ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS"

# What each action is about, and which characters make a broad resource: a filter's own wildcards
# do, too.
CONNECT, PUBLISH, SUBSCRIBE, THING = (
    ("client", "*?"),
    ("topic", "*?"),
    ("topicfilter", "*?+#"),
    ("thing", "*?"),
)
ACTIONS = {
    "iot:Connect": CONNECT,
    "iot:Publish": PUBLISH,
    "iot:RetainPublish": PUBLISH,
    "iot:Subscribe": SUBSCRIBE,
    "iot:DeleteThingShadow": THING,
    "iot:GetThingShadow": THING,
    "iot:UpdateThingShadow": THING,
    "iot:DescribeJobExecution": THING,
    "iot:GetPendingJobExecutions": THING,
    "iot:StartNextPendingJobExecution": THING,
    "iot:UpdateJobExecution": THING,
}
RESERVED = "$aws/"
_NAME = "\0"  # stands for THING_NAME, so that its characters are not taken for wildcards


@dataclass(frozen=True)
class Breadth:
    """One action on one resource that is broader than the device itself."""

    action: str
    resource: str


def breadths(document: Mapping[str, Any]) -> list[Breadth]:
    """What makes the document overly permissive, in the order of its statements; empty for a good
    one.
    """
    read = statements(document)
    denials = [statement for statement in read if not statement.allows and _is_absolute(statement)]
    found = [broad for statement in read if statement.allows for broad in _of(statement, denials)]
    return list(dict.fromkeys(found))


def _is_absolute(statement: Statement) -> bool:
    """Whether a denial is always in force; of others nothing is known."""
    return not statement.conditions and not statement.inverted


def _of(statement: Statement, denials: Sequence[Statement]) -> Iterator[Breadth]:
    if statement.inverted:
        yield Breadth(
            ", ".join(statement.actions) or "all but some",
            ", ".join(statement.resources) or "all but some",
        )
        return
    for action, (kind, wildcards) in ACTIONS.items():
        denied = [
            one for denial in denials if denial.names(action) for one in denial.resources_of(kind)
        ]
        for arn in statement.resources if statement.names(action) else ():
            said = resource_of(arn, kind, allows=True)
            broad = said is not None and _excess(said, kind, wildcards, statement)
            if broad and not any(covers(one, broad) for one in denied):
                yield Breadth(action, arn)


def _excess(said: str, kind: str, wildcards: str, statement: Statement) -> str | None:
    """The part of a resource that has to be denied for the resource to be good; None when it is
    good.
    """
    if kind == "client" and CLIENT_ID in said:
        return None if statement.attached_only else said
    levels = said.replace(THING_NAME, _NAME).split("/")
    broad = [any(character in _bare(level) for character in wildcards) for level in levels]
    if _NAME not in levels:
        return said if any(broad) else None
    before = levels.index(_NAME)
    if not any(broad[:before]):
        return None
    fixed = re.split(r"[*?]", said)[0]
    if not fixed:
        return RESERVED + said if said.startswith("*") else said
    return said if RESERVED.startswith(fixed) or fixed.startswith(RESERVED) else None


def _bare(level: str) -> str:
    """The level without its variables, which hold no wildcards: AWS IoT puts values in their
    place.
    """
    kept, rest = "", level
    while "${" in rest and "}" in rest.partition("${")[2]:
        head, _, tail = rest.partition("${")
        kept, rest = kept + head, tail.partition("}")[2]
    return kept + rest
