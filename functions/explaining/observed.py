"""The least policy that a device needs for what it was seen to do.

From the record and the shadow: who publishes where stands in the topics of docs/contracts.md. What
a device was never seen to do is not in it: let it run through all that it must be able to do.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from common.jsontext import read_or_none
from explaining.record import Told

THING = "${iot:Connection.Thing.ThingName}"
ATTACHED = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}


def observed(
    thing_name: str, messages: Iterable[Told], telemetry: str | None, arn_base: str
) -> dict[str, Any]:
    """A policy document. `telemetry` is the topic that the device reports to send it to; `arn_base`
    is `arn:aws:iot:<region>:<account>:`.
    """
    sent, heard = {telemetry} if telemetry else set[str](), set[str]()
    for told in messages:
        _add(thing_name, told, sent, heard)
    published = sorted(_general(topic, thing_name) for topic in sent)
    received = sorted(_general(topic, thing_name) for topic in heard)
    statements: list[dict[str, Any]] = [
        {
            "Effect": "Allow",
            "Action": "iot:Connect",
            "Resource": f"{arn_base}client/{THING}",
            "Condition": ATTACHED,
        }
    ]
    for action, kind, topics in (
        ("iot:Publish", "topic", published),
        ("iot:Subscribe", "topicfilter", received),
        ("iot:Receive", "topic", received),
    ):
        if topics:
            resources = [f"{arn_base}{kind}/{topic}" for topic in topics]
            statements.append({"Effect": "Allow", "Action": action, "Resource": resources})
    return {"Version": "2012-10-17", "Statement": statements}


def _add(thing_name: str, told: Told, sent: set[str], heard: set[str]) -> None:
    own = f"$aws/things/{thing_name}/shadow/update"
    levels = told.topic.split("/")
    if told.topic.startswith("$aws/things/"):
        sections = _changed_sections(told)
        if "reported" in sections:
            sent.add(own)
            heard |= {f"{own}/accepted", f"{own}/rejected"}
        if "desired" in sections:
            heard.add(f"{own}/delta")
    elif levels[0] == "evt":
        sent.add(told.topic)
    elif levels[0] == "cmd" and levels[3:4] == ["req"]:
        heard.add(told.topic)
    elif levels[0] == "cmd":
        # The last level of a reply's topic is the caller's, another one each time.
        base, rest = levels[:4], levels[4:]
        sent.add("/".join([*base, *(["*"] if rest else [])]))


def _changed_sections(told: Told) -> set[str]:
    document = read_or_none(told.body)
    before, after = (
        part.get("state") if isinstance(part, Mapping) else None
        for part in (
            (document.get("previous"), document.get("current"))
            if isinstance(document, dict)
            else (None, None)
        )
    )
    old, new = (one if isinstance(one, Mapping) else {} for one in (before, after))
    return {name for name in ("desired", "reported") if old.get(name) != new.get(name)}


def _general(topic: str, thing_name: str) -> str:
    return "/".join(THING if level == thing_name else level for level in topic.split("/"))
