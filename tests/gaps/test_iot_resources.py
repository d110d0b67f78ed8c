"""What IAM checks calls of AWS IoT against."""

from collections.abc import Mapping
from typing import Any

from tests.gaps.filled import ACCOUNT, REGION, checked, fill

IOT = f"arn:aws:iot:{REGION}:{ACCOUNT}:"
CERT, GROUP, THING = f"{IOT}cert/abc", f"{IOT}thinggroup/all", f"{IOT}thing/lamp"
CA = "ab" * 32
AUTHORITY = f"{IOT}cacert/{CA}"
IDENTITY = f"{REGION}:0a1b2c3d-0000-1111-2222-333344445555"

Call = tuple[str, str, dict[str, Any], list[str]]

# Service, operation, its parameters, and what AWS checks them against, by its Service Authorization
# Reference.
CALLS: dict[str, Call] = {
    "an authority": ("iot", "DescribeCACertificate", {"certificateId": CA}, [AUTHORITY]),
    "its withdrawal": ("iot", "UpdateCACertificate", {"certificateId": CA}, [AUTHORITY]),
    "its end": ("iot", "DeleteCACertificate", {"certificateId": CA}, [AUTHORITY]),
    "attach to a certificate": ("iot", "AttachPolicy", {"policyName": "p", "target": CERT}, [CERT]),
    "attach to a group": ("iot", "AttachPolicy", {"policyName": "p", "target": GROUP}, [GROUP]),
    "attach to an identity": (
        "iot",
        "AttachPolicy",
        {"policyName": "p", "target": IDENTITY},
        [IDENTITY],
    ),
    "detach": ("iot", "DetachPolicy", {"policyName": "p", "target": CERT}, [CERT]),
    "attach a certificate": (
        "iot",
        "AttachThingPrincipal",
        {"thingName": "lamp", "principal": CERT},
        [CERT],
    ),
    "detach a certificate": (
        "iot",
        "DetachThingPrincipal",
        {"thingName": "lamp", "principal": CERT},
        [CERT],
    ),
    "things of a certificate": ("iot", "ListPrincipalThings", {"principal": CERT}, [CERT]),
    "targets": ("iot", "ListTargetsForPolicy", {"policyName": "p"}, [f"{IOT}policy/p"]),
    "create a job": (
        "iot",
        "CreateJob",
        {"jobId": "j", "targets": [THING, GROUP], "document": "{}"},
        [f"{IOT}job/j", THING, GROUP],
    ),
    "an execution": (
        "iot",
        "DescribeJobExecution",
        {"jobId": "j", "thingName": "lamp"},
        [f"{IOT}job/j", THING],
    ),
    "delete a connection": (
        "iot-data",
        "DeleteConnection",
        {"clientId": "lamp/2"},
        [f"{IOT}client/lamp/2"],
    ),
    "names of shadows": ("iot-data", "ListNamedShadowsForThing", {"thingName": "lamp"}, [THING]),
    "statistics": ("iot", "GetStatistics", {"queryString": "*"}, [f"{IOT}index/AWS_Things"]),
    "an authorization": (
        "iot",
        "TestAuthorization",
        {"principal": CERT, "authInfos": [{"resources": ["*"]}]},
        [CERT],
    ),
}
RIGHT: dict[str, Call] = {
    "a thing": ("iot", "DescribeThing", {"thingName": "lamp"}, [THING]),
    "a shadow": ("iot-data", "GetThingShadow", {"thingName": "lamp"}, [THING]),
    "a group's things": ("iot", "ListThingsInThingGroup", {"thingGroupName": "all"}, [GROUP]),
    "a member": (
        "iot",
        "AddThingToThingGroup",
        {"thingGroupName": "all", "thingName": "lamp"},
        [GROUP, THING],
    ),
    "no resource": ("iot", "ListAttachedPolicies", {"target": CERT}, ["*"]),
}


def found(calls: Mapping[str, Call]) -> dict[str, list[str]]:
    """What each is checked against."""
    return {
        name: checked(service, operation, **given)
        for name, (service, operation, given, _) in calls.items()
    }


def expected(calls: Mapping[str, Call]) -> dict[str, list[str]]:
    """What AWS checks each against."""
    return {name: arns for name, (_, _, _, arns) in calls.items()}


def test_the_emulator_still_checks_them_against_something_else() -> None:
    """When this fails the emulator has learned one: away with that row, and with the gap when it
    was the last.
    """
    learned = [name for name, arns in found(CALLS).items() if arns == expected(CALLS)[name]]
    assert learned == []


def test_they_are_checked_against_what_aws_documents() -> None:
    # given
    fill("iot_resources")
    # then
    every = {**CALLS, **RIGHT}
    assert found(every) == expected(every)
