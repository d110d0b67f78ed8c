"""The rules: one row each. What fires when, by thresholds that the template sets."""

from collections.abc import Mapping
from dataclasses import dataclass

QUIET_MS = 60_000
"""A rule is not told again of a thing sooner than this, or than its window."""


@dataclass(frozen=True)
class Thresholds:
    """From how many of what on a rule fires. Windows are in seconds."""

    refusals: int = 3
    takeovers: int = 3
    window: int = 60
    messages: int = 40
    messages_window: int = 10
    message_bytes: int = 32_768
    """A message may be this large."""


@dataclass(frozen=True)
class Rule:
    """Fires when `count` observations lie in `window_ms`, both ends included."""

    name: str
    about: str
    count: int = 1
    window_ms: int = 0

    @property
    def quiet_ms(self) -> int:
        """How long it stays silent about a thing after a finding."""
        return max(QUIET_MS, self.window_ms)


def table(limits: Thresholds) -> Mapping[str, Rule]:
    """The rules by name."""
    window, messages_window = limits.window * 1000, limits.messages_window * 1000
    rows = (
        Rule(
            "forbidden-topic",
            "messages or subscriptions that its policy refused",
            limits.refusals,
            window,
        ),
        Rule(
            "foreign-shadow",
            "messages to another thing's reserved topics, refused",
            limits.refusals,
            window,
        ),
        Rule("auth-error", "disconnected by the broker for something that its policy forbids"),
        Rule("stranger", "its certificate was used with another client id"),
        Rule(
            "clone",
            "connections with its client id that threw each other out",
            limits.takeovers,
            window,
        ),
        Rule("flood", "messages", limits.messages, messages_window),
        Rule("oversized", "a message larger than a device has reason to send"),
        Rule("tamper", "it says that somebody has tampered with it"),
        Rule("metrics", "its own metrics are outside the thresholds"),
        Rule("bad-certificate", "a connection with a certificate that cannot be verified"),
        Rule("defender", "a violation that AWS IoT Device Defender has reported"),
    )
    return {row.name: row for row in rows}
