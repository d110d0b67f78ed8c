"""Asks LinkDevices, the one function whose role may write the policies of links."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.errors import DeviceBusy, InvalidInput, ThingNotFound, TransientError
from common.jsontext import read

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


@dataclass(frozen=True)
class LinkDevices:
    """The function, for other functions. Give it a client that waits for 30 s, and for one
    answer.
    """

    functions: "LambdaClient"
    function_name: str

    def ask(self, action: str, thing_name: str, target: str | None = None) -> list[str]:
        """What the switch drives afterwards.

        Raises InvalidInput, ThingNotFound, DeviceBusy; TransientError for the rest.
        """
        event: dict[str, Any] = {"action": action, "thingName": thing_name}
        if target is not None:
            event["target"] = target
        answer = self.functions.invoke(
            FunctionName=self.function_name, Payload=json.dumps(event).encode()
        )
        said: dict[str, Any] = read(answer["Payload"].read())
        if "FunctionError" in answer:
            raise _refusal(str(said.get("errorType")), str(said.get("errorMessage")))
        links: list[str] = said["links"]
        return links


def _refusal(name: str, message: str) -> Exception:
    """What the function has raised, as its class; TransientError for what nobody need be told."""
    if name == InvalidInput.__name__:
        field, _, rule = message.partition(": ")
        return InvalidInput(field, rule)
    refused = next((error for error in (ThingNotFound, DeviceBusy) if error.__name__ == name), None)
    return refused(message) if refused else TransientError(f"LinkDevices: {name}: {message}")
