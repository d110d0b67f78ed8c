"""A service in memory behind a real boto3 client: parameters are checked, errors have AWS's codes,
nothing is sent.
"""

from types import SimpleNamespace
from typing import Any

from botocore import xform_name


class Refusal(Exception):  # noqa: N818 - AWS's answer, not an error of the test
    """An error answer, as AWS words it."""

    def __init__(self, code: str, status: int = 400, message: str = "", **members: Any) -> None:
        super().__init__(message or code)
        self.code = code
        self.status = status
        self.members = members


class MemoryService:
    """Answers every operation with the method of its name; an operation without one is a mistake in
    the test.
    """

    def behind(self, client: Any) -> None:
        """Answer this client's calls until `leave`."""
        client.meta.events.register(
            "before-parameter-build", self._remember, unique_id=f"remember-{id(self)}"
        )
        client.meta.events.register("before-call", self._answer, unique_id=f"answer-{id(self)}")

    def leave(self, client: Any) -> None:
        """Let the client be."""
        client.meta.events.unregister("before-parameter-build", unique_id=f"remember-{id(self)}")
        client.meta.events.unregister("before-call", unique_id=f"answer-{id(self)}")

    @staticmethod
    def _remember(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        try:
            answer = getattr(self, xform_name(model.name))(**context["asked"]) or {}
            status = 200
        except Refusal as refusal:
            answer = {"Error": {"Code": refusal.code, "Message": str(refusal)}, **refusal.members}
            status = refusal.status
        return SimpleNamespace(status_code=status), {
            **answer,
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
