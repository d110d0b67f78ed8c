"""What LinkDevices is asked for, the limits that it keeps, and the policy that it writes."""

import json
import string
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from common.errors import InvalidInput, ThingNotFound
from common.links import is_links_policy, links_policy_name
from links import link_devices
from links.policy import LONGEST_DOCUMENT, LinksPolicies
from links.request import LinkRequest
from tests.unit.built import CLIENTS, SESSION, built, environment
from tests.unit.stack import LINKS_PREFIX
from virtual_device.shadow import settings
from virtual_device.telemetry.thing import Thing

EVENTS = Path(__file__).parents[4] / "events"


@pytest.mark.parametrize(
    ("links", "fits"),
    [
        ([f"lamp-{number}" for number in range(10)], True),
        ([f"lamp-{number}" for number in range(11)], False),
        ([letter * 124 for letter in "abcd"], True),
        ([letter * 128 for letter in "abcd"], False),
    ],
)
def test_the_limits_are_those_of_the_device(links: list[Any], fits: bool) -> None:  # noqa: FBT001
    thing = Thing("wall", "switch")
    refused = settings.apply(thing, settings.defaults(thing), {"links": links}).refused
    assert ("links" not in refused) is fits
    with nullcontext() if fits else pytest.raises(InvalidInput, match="too many links"):
        link_devices.linker_of(environment(), SESSION).check_room(links)


@pytest.mark.parametrize("region", ["eu-west-1", "ap-southeast-1"])
def test_whatever_the_device_takes_fits_into_a_policy(region: str) -> None:
    """https://docs.aws.amazon.com/iot/latest/apireference/API_CreatePolicyVersion.html"""
    topics = f"arn:aws-us-gov:iot:{region}:123456789012:topic/"
    policies = LinksPolicies(CLIENTS.client("iot"), LINKS_PREFIX, topics)
    names = [f"{number}".ljust(48, "x") for number in range(10)]
    assert len(json.dumps(names, separators=(",", ":"))) == 511
    assert len(policies.document(names)) < LONGEST_DOCUMENT
    with pytest.raises(
        InvalidInput, match="target: too many links: an AWS IoT policy has at most 2048 characters"
    ):
        policies.document([f"{number}".ljust(128, "x") for number in range(10)])


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({}, "action"),
        ({"action": "break", "thingName": "wall"}, "action"),
        ({"action": "link", "thingName": "wall"}, "target"),
        ({"action": "link", "target": "lamp"}, "thingName"),
        ({"action": "link", "thingName": "wall", "target": 7}, "target"),
        ({"action": "unlink", "thingName": "wall", "target": "lamp", "force": True}, "force"),
        ({"action": "forget", "thingName": "wall", "target": "lamp"}, "target"),
        ({"action": "mend", "thingName": "a b"}, "thingName"),
    ],
)
def test_a_request_that_is_none_is_refused(event: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        LinkRequest.from_event(event)
    assert refusal.value.field == field


def test_no_two_things_share_a_policy() -> None:
    names = [
        "a",
        "A",
        "a-b",
        "a:b",
        "a_b",
        "a::b",
        "a" * 128,
        "a" * 127 + "b",
        "_a",
        "-a",
        ":a",
        "links",
        "a" * 111,
    ]
    policies = [links_policy_name(LINKS_PREFIX, name) for name in names]
    assert len(set(policies)) == len(names)
    for policy in policies:
        # What both AWS and the emulator take.
        assert len(policy) <= 128
        assert set(policy) <= set(f"{string.ascii_letters}{string.digits}_-")
        assert is_links_policy(LINKS_PREFIX, policy)
    assert not is_links_policy(LINKS_PREFIX, "playground-device")


def test_the_sample_is_answered(table: Any, context: Any) -> None:
    with pytest.raises(ThingNotFound, match="dev-SAMPLE"):
        built(link_devices)(json.loads((EVENTS / "link_devices.json").read_text()), context)
