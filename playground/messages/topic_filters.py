"""MQTT topic filters: what they may be, and the AWS IoT policy resources that stand for them.

MQTT version 5, 4.7, has the rules of the form; "AWS IoT Core message broker and protocol limits and
quotas" has the limits.
"""

from playground.errors import FilterError

MAX_BYTES = 256
MAX_SLASHES = 7


def checked(topic_filter: str) -> str:
    """The filter. Raises FilterError that names the rule which it breaks."""
    if reason := fault(topic_filter):
        raise FilterError(f"{topic_filter!r} is no topic filter: {reason}.")
    return topic_filter


def fault(topic_filter: str) -> str | None:  # noqa: PLR0911 - a rule each
    """The rule that a filter breaks; None when it breaks none."""
    levels = topic_filter.split("/")
    if not topic_filter:
        return "it must have at least one character (MQTT 5, 4.7.3)"
    if "\0" in topic_filter:
        return "it must not hold the null character (MQTT 5, 4.7.3)"
    if any("#" in level and level != "#" for level in levels):
        return "# must stand alone between slashes (MQTT 5, 4.7.1.2)"
    if "#" in levels[:-1]:
        return "# must be the last level (MQTT 5, 4.7.1.2)"
    if any("+" in level and level != "+" for level in levels):
        return "+ must stand alone between slashes (MQTT 5, 4.7.1.3)"
    if levels[0] == "$share":
        return (
            "a shared subscription would take messages away from its other members (MQTT 5, 4.8.2)"
        )
    if len(topic_filter.encode(errors="surrogatepass")) > MAX_BYTES:
        return f"it has more than {MAX_BYTES} bytes in UTF-8 (AWS IoT quota)"
    if topic_filter.count("/") > MAX_SLASHES:
        return f"it has more than {MAX_SLASHES} slashes (AWS IoT quota)"
    return (
        "it must not hold ${, which begins a variable in an AWS IoT policy"
        if "${" in topic_filter
        else None
    )


def asked_for(topic_filter: str, topic: str) -> bool:
    """Whether a message on this topic is meant; a filter that begins with a wildcard does not mean
    topics that begin with $ (MQTT 5, 4.7.2), though a broker may deliver them.
    """
    return not topic.startswith("$") or topic_filter[0] not in "#+"


def topics(topic_filter: str) -> list[str]:
    """What it matches, as AWS IoT policies have it: `*` for any characters. `a/#` matches `a` too
    (MQTT 5, 4.7.1.2), whether or not the broker delivers it.
    """
    pattern = "/".join("*" if level in ("+", "#") else level for level in topic_filter.split("/"))
    return [pattern, pattern[: -len("/*")]] if topic_filter.endswith("/#") else [pattern]
