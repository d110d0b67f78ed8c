"""A message finds its subscriptions in a tree of topic filters, not by a look at all there are.

On AWS a message costs the same whatever else is subscribed: the broker takes half a million
subscriptions an account, and 20,000 published messages a second.
Source: https://docs.aws.amazon.com/general/latest/gr/iot-core.html (message broker quotas)
Emulator: each message is held against every subscription, each SUBSCRIBE against every retained
message, each end of a subscription against all others; a fleet costs the square of its size.

The emulator's loops stay, and decide; its collections hand them only what can matter to the call
at hand. The tree is that of paho-mqtt. It lets more through than the emulator's own match (`a/#`
for `a`), never less.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from ministack.services import iot
from paho.mqtt.matcher import MQTTMatcher

_topic: ContextVar[str | None] = ContextVar("topic", default=None)
"""Of the message that is being published, with account and region before it."""
_subscribing: ContextVar[tuple[str, str | None] | None] = ContextVar("subscribing", default=None)
"""The filter of the subscription that is being made, with account and region, and whose it is."""


class Filters:
    """Keys under topic filters, found by topic."""

    def __init__(self) -> None:
        self._tree = MQTTMatcher()

    def add(self, topic_filter: str, key: Hashable) -> None:
        """Put a key under a filter, once."""
        place = _place(topic_filter)
        try:
            self._tree[place][key] = None
        except KeyError:
            self._tree[place] = {key: None}

    def discard(self, topic_filter: str, key: Hashable) -> None:
        """Take it away again, if it is there."""
        place = _place(topic_filter)
        try:
            keys = self._tree[place]
        except KeyError:
            return
        keys.pop(key, None)
        if not keys:
            del self._tree[place]

    def matching(self, topic: str) -> Iterable[Any]:
        """All keys whose filters may match, each once."""
        return dict.fromkeys(key for keys in self._tree.iter_match(topic) for key in keys)


def _place(topic_filter: str) -> str:
    """The filter up to its first `#`, which matches whatever stands behind it."""
    levels = topic_filter.split("/")
    return "/".join(levels[: levels.index("#") + 1]) if "#" in levels else topic_filter


class Subscribers(set[Any]):
    """The subscriptions of one filter; while one is being made, only those of the same client."""

    def __init__(self, by_id: dict[str, Any]) -> None:
        super().__init__()
        self._by_id = by_id
        self._of_client: dict[str | None, set[Any]] = {}

    def add(self, subscription: Any) -> None:
        """Add one."""
        super().add(subscription)
        self._by_id[subscription.subscription_id] = subscription
        self._of_client.setdefault(subscription.client_id, set()).add(subscription)

    def discard(self, subscription: Any) -> None:
        """Take one away."""
        super().discard(subscription)
        self._by_id.pop(subscription.subscription_id, None)
        of_client = self._of_client.get(subscription.client_id, set())
        of_client.discard(subscription)
        if not of_client:
            self._of_client.pop(subscription.client_id, None)

    def __iter__(self) -> Iterator[Any]:
        making = _subscribing.get()
        return super().__iter__() if making is None else iter(self._of_client.get(making[1], ()))


class Subscriptions(dict[str, Subscribers]):
    """All subscriptions by filter; while a message is being published, only those it may match."""

    def __init__(self) -> None:
        super().__init__()
        self._filters = Filters()
        self._by_id: dict[str, Any] = {}

    def setdefault(self, topic_filter: str, _default: object = None) -> Subscribers:
        """The subscriptions of a filter, none at first."""
        if topic_filter not in self:
            self[topic_filter] = Subscribers(self._by_id)
            self._filters.add(topic_filter, topic_filter)
        return self[topic_filter]

    def values(self) -> Any:
        """Sets of subscriptions."""
        topic = _topic.get()
        if topic is None:
            return super().values()
        return [self[topic_filter] for topic_filter in self._filters.matching(topic)]

    def clear(self) -> None:
        """Forget all."""
        super().clear()
        self._by_id.clear()
        self._filters = Filters()

    def end(self, subscription_id: str) -> None:
        """Take a subscription away, if it is there, and its filter with the last one."""
        subscription = self._by_id.get(subscription_id)
        if subscription is None:
            return
        topic_filter = subscription.filter_prefixed
        self[topic_filter].discard(subscription)
        if not self[topic_filter]:
            del self[topic_filter]
            self._filters.discard(topic_filter, topic_filter)


class Retained(dict[str, Any]):
    """Retained messages by topic; while a subscription is being made, only that of its topic."""

    def items(self) -> Any:
        """Topics and messages. A subscription with a wildcard is sent none, here as on AWS."""
        making = _subscribing.get()
        if making is None:
            return super().items()
        return [(making[0], self[making[0]])] if making[0] in self else []


def fill() -> None:
    """Change the broker's collections, and tell them what call is at hand."""
    iot._subscriptions = Subscriptions()
    iot._retained = Retained(iot._retained)
    iot.broker_publish = _publishing(iot.broker_publish)
    iot.broker_subscribe = _making(iot.broker_subscribe)
    iot.broker_unsubscribe = _unsubscribe


def _publishing(publish: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def broker_publish(
        account: str, region: str, topic: str, *rest: Any, **more: Any
    ) -> None:
        token = _topic.set(iot._scoped_topic(account, region, topic))
        try:
            await publish(account, region, topic, *rest, **more)
        finally:
            _topic.reset(token)

    return broker_publish


def _making(subscribe: Callable[..., Awaitable[str]]) -> Callable[..., Awaitable[str]]:
    async def broker_subscribe(account: str, region: str, to: str, *rest: Any, **more: Any) -> str:
        scoped = iot._scoped_topic(account, region, to)
        token = _subscribing.set((scoped, more.get("client_id")))
        try:
            return await subscribe(account, region, to, *rest, **more)
        finally:
            _subscribing.reset(token)

    return broker_subscribe


async def _unsubscribe(subscription_id: str) -> None:
    async with iot._broker_lock:
        iot._subscriptions.end(subscription_id)
