"""The classic shadow of a device, as the control plane sees it: `desired` is ours to write,
`reported` the device's.

Rules from the AWS IoT Core developer guide, "Device Shadow service documents": an update merges
objects, replaces arrays whole, removes what is null, and is refused when it names another version
than the shadow has.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.answers import ACCEPTED, PENDING, Answer, answer, merged
from common.clients import error_code
from common.jsontext import read

if TYPE_CHECKING:
    from types_boto3_iot_data import IoTDataPlaneClient


@dataclass(frozen=True)
class Shadow:
    """What the shadow held when it was read; `version` is None when there was none."""

    version: int | None = None
    desired: Mapping[str, Any] = field(default_factory=dict)
    reported: Mapping[str, Any] = field(default_factory=dict)

    def pending(self, wishes: Mapping[str, Any]) -> list[str]:
        """Which of these wishes the device does not run with, or not yet."""
        return [key for key, found in self._answers(wishes).items() if found.result != ACCEPTED]

    def is_answered(self, wishes: Mapping[str, Any]) -> bool:
        """Whether the device runs with each of these wishes, or has said that it will not."""
        return all(found.result != PENDING for found in self._answers(wishes).values())

    def _answers(self, wishes: Mapping[str, Any]) -> Mapping[str, Answer]:
        return {key: answer(key, wish, self.desired, self.reported) for key, wish in wishes.items()}


@dataclass(frozen=True)
class Shadows:
    """Reads shadows and writes wishes into them."""

    iot_data: "IoTDataPlaneClient"

    def read(self, thing_name: str) -> Shadow:
        """The shadow as it is now."""
        try:
            found = read(self.iot_data.get_thing_shadow(thingName=thing_name)["payload"].read())
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return Shadow()
            raise
        state = found["state"]
        return Shadow(found["version"], state.get("desired") or {}, state.get("reported") or {})

    def desire(self, thing_name: str, patch: Mapping[str, Any], seen: Shadow) -> Shadow | None:
        """Merge `patch` into `desired`; gives the shadow that comes of it, None when it has changed
        since `seen`.
        """
        document: dict[str, Any] = {"state": {"desired": patch}}
        if seen.version is not None:
            document["version"] = seen.version
        try:
            written = self.iot_data.update_thing_shadow(
                thingName=thing_name, payload=json.dumps(document).encode()
            )
        except ClientError as error:
            if error_code(error) == "ConflictException":
                return None
            raise
        version = read(written["payload"].read())["version"]
        return Shadow(version, merged(seen.desired, patch), seen.reported)
