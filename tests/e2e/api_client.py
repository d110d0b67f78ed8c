"""A client of the deployed HTTP API, as any program would be one: the standard library, and a
token.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

# No proxy of the machine's leads to the local cloud.
_OPENER = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @classmethod
    def of(cls, answer: Any) -> "Reply":
        """From what urllib gives."""
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return cls(answer.status, headers, json.loads(answer.read() or b"null"))


@dataclass(frozen=True)
class ApiClient:
    """Asks with a token, or with none."""

    url: str
    token: str | None = None

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request; `body` becomes JSON."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        request = Request(self.url + path, data, {**sent, **(headers or {})}, method=method)  # noqa: S310
        try:
            with _OPENER.open(request, timeout=30) as answer:
                return Reply.of(answer)
        except HTTPError as error:
            return Reply.of(error)

    def with_token(self, token: str | None) -> "ApiClient":
        """The same, as somebody else."""
        return replace(self, token=token)
