"""The roll workflow in the emulator: refused input, and restarts that are refused."""

import json
from collections.abc import Iterator

import pytest

from playground.images.images import Images
from tests.playground_cloud import Cloud

pytestmark = pytest.mark.thorough

MACHINE = "RollDevicesStateMachineArn"


@pytest.fixture
def another_image(cloud: Cloud) -> Iterator[str]:
    """New tasks would run an image that nothing runs yet: its digest. Afterwards they run the one
    from before.
    """
    images, ecr = Images(cloud.home), cloud.client("ecr")
    before = images.current() or ""
    found = ecr.batch_get_image(
        repositoryName=images.repository, imageIds=[{"imageDigest": before}]
    )["images"][0]
    images.put(found["imageManifest"] + " ", found["imageManifestMediaType"], images.tag)
    yield images.current() or ""
    images.make_current(before)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("all", "input: must be a JSON object"),
        ({"names": ["lamp"]}, "names: is not a field of this workflow"),
        ({"thingNames": ["nobody"]}, "thingNames: there is no device nobody"),
    ],
    ids=str,
)
def test_bad_input_ends_with_the_field_and_the_rule(cloud: Cloud, asked: object, said: str) -> None:
    end = cloud.execute(MACHINE, asked)
    assert end.status == "FAILED"
    assert json.loads(end.cause)["errorMessage"].startswith(said)


def test_a_state_that_fails_is_the_rolls_error(cloud: Cloud) -> None:
    end = cloud.execute(MACHINE, {}, case="NextDeviceFails")
    assert (end.status, end.error, end.cause) == ("FAILED", "Injected.Fault", "injected for good")


@pytest.fixture
def device(cloud: Cloud, nothing_left: None) -> Iterator[str]:
    """One that runs the image of now."""
    assert cloud.provision({"thingName": "refused"}).status == "SUCCEEDED"
    yield "refused"
    assert cloud.deprovision("refused").status == "SUCCEEDED"


def test_a_device_whose_restart_is_refused_is_passed_over(
    cloud: Cloud, device: str, another_image: str
) -> None:
    # given
    images = Images(cloud.home)
    before = cloud.row(device)
    # when nothing can be restarted
    end = cloud.execute(MACHINE, {"thingNames": [device]}, case="RestartDeviceFails")
    # then
    assert (end.status, end.output) == (
        "SUCCEEDED",
        {"image": another_image, "rolled": 0, "skipped": 1, "remaining": 0, "result": "OK"},
    )
    assert cloud.row(device) == before
    assert images.current() == another_image
