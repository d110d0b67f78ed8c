"""The shadow: Device Advisor's cases 20 and 21, the policy of case 23, and the rules of the
developer guide.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.device import mqtt5
from tests.device.hosted import Hosted
from tests.device.scripted_broker import ScriptedBroker
from tests.shadow_double import Answer
from virtual_device.connection import mqtt

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(400)]

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
OF_THE_THING = "${!iot:Connection.Thing.ThingName}"


def asked(broker: ScriptedBroker, thing: str, operation: str = "") -> list[mqtt5.Publish]:
    """The requests that the device made of its shadow, on all its connections."""
    prefix = f"$aws/things/{thing}/shadow/{operation}"
    packets = [packet for visit in broker.of(thing) for packet in visit.of(mqtt5.Publish)]
    return [packet for packet in packets if packet.topic.startswith(prefix)]


def operations(broker: ScriptedBroker, thing: str) -> list[str]:
    """What it asked for, in order."""
    return [packet.topic.rpartition("/")[2] for packet in asked(broker, thing)]


def delta(version: int, **state: Any) -> bytes:
    """A delta document."""
    return json.dumps({"version": version, "state": state}).encode()


def test_case_20_publishes_its_state_after_connecting(
    scripted: ScriptedBroker, host: Hosted
) -> None:
    host.add("dev-20", scripted, "bulb")
    scripted.wait_until(lambda: asked(scripted, "dev-20", "update"))
    state = json.loads(asked(scripted, "dev-20", "update")[0].payload)["state"]
    assert state.keys() == {"reported"}
    assert state["reported"].items() >= {"time": 60, "unit": "metric", "status": "off"}.items()


def test_case_21_brings_reported_to_desired(scripted: ScriptedBroker, host: Hosted) -> None:
    # Given a difference that was there before the device, and one that comes later
    scripted.shadows["dev-21"].update({"state": {"desired": {"unit": "imperial"}}})
    host.add("dev-21", scripted)
    scripted.wait_for_reported("dev-21", unit="imperial")
    scripted.change("dev-21", time=81)
    scripted.wait_for_reported("dev-21", time=81)
    # Then nothing differs any more
    assert scripted.shadows["dev-21"].delta() == {}


def policy_resources() -> list[str]:
    """The resources that the device policy allows, without the ARN's beginning."""
    text = TEMPLATE.read_text()
    start = text.index("  DevicePolicy:")
    policy = text[start : text.index("Effect: Deny", start)]
    assert 'Condition: {Bool: {"iot:Connection.Thing.IsAttached": "true"}}' in policy
    assert not re.search(r"Action:.*\*", policy)
    return re.findall(r"\$\{AWS::AccountId\}:([^\"]+)\"", policy)


def test_case_23_the_policy_is_each_devices_own() -> None:
    resources = policy_resources()
    # One may connect as oneself only
    assert f"client/{OF_THE_THING}" in resources
    assert len([name for name in resources if name.startswith("client/")]) == 1
    # And every other resource names the thing; a wildcard stands only below it, or before it as the
    # last level
    assert len(resources) > 8
    for resource in resources:
        assert OF_THE_THING in resource, resource
        before, after = resource.split(OF_THE_THING)
        assert "*" not in before.removesuffix("topic/*/"), resource
        assert after in {"", "/*", "/req", "/shadow/*", "/jobs/*", "/defender/*"}, resource


def test_rule_subscribes_to_the_answers_before_it_asks(
    scripted: ScriptedBroker, host: Hosted
) -> None:
    host.add("dev-ASK", scripted)
    scripted.wait_for_reported("dev-ASK", time=60)
    scripted.drop("dev-ASK")
    scripted.wait_until(lambda: len(asked(scripted, "dev-ASK", "get")) == 2)
    # Then on each connection the subscription comes first, with every answer to what is asked
    # afterwards
    for visit in scripted.of("dev-ASK"):
        first = next(
            index
            for index, packet in enumerate(visit.packets)
            if isinstance(packet, mqtt5.Subscribe)
        )
        questions = [
            packet
            for packet in visit.packets[:first]
            if isinstance(packet, mqtt5.Publish) and "$aws" in packet.topic
        ]
        assert questions == []
        prefix = "$aws/things/dev-ASK/shadow"
        answers = {
            f"{prefix}/{name}/{end}"
            for name in ("get", "update")
            for end in ("accepted", "rejected")
        }
        assert visit.filters() >= answers


def test_rule_no_shadow_is_made_by_an_update(scripted: ScriptedBroker, host: Hosted) -> None:
    host.add("dev-404", scripted)
    scripted.wait_for_reported("dev-404", time=60)
    assert operations(scripted, "dev-404")[:2] == ["get", "update"]
    assert scripted.shadows["dev-404"].exists


def test_rule_reconciles_after_a_reconnect(scripted: ScriptedBroker, host: Hosted) -> None:
    host.add("dev-REC", scripted)
    scripted.wait_for_reported("dev-REC", time=60)
    # When something changed while it was away, and no delta tells
    scripted.shadows["dev-REC"].update({"state": {"desired": {"time": 82}}})
    scripted.drop("dev-REC")
    scripted.wait_for_reported("dev-REC", time=82)
    assert operations(scripted, "dev-REC").count("get") == 2


