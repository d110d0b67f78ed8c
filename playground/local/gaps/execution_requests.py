"""What StartExecution refuses, and when it may be repeated.

AWS refuses input that is no JSON (`InvalidExecutionInput`), and a name with white space, brackets,
wildcards, special or control characters, or of more than 80 characters (`InvalidName`). The same
name with the same input, while that execution runs, gives that execution; with another input, or
when it has ended, `ExecutionAlreadyExists`.

Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html

Emulator: takes any name, runs with `{}` instead of input that it can't read, and refuses every
second execution of a name.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import stepfunctions

Answer = tuple[int, dict[str, str], bytes]

NAME = re.compile(r"""[^\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}""")
MOST_INPUT_BYTES = 262_144


def fill() -> None:
    """Look at the request first."""
    start, start_sync = stepfunctions._start_execution, stepfunctions._start_sync_execution

    def started(data: dict[str, Any]) -> Answer:
        answer: Answer = _refusal(data) or _running(data) or start(data)
        return answer

    def started_sync(data: dict[str, Any]) -> Any:
        return _refusal(data) or start_sync(data)

    stepfunctions._start_execution, stepfunctions._start_sync_execution = started, started_sync


def _refusal(data: Mapping[str, Any]) -> Answer | None:
    name, given = data.get("name"), data.get("input", "{}")
    if name is not None and not NAME.fullmatch(str(name)):
        return _error("InvalidName", f"Invalid Name: '{name}'")
    if len(str(given).encode()) > MOST_INPUT_BYTES:
        return _error("InvalidExecutionInput", f"The input has more than {MOST_INPUT_BYTES} bytes")
    try:
        json.loads(given, parse_constant=_no_json)
    except (ValueError, TypeError, RecursionError) as error:
        return _error("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'")
    return None


def _running(data: Mapping[str, Any]) -> Answer | None:
    """The execution of this name and input, if it runs."""
    machine = str(data.get("stateMachineArn", "")).partition("#")[0].split(":")
    name = machine[6] if len(machine) > 6 else ""
    arn = f"arn:aws:states:{get_region()}:{get_account_id()}:execution:{name}:{data.get('name')}"
    found = stepfunctions._executions.get(arn)
    if not found or found["status"] != "RUNNING" or found["input"] != data.get("input", "{}"):
        return None
    answer: Answer = json_response({"executionArn": arn, "startDate": found["startDate"]})
    return answer


def _error(name: str, message: str) -> Answer:
    answer: Answer = error_response_json(name, message, 400)
    return answer


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
