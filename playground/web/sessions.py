"""Who is signed in: a browser has a cookie that says nothing, the server has the refresh token."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from playground.web.cognito import RefusedError, SignIn, Tokens

LIFE = 12 * 3600.0
"""Seconds without a renewal after which a session is over: as long as a refresh token lives."""

MOST = 64

Clock = Callable[[], float]


@dataclass
class Session:
    """One browser's. `own` is that of the server's own user, which it can sign in again."""

    tokens: Tokens
    own: bool
    renewed: float
    refresh: str | None = field(default=None, repr=False)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)


@dataclass
class Sessions:
    """All sessions, by the digest of their cookie. `username` and `password` are the server's own
    user's."""

    sign_in: SignIn
    username: str
    password: str = field(repr=False)
    clock: Clock = time.monotonic
    _known: dict[bytes, Session] = field(default_factory=dict, repr=False)

    async def begin_own(self) -> tuple[str, Tokens]:
        """Sign the server's own user in; gives the cookie. Raises RefusedError, AwayError."""
        return self._begin(await self.sign_in.by_password(self.username, self.password), own=True)

    async def begin(self, username: str, password: str) -> tuple[str, Tokens]:
        """Sign a user in; gives the cookie. Raises RefusedError, AwayError."""
        return self._begin(await self.sign_in.by_password(username, password), own=False)

    async def renew(self, cookie: str) -> Tokens:
        """Other tokens for a session. Raises RefusedError, after which it is over, and AwayError,
        after which it is not.
        """
        self._forget_old()
        name = _name(cookie)
        session = self._known.get(name)
        if session is None:
            raise RefusedError("Nobody is signed in here, or no longer.")
        before = session.tokens
        async with session.lock:
            if session.tokens is not before:  # who was first has renewed it for all that wait
                return session.tokens
            try:
                session.tokens = await self._again(session)
            except RefusedError:
                self._known.pop(name, None)
                raise
            session.refresh = session.tokens.refresh or session.refresh
            session.renewed = self.clock()
            return session.tokens

    async def end(self, cookie: str) -> None:
        """Forget a session, and its refresh token."""
        session = self._known.pop(_name(cookie), None)
        if session is not None and session.refresh:
            await self.sign_in.revoke(session.refresh)

    async def _again(self, session: Session) -> Tokens:
        try:
            if session.refresh:
                return await self.sign_in.by_refresh(session.refresh)
        except RefusedError:
            if not session.own:
                raise RefusedError("The session is over: sign in again.") from None
        if session.own:
            return await self.sign_in.by_password(self.username, self.password)
        raise RefusedError("The session is over: sign in again.")

    def _begin(self, tokens: Tokens, *, own: bool) -> tuple[str, Tokens]:
        self._forget_old()
        while len(self._known) >= MOST:
            self._known.pop(min(self._known, key=lambda name: self._known[name].renewed))
        cookie = secrets.token_urlsafe(32)
        self._known[_name(cookie)] = Session(tokens, own, self.clock(), tokens.refresh)
        return cookie, tokens

    def _forget_old(self) -> None:
        now = self.clock()
        self._known = {name: one for name, one in self._known.items() if now - one.renewed < LIFE}


def _name(cookie: str) -> bytes:
    """What is compared: a lookup that takes longer for a better guess tells nothing of a cookie."""
    return sha256(cookie.encode()).digest()
