"""A device that is not virtual: nothing runs for it, and its request comes with the input."""

import json
import re
from typing import Any

import pytest

from certificates import rotate_certificates
from common.errors import InvalidInput
from common.fleet_wish import FleetWish
from playground.devices.own import make_request
from provisioning import create_thing, record_status, sign_request, write_config
from restart import claim_restart
from tests.unit.built import SESSION, built
from tests.unit.doubles.ecr import MemoryEcr
from tests.unit.stack import BUCKET, EXECUTION, RESTART
from tests.unit.world import World

CSR = make_request("lamp")[1]
ASKED = {"thingName": "lamp", "hosting": "none", "csr": CSR}
OLD = "2000-01-01T00:00:00.000Z"


def create(world: World, **asked: Any) -> dict[str, Any]:
    event = {"input": {**ASKED, **asked}, "execution": EXECUTION}
    answer: dict[str, Any] = built(create_thing)(event, world.context)
    return answer


def write(world: World) -> None:
    event = {"thingName": "lamp", "input": ASKED, "execution": EXECUTION}
    built(write_config)(event, world.context)


def made(world: World) -> dict[str, Any]:
    """Up to the state that waits for it."""
    create(world)
    write(world)
    asked = {"thingName": "lamp", "execution": EXECUTION, "since": OLD}
    signed: dict[str, Any] = built(sign_request)(asked, world.context)
    return signed


def test_it_is_registered_without_an_image(world: World, ecr: MemoryEcr) -> None:
    # given
    ecr.tags.clear()
    # when
    answer = create(world)
    # then
    assert (answer["identity"], answer["hosting"]) == ("csr", "none")
    assert (world.row("lamp")["identity"], world.row("lamp")["hosting"]) == ("csr", "none")


def test_its_config_has_no_reference_and_its_shadow_no_setting_of_virtual_devices(
    world: World,
) -> None:
    # when
    create(world)
    write(world)
    # then
    kept = SESSION.client("s3").get_object(Bucket=BUCKET, Key="devices/lamp/config.json")
    document = json.loads(kept["Body"].read())
    assert set(document) == {
        "version", "thingName", "deviceType", "endpoint", "port", "attributes",
    }  # fmt: skip
    assert world.shadows.desired["lamp"] == {}


def test_its_certificate_is_made_from_the_request_at_the_first_look(world: World) -> None:
    # when
    signed = made(world)
    # then
    assert signed["signed"]
    assert world.row("lamp")["certificate_id"] == signed["certificateId"]


def test_the_row_names_neither_task_nor_cluster(world: World) -> None:
    # given
    signed = made(world)
    # when
    told = built(record_status)(
        {
            "thingName": "lamp",
            "execution": EXECUTION,
            "certificateId": signed["certificateId"],
            "taskArn": "",
            "clusterArn": "",
            "taskToken": "token-1",
        },
        world.context,
    )
    # then
    assert told == {"status": "PROVISIONING"}
    row = world.row("lamp")
    assert row["task_token"] == "token-1"
    assert not {"task_arn", "cluster_arn", "image_digest"} & set(row)


@pytest.mark.parametrize("more", [{}, {"stop": True}])
def test_it_is_restarted_and_stopped_by_its_owner_alone(
    world: World, more: dict[str, bool]
) -> None:
    # given
    made(world)
    world.catalog.update("lamp", EXECUTION, status="ONLINE")
    before = world.row("lamp")
    # when
    asked = {"input": {"thingName": "lamp", **more}, "restart": RESTART}
    with pytest.raises(InvalidInput, match="thingName: lamp is not virtual: it runs where"):
        built(claim_restart)(asked, world.context)
    # then
    assert world.row("lamp") == before


def test_its_certificate_is_not_rotated_by_the_schedule(world: World) -> None:
    # given
    made(world)
    world.catalog.update("lamp", EXECUTION, status="ONLINE", certificate_created_at=OLD)
    # when
    answer = built(rotate_certificates)({}, world.context)
    # then
    assert answer["due"] == []


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        ({"csr": None}, "csr: must be a certificate signing request in PEM"),
        ({"csr": "x"}, "csr: must be a certificate signing request in PEM"),
        ({"csr": CSR + "A" * 4096}, "csr: must be a certificate signing request in PEM"),
        ({"csr": CSR * 2}, "csr: must be a certificate signing request in PEM"),
        ({"hosting": "task"}, "csr: is for hosting none"),
        ({"identity": "keys"}, "identity: must be csr or jitr with hosting none"),
        ({"deviceType": "host"}, "hosting: must be task for a host"),
        ({"model": {"telemetry": {}}}, "model: is for a virtual device"),
    ],
)
def test_a_wish_that_breaks_a_rule_makes_nothing(
    world: World, asked: dict[str, Any], rule: str
) -> None:
    with pytest.raises(InvalidInput, match=re.escape(rule)):
        create(world, **asked)
    assert world.row("lamp") == {}


def test_a_key_that_was_given_by_mistake_is_not_told(world: World) -> None:
    key = make_request("lamp")[0]
    with pytest.raises(InvalidInput) as refused:
        create(world, csr=key)
    assert key[40:60] not in str(refused.value)


def test_a_request_is_needed(world: World) -> None:
    event = {"input": {"thingName": "lamp", "hosting": "none"}, "execution": EXECUTION}
    with pytest.raises(InvalidInput, match="csr: must be"):
        built(create_thing)(event, world.context)
    assert world.row("lamp") == {}


def test_a_group_of_a_fleet_is_of_virtual_devices() -> None:
    group = {"name": "lamps", "count": 1, "hosting": "none"}
    with pytest.raises(InvalidInput, match=re.escape("groups[0].hosting: must be one of task, sh")):
        FleetWish.of({"name": "office", "groups": [group]})
