"""A client of the HTTP API as API Gateway would call its function: events in payload format 2.0."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from control_plane import control_plane
from control_plane.document import operations
from tests.unit.built import built

ADMIN = {
    "sub": "sub-of-admin",
    "username": "admin",
    "token_use": "access",
    "cognito:groups": "[admins]",
}
VIEWER = {
    "sub": "sub-of-viewer",
    "username": "viewer",
    "token_use": "access",
    "cognito:groups": "[viewers]",
}
JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Reply:
    """What the function answered."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def fields(self) -> list[str]:
        """The fields that a problem names."""
        return [error["field"] for error in self.body.get("errors", [])]


@dataclass
class Api:
    """Calls the function; `claims` are those of the token, None for no token."""

    context: Any
    claims: Mapping[str, Any] | None = field(default_factory=lambda: ADMIN)

    def call(
        self,
        operation_id: str,
        *,
        query: Mapping[str, Any] | str = "",
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        **path: str,
    ) -> Reply:
        """An operation of the document."""
        operation = operations()[operation_id]
        given = operation.path.format(**path)
        sent = {**(JSON if body is not None else {}), **(headers or {})}
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        return self.send(
            operation.method, given, f"{operation.method} {operation.path}", path, query, sent, text
        )

    def send(
        self,
        method: str,
        path: str,
        route_key: str = "$default",
        path_parameters: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | str = "",
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
        *,
        base64: bool = False,
    ) -> Reply:
        """Any request that has passed the gateway."""
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": route_key,
            "rawPath": path,
            "rawQueryString": query if isinstance(query, str) else urlencode(query),
            "headers": dict(headers or {}),
            "requestContext": {
                "http": {"method": method, "path": path},
                "stage": "$default",
                "requestId": "one",
            },
            "isBase64Encoded": base64,
        }
        if path_parameters:
            event["pathParameters"] = dict(path_parameters)
        if self.claims is not None:
            event["requestContext"]["authorizer"] = {
                "jwt": {"claims": dict(self.claims), "scopes": None}
            }
        if body is not None:
            event["body"] = body
        answer = built(control_plane)(event, self.context)
        return Reply(answer["statusCode"], answer["headers"], json.loads(answer["body"]))
