"""What LinkDevices is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.errors import InvalidInput
from common.identifiers import checked_thing_name
from common.jsonvalues import told

ACTIONS = {"link": True, "unlink": True, "forget": False, "mend": False}
"""What can be asked for, and whether it names a target."""


@dataclass(frozen=True)
class LinkRequest:
    """What to do; `target` is empty where none is named."""

    action: str
    thing_name: str
    target: str = ""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "LinkRequest":
        """From `{"action", "thingName"}`, with `target` for link and unlink; raises
        InvalidInput.
        """
        action = event.get("action")
        if not isinstance(action, str) or action not in ACTIONS:
            raise InvalidInput("action", f"must be one of {', '.join(ACTIONS)}, got {told(action)}")
        fields = {"action", "thingName", "target"} if ACTIONS[action] else {"action", "thingName"}
        for field in sorted(event.keys() ^ fields):
            raise InvalidInput(
                field, f"{action} takes {', '.join(sorted(fields))} and nothing else"
            )
        if not ACTIONS[action]:
            return cls(action, checked_thing_name(event["thingName"]))
        found = cls(
            action, checked_thing_name(event["thingName"]), _checked_target(event["target"])
        )
        if found.thing_name == found.target:
            raise InvalidInput("target", "must not be the switch itself")
        return found


def _checked_target(value: object) -> str:
    try:
        return checked_thing_name(value)
    except InvalidInput as error:
        raise InvalidInput("target", error.rule) from None
