"""Policies of a fleet are parsed once each, and a new version acts at once."""

import json
from typing import Any

from tests.gaps.modules import gap, service

DEVICES = 1500
SCOPE = ("111122223333", "us-east-1")


def fleet(iot: Any) -> Any:
    """Certificates with one policy; gives who asks whether a device may publish to a topic."""
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "iot:Publish",
                "Resource": "arn:aws:iot:*:*:topic/a/${iot:ClientId}",
            }
        ],
    }
    version = {"document": json.dumps(document)}
    iot._policies._data[*SCOPE, "p"] = {"defaultVersionId": "1", "versions": {"1": version}}
    for number in range(DEVICES):
        iot._certificates._data[*SCOPE, f"c{number}"] = {"attachedPolicies": ["p"]}

    def allowed(number: int, topic: str) -> bool:
        context = {"iot:clientid": f"d{number}"}
        asked = (f"c{number}", context, "iot:Publish", f"topic/{topic}")
        return bool(iot._mqtt_policy_allows(*SCOPE, *asked))

    return allowed


def parsed(iot: Any, allowed: Any) -> int:
    """How many documents are parsed in a second round of a message from each."""
    for number in range(DEVICES):
        assert allowed(number, f"a/d{number}")
    before = iot._parsed_iot_policy.cache_info().misses
    for number in range(DEVICES):
        assert allowed(number, f"a/d{number}")
    return int(iot._parsed_iot_policy.cache_info().misses - before)


def test_none_is_parsed_twice() -> None:
    iot = service("iot")
    gap("policy_documents").fill()
    allowed = fleet(iot)

    assert parsed(iot, allowed) == 0
    assert not allowed(1, "a/d2")


def test_a_new_version_acts_at_once() -> None:
    iot = service("iot")
    gap("policy_documents").fill()
    allowed = fleet(iot)
    assert allowed(1, "a/d1")

    policy = iot._policies._data[*SCOPE, "p"]
    document = policy["versions"]["1"]["document"].replace("topic/a/", "topic/b/")
    policy["versions"]["2"] = {"document": document}
    policy["defaultVersionId"] = "2"

    assert not allowed(1, "a/d1")
    assert allowed(1, "b/d1")


def test_the_emulator_itself_parses_all_of_them_again() -> None:
    """Once it does not, the gap can go."""
    iot = service("iot")
    assert parsed(iot, fleet(iot)) == DEVICES
