"""One-time codes: whoever has one may sign in, once, within a minute.

A code is made by whoever has the key, which lies in the playground's own folder and which its owner
alone can read; the server knows a code by its signature. So nobody has to ask the server for one,
and it has no door for that.
"""

import hmac
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

KEY_BYTES = 32
LIFE = 60.0
"""Seconds that a code is good for."""

_TIME, _NONCE, _MAC = 6, 10, 16
_AHEAD = 5.0
"""Seconds that a clock may be set back between making and using a code."""

Clock = Callable[[], float]


def new_key() -> bytes:
    """A key for one run of the server."""
    return secrets.token_bytes(KEY_BYTES)


def make(key: bytes, clock: Clock = time.time) -> str:
    """A code that is good from now on: 43 characters of the URL alphabet."""
    told = int(clock() * 1000).to_bytes(_TIME, "big") + secrets.token_bytes(_NONCE)
    return urlsafe_b64encode(told + _mac(key, told)).decode().rstrip("=")


@dataclass
class Codes:
    """Those that the server takes, and those that it has taken."""

    key: bytes = field(repr=False)
    clock: Clock = time.time
    _used: dict[bytes, float] = field(default_factory=dict, repr=False)

    def take(self, code: str) -> bool:
        """Whether the code is right, young enough, and used for the first time."""
        now = self.clock()
        self._used = {told: until for told, until in self._used.items() if until > now}
        try:
            found = urlsafe_b64decode(code.encode("ascii") + b"=" * (-len(code) % 4))
        except ValueError:
            return False
        told, mac = found[: _TIME + _NONCE], found[_TIME + _NONCE :]
        if len(found) != _TIME + _NONCE + _MAC or not hmac.compare_digest(
            mac, _mac(self.key, told)
        ):
            return False
        made = int.from_bytes(told[:_TIME], "big") / 1000
        if not -_AHEAD <= now - made <= LIFE or told in self._used:
            return False
        self._used[told] = made + LIFE + _AHEAD
        return True


def _mac(key: bytes, told: bytes) -> bytes:
    return hmac.new(key, b"console code\0" + told, sha256).digest()[:_MAC]
