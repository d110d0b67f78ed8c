"""Ask the stack's sweep what no workflow has removed, and have it removed."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from playground.errors import SweepError
from playground.homes import Home

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

# The function may take 300 seconds; a second call beside the first would find the same.
PATIENT = Config(read_timeout=320, retries={"total_max_attempts": 1})


@dataclass(frozen=True)
class Swept:
    """Something that should not be there, and its fate: `found`, `ambiguous`, `removed`, `gone` or `failed`."""

    kind: str
    name: str
    reason: str
    outcome: str
    error: str


def sweep(home: Home, older_than: float, *, dry_run: bool = False) -> list[Swept]:
    """Sweep everything that has not changed for `older_than` seconds. Raises SweepError."""
    client: LambdaClient = home.client("lambda", PATIENT)
    request = {"dryRun": dry_run, "olderThanSeconds": older_than, "everything": True}
    answer = client.invoke(FunctionName=home.output("SweepFunctionName"), Payload=json.dumps(request).encode())
    said: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise SweepError(f"The sweep failed: {said.get('errorMessage', said)}")
    return [Swept(**found) for found in said["findings"]]
