"""What is deployed, as the cloud tells it: not what `up` deployed last, for anybody may deploy."""

import hashlib
import json
from typing import Any

from playground.home.homes import local_session
from playground.home.state import LocalState

IN_THE_WAY = ("DELETE", "ROLLBACK")


def fingerprint(state: LocalState, secret: str) -> str:
    """A hash over the stack's last change and the code of its functions; "" while it does not
    stand.

    It changes with each deployment that changes something, and with a function's code, whoever did
    it.
    """
    session = local_session(secret)
    stack = _stack(session.client("cloudformation", endpoint_url=state.endpoint), state.stack_name)
    status = str(stack.get("StackStatus", ""))
    if not status.endswith("_COMPLETE") or any(word in status for word in IN_THE_WAY):
        return ""
    changed = str(stack.get("LastUpdatedTime") or stack.get("CreationTime"))
    code = _code(session.client("lambda", endpoint_url=state.endpoint), f"{state.stack_name}-")
    told = json.dumps([stack["StackId"], changed, code])
    return hashlib.sha256(told.encode()).hexdigest()


def _stack(client: Any, name: str) -> dict[str, Any]:
    for page in client.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            if stack["StackName"] == name:
                return dict(stack)
    return {}


def _code(client: Any, prefix: str) -> list[list[str]]:
    """Name and code hash of each function whose name begins so, in order."""
    return sorted(
        [found["FunctionName"], found["CodeSha256"]]
        for page in client.get_paginator("list_functions").paginate()
        for found in page["Functions"]
        if found["FunctionName"].startswith(prefix)
    )
