"""What a sweep finds, and what became of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

NAMED_OTHERWISE = ("task", "certificate")
OUTCOMES = ("found", "ambiguous", "removed", "gone", "failed")


@dataclass(frozen=True)
class Finding:
    """Something that should not be there."""

    kind: str
    """`device`, `leftovers`, `thing`, `task`, `objects`, `certificate`, `request`, `policy` or
    `host`.
    """
    name: str
    """Thing name; a task's ARN, a certificate's id, a policy's name where no name is known."""
    reason: str
    event: Mapping[str, Any] | None = None
    """What its mender is told; None: it may be somebody else's, so it is only reported."""
    mender: str = "clean-up"
    """Who mends it: `clean-up`, or who undoes what held a device, `undo-restart`,
    `undo-quarantine`; of hosts `tell-hosts`; of certificates that were registered and not decided
    on `admit-certificate`.
    """

    @property
    def ambiguous(self) -> bool:
        """Whether it is for a person to judge."""
        return self.event is None


@dataclass(frozen=True)
class Result:
    """A finding and its fate, one of OUTCOMES: `found` is of a dry run, `gone` is by itself,
    meanwhile.
    """

    kind: str
    name: str
    reason: str
    outcome: str
    error: str = ""

    @classmethod
    def of(cls, finding: Finding, outcome: str, error: str = "") -> "Result":
        """The fate of a finding."""
        return cls(finding.kind, finding.name, finding.reason, outcome, error)

    @property
    def subject(self) -> dict[str, str]:
        """`thing_name`, for the log, where the name is that of a thing."""
        return {} if self.kind in NAMED_OTHERWISE else {"thing_name": self.name}

    def as_dict(self) -> dict[str, str]:
        """For the function's answer."""
        return asdict(self)


def undo(thing_name: str, execution_arn: str) -> dict[str, Any]:
    """The event that has CleanUp undo what an execution made under that name."""
    return {"input": {"thingName": thing_name}, "execution": execution_arn}


TELL_HOSTS = "tell-hosts"
ADMIT_CERTIFICATE = "admit-certificate"


def of_host(name: str, reason: str, execution_arn: str, *, gone: bool = False) -> Finding:
    """A host that is to be removed, made by that execution; `gone`: that is to be closed."""
    told = {"host": name, "madeBy": execution_arn, "gone": gone}
    return Finding("host", name, reason, told, TELL_HOSTS)
