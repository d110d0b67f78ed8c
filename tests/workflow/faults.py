"""Faults from outside: what AWS does to functions, done to those of the tests' cloud."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.playground_cloud import Cloud


@contextmanager
def throttled(cloud: Cloud, logical_id: str) -> Iterator[None]:
    """Let Lambda refuse every call of the function, as it does when an account's concurrency is
    used up.
    """
    function = cloud.functions[logical_id]
    functions = cloud.client("lambda")
    before = functions.get_function_concurrency(FunctionName=function).get(
        "ReservedConcurrentExecutions"
    )
    functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        if before is None:
            functions.delete_function_concurrency(FunctionName=function)
        else:
            functions.put_function_concurrency(
                FunctionName=function, ReservedConcurrentExecutions=before
            )


def event_types(cloud: Cloud, execution_arn: str) -> list[str]:
    """The types of all events of the execution so far."""
    pages = (
        cloud.client("stepfunctions")
        .get_paginator("get_execution_history")
        .paginate(executionArn=execution_arn)
    )
    return [event["type"] for page in pages for event in page["events"]]
