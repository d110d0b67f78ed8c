"""Stored MQTT sessions: found by the topics they wait for, and gone when their time is over.

AWS ends a stored session when its expiry is over, and deletes what was queued for it.
Source: https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html (MQTT persistent sessions)
Emulator: each QoS 1 message is held against all stored sessions of all clients, and a session whose
client never comes back is kept for ever, with up to a thousand messages.
"""

import time
from collections.abc import Sequence
from typing import Any

from ministack.services import iot

from playground.local.gaps.subscriptions import Filters, _topic

SWEEP_SECONDS = 60.0
Key = tuple[str, str, str]


class Sessions(dict[Key, Any]):
    """Stored sessions by account, region and client id.

    While a message is being published, only those that may wait for its topic.
    """

    def __init__(self) -> None:
        super().__init__()
        self._filters = Filters()
        self._swept = time.monotonic()

    def __setitem__(self, key: Key, session: Any) -> None:
        self.pop(key)
        super().__setitem__(key, session)
        session.stored_in(self, key)
        self.waits(key, [], session.subscriptions)
        if time.monotonic() - self._swept >= SWEEP_SECONDS:
            self.sweep()

    def pop(self, key: Key, _default: object = None) -> Any:
        """The session, taken away; None when there is none."""
        session = super().pop(key, None)
        if session is not None:
            session.stored_in(None, key)
            self.waits(key, session.subscriptions, [])
        return session

    def clear(self) -> None:
        """Forget all."""
        super().clear()
        self._filters = Filters()

    def items(self) -> Any:
        """Keys and sessions."""
        topic = _topic.get()
        if topic is None:
            return super().items()
        return [(key, self[key]) for key in self._filters.matching(topic)]

    def waits(self, key: Key, before: Sequence[str], after: Sequence[str]) -> None:
        """A session that waited for some filters now waits for others."""
        for topic_filter in before:
            self._filters.discard(iot._scoped_topic(key[0], key[1], topic_filter), key)
        for topic_filter in after:
            self._filters.add(iot._scoped_topic(key[0], key[1], topic_filter), key)

    def sweep(self) -> None:
        """Drop what is over. The session of a client that is connected has no time running."""
        self._swept = time.monotonic()
        over = [
            key
            for key, session in super().items()
            if key not in iot._connected_clients and iot._is_session_expired(session)
        ]
        for key in over:
            self.pop(key)


def fill() -> None:
    """Change the broker's store of sessions, and the sessions in it."""
    iot._persistent_sessions = Sessions()
    iot._PersistentSessionState = _session_class(iot._PersistentSessionState)


def _session_class(plain: Any) -> Any:
    class Session(plain):  # type: ignore[misc] # the emulator has no types
        """The emulator's own, which tells its store of a change of its filters."""

        def __init__(self, subscriptions: list[str], *rest: Any, **options: Any) -> None:
            self._store: Sessions | None = None
            self._key: Key = ("", "", "")
            self._filters: list[str] = []
            super().__init__(subscriptions, *rest, **options)

        def stored_in(self, store: Sessions | None, key: Key) -> None:
            """It is told of changes from now on; None: of none any more."""
            self._store, self._key = store, key

        @property
        def subscriptions(self) -> list[str]:
            return self._filters

        @subscriptions.setter
        def subscriptions(self, filters: list[str]) -> None:
            before, self._filters = self._filters, filters
            if self._store is not None:
                self._store.waits(self._key, before, filters)

    return Session
