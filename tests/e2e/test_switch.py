"""A switch and its bulb in the local cloud: what the device policy forbids, and what a permission opens."""

import json
from collections.abc import Callable, Iterator

import pytest

from playground.watch import watching
from tests.playground_cloud import Cloud, wait_for

SWITCH, BULB = "dev-SWITCH", "dev-BULB"


@pytest.fixture
def pair(cloud: Cloud, nothing_left: None) -> Iterator[None]:
    """A switch that is linked to a bulb, both online; removed afterwards."""
    for name, device_type in ((SWITCH, "switch"), (BULB, "bulb")):
        cloud.playground("create", "--name", name, "--type", device_type)
    yield
    cloud.playground("delete", SWITCH, BULB)


@pytest.fixture
def permit(cloud: Cloud, pair: None) -> Iterator[Callable[[], None]]:
    """Lets the switch update the shadow of this one bulb, and of nothing else."""
    iot = cloud.client("iot")
    certificate = iot.list_thing_principals(thingName=SWITCH)["principals"][0]
    prefix = certificate.rpartition(":")[0]
    topic = f"{prefix}:topic/$aws/things/{BULB}/shadow/update"
    statement = {"Effect": "Allow", "Action": "iot:Publish", "Resource": topic}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iot.create_policy(policyName="switch-to-bulb", policyDocument=document)
    yield lambda: iot.attach_policy(policyName="switch-to-bulb", target=certificate)
    iot.detach_policy(policyName="switch-to-bulb", target=certificate)
    iot.delete_policy(policyName="switch-to-bulb")


def press(cloud: Cloud) -> str:
    reply = json.loads(cloud.playground("command", SWITCH, "press", "--output", "json").stdout)
    assert reply["status"] == "accepted"
    position: str = reply["result"]["position"]
    return position


def test_a_press_lights_the_bulb_once_the_link_is_permitted(cloud: Cloud, permit: Callable[[], None]) -> None:
    # given: a link that nobody has permitted
    with watching(cloud.home, SWITCH) as watcher:
        cloud.playground("set", SWITCH, f'links=["{BULB}"]')
        told = next(m.payload for m in watcher.messages() if m.topic.endswith("/link-refused"))
    assert told["link"] == BULB
    assert "(135)" in told["reason"]
    cloud.wait_until_reported(SWITCH, refusedLinks=[BULB])
    # when: it is
    permit()
    assert press(cloud) == "on"
    # then
    cloud.wait_until_reported(BULB, status="on")
    wait_for("no refused links", lambda: "refusedLinks" not in cloud.shadow(SWITCH)["reported"])
    assert press(cloud) == "off"
    cloud.wait_until_reported(BULB, status="off")


def test_a_position_in_the_shadow_does_what_a_press_does(cloud: Cloud, permit: Callable[[], None]) -> None:
    permit()
    cloud.playground("set", SWITCH, f'links=["{BULB}"]', "position=on")
    cloud.wait_until_reported(BULB, status="on")


@pytest.mark.usefixtures("pair")
def test_help_lists_press_for_a_switch_alone(cloud: Cloud) -> None:
    assert "press" in cloud.playground("command", SWITCH, "help").stdout
    assert "press" not in cloud.playground("command", BULB, "help").stdout


@pytest.mark.usefixtures("pair")
def test_a_link_to_itself_is_refused(cloud: Cloud) -> None:
    refused = cloud.playground("set", SWITCH, f'links=["{SWITCH}"]', check=False)
    assert refused.returncode == 1
    assert "must not name the device itself" in refused.stdout
