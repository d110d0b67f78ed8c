"""The emulator's broker in this process: subscribed to, published to, and what it then delivers."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

ACCOUNT, REGION = "111122223333", "us-east-1"


class Broker:
    """Calls the broker of a module as its sessions do. `calls` counts comparisons."""

    def __init__(self, iot: Any) -> None:
        self.iot = iot
        self.heard: list[tuple[Any, str, bytes, int, bool]] = []
        self.calls = 0
        self._count(iot._subscription_matches)

    def _count(self, matches: Any) -> None:
        def counted(topic_filter: str, topic: str) -> bool:
            self.calls += 1
            return bool(matches(topic_filter, topic))

        self.iot._subscription_matches = counted

    def subscribe(
        self,
        name: Any,
        topic_filter: str,
        *,
        client: str | None = None,
        handling: int = 0,
        qos: int = 1,
    ) -> str:
        """Gives the subscription's id; `name` stands before what it hears."""

        async def deliver(topic: str, payload: bytes, granted: int) -> None:
            retained = self.iot._delivery_retain.get()
            self.heard.append((name, topic, payload, granted, retained))

        subscription: str = asyncio.run(
            self.iot.broker_subscribe(
                ACCOUNT,
                REGION,
                topic_filter,
                deliver,
                qos,
                client_id=client,
                retain_handling=handling,
            )
        )
        return subscription

    def unsubscribe(self, subscription: str) -> None:
        """End a subscription."""
        asyncio.run(self.iot.broker_unsubscribe(subscription))

    def publish(
        self,
        topic: str,
        payload: bytes = b"{}",
        *,
        qos: int = 1,
        retain: bool = False,
    ) -> None:
        """Publish a message."""
        asyncio.run(self.iot.broker_publish(ACCOUNT, REGION, topic, payload, qos, retain))

    def store(self, client: str, filters: Sequence[str]) -> None:
        """Keep a session of a client that is not connected."""
        key = (ACCOUNT, REGION, client)
        self.iot._persistent_sessions[key] = self.iot._PersistentSessionState(list(filters), 2e9)

    def queued(self) -> dict[str, list[str]]:
        """Topics of the messages that wait for clients, by client."""
        stored = self.iot._persistent_sessions
        return {key[2]: [one[0] for one in stored[key].queued_messages] for key in stored}

    def told(self) -> Counter[Any]:
        """What was heard so far, in no order; it is forgotten."""
        heard, self.heard = Counter(self.heard), []
        return heard
