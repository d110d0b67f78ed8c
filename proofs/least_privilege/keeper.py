"""Withholds every action of every role, and gives back what is asked for, when it has been refused.

The first refusal of a function's run is the function's to deal with: it fails, as it would on AWS,
and what it does to undo its work is part of that run. What is refused to it then is lent, to the
end of the run. When the run is over, the first action is given back for good and the function runs
again on the same event, as its workflow would retry it.
"""

import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from proofs.fault_matrix.calls import Call
from proofs.fault_matrix.rules import Answer
from tests.role_policies import Document, Grant, actions_in

# By the time that they are called the run has failed. Powertools forgets an attempt that failed:
# refused that, it takes the next one for a second one at the same time, until the first one's time
# is over.
WHERE_IT_FAILED = frozenset({"dynamodb:DeleteItem"})

# Who can't be run again at once, and why: the call is repeated within the run.
APART = {
    Grant(
        "DetectFunction", "dynamodb:PutItem"
    ): "its event finishes what it began half a minute later, not at once",
    Grant(
        "DetectFunction", "sns:Publish"
    ): "its event finishes what it began half a minute later, not at once",
    Grant(
        "ProcessFindingFunction", "sns:Publish"
    ): "once the policy is replaced a second run finds nothing to tell of",
}

_NAMED = re.compile(rb"is not authorized to perform: ([\w-]+:\w+)")


class Roles(Protocol):
    """Where the policies stand."""

    def grants(self) -> list[Grant]:
        """Every action of every function."""

    def allow(self, function: str, whole: Mapping[str, Document], actions: Collection[str]) -> None:
        """Leave of the function's policies, which are `whole`, what these actions allow."""


@dataclass(frozen=True)
class Refusal:
    """What came of an action that a role did not have."""

    fails: bool
    """Whether the function's run failed of it, or the device that the function had signed a URL
    for.
    """
    what: str


@dataclass
class Keeper:
    """The roles' actions, and who has been refused which of them. Thread-safe."""

    roles: Roles
    whole: Mapping[str, Mapping[str, Document]]
    """All that the roles may do: the policies by function."""
    withheld: set[Grant] = field(default_factory=set)
    refused: dict[Grant, Refusal] = field(default_factory=dict)
    while_undoing: set[Grant] = field(default_factory=set)
    """What was refused in a run that had failed already."""
    strays: list[str] = field(default_factory=list)
    """Refusals of what was not withheld."""
    _first: dict[str, Grant] = field(default_factory=dict)
    _lent: dict[Grant, set[str]] = field(default_factory=dict)
    _runs: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Function and invocation by the access key that they sign with."""
    _repeated: set[str] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def withhold_all(self) -> None:
        """From here on no role may do anything."""
        with self._lock:
            self.withheld = set(self.roles.grants())
            for function in self.whole:
                self._write(function)

    def give_back_all(self) -> None:
        """The roles as they were."""
        with self._lock:
            self.withheld = set()
            for function in self.whole:
                self._write(function)

    def again(self, call: Call, answer: Answer) -> bool:
        """The proxy's question about every answer: True when what was refused is allowed now."""
        with self._lock:
            if call.function:
                self._runs[call.key] = (f"{call.function}Function", call.invocation)
            action = action_refused(call, answer)
            if not action or call.key not in self._runs:
                return False
            function, invocation = self._runs[call.key]
            grant = Grant(function, action)
            if grant not in self.withheld:
                return self._was_just_given_back(grant, call)
            if not call.function and call.service == "s3":
                self.give_back(
                    grant,
                    Refusal(fails=True, what="the device is refused by the URL it was given (403)"),
                )
                return True
            if grant in APART:
                self.give_back(grant, Refusal(fails=False, what=f"not tried: {APART[grant]}"))
                return True
            if action not in WHERE_IT_FAILED and self._first.setdefault(invocation, grant) == grant:
                return False
            self.while_undoing.add(grant)
            self._lent.setdefault(grant, set()).add(invocation)
            self._write(function)
            return True

    def ended(self, told: Mapping[str, Any]) -> bool:
        """What a function tells when its run is over: True when it is to run again."""
        with self._lock:
            self._take_back_what_was_lent(f"{told['function']}Function", told["invocation"])
            first = self._first.pop(told["invocation"], None)
            if first is None:
                return False
            self.give_back(first, refusal_of(told))
            return True

    def give_back(self, grant: Grant, refusal: Refusal | None = None) -> None:
        """From here on the role may do this again; `refusal` tells what came of it that it did
        not.
        """
        with self._lock:
            self.withheld.discard(grant)
            if refusal is not None:
                self.refused[grant] = refusal
            self._write(grant.function)

    def _was_just_given_back(self, grant: Grant, call: Call) -> bool:
        """To another run of the function, since this one was refused it: once more, then it is a
        stray.
        """
        if grant in self.refused and call.attempts_of not in self._repeated:
            self._repeated.add(call.attempts_of)
            return True
        self.strays.append(f"{grant.function}: {grant.action}")
        return False

    def _take_back_what_was_lent(self, function: str, invocation: str) -> None:
        lent = [grant for grant, runs in self._lent.items() if invocation in runs]
        for grant in lent:
            self._lent[grant].discard(invocation)
            if not self._lent[grant]:
                del self._lent[grant]
        if lent:
            self._write(function)

    def _write(self, function: str) -> None:
        whole = self.whole[function]
        kept = {
            grant.action
            for grant in self.withheld - self._lent.keys()
            if grant.function == function
        }
        self.roles.allow(function, whole, actions_in(whole) - kept)


def action_refused(call: Call, answer: Answer) -> str:
    """The action that AWS refuses by this answer, by IAM's name; empty when it refuses none."""
    if answer.status < 400:
        return ""
    if found := _NAMED.search(answer.body):
        return found[1].decode()
    # AWS IoT's data plane does not say what it refuses.
    error = {name.lower(): value for name, value in answer.headers.items()}.get(
        "x-amzn-errortype", ""
    )
    return (
        f"iot:{call.operation}"
        if call.service == "iot-data" and error.startswith("ForbiddenException")
        else ""
    )


def refusal_of(told: Mapping[str, Any]) -> Refusal:
    """What became of the function's run."""
    content = told["content"]
    if told["kind"] == "error":
        return Refusal(
            fails=True, what=_in_short(f"{content['errorType']}: {content['errorMessage']}")
        )
    status = content.get("statusCode", 200) if isinstance(content, dict) else 200
    if status >= 400:
        return Refusal(fails=True, what=f"answers {status}")
    return Refusal(
        fails=False,
        what="its answer tells of it" if "(AccessDenied" in str(content) else "goes on without it",
    )


def _in_short(error: str) -> str:
    """The error without what differs from run to run."""
    found = re.search(r"\((\w+)\) when calling the (\w+) operation", error)
    name = error.partition(": ")[0]
    return f"{name}: {found[1]}, calling {found[2]}" if found else name
