"""What AWS IoT policies decide, and by which statement.

Rules: https://docs.aws.amazon.com/iot/latest/developerguide/iot-policies.html and its pages on
actions, resources, variables and conditions; a Deny counts more than any Allow, and what no Allow
matches is denied. `*` stands for any characters and `?` for one. The wildcards of MQTT, `+` and
`#`, are plain characters. The names of actions have no case, resources have.

No AWS call is made here: documents and variables are given.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from explaining.conditions import are_met

ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY = "ALLOWED", "EXPLICIT_DENY", "IMPLICIT_DENY"
"""As TestAuthorization calls them,
https://docs.aws.amazon.com/iot/latest/apireference/API_AuthResult.html
"""

_VARIABLE = re.compile(r"\$\{([^${}]+)\}")

Variables = Mapping[str, str | Sequence[str]]
"""Values by name, such as `iot:ClientId`. A variable that is not here has no value."""


@dataclass(frozen=True)
class Policy:
    """One policy by its name; `document` is its default version."""

    name: str
    document: Mapping[str, Any]

    def statements(self) -> Iterator["Reference"]:
        """Every statement that can decide something, with its place in the document."""
        found = self.document.get("Statement")
        for index, statement in enumerate(found if isinstance(found, list) else [found]):
            if isinstance(statement, Mapping) and statement.get("Effect") in ("Allow", "Deny"):
                yield Reference(self.name, index, statement)


@dataclass(frozen=True)
class Reference:
    """A statement and where it stands: `index` counts from 0."""

    policy: str
    index: int
    statement: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"policy": self.policy, "index": self.index, "statement": dict(self.statement)}


@dataclass(frozen=True)
class Decision:
    """`statement` has decided; there is none when nothing matches. `nearest` is the Allow that
    comes closest then, and `lacking` what it lacks: `resource` or `condition`.
    """

    decision: str
    statement: Reference | None = None
    nearest: Reference | None = None
    lacking: str = ""


def decide(policies: Sequence[Policy], action: str, resource: str, given: Variables) -> Decision:
    """What the policies together decide about `action` (`iot:Publish`) on `resource` (an ARN)."""
    names = {name.lower(): value for name, value in given.items()}
    every = [found for policy in policies for found in policy.statements()]
    for effect, decision in (("Deny", EXPLICIT_DENY), ("Allow", ALLOWED)):
        for found in every:
            if found.statement["Effect"] == effect and _matches(found, action, resource, names):
                return Decision(decision, found)
    return _nearest(every, action, resource, names)


def _matches(found: Reference, action: str, resource: str, given: Variables) -> bool:
    statement = found.statement
    return (
        _is_about(statement, action)
        and _is_on(statement, resource, given)
        and are_met(statement.get("Condition"), given)
    )


def _is_about(statement: Mapping[str, Any], action: str) -> bool:
    def any_of(field: str) -> bool:
        return any(
            _pattern(pattern.lower(), ()).fullmatch(action.lower())
            for pattern in listed(statement.get(field))
        )

    if "Action" in statement:
        return any_of("Action")
    return "NotAction" in statement and not any_of("NotAction")


def _is_on(statement: Mapping[str, Any], resource: str, given: Variables) -> bool:
    if "Resource" in statement:
        return any(
            covers(pattern, resource, given) for pattern in listed(statement.get("Resource"))
        )
    return "NotResource" in statement and not any(
        covers(pattern, resource, given) for pattern in listed(statement["NotResource"])
    )


def covers(pattern: str, resource: str, given: Variables) -> bool:
    """Whether a resource of a policy stands for this one. One with a variable that has no value
    stands for nothing.
    """
    values = []
    for name in _VARIABLE.findall(pattern):
        value = given.get(name.lower())
        if not isinstance(value, str):
            return False
        values.append(value)
    return _pattern(pattern, tuple(values)).fullmatch(resource) is not None


@lru_cache(4096)
def _pattern(pattern: str, values: tuple[str, ...]) -> re.Pattern[str]:
    """The pattern with its variables' values, in which `*` and `?` are plain characters."""
    texts = _VARIABLE.split(pattern)[::2]
    parts = [_wildcards(texts[0])]
    for text, value in zip(texts[1:], values, strict=True):
        parts += [re.escape(value), _wildcards(text)]
    return re.compile("".join(parts), re.DOTALL)


def _wildcards(text: str) -> str:
    return re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")


def listed(value: object) -> list[str]:
    """One or several, as a list of texts; what is neither is nothing."""
    if isinstance(value, str):
        return [value]
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


def named_variables(policies: Sequence[Policy]) -> set[str]:
    """The variables that resources and conditions go by, as they are written."""
    return {
        name
        for policy in policies
        for found in policy.statements()
        for name in _VARIABLE.findall(str(found.statement.get("Resource", "")))
    } | {
        key
        for policy in policies
        for found in policy.statements()
        for keys in (found.statement.get("Condition") or {}).values()
        for key in keys
    }


def _nearest(every: Sequence[Reference], action: str, resource: str, given: Variables) -> Decision:
    """The Allow of this action whose resource has the most in common with the wanted one."""
    best, most, lacking = None, -1.0, ""
    for found in every:
        if found.statement["Effect"] != "Allow" or not _is_about(found.statement, action):
            continue
        if _is_on(found.statement, resource, given):
            return Decision(IMPLICIT_DENY, None, found, "condition")
        alike = max(
            (_alike(one, resource, given) for one in listed(found.statement.get("Resource"))),
            default=0.0,
        )
        if alike > most:
            best, most, lacking = found, alike, "resource"
    return Decision(IMPLICIT_DENY, None, best, lacking)


def _alike(pattern: str, resource: str, given: Variables) -> float:
    """How much both have in common, from 0 to 1."""
    return SequenceMatcher(None, filled(pattern, given), resource, autojunk=False).ratio()


def filled(pattern: str, given: Variables) -> str:
    """A resource with the values of its variables, for people."""
    names = {name.lower(): value for name, value in given.items()}
    return _VARIABLE.sub(lambda found: str(names.get(found[1].lower(), found[0])), pattern)
