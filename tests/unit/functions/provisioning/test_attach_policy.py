"""AttachPolicy: policy to certificate, certificate to thing."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from common.errors import TransientError
from devices.catalog import Catalog
from provisioning import attach_policy
from tests.unit.built import built
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
    answer = built(attach_policy)(event, context)
    # then
    assert answer == {"policyName": "playground-device"}
    assert iot.certificates[event["certificateArn"]].policies == {"playground-device"}
    assert iot.things["lamp"].principals == {event["certificateArn"]}


@pytest.mark.thorough
@pytest.mark.parametrize("how", faults.HOW)
@pytest.mark.parametrize(
    ("existing", "at"), [(False, 1), (False, 2), (True, 1), (True, 2), (True, 3)]
)
def test_an_attempt_after_any_interruption_completes(
    event: dict[str, Any],
    iot: MemoryIot,
    context: Any,
    function_clients: list[Any],
    existing: bool,  # noqa: FBT001
    at: int,
    how: str,
) -> None:
    # given
    event["existing"] = existing
    with (
        faults.interrupted(function_clients, at, how),
        pytest.raises((TransientError, faults.Killed)),
    ):
        built(attach_policy)(event, context)
    # when
    built(attach_policy)(event, context)
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
        built(attach_policy)(event, context)
    # then
    assert iot.things["lamp"].principals == set()


LINKS = "playground-links-lamp"


@pytest.mark.parametrize(
    ("row", "policies"),
    [
        ({}, {"playground-device"}),
        ({"links": {"spot"}}, {"playground-device", LINKS}),
        ({"quarantined_at": "now"}, {"playground-quarantine"}),
        (
            {"quarantined_at": "now", "links": {"spot"}, "quarantine_policies": {"extra"}},
            {"playground-quarantine"},
        ),
        ({"quarantined_at": "now", "readmitting": True}, {"playground-device"}),
        (
            {
                "quarantined_at": "now",
                "readmitting": True,
                "links": {"spot"},
                "quarantine_policies": {"extra", "gone"},
            },
            {"playground-device", LINKS, "extra"},
        ),
    ],
)
def test_the_certificate_of_a_device_that_is_there_gets_what_the_row_says(
    event: dict[str, Any],
    iot: MemoryIot,
    catalog: Catalog,
    context: Any,
    row: dict[str, Any],
    policies: set[str],
) -> None:
    # given
    for policy in ("extra", LINKS):
        iot.create_policy(policy, '{"Statement": []}')
    catalog.update("lamp", EXECUTION, **row)
    # when
    event["existing"] = True
    built(attach_policy)(event, context)
    # then
    assert iot.certificates[event["certificateArn"]].policies == policies
