"""How many invocations of a function run at a time on this machine.

The emulator starts a process for each, half a second of CPU and 45 MB, or a tenth of a second and
17 MB where it is a copy (see `worker_forks`). Two hundred executions started at once would start
more of them than a laptop can run before Lambda's time limit is over.
What is refused, the workflow tries again.
"""

import os

from playground.home.homes import local_session
from playground.home.state import LocalState

AT_A_TIME_PER_CORE = 2
# Not Presence, whose events the emulator does not bring a second time, nor RecordStatus, of whose
# refusal it does not tell the workflow; of these there are no more than the others have let
# through.
LIMITED = (
    "CreateThing",
    "TakeTurn",
    "CreateCertificate",
    "CreateClaim",
    "AttachPolicy",
    "WriteConfig",
    "StartTask",
)


def limit(state: LocalState, secret: str) -> None:
    """Limit the deployed stack's functions that make devices."""
    session = local_session(secret)
    stack = session.client("cloudformation", endpoint_url=state.endpoint)
    functions = session.client("lambda", endpoint_url=state.endpoint)
    most = AT_A_TIME_PER_CORE * (os.cpu_count() or 1)
    names = {f"{name}Function" for name in LIMITED}
    for page in stack.get_paginator("list_stack_resources").paginate(StackName=state.stack_name):
        for resource in page["StackResourceSummaries"]:
            if resource["LogicalResourceId"] in names:
                functions.put_function_concurrency(
                    FunctionName=resource["PhysicalResourceId"], ReservedConcurrentExecutions=most
                )
