"""A client of the deployed HTTP API, as any program would be one: the standard library, and a token."""

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from tests.playground_cloud import Cloud

# No proxy of the machine's leads to the local cloud.
_OPENER = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class ApiClient:
    """Asks with a token, or with none."""

    url: str
    token: str | None = None

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """One request; `body` becomes JSON."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        request = Request(self.url + path, data, {**sent, **(headers or {})}, method=method)  # noqa: S310
        try:
            with _OPENER.open(request, timeout=30) as answer:
                return Reply(answer.status, answer.headers, json.loads(answer.read() or b"null"))
        except HTTPError as error:
            return Reply(error.code, error.headers, json.loads(error.read() or b"null"))

    def with_token(self, token: str | None) -> "ApiClient":
        """The same, as somebody else."""
        return replace(self, token=token)


def url_of(cloud: Cloud) -> str:
    """Where the local cloud answers for the API."""
    api_id = cloud.home.output("ApiUrl").removeprefix("http://").partition(".")[0]
    return f"{cloud.home.endpoint}/_aws/execute-api/{api_id}/$default"


def tokens_of(cloud: Cloud, name: str, group: str | None) -> Mapping[str, str]:
    """Access and ID token of a user who is made, or given a new password, for this."""
    cognito, pool = cloud.client("cognito-idp"), cloud.home.output("UserPoolId")
    password = f"A1{secrets.token_urlsafe(16)}"
    with suppress(cognito.exceptions.UsernameExistsException):
        cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=password, Permanent=True)
    if group:
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=group)
    answer = cognito.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=cloud.home.output("UserPoolClientId"),
        AuthParameters={"USERNAME": name, "PASSWORD": password},
    )
    found: Mapping[str, str] = answer["AuthenticationResult"]
    return found
