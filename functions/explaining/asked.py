"""What somebody asks about: an action of MQTT on a topic, a topic filter or a client id.

https://docs.aws.amazon.com/iot/latest/developerguide/iot-policy-actions.html and "AWS IoT Core
action resources": Connect is on `client/`, Publish and Receive on `topic/`, Subscribe on
`topicfilter/`.
"""

from dataclasses import dataclass

from common.errors import InvalidInput

KINDS = {
    "connect": ("iot:Connect", "client"),
    "publish": ("iot:Publish", "topic"),
    "receive": ("iot:Receive", "topic"),
    "subscribe": ("iot:Subscribe", "topicfilter"),
}
WORDS = {
    "connect": "connect as",
    "publish": "publish to",
    "receive": "receive from",
    "subscribe": "subscribe to",
}
MOST_BYTES = 256
"""Of a topic or filter, https://docs.aws.amazon.com/general/latest/gr/iot-core.html; a client id
has at most 128 there.
"""


@dataclass(frozen=True)
class Asked:
    """`verb` is connect, publish, receive or subscribe; `resource` what it is about."""

    verb: str
    resource: str

    def __post_init__(self) -> None:
        """Raises InvalidInput for what MQTT or AWS IoT takes from nobody, policy or not."""
        if self.verb not in KINDS:
            raise InvalidInput("action", f"must be one of {', '.join(KINDS)}")
        rule = self._broken()
        if rule:
            raise InvalidInput("resource", rule)

    def _broken(self) -> str | None:
        text = self.resource
        if not text:
            return "must not be empty"
        if len(text.encode()) > MOST_BYTES:
            return f"must have at most {MOST_BYTES} bytes"
        if not text.isprintable():
            return "must have no control characters"
        if self.verb in ("publish", "receive") and {"+", "#"} & set(text):
            return "is a topic, which has no + or #; only a filter to subscribe to has them"
        if self.verb == "subscribe":
            return _broken_filter(text)
        return None

    @property
    def action(self) -> str:
        """As a policy names it."""
        return KINDS[self.verb][0]

    @property
    def words(self) -> str:
        """`publish to dt/a`."""
        return f"{WORDS[self.verb]} {self.resource}"

    def arn(self, base: str) -> str:
        """`base` is the ARN up to the account's colon: `arn:aws:iot:eu-west-1:111122223333:`."""
        return f"{base}{KINDS[self.verb][1]}/{self.resource}"


def _broken_filter(text: str) -> str | None:
    levels = text.split("/")
    if any("#" in level and level != "#" for level in levels) or "#" in levels[:-1]:
        return "has a # that is not its whole last level"
    if any("+" in level and level != "+" for level in levels):
        return "has a + that is not a whole level"
    return None
