"""Calls of AWS IoT that the emulator does not answer: names of shadows, connectivity, statistics,
authorization.
"""

import json
from typing import Any

import pytest

from tests.gaps.filled import ACCOUNT, REGION, call, fill, in_scope

IOT = f"arn:aws:iot:{REGION}:{ACCOUNT}:"
CERT = f"{IOT}cert/abc"
# Service, module, operation, parameters, and its gap.
MISSING: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "named_shadows": ("iot-data", "iot_data", "ListNamedShadowsForThing", {"thingName": "lamp"}),
    "connectivity_data": ("iot", "iot", "GetThingConnectivityData", {"thingName": "lamp"}),
    "index_statistics": ("iot", "iot", "GetStatistics", {"queryString": "thingName:*"}),
    "authorization_test": ("iot", "iot", "TestAuthorization", {"principal": CERT, "authInfos": []}),
}


@pytest.fixture(autouse=True)
def lamp() -> None:
    """A thing."""
    in_scope()
    assert call("iot", "iot", "CreateThing", thingName="lamp").status == 200


@pytest.mark.parametrize("name", MISSING)
def test_the_emulator_still_does_not_answer_it(name: str) -> None:
    """When this fails the emulator has learned it: away with the gap."""
    service, module, operation, given = MISSING[name]
    assert call(service, module, operation, **given).error == "InvalidRequestException"


def test_named_shadows_are_listed_page_by_page() -> None:
    # given
    fill("named_shadows")
    for name in ("b", "a", "c", "gone"):
        document = b'{"state": {"desired": {"x": 1}}}'
        call(
            "iot-data",
            "iot_data",
            "UpdateThingShadow",
            thingName="lamp",
            shadowName=name,
            payload=document,
        )
    call("iot-data", "iot_data", "UpdateThingShadow", thingName="lamp", payload=b'{"state": {}}')
    call("iot-data", "iot_data", "DeleteThingShadow", thingName="lamp", shadowName="gone")

    def page(**how: Any) -> Any:
        return call("iot-data", "iot_data", "ListNamedShadowsForThing", thingName="lamp", **how)

    # when
    first = page(pageSize=2).body
    second = page(pageSize=2, nextToken=first["nextToken"]).body
    # then
    assert (first["results"], second["results"]) == (["a", "b"], ["c"])
    assert "nextToken" not in second
    assert page(pageSize=101).error == "InvalidRequestException"
    missing = call("iot-data", "iot_data", "ListNamedShadowsForThing", thingName="nobody")
    assert missing.error == "ResourceNotFoundException"


def test_connectivity_tells_since_when_and_why() -> None:
    # given
    fill("connectivity_data")
    from ministack.services import iot

    def told(name: str = "lamp") -> Any:
        return call("iot", "iot", "GetThingConnectivityData", thingName=name)

    # then
    assert told().body == {"thingName": "lamp", "connected": False}
    key = (ACCOUNT, REGION, "lamp")
    iot._connectivity[key] = {"timestamp": 1_700_000_000_500, "disconnectReason": "CONNECTION_LOST"}
    lost = {"timestamp": 1_700_000_000.5, "disconnectReason": "CONNECTION_LOST"}
    assert told().body == {"thingName": "lamp", "connected": False, **lost}
    iot._connected_clients[key] = object()
    assert told().body == {
        "thingName": "lamp",
        "connected": True,
        **lost,
        "disconnectReason": "NONE",
    }
    assert told("nobody").error == "ResourceNotFoundException"


def test_statistics_are_of_the_things_that_a_query_finds() -> None:
    # given
    fill("index_statistics")
    config = {"thingIndexingMode": "REGISTRY_AND_SHADOW", "thingConnectivityIndexingMode": "STATUS"}

    def figures(**asked: Any) -> Any:
        return call("iot", "iot", "GetStatistics", **asked)

    assert figures(queryString="thingName:*").error == "ResourceNotFoundException"
    call("iot", "iot", "UpdateIndexingConfiguration", thingIndexingConfiguration=config)
    for number in range(150):
        call("iot", "iot", "CreateThing", thingName=f"thing-{number}")
    for number in (1, 2, 3):
        document = json.dumps({"state": {"reported": {"level": number}}}).encode()
        call(
            "iot-data",
            "iot_data",
            "UpdateThingShadow",
            thingName=f"thing-{number}",
            payload=document,
        )
    # then: every page of the search counts
    assert figures(queryString="thingName:*").body["statistics"]["count"] == 151
    levels = figures(
        queryString="thingName:thing-*", aggregationField="shadow.reported.level"
    ).body["statistics"]
    assert (levels["count"], levels["sum"], levels["minimum"], levels["maximum"]) == (
        3,
        6.0,
        1.0,
        3.0,
    )
    assert (levels["average"], levels["sumOfSquares"]) == (2.0, 14.0)
    assert levels["variance"] == pytest.approx(2 / 3)
    assert figures(queryString="thingName:*", aggregationField="thingName").body["statistics"] == {
        "count": 151
    }


def policy(name: str, effect: str, resource: str) -> None:
    """Create one about publishing."""
    statement = {"Effect": effect, "Action": "iot:Publish", "Resource": f"{IOT}topic/{resource}"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    call("iot", "iot", "CreatePolicy", policyName=name, policyDocument=document)


def test_an_authorization_is_decided_as_the_broker_does_it() -> None:
    # given
    fill("authorization_test")
    from ministack.services import iot

    policy("own", "Allow", "${iot:Connection.Thing.ThingName}/*")
    policy("deny", "Deny", "lamp/secret")
    iot._certificates["abc"] = {"attachedPolicies": ["own"], "attachedThings": [f"{IOT}thing/lamp"]}

    def decided(topic: str, **how: Any) -> Any:
        infos = [{"actionType": "PUBLISH", "resources": [f"{IOT}topic/{topic}"]}]
        given = {"principal": CERT, "authInfos": infos, "clientId": "lamp", **how}
        (result,) = call("iot", "iot", "TestAuthorization", **given).body["authResults"]
        return result

    # then
    own = {"policyName": "own", "policyArn": f"{IOT}policy/own"}
    assert decided("lamp/x")["authDecision"] == "ALLOWED"
    assert decided("lamp/x")["allowed"] == {"policies": [own]}
    assert decided("other/x")["authDecision"] == "IMPLICIT_DENY"
    assert decided("lamp/x", clientId="other")["authDecision"] == "IMPLICIT_DENY"
    assert decided("lamp/secret", policyNamesToAdd=["deny"])["authDecision"] == "EXPLICIT_DENY"
    assert decided("lamp/x", policyNamesToSkip=["own"])["authDecision"] == "IMPLICIT_DENY"
    unknown = {"principal": f"{IOT}cert/none", "authInfos": []}
    assert call("iot", "iot", "TestAuthorization", **unknown).error == "ResourceNotFoundException"