def test_rule_an_older_version_is_ignored(scripted: ScriptedBroker, host: Hosted) -> None:
    host.add("dev-OLD", scripted)
    scripted.wait_for_reported("dev-OLD", time=60)
    topic = "$aws/things/dev-OLD/shadow/update/delta"
    scripted.change("dev-OLD", time=83)
    scripted.wait_for_reported("dev-OLD", time=83)
    version = (
        scripted.shadows["dev-OLD"].version - 1
    )  # of the last delta; the device's own update came after it
    # When an older delta comes after a newer one
    scripted.deliver("dev-OLD", topic, delta(version - 1, time=99))
    scripted.change("dev-OLD", unit="imperial")
    scripted.wait_for_reported("dev-OLD", unit="imperial")
    # Then it had no effect
    assert scripted.shadows["dev-OLD"].reported["time"] == 83
    assert all(b":99" not in packet.payload for packet in asked(scripted, "dev-OLD", "update"))


def test_rule_null_removes_and_arrays_are_replaced_whole(
    scripted: ScriptedBroker, host: Hosted
) -> None:
    host.add("dev-NULL", scripted)
    scripted.wait_for_reported("dev-NULL", time=60)
    scripted.change("dev-NULL", payload={"a": [1, 2, 3], "b": {"c": 1, "d": 2}})
    scripted.wait_for_reported("dev-NULL", payload={"a": [1, 2, 3], "b": {"c": 1, "d": 2}})
    # When an array changes and a key is removed
    scripted.change("dev-NULL", payload={"a": [9], "b": {"c": None}})
    # Then the array is the new one, not a mixture, and the key is gone
    scripted.wait_for_reported("dev-NULL", payload={"a": [9], "b": {"d": 2}})
    scripted.change("dev-NULL", payload=None)
    scripted.wait_until(lambda: "payload" not in scripted.shadows["dev-NULL"].reported)


def test_rule_a_conflict_leads_to_get_and_another_try(
    scripted: ScriptedBroker, host: Hosted
) -> None:
    # Given a service that finds a conflict once
    refused: list[str] = []

    def service(thing: str, operation: str, request: dict[str, Any]) -> list[Answer]:
        if operation == "update" and not refused:
            refused.append(request["clientToken"])
            return [
                (
                    "update/rejected",
                    {"code": 409, "message": "Version conflict", "clientToken": refused[0]},
                )
            ]
        return scripted.obey(thing, operation, request)

    scripted.shadow_service = service
    host.add("dev-409", scripted)
    scripted.wait_for_reported("dev-409", time=60)
    # Then the document was read again before the next try
    assert operations(scripted, "dev-409")[:4] == ["get", "update", "get", "update"]


@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 415])
def test_rule_a_final_error_is_not_asked_again(
    scripted: ScriptedBroker, host: Hosted, code: int
) -> None:
    # Given a service that refuses every update for good
    def service(thing: str, operation: str, request: dict[str, Any]) -> list[Answer]:
        if operation == "update" and "clientToken" in request:
            return [
                (
                    "update/rejected",
                    {"code": code, "message": "no", "clientToken": request["clientToken"]},
                )
            ]
        return scripted.obey(thing, operation, request)

    scripted.shadow_service = service
    host.add("dev-NO", scripted)
    assert host.wait_for_log("dev-NO", "shadow update failed")[0]["code"] == code
    # Then it is not repeated, while the device goes on: with the next change it reports anew
    scripted.change("dev-NO", time=1)
    scripted.wait_until(
        lambda: len(scripted.of("dev-NO")[0].published("dt/playground/dev-NO/telemetry")) >= 3
    )
    assert operations(scripted, "dev-NO") == ["get", "update", "update"]


@pytest.mark.parametrize("code", [429, 500])
def test_rule_a_passing_error_is_asked_again(
    scripted: ScriptedBroker, host: Hosted, code: int
) -> None:
    failures = [code, code]

    def service(thing: str, operation: str, request: dict[str, Any]) -> list[Answer]:
        if operation == "get" and failures:
            return [
                (
                    "get/rejected",
                    {"code": failures.pop(), "message": "x", "clientToken": request["clientToken"]},
                )
            ]
        return scripted.obey(thing, operation, request)

    scripted.shadow_service = service
    host.add("dev-LATER", scripted)
    scripted.wait_for_reported("dev-LATER", time=60)
    assert operations(scripted, "dev-LATER").count("get") == 3


def test_rule_client_tokens_are_short_and_new(scripted: ScriptedBroker, host: Hosted) -> None:
    host.add("dev-TOKEN", scripted)
    for value in range(61, 66):
        scripted.change("dev-TOKEN", time=value)
        scripted.wait_for_reported("dev-TOKEN", time=value)
    tokens = [json.loads(packet.payload)["clientToken"] for packet in asked(scripted, "dev-TOKEN")]
    assert all(len(token.encode()) <= 64 for token in tokens)
    assert len(set(tokens)) == len(tokens) >= 6


def test_rule_reconnects_between_1_and_120_seconds() -> None:
    """What awscrt does with these figures, the cases 9 to 12 show; it begins anew after 30 s, its
    own default.
    """
    assert (mqtt.MIN_RECONNECT_DELAY_MS, mqtt.MAX_RECONNECT_DELAY_MS) == (1_000, 120_000)
    assert 30 <= mqtt.KEEP_ALIVE_SECONDS <= 1200


def test_rule_a_fleet_is_back_soon_after_a_short_outage(
    scripted: ScriptedBroker, host: Hosted
) -> None:
    # Given twenty devices that are connected
    things = [f"dev-fleet-{number}" for number in range(20)]
    for thing in things:
        host.add(thing, scripted)
    for thing in things:
        scripted.wait_for_reported(thing, time=60)
    # When the server restarts
    scripted.away()
    scripted.back()
    left = max(visit.ended or 0.0 for visit in scripted.visits)
    scripted.wait_until(lambda: all(len(scripted.of(thing)) > 1 for thing in things))
    # Then they are back within seconds, and not all at once
    delays = [scripted.of(thing)[-1].at - left for thing in things]
    assert max(delays) < 5, delays
    assert max(delays) - min(delays) > 0.3, delays
