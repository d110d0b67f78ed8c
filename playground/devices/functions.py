"""Ask one of the stack's functions, and tell what it says when it fails."""

import json
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from common.jsontext import read
from common.jsonvalues import NotJsonError
from playground.errors import PlaygroundError
from playground.home.homes import Home

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

PATIENT = Config(read_timeout=320, retries={"total_max_attempts": 1})
"""A function may take 300 seconds; a second call beside the first would find the same."""


def ask(
    home: Home, output: str, request: Any, failure: type[PlaygroundError], told: str = ""
) -> dict[str, Any]:
    """The answer of the function that the stack's output names; `told` leads the sentence of a
    `failure`.

    Raises `failure` with what the function says, also when it has said nothing that could be read.
    """
    client: LambdaClient = home.client("lambda", PATIENT)
    answer = client.invoke(FunctionName=home.output(output), Payload=json.dumps(request).encode())
    said = _read(answer["Payload"].read())
    if "FunctionError" in answer or not isinstance(said, dict):
        raise failure(f"{told}{_message(said)}")
    return said


def _read(payload: bytes) -> Any:
    try:
        return read(payload)
    except NotJsonError:
        return payload.decode(errors="replace")


def _message(said: Any) -> str:
    """What a function that has failed gives: an object with errorMessage, or, when it was killed,
    whatever it was.
    """
    if isinstance(said, dict):
        return str(said.get("errorMessage") or said.get("errorType") or said)
    return str(said or "the function gave no answer.")
