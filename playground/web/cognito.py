"""Sign in at the stack's user pool, as any program without AWS credentials does: InitiateAuth.

The tokens come from the pool itself, over the connection that was asked: their content is read, and
their signature is for the HTTP API to check.
"""

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from common.jsontext import decode_object
from common.jsonvalues import NotJsonError
from playground.web.bodies import whole

TARGET = "AWSCognitoIdentityProviderService."
MOST_BYTES = 65_536
WRONG = {"NotAuthorizedException", "UserNotFoundException", "InvalidParameterException"}
BUSY = {"TooManyRequestsException", "LimitExceededException"}


class RefusedError(Exception):
    """The user pool does not let this user in; the text says why, for a person."""


class AwayError(Exception):
    """The user pool did not answer, or not now; the text says so, for a person."""


@dataclass(frozen=True)
class Tokens:
    """What a sign-in gives; `expires` is Unix time in seconds."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    expires: int
    username: str
    group: str


@dataclass(frozen=True)
class SignIn:
    """One app client of one user pool; `endpoint` is that of Cognito in this region."""

    http: aiohttp.ClientSession
    endpoint: str
    client_id: str

    async def by_password(self, username: str, password: str) -> Tokens:
        """Raises RefusedError, AwayError."""
        return await self._initiate(
            "USER_PASSWORD_AUTH", {"USERNAME": username, "PASSWORD": password}
        )

    async def by_refresh(self, token: str) -> Tokens:
        """Raises RefusedError, AwayError."""
        return await self._initiate("REFRESH_TOKEN_AUTH", {"REFRESH_TOKEN": token})

    async def revoke(self, token: str) -> None:
        """End a refresh token and what came of it; a user pool that is away does not know it for
        longer than half a day."""
        try:
            await self._ask("RevokeToken", {"Token": token, "ClientId": self.client_id})
        except (RefusedError, AwayError):
            return

    async def _initiate(self, flow: str, parameters: dict[str, str]) -> Tokens:
        answer = await self._ask(
            "InitiateAuth",
            {"AuthFlow": flow, "ClientId": self.client_id, "AuthParameters": parameters},
        )
        if "ChallengeName" in answer:
            raise RefusedError(
                "This user has no password of their own yet: `playground user password NAME` "
                "sets one."
            )
        found = answer.get("AuthenticationResult")
        access = found.get("AccessToken") if isinstance(found, dict) else None
        refresh = found.get("RefreshToken") if isinstance(found, dict) else None
        if not isinstance(access, str):
            raise AwayError("The user pool has answered without a token.")
        return tokens_of(access, refresh if isinstance(refresh, str) else None)

    async def _ask(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            async with self.http.post(
                self.endpoint,
                data=json.dumps(body).encode(),
                headers={
                    "Accept-Encoding": "identity",
                    "Content-Type": "application/x-amz-json-1.1",
                    "X-Amz-Target": TARGET + operation,
                },
                allow_redirects=False,
            ) as response:
                content = await whole(response.content, MOST_BYTES)
                status = response.status
            said = decode_object(b"" if content is None else content or b"{}", MOST_BYTES)
        except (aiohttp.ClientError, OSError, NotJsonError) as error:
            raise AwayError("The user pool does not answer.") from error
        if status == 200:
            return said
        code = str(said.get("__type", "")).rpartition("#")[2]
        if code in BUSY:
            raise AwayError("Too many sign-ins at once: try again in a moment.")
        if code in WRONG:
            raise RefusedError("The user name or the password is wrong.")
        raise AwayError(f"The user pool could not sign in ({code or status}).")


def tokens_of(access: str, refresh: str | None) -> Tokens:
    """Read an access token. Raises AwayError when it is none."""
    try:
        payload = access.split(".")[1]
        claims = decode_object(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), MOST_BYTES)
        groups = claims.get("cognito:groups", [])
        expires, username = int(str(claims["exp"])), str(claims["username"])
    except (ValueError, IndexError, KeyError, NotJsonError) as error:
        raise AwayError("The user pool has answered with something that is no token.") from error
    group = "admins" if isinstance(groups, list) and "admins" in groups else "viewers"
    return Tokens(access, refresh, expires, username, group)
