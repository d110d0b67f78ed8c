"""`/session`: sign in with a one-time code or a password, renew, sign out."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

from common.jsontext import decode_object
from common.jsonvalues import Json, NotJsonError
from playground.web.bodies import whole
from playground.web.codes import Codes
from playground.web.cognito import AwayError, RefusedError, Tokens
from playground.web.problems import problem
from playground.web.sessions import LIFE, Sessions

PATH = "/session"
MOST_BYTES = 4096
TRIES, TRIES_WITHIN = 10, 60.0
"""So many wrong passwords in so many seconds, of all users together."""

KINDS = {400: "invalid-input", 413: "too-large", 415: "unsupported-media-type"}
EXPIRED_CODE = (
    "This link was used before, or is older than a minute: `playground console` gives another one."
)


@dataclass
class Entrance:
    """Where tokens are given out, and nowhere else."""

    port: int
    codes: Codes
    sessions: Sessions
    clock: Callable[[], float] = time.monotonic
    _failed: list[float] = field(default_factory=list)

    @property
    def cookie(self) -> str:
        """Its name: cookies do not tell one port from another."""
        return f"playground_{self.port}"

    async def post(self, request: web.Request) -> web.StreamResponse:
        """Sign in, or renew."""
        if request.content_type != "application/json":
            return _invalid("The body must be JSON, and say so.", 415)
        content = await whole(request.content, MOST_BYTES)
        if content is None:
            return _invalid(f"The body has at most {MOST_BYTES} bytes.", 413)
        try:
            given = decode_object(content, MOST_BYTES)
        except NotJsonError as error:
            return _invalid(str(error))
        try:
            return await self._sign_in(request, given)
        except RefusedError as error:
            return problem(401, "not-authenticated", "Not signed in", str(error))
        except AwayError as error:
            return problem(503, "try-again", "Not now", str(error), {"Retry-After": "1"})

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Sign out."""
        if cookie := request.cookies.get(self.cookie):
            await self.sessions.end(cookie)
        response = web.Response(status=204)
        response.del_cookie(self.cookie, path=PATH)
        return response

    async def _sign_in(self, request: web.Request, given: dict[str, Json]) -> web.StreamResponse:
        known = request.cookies.get(self.cookie, "")
        if not given:
            return self._let_in(await self.sessions.renew(known), known)
        code = given.get("code")
        username, password = given.get("username"), given.get("password")
        if given.keys() == {"code"} and isinstance(code, str):
            if not self.codes.take(code):
                raise RefusedError(EXPIRED_CODE)
            cookie, tokens = await self.sessions.begin_own()
        elif (
            given.keys() == {"username", "password"}
            and isinstance(username, str)
            and isinstance(password, str)
        ):
            if wait := self._must_wait():
                return problem(
                    429,
                    "too-many-tries",
                    "Too many wrong passwords",
                    f"Try again in {wait} seconds.",
                    {"Retry-After": str(wait)},
                )
            try:
                cookie, tokens = await self.sessions.begin(username, password)
            except RefusedError:
                self._failed.append(self.clock())
                raise
        else:
            return _invalid("The body is {}, or has code, or has username and password.")
        if known:
            await self.sessions.end(known)
        return self._let_in(tokens, cookie)

    def _must_wait(self) -> int:
        """Seconds; 0 when nobody has to."""
        now = self.clock()
        self._failed = [at for at in self._failed if now - at < TRIES_WITHIN]
        return 0 if len(self._failed) < TRIES else int(self._failed[0] + TRIES_WITHIN - now) + 1

    def _let_in(self, tokens: Tokens, cookie: str) -> web.Response:
        said = {
            "accessToken": tokens.access,
            "expiresAt": datetime.fromtimestamp(tokens.expires, UTC).isoformat(),
            "username": tokens.username,
            "group": tokens.group,
        }
        response = web.Response(
            body=json.dumps(said).encode(),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )
        response.set_cookie(
            self.cookie, cookie, max_age=int(LIFE), path=PATH, httponly=True, samesite="Strict"
        )
        return response


def _invalid(detail: str, status: int = 400) -> web.Response:
    return problem(status, KINDS[status], "The request is not valid", detail)
