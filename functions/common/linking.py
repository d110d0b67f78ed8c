"""Asks LinkDevices, the one function whose role may write the policies of links."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.errors import DeviceBusy, InvalidInput, ThingNotFound, TransientError

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

REFUSALS = (InvalidInput, ThingNotFound, DeviceBusy)
"""What the function says no with, for reasons that the asker can tell on."""


@dataclass(frozen=True)
class LinkDevices:
    """The function, for other functions. Give it a client that waits for 30 s, and for one answer."""

    functions: "LambdaClient"
    function_name: str

    def ask(self, action: str, thing_name: str, target: str | None = None) -> list[str]:
        """What the switch drives afterwards.

        Raises InvalidInput, ThingNotFound, DeviceBusy; TransientError for the rest.
        """
        event: dict[str, Any] = {"action": action, "thingName": thing_name, "answerRefusals": True}
        if target is not None:
            event["target"] = target
        answer = self.functions.invoke(FunctionName=self.function_name, Payload=json.dumps(event).encode())
        said: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise TransientError(f"LinkDevices: {said.get('errorType')}: {said.get('errorMessage')}")
        if "refused" in said:
            raise _refusal(said["refused"])
        links: list[str] = said["links"]
        return links


def _refusal(said: Mapping[str, str]) -> Exception:
    """What the function has refused, and why."""
    name, message = said["error"], said["message"]
    if name == InvalidInput.__name__:
        field, _, rule = message.partition(": ")
        return InvalidInput(field, rule)
    return ThingNotFound(message) if name == ThingNotFound.__name__ else DeviceBusy(message)
