"""Random policies with a request each, of which about half match something."""

import re
from dataclasses import dataclass
from random import Random
from typing import Any

ARN = "arn:aws:iot:eu-west-1:111122223333:"
NAMES = ("lamp", "wall", "a-1", "Lamp", "x")
LEVELS = (
    "dt", "evt", "cmd", "playground", "$aws", "things", "shadow", "update", "telemetry", "lamp",
    "wall", "a", "+", "#", "*", "?", "*a", "l?mp", "a.b", "[a-z]",
)  # fmt: skip
VARIABLES = (
    "${iot:Connection.Thing.ThingName}",
    "${iot:ClientId}",
    "${iot:Certificate.Subject.CommonName}",
    "${iot:Nothing}",
)
ACTIONS = ("iot:Connect", "iot:Publish", "iot:Subscribe", "iot:Receive")
PATTERNS = (*ACTIONS, "iot:*", "*", "iot:P*", "IOT:publish", "iot:?ublish", "iot:RetainPublish")
OPERATORS = (
    "StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "Bool", "Null",
    "StringEqualsIfExists", "ForAnyValue:StringLike", "ForAllValues:StringEquals",
    "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "NumericLessThan", "NumericNotEquals",
    "IpAddress", "NotIpAddress", "ArnLike", "ArnNotEquals", "DateGreaterThan", "NoSuchOperator",
)  # fmt: skip
KEYS = (
    "iot:Connection.Thing.IsAttached",
    "iot:ClientId",
    "iot:connection.thing.thingname",
    "iot:Certificate.Subject.CommonName",
    "iot:Missing",
)
VALUES = ("true", "false", True, False, "lamp", "LAMP", "l*", "wall", "*", "1", 5, "10.0.0.0/8")


@dataclass(frozen=True)
class Case:
    """Documents, what is asked of them, and the variables' values by lower-case names."""

    documents: list[dict[str, Any]]
    action: str
    resource: str
    given: dict[str, str]


def case(random: Random) -> Case:
    """One case."""
    documents = [
        {
            "Version": "2012-10-17",
            "Statement": [_statement(random) for _ in range(random.randint(1, 4))],
        }
        for _ in range(random.choice((1, 1, 2)))
    ]
    given = _given(random)
    return Case(documents, random.choice(ACTIONS), _resource(random, documents, given), given)


def _given(random: Random) -> dict[str, str]:
    name, attached = random.choice(NAMES), random.random() < 0.6
    given = {"iot:clientid": name, "iot:connection.thing.isattached": str(attached).lower()}
    if attached:
        given["iot:connection.thing.thingname"] = name
    if random.random() < 0.5:
        given["iot:certificate.subject.commonname"] = random.choice(("lamp", "AWS IoT Certificate"))
    return given


def _statement(random: Random) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": random.choice(("Allow", "Allow", "Allow", "Deny"))}
    found["Action" if random.random() < 0.93 else "NotAction"] = _one_or_more(
        random, lambda: random.choice(PATTERNS)
    )
    found["Resource" if random.random() < 0.93 else "NotResource"] = _one_or_more(
        random, lambda: _pattern(random)
    )
    if random.random() < 0.3:
        found["Condition"] = {
            random.choice(OPERATORS): {
                random.choice(KEYS): _one_or_more(random, lambda: random.choice(VALUES))
            }
            for _ in range(random.choice((1, 1, 2)))
        }
    return found


def _one_or_more(random: Random, make: Any) -> Any:
    found = [make() for _ in range(random.choice((1, 1, 2, 3)))]
    return found[0] if len(found) == 1 and random.random() < 0.5 else found


def _pattern(random: Random) -> str:
    if random.random() < 0.08:
        return "*"
    kind = random.choice(("topic", "topic", "topicfilter", "client", "*"))
    levels = [random.choice((*LEVELS, *VARIABLES)) for _ in range(random.randint(1, 5))]
    return (
        ARN.replace("eu-west-1", random.choice(("eu-west-1", "*"))) + f"{kind}/{'/'.join(levels)}"
    )


def _resource(random: Random, documents: list[dict[str, Any]], given: dict[str, str]) -> str:
    if random.random() < 0.4:
        kind = random.choice(("topic", "topic", "topicfilter", "client"))
        return f"{ARN}{kind}/" + "/".join(random.choices(LEVELS, k=random.randint(1, 5)))
    patterns = [
        pattern
        for document in documents
        for statement in document["Statement"]
        for pattern in _listed(statement.get("Resource", statement.get("NotResource")))
    ]
    filled = re.sub(
        r"\$\{([^}]+)\}",
        lambda found: given.get(found[1].lower(), "zz"),
        random.choice(patterns),
    )
    return filled.replace("*", random.choice(("", "a", "lamp/x"))).replace(
        "?", random.choice("al*")
    )


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
