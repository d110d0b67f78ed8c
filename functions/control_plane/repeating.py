"""Requests to start a workflow that can be repeated: the same key of the same caller leads to one
execution, whose name is made of both.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from common.clients import error_code
from common.errors import TransientError
from common.jsontext import read
from common.jsonvalues import same
from control_plane.machines import STARTED_HERE, Machines
from control_plane.problem import FieldError, Problem
from control_plane.request import Request

KEY = "Idempotency-Key"


@dataclass(frozen=True)
class Starting:
    """Starts one workflow with the bodies of requests. `apart`: what keeps its keys from those of
    another workflow.
    """

    machines: Machines
    workflow: str
    apart: str = ""

    def start(self, request: Request, refuse: Callable[[], None]) -> str:
        """The name of the execution, of the one that the first such request has started.

        `refuse` raises what is in the way of a new one. Raises Problem 422 where the key was used
        for another body.
        """
        given = json.dumps(request.body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        name = self._name(request)
        if name and self._started_before(name, given):
            return name
        refuse()
        try:
            return self.machines.start(self.workflow, given, name)
        except ClientError as error:
            if name is None or error_code(error) != "ExecutionAlreadyExists":
                raise
        # The same request was under way a moment ago.
        if self.machines.find(name, [self.workflow]) is None:
            raise TransientError(
                f"Step Functions has the execution {name} but does not show it yet"
            )
        self._started_before(name, given)
        return name

    def _started_before(self, name: str, given: str) -> bool:
        """Whether the request was made before. Raises Problem 422 when it was another one."""
        found = self.machines.described(self.machines.execution_arn(self.workflow, name))
        if found is None:
            return False
        if not same(read(found["input"]), read(given)):
            raise Problem(
                422,
                "idempotency-key-reused",
                "The key was used for another request",
                f"{KEY}: was used for another body; a new request needs a new key",
                [FieldError(KEY, "was used for another body")],
            )
        return True

    def _name(self, request: Request) -> str | None:
        """The same for every request of this caller with this key; None without a key."""
        key = request.parameters.get(KEY)
        if key is None:
            return None
        # No part has a line feed in it.
        parts = [request.caller.subject, key.strip('"'), *([self.apart] if self.apart else [])]
        return STARTED_HERE + hashlib.sha256("\n".join(parts).encode()).hexdigest()
