"""What AWS IoT refuses of policies and attributes, and what it takes."""

import json
from typing import Any

from tests.gaps.filled import Answer, call, fill

DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": []})


def create_policy(name: str, document: str = DOCUMENT) -> Answer:
    """Create one."""
    return call("iot", "iot", "CreatePolicy", policyName=name, policyDocument=document)


def create_thing(name: str, attributes: dict[str, str], **more: Any) -> Answer:
    """Create one."""
    return call(
        "iot",
        "iot",
        "CreateThing",
        thingName=name,
        attributePayload={"attributes": attributes},
        **more,
    )


def long_document(characters: int) -> str:
    """One of so many characters, and as much white space as one likes."""
    return json.dumps({"a": "x" * (characters - 8)}, indent=30)


def test_the_emulator_still_has_other_names_for_policies_and_no_limits() -> None:
    """When this fails the emulator has learned one: away with that line."""
    assert create_policy("a.b=c,d@e+f").error == "InvalidRequestException"
    assert create_policy("a:b").status == 200
    assert create_policy("long", long_document(3000)).status == 200
    versions = [
        call("iot", "iot", "CreatePolicyVersion", policyName="a:b", policyDocument=DOCUMENT)
        for _ in range(5)
    ]
    assert [version.status for version in versions] == [200] * 5
    assert create_thing("lamp", {"a b": "ä"}).status == 200


def test_policies_go_by_awss_rules() -> None:
    # given
    fill("policy_rules")
    # then
    assert create_policy("a.b=c,d@e+f").status == 200
    assert call("iot", "iot", "GetPolicy", policyName="a.b=c,d@e+f").status == 200
    assert create_policy("a:b").error == create_policy("x" * 129).error == "InvalidRequestException"
    assert create_policy("long", long_document(2049)).error == "MalformedPolicyException"
    assert create_policy("long", long_document(2048)).status == 200
    # and a sixth version is one too many
    made = [
        call("iot", "iot", "CreatePolicyVersion", policyName="long", policyDocument=DOCUMENT)
        for _ in range(5)
    ]
    assert [version.status for version in made] == [200] * 4 + [409]
    assert made[-1].error == "VersionsLimitExceededException"


def test_attributes_go_by_awss_rules() -> None:
    # given
    fill("thing_attributes")
    four = dict.fromkeys("abcd", "1")
    call("iot", "iot", "CreateThingType", thingTypeName="bulb")
    # then
    for wrong in ({"a b": "1"}, {"a": "ä"}, {"a": "x" * 801}, {"x" * 129: "1"}, four):
        assert create_thing("lamp", wrong).error == "InvalidRequestException"
    assert create_thing("lamp", four, thingTypeName="bulb").status == 200
    assert create_thing("other", {"a/b": "x=[1]", "b": "x" * 800, "c": ""}).status == 200
    # and what is merged counts together
    more = {"attributes": {"d": "1", "e": "2"}, "merge": True}
    assert (
        call("iot", "iot", "UpdateThing", thingName="other", attributePayload=more).error
        == "InvalidRequestException"
    )
    one = {"attributes": {"d": "1"}, "merge": True}
    assert call("iot", "iot", "UpdateThing", thingName="other", attributePayload=one).status == 200
