"""What the two workflows are asked for, and what their states hand on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.errors import InvalidInput
from common.identifiers import checked_thing_name
from common.jsonvalues import fault_of, path_of, told

LONGEST_REASON = 512


@dataclass(frozen=True)
class QuarantineRequest:
    """Which device, why, and the execution that asks. `verdict` is what a detector has found, an
    object of its own.
    """

    thing_name: str
    execution_arn: str
    reason: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "QuarantineRequest":
        """From `{"input": {thingName, reason, verdict?}, "execution": <execution ARN>}`; raises
        InvalidInput.
        """
        asked = fields(event["input"], "thingName", "reason", "verdict")
        reason = asked.get("reason")
        if not isinstance(reason, str) or not reason.strip() or len(reason) > LONGEST_REASON:
            raise InvalidInput(
                "reason", f"must be a text of 1 to {LONGEST_REASON} characters that says why"
            )
        if not isinstance(asked.get("verdict", {}), dict):
            raise InvalidInput("verdict", "must be a JSON object")
        if fault := fault_of(asked.get("verdict", {})):
            raise InvalidInput(path_of(("verdict", *fault.place)), fault.rule)
        return cls(checked_thing_name(asked.get("thingName")), event["execution"], reason)


@dataclass(frozen=True)
class ReleaseRequest:
    """Which device to let out, and whether without its help: by a new task with a new
    certificate.
    """

    thing_name: str
    execution_arn: str
    force: bool = False

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "ReleaseRequest":
        """From `{"input": {thingName, force?}, "execution": <execution ARN>}`; raises
        InvalidInput.
        """
        asked = fields(event["input"], "thingName", "force")
        force = asked.get("force", False)
        if not isinstance(force, bool):
            raise InvalidInput("force", f"must be true or false, got {told(force)}")
        return cls(checked_thing_name(asked.get("thingName")), event["execution"], force)


@dataclass(frozen=True)
class HeldDevice:
    """A device, and the execution that holds it: what most states need to know."""

    thing_name: str
    execution_arn: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "HeldDevice":
        """From the state's payload."""
        return cls(event["thingName"], event["execution"])


def fields(asked: object, *known: str) -> Mapping[str, Any]:
    """The input of a workflow, an object that has only `known` fields; raises InvalidInput."""
    if not isinstance(asked, dict):
        raise InvalidInput("input", 'must be a JSON object such as {"thingName": "dev-SAMPLE"}')
    for field in sorted(asked.keys() - set(known)):
        raise InvalidInput(field, f"is not a field of this workflow; it knows {', '.join(known)}")
    return asked
