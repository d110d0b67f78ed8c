"""AWS takes its time for what it has said yes to, and refuses what does not fit meanwhile: nothing
stays behind.
"""

import pytest
from botocore.exceptions import ClientError

from common.errors import AccessRefused, DetachmentPending
from provisioning import attach_policy, clean_up, create_thing
from tests.unit.built import built
from tests.unit.doubles.service import Refusal
from tests.unit.stack import EXECUTION, REMOVAL
from tests.unit.world import NOTHING, World

EVENT = {"input": {"thingName": "lamp"}, "deprovisioning": REMOVAL}


def test_the_double_refuses_what_aws_refuses(world: World) -> None:
    world.provision("lamp")
    ((arn, certificate),) = world.iot.certificates.items()
    certificate_id = arn.rpartition("/")[2]
    with pytest.raises(Refusal, match="attached") as attached:
        world.iot.delete_thing("lamp")
    with pytest.raises(Refusal) as active:
        world.iot.delete_certificate(certificate_id)
    certificate.status = "INACTIVE"
    with pytest.raises(Refusal) as conflict:
        world.iot.delete_certificate(certificate_id)
    world.iot.versions["playground-device"] = ["1", "2"]
    with pytest.raises(Refusal, match="version"):
        world.iot.delete_policy("playground-device")
    assert [refusal.value.code for refusal in (attached, active, conflict)] == [
        "InvalidRequestException",
        "CertificateStateException",
        "DeleteConflictException",
    ]


@pytest.mark.thorough
@pytest.mark.parametrize(("detach", "deactivate"), [(5.0, 0.0), (0.0, 5.0), (5.0, 2.0), (2.0, 5.0)])
def test_what_takes_aws_seconds_the_function_waits_for(
    world: World, detach: float, deactivate: float
) -> None:
    # given
    world.provision("lamp")
    world.iot.slowness.detach, world.iot.slowness.deactivate = detach, deactivate
    # when
    built(clean_up)(EVENT, world.context)
    # then
    assert world.remains() == NOTHING
    assert world.iot.clock.seconds >= max(detach, deactivate)


def test_what_takes_longer_is_left_to_the_workflow_which_tries_again(world: World) -> None:
    # given
    world.provision("lamp")
    world.iot.slowness.detach = 60.0
    # when
    with pytest.raises(DetachmentPending):
        built(clean_up)(EVENT, world.context)
    # then the function had time to spare, and the device is still known to be in removal
    assert world.iot.clock.seconds < 30
    assert world.row("lamp")["deprovisioning"] == REMOVAL
    # when
    world.iot.clock.sleep(60.0)
    built(clean_up)(EVENT, world.context)
    # then
    assert world.remains() == NOTHING


def test_what_is_attached_again_while_it_is_removed_is_detached_again(world: World) -> None:
    """The function of an aborted execution goes on for as long as Lambda lets it."""
    # given
    world.provision("lamp")
    (arn,) = world.iot.certificates
    world.iot.slowness.deactivate = 2.0
    sleep = world.iot.clock.sleep

    def attach_meanwhile(seconds: float) -> None:
        sleep(seconds)
        if world.iot.clock.seconds == 0.5:
            built(attach_policy)({"thingName": "lamp", "certificateArn": arn}, world.context)

    world.iot.clock.sleep = attach_meanwhile  # type: ignore[method-assign]
    # when
    built(clean_up)(EVENT, world.context)
    # then
    assert world.remains() == NOTHING


def test_a_thing_that_is_not_found_yet_is_made_by_the_workflows_retry(world: World) -> None:
    # given
    world.iot.slowness.register = 3.0
    event = {"input": {"thingName": "lamp"}, "execution": EXECUTION}
    # when: the error is one that the state retries (test_template_workflows.py)
    with pytest.raises(ClientError) as error:
        built(create_thing)(event, world.context)
    assert type(error.value).__name__ == "ResourceNotFoundException"
    world.iot.clock.sleep(3.0)
    built(create_thing)(event, world.context)
    # then
    assert world.iot.things["lamp"].groups == {"playground-devices"}


def test_a_role_that_is_not_trusted_yet_is_an_error_that_the_states_retry(world: World) -> None:
    # given
    world.provision("lamp")
    world.iot.slowness.trust = world.iot.clock.seconds + 5.0
    # when
    with pytest.raises(AccessRefused, match="not authorized"):
        built(clean_up)(EVENT, world.context)
    world.iot.clock.sleep(5.0)
    built(clean_up)(EVENT, world.context)
    # then
    assert world.remains() == NOTHING
