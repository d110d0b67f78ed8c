"""The classic shadow of a device, as the control plane sees it: `desired` is ours to write, `reported` the device's.

Rules from the AWS IoT Core developer guide, "Device Shadow service documents": an update merges objects, replaces
arrays whole, removes what is null, and is refused when it names another version than the shadow has.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.clients import error_code

if TYPE_CHECKING:
    from types_boto3_iot_data import IoTDataPlaneClient


@dataclass(frozen=True)
class Shadow:
    """What the shadow held when it was read; `version` is None when there was none."""

    version: int | None = None
    desired: Mapping[str, Any] = field(default_factory=dict)
    reported: Mapping[str, Any] = field(default_factory=dict)

    def pending(self, keys: Iterable[str]) -> list[str]:
        """Which of these keys of `desired` the device does not run with."""
        return [key for key in keys if key in self.desired and not _same(self.desired[key], self.reported.get(key))]

    def is_answered(self, keys: Iterable[str]) -> bool:
        """Whether the device runs with the value of each of these keys, or has said that it will not."""
        rejected = self.reported.get("rejected") or {}
        return all(
            key in rejected and _same(rejected[key].get("value"), self.desired[key]) for key in self.pending(keys)
        )


@dataclass(frozen=True)
class Shadows:
    """Reads shadows and writes wishes into them."""

    iot_data: "IoTDataPlaneClient"

    def read(self, thing_name: str) -> Shadow:
        """The shadow as it is now."""
        try:
            found = json.loads(self.iot_data.get_thing_shadow(thingName=thing_name)["payload"].read())
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return Shadow()
            raise
        state = found["state"]
        return Shadow(found["version"], state.get("desired") or {}, state.get("reported") or {})

    def desire(self, thing_name: str, patch: Mapping[str, Any], seen: Shadow) -> Shadow | None:
        """Merge `patch` into `desired`; gives the shadow that comes of it, None when it has changed since `seen`."""
        document: dict[str, Any] = {"state": {"desired": patch}}
        if seen.version is not None:
            document["version"] = seen.version
        try:
            answer = self.iot_data.update_thing_shadow(thingName=thing_name, payload=json.dumps(document).encode())
        except ClientError as error:
            if error_code(error) == "ConflictException":
                return None
            raise
        version = json.loads(answer["payload"].read())["version"]
        return Shadow(version, merged(seen.desired, patch), seen.reported)


def merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`base` as it is when the shadow service, or a JSON merge patch (RFC 7396), has applied `patch` to it."""
    found = {key: value for key, value in base.items() if key not in patch}
    for key, value in patch.items():
        if isinstance(value, Mapping):
            before = base.get(key)
            found[key] = merged(before if isinstance(before, Mapping) else {}, value)
        elif value is not None:
            found[key] = value
    return found


def _same(left: Any, right: Any) -> bool:
    # Python takes true for 1.
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
