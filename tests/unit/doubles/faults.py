"""Calls that fail at a chosen place, in front of moto and the services in memory alike."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ReadTimeoutError

HOW = ("unanswered", "answer lost", "killed before", "killed after")


class Killed(BaseException):
    """The function's process is gone in the middle of its work; nothing in it gets to run any
    more.
    """


@contextmanager
def refused(
    client: Any, operation: str, code: str = "InternalFailure", status: int = 500
) -> Iterator[None]:
    """Within the block the operation is answered with this error."""

    answer = {
        "Error": {"Code": code, "Message": "injected"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    with answered(client, operation, answer, status):
        yield


@contextmanager
def answered(
    client: Any, operation: str, answer: Mapping[str, Any], status: int = 200
) -> Iterator[None]:
    """Within the block the operation is answered so, as it comes from the network."""

    def give(**_: Any) -> tuple[Any, dict[str, Any]]:
        return SimpleNamespace(status_code=status), dict(answer)

    name = f"before-call.{client.meta.service_model.service_id.hyphenize()}.{operation}"
    client.meta.events.register_first(name, give)
    try:
        yield
    finally:
        client.meta.events.unregister(name, give)


@dataclass
class Interruption:
    """One failure at the n-th AWS call of whatever runs, counted over all clients."""

    at: int
    how: str
    """One of HOW: the call is lost, or only its answer is; or the whole function is, before or
    after the call.
    """
    calls: int = 0
    operation: str = ""

    def before(self, model: Any, **_: Any) -> None:
        self.calls += 1
        if self.calls != self.at:
            return
        self.operation = model.name
        if self.how == "unanswered":
            raise ReadTimeoutError(endpoint_url=model.name)
        if self.how == "killed before":
            raise Killed(model.name)

    def after(self, model: Any, **_: Any) -> None:
        if self.calls != self.at:
            return
        if self.how == "answer lost":
            raise ReadTimeoutError(endpoint_url=model.name)
        if self.how == "killed after":
            raise Killed(model.name)


@contextmanager
def interrupted(clients: list[Any], at: int, how: str) -> Iterator[Interruption]:
    """Within the block the n-th call fails; `operation` stays empty when there were fewer."""
    interruption = Interruption(at, how)
    for client in clients:
        client.meta.events.register_first("before-call", interruption.before)
        client.meta.events.register_first("after-call", interruption.after)
    try:
        yield interruption
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", interruption.before)
            client.meta.events.unregister("after-call", interruption.after)
