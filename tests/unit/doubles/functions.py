"""AWS Lambda: invokes the handlers themselves, and passes on what they raise as Lambda does."""

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.unit.doubles.service import MemoryService, Refusal


class MemoryFunctions(MemoryService):
    """Functions by name."""

    def __init__(self, handlers: Mapping[str, Callable[[Any], Any]]) -> None:
        self.handlers = handlers
        self.asked: list[Any] = []

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        if FunctionName not in self.handlers:
            raise Refusal("ResourceNotFoundException", 404, FunctionName)
        self.asked.append(json.loads(Payload))
        try:
            said = self.handlers[FunctionName](json.loads(Payload))
        except Exception as error:  # noqa: BLE001 - whatever it is, Lambda answers
            said = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(said).encode())}
        return {"Payload": io.BytesIO(json.dumps(said).encode())}
