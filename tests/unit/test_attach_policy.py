"""AttachPolicy: policy to certificate, certificate to thing."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.catalog import Catalog
from common.errors import TransientError
from provisioning import attach_policy
from tests.unit.doubles import faults
from tests.unit.doubles.iot import MemoryIot, Thing
from tests.unit.stack import EXECUTION


@pytest.fixture
def event(iot: MemoryIot, catalog: Catalog) -> dict[str, str]:
    """The state's input, for a thing and a certificate that know nothing of each other yet."""
    assert catalog.claim("lamp", "bulb", EXECUTION)
    iot.things["lamp"] = Thing("playground-bulb")
    arn = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    return {"thingName": "lamp", "certificateArn": arn}


def test_the_certificate_gets_the_policy_and_the_thing_the_certificate(
    event: dict[str, str], iot: MemoryIot, context: Any
) -> None:
    # when
    answer = attach_policy.handler(event, context)
    # then
    assert answer == {"policyName": "playground-device"}
    assert iot.certificates[event["certificateArn"]].policies == {"playground-device"}
    assert iot.things["lamp"].principals == {event["certificateArn"]}


@pytest.mark.parametrize("how", faults.HOW)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_an_attempt_after_any_interruption_completes(
    event: dict[str, str], iot: MemoryIot, context: Any, function_clients: list[Any], at: int, how: str
) -> None:
    # given
    with faults.interrupted(function_clients, at, how), pytest.raises((TransientError, faults.Killed)):
        attach_policy.handler(event, context)
    # when
    attach_policy.handler(event, context)
    # then
    assert iot.certificates[event["certificateArn"]].policies == {"playground-device"}
    assert iot.things["lamp"].principals == {event["certificateArn"]}


def test_a_certificate_that_is_not_there_is_no_transient_fault(
    event: dict[str, str], iot: MemoryIot, context: Any
) -> None:
    # given
    iot.certificates.clear()
    # when
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        attach_policy.handler(event, context)
    # then
    assert iot.things["lamp"].principals == set()


@pytest.mark.parametrize(
    ("more", "policies"),
    [
        ({}, {"playground-quarantine"}),
        ({"quarantine_policies": {"playground-links-lamp"}}, {"playground-quarantine"}),
        ({"readmitting": True}, {"playground-device"}),
        ({"readmitting": True, "quarantine_policies": {"links"}}, {"playground-device", "links"}),
    ],
)
def test_in_quarantine_it_gets_the_quarantine_policy(
    event: dict[str, str], iot: MemoryIot, catalog: Catalog, context: Any, more: dict[str, Any], policies: set[str]
) -> None:
    # given
    iot.policies.add("links")
    catalog.update("lamp", EXECUTION, quarantined_at="2026-01-02T03:04:05.678Z", **more)
    # when
    attach_policy.handler(event, context)
    # then
    assert iot.certificates[event["certificateArn"]].policies == policies
