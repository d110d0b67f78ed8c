"""Quarantine and release as deployed, with states that fail: what was begun is undone, and the
first error is told.
"""

from collections.abc import Iterator

import pytest

from tests.mocks import FOR_GOOD, definition, task_states
from tests.playground_cloud import Cloud

pytestmark = pytest.mark.thorough

QUARANTINE, RELEASE = "QuarantineDeviceStateMachineArn", "ReleaseDeviceStateMachineArn"
NOT_FATAL = {"NotifySecurity", "UndoQuarantine"}


@pytest.fixture(scope="module")
def lamp(cloud: Cloud) -> Iterator[str]:
    """A device that is online; removed afterwards."""
    made = cloud.provision({"thingName": "suspect"})
    assert made.status == "SUCCEEDED", made
    yield "suspect"
    assert cloud.deprovision("suspect").status == "SUCCEEDED"


def states_of(workflow: str) -> list[str]:
    """Those that something is to be undone after."""
    return [name for name in task_states(definition(workflow)["States"]) if name not in NOT_FATAL]


def situation(cloud: Cloud, thing: str) -> tuple[str, list[str], list[str]]:
    """Status, policies and groups."""
    iot, stack = cloud.client("iot"), cloud.home.stack_name
    policies = [
        policy["policyName"].removeprefix(f"{stack}-")
        for arn in iot.list_thing_principals(thingName=thing)["principals"]
        for policy in iot.list_attached_policies(target=arn)["policies"]
    ]
    groups = iot.list_thing_groups_for_thing(thingName=thing)["thingGroups"]
    return (
        cloud.row(thing)["status"],
        policies,
        sorted(group["groupName"].removeprefix(f"{stack}-") for group in groups),
    )


FREE = ("ONLINE", ["device"], ["devices"])
CONFINED = ("QUARANTINED", ["quarantine"], ["devices", "quarantine"])


@pytest.mark.timeout(900)
def test_whatever_fails_the_device_is_free_or_confined_and_nothing_between(
    cloud: Cloud, lamp: str
) -> None:
    asked = {"thingName": lamp, "reason": "a test"}
    for state in states_of("quarantine_device"):
        # when
        ended = cloud.execute(QUARANTINE, asked, case=f"{state}Fails")
        # then
        assert (ended.status, ended.error) == ("FAILED", FOR_GOOD), state
        assert situation(cloud, lamp)[1:] == FREE[1:], state
        assert situation(cloud, lamp)[0] in ("ONLINE", "OFFLINE"), state
        assert "quarantine" not in cloud.shadow(lamp)["desired"], state
    # when nobody can be told: it is done all the same
    assert cloud.execute(QUARANTINE, asked, case="NotifySecurityFails").status == "SUCCEEDED"
    assert situation(cloud, lamp) == CONFINED
    cloud.wait_until_reported(lamp, quarantine=True)
    for state in states_of("release_device"):
        ended = cloud.execute(
            RELEASE, {"thingName": lamp, "force": True}, case=f"{state}Fails", limit=120
        )
        assert (ended.status, ended.error) == ("FAILED", FOR_GOOD), state
        assert situation(cloud, lamp) == CONFINED, state
        assert cloud.shadow(lamp)["desired"]["quarantine"] is True, state


@pytest.mark.parametrize(
    ("machine", "given", "error", "says"),
    [
        (QUARANTINE, {"thingName": "nobody", "reason": "x"}, "ThingNotFound", "nobody"),
        (QUARANTINE, {"thingName": "nobody"}, "InvalidInput", "reason: "),
        (RELEASE, {"thingName": "nobody"}, "ThingNotFound", "nobody"),
        (RELEASE, "text", "InvalidInput", "input: "),
    ],
)
def test_what_makes_no_sense_is_refused(
    cloud: Cloud, machine: str, given: object, error: str, says: str
) -> None:
    ended = cloud.execute(machine, given)
    assert ended.status == "FAILED"
    assert ended.error == error
    assert says in ended.cause
