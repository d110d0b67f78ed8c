"""An AWS IoT policy document as statements, and which patterns cover which.

https://docs.aws.amazon.com/iot/latest/developerguide/iot-policies.html: `*` stands for any
characters, `?` for any one; `+` and `#` are nothing special, they stand for themselves.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

THING_NAME = "${iot:Connection.Thing.ThingName}"
CLIENT_ID = "${iot:ClientId}"
IS_ATTACHED = "iot:Connection.Thing.IsAttached"


@dataclass(frozen=True)
class Statement:
    """One statement; a field that a document leaves out is empty."""

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Any]
    inverted: bool = False
    """Whether it has NotAction or NotResource: it then says what it is not about."""

    @property
    def attached_only(self) -> bool:
        """Whether it is in force only for a certificate that is attached to the thing of its client
        id.
        """
        values = self.conditions.get("Bool", {}).get(IS_ATTACHED)
        return [str(value).lower() for value in _listed(values)] == ["true"]

    def names(self, action: str) -> bool:
        """Whether it is about the action; their names have no case."""
        return any(covers(pattern.lower(), action.lower()) for pattern in self.actions)

    def resources_of(self, kind: str) -> Iterator[str]:
        """What the statement says of resources of a kind (`topic`): `a/*` of
        `arn:aws:iot:r:1:topic/a/*`.
        """
        for resource in self.resources:
            found = resource_of(resource, kind, allows=self.allows)
            if found is not None:
                yield found


def statements(document: Mapping[str, Any]) -> list[Statement]:
    """All statements of a document."""
    return [_statement(statement) for statement in _listed(document.get("Statement"))]


def _statement(written: Mapping[str, Any]) -> Statement:
    return Statement(
        allows=written.get("Effect") == "Allow",
        actions=tuple(_listed(written.get("Action"))),
        resources=tuple(_listed(written.get("Resource"))),
        conditions=written.get("Condition", {}),
        inverted="NotAction" in written or "NotResource" in written,
    )


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def resource_of(arn: str, kind: str, *, allows: bool) -> str | None:
    """The part of an ARN pattern after `topic/`; None when it is of another kind.

    `*` where a wildcard stands for kind and name: of what allows when it may, of what denies when
    it surely does.
    """
    parts = arn.split(":", 5)
    whole = parts[5] if len(parts) == 6 else arn
    found, slash, rest = whole.partition("/")
    if slash and found == kind:
        return rest
    fixed, wildcard, beyond = whole.partition("*")
    begins = (kind + "/").startswith(fixed) if len(parts) == 6 else "arn:aws:iot:".startswith(fixed)
    if not begins or not wildcard:
        return "*" if allows and "?" in found else None
    return "*" if allows or not beyond else None


def covers(pattern: str, other: str) -> bool:
    """Whether everything that `other` stands for is also what `pattern` stands for. May say no
    where it is so.

    A `?` of the pattern never covers a `*`, which may stand for many characters.
    """
    return _expression(pattern).fullmatch(other) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "[^*]"}
    return re.compile(
        "".join(parts.get(character, re.escape(character)) for character in pattern), re.DOTALL
    )
