"""The topics of docs/contracts.md."""

from functools import lru_cache

MAX_TOPIC_BYTES = 256
MAX_SLASHES = 7
"""Topic limits of AWS IoT Core (message broker quotas)."""

TELEMETRY = "dt/playground/"
RESERVED = ("$", "cmd/playground/", "evt/playground/")
"""Telemetry never goes to what begins like this, whatever its last level."""


def telemetry(thing_name: str) -> str:
    """Where telemetry goes when the setting `topic` says nothing else."""
    return f"{TELEMETRY}{thing_name}/telemetry"


@lru_cache(maxsize=4096)
def telemetry_below(thing_name: str, below: str) -> str:
    """Where a message of a model goes that has a topic of its own, `below` the device's. Raises
    ValueError when it is too long with this name.
    """
    topic = f"{TELEMETRY}{thing_name}/{below}"
    if fault := _form_fault(topic):
        raise ValueError(f"the topic {topic} {fault}")
    return topic


def event(thing_name: str, name: str) -> str:
    """Where the event `name` (`online`, `lwt`, ...) goes."""
    return f"evt/playground/{thing_name}/{name}"


def shadow(thing_name: str) -> str:
    """Prefix of the classic shadow's topics (AWS IoT developer guide, reserved topics)."""
    return f"$aws/things/{thing_name}/shadow"


def jobs(thing_name: str) -> str:
    """Prefix of the topics of jobs (AWS IoT developer guide, reserved topics)."""
    return f"$aws/things/{thing_name}/jobs"


def metrics(thing_name: str) -> str:
    """Where metrics reports go, and the prefix of the answers to them (AWS IoT developer guide,
    reserved topics).
    """
    return f"$aws/things/{thing_name}/defender/metrics/json"


def request(thing_name: str) -> str:
    """Where commands come in."""
    return f"cmd/playground/{thing_name}/req"


def response(thing_name: str) -> str:
    """Where replies go when the request names no response topic, and the prefix of those that it
    may name.
    """
    return f"cmd/playground/{thing_name}/res"


def certificate(thing_name: str) -> str:
    """Prefix of the topics where a device asks for a new certificate, confirms or abandons it, and
    is answered.
    """
    return f"cmd/playground/{thing_name}/certificate"


def executions(thing_name: str) -> str:
    """Prefix of the topics of AWS IoT Commands (AWS IoT developer guide, reserved topics)."""
    return f"$aws/commands/things/{thing_name}/executions"


def forbidden(thing_name: str) -> str:
    """A topic that the device policy doesn't allow, and that is nobody's."""
    return f"playground/forbidden/{thing_name}/telemetry"


def response_fault(topic: str, thing_name: str) -> str | None:
    """Why replies of this thing can't go to `topic`; None when they can."""
    base = response(thing_name)
    if topic != base and not topic.startswith(f"{base}/"):
        return f"is neither {base} nor below it"
    return _form_fault(topic)


def telemetry_rule(thing_name: str) -> str:
    """Which topics can be this thing's telemetry topic, in words; `telemetry_fault` decides."""
    own = f"{TELEMETRY}{thing_name}/"
    beginnings = ", ".join(RESERVED)
    size = f"{MAX_TOPIC_BYTES} bytes and {MAX_SLASHES} slashes at most"
    other = f"with {thing_name} as last level and not below {beginnings}"
    return f"a topic below {own}, or {other}; {size}"


def telemetry_fault(topic: str, thing_name: str) -> str | None:
    """Why `topic` can't be a telemetry topic of this thing; None when it can."""
    return _form_fault(topic) or _ownership_fault(topic, thing_name)


def _form_fault(topic: str) -> str | None:
    try:
        size = len(topic.encode("utf-8"))
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if size > MAX_TOPIC_BYTES:
        return f"is longer than {MAX_TOPIC_BYTES} bytes"
    if topic.count("/") > MAX_SLASHES:
        return f"has more than {MAX_SLASHES} slashes"
    if any(character in topic for character in "+#") or not topic.isprintable():
        return "holds a wildcard or a control character"
    return None if all(topic.split("/")) else "has an empty level"


def _ownership_fault(topic: str, thing_name: str) -> str | None:
    if topic.startswith(f"{TELEMETRY}{thing_name}/"):
        return None
    if topic.startswith(RESERVED):
        return "is reserved"
    if topic.rpartition("/")[2] == thing_name:
        return None
    return f"is neither below {TELEMETRY}{thing_name}/ nor ends in {thing_name}"
