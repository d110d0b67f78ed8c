"""Asks LinkDevices, the one function whose role may write the policies of links."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.errors import DeviceBusy, InvalidInput, ThingNotFound, TransientError

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


@dataclass(frozen=True)
class LinkDevices:
    """The function, for other functions. Give it a client that waits for 30 s, and for one answer."""

    functions: "LambdaClient"
    function_name: str

    def ask(self, action: str, thing_name: str, target: str | None = None) -> list[str]:
        """What the switch drives afterwards.

        Raises InvalidInput, ThingNotFound, DeviceBusy; TransientError for the rest.
        """
        event = {"action": action, "thingName": thing_name} | ({"target": target} if target is not None else {})
        answer = self.functions.invoke(FunctionName=self.function_name, Payload=json.dumps(event).encode())
        said: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise _error(said)
        links: list[str] = said["links"]
        return links


def _error(said: Mapping[str, Any]) -> Exception:
    """What the function has raised, by the name of its class."""
    name, message = str(said.get("errorType", "")), str(said.get("errorMessage", ""))
    if name == "InvalidInput":
        field, _, rule = message.partition(": ")
        return InvalidInput(field, rule)
    known = {"ThingNotFound": ThingNotFound, "DeviceBusy": DeviceBusy}
    return known.get(name, TransientError)(message if name in known else f"LinkDevices: {name}: {message}")
