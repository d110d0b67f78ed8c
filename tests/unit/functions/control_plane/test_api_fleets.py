"""Fleets by the HTTP API: what is told of them, which workflow begins, and what is refused."""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import pytest
from botocore.exceptions import ClientError

from common.device_wish import MAX_MODEL_BYTES
from common.fleet_stages import OF_A_STAGE, OF_A_STOP, Act, Measure
from common.fleet_wish import (
    FIELDS,
    MAX_PLAN_BYTES,
    MOST_DEVICES,
    MOST_GROUPS,
    NAME,
    OF_A_GROUP,
    FleetWish,
)
from common.identifiers import HOSTINGS, fleet_key
from common.moments import now
from control_plane.document import document, operations
from control_plane.request import MAX_BODY_BYTES
from tests.unit.api import ADMIN, VIEWER, Api, Reply
from tests.unit.doubles.workflows import MemoryWorkflows
from tests.unit.stack import BUCKET, FLEET, FLEET_REMOVAL, FLEETS
from tests.unit.tables import create_table

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_s3 import S3Client

LAMPS = {"name": "lamp", "count": 2, "deviceType": "bulb"}
FILE: dict[str, Any] = {"name": "office", "groups": [LAMPS]}
AT = "2026-01-02T03:04:05.678Z"
KEY = {"Idempotency-Key": "one"}


@pytest.fixture
def register(afresh: None) -> "Table":
    """Of fleets, empty."""
    return create_table(FLEETS, ["fleet_name"], ["fleet_name"])


@pytest.fixture
def fleets(api: Api, register: "Table", s3: "S3Client") -> Api:
    """The API, where fleets can be asked for."""
    return api


def put(register: "Table", name: str = "office", **more: Any) -> None:
    """A fleet of two devices that nobody changes."""
    row: dict[str, Any] = {"fleet_name": name, "status": "READY", "devices": 2}
    register.put_item(Item={**row, "created_at": AT, "updated_at": AT, **more})


def held(register: "Table", by: str, status: str = "PROVISIONING", **more: Any) -> None:
    put(register, status=status, execution_arn=by, **{"held_at": AT, **more})


def put_file(s3: "S3Client", groups: list[Any], name: str = "office") -> None:
    body = json.dumps({"name": name, "groups": groups, "tolerated": 0}).encode()
    s3.put_object(Bucket=BUCKET, Key=fleet_key(name, "file"), Body=body)


def started(workflows: MemoryWorkflows) -> list[tuple[str, Any]]:
    """Workflow and input of each execution that was started."""
    return [
        (arn.split(":")[6].removeprefix("playground-"), given)
        for arn, given in workflows.started.items()
    ]


def groups(*found: Any) -> dict[str, Any]:
    return {**FILE, "groups": list(found)}


def test_fleets_are_listed_by_name(fleets: Api, register: "Table") -> None:
    # given
    fleets.claims = VIEWER
    assert fleets.call("listFleets").body == {"fleets": []}
    put(register, "office")
    put(register, "cellar", status="PROVISIONING", devices=0, execution_arn=FLEET, held_at=AT)
    # then
    of_both = {"createdAt": AT, "updatedAt": AT}
    assert fleets.call("listFleets").body == {
        "fleets": [
            {"name": "cellar", "status": "PROVISIONING", "devices": 0, **of_both},
            {"name": "office", "status": "READY", "devices": 2, **of_both},
        ]
    }


def test_all_pages_of_the_register_are_read(
    fleets: Api, register: "Table", monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a page that ends after 1 MB
    names = [f"fleet-{number}" for number in range(3)]
    for name in names:
        put(register, name, padding="x" * 390_000)
    assert "LastEvaluatedKey" in register.scan()
    # then
    assert [one["name"] for one in fleets.call("listFleets").body["fleets"]] == names


def test_a_fleet_is_described_with_its_groups(
    fleets: Api, register: "Table", s3: "S3Client"
) -> None:
    # given
    fleets.claims = VIEWER
    put(register)
    put_file(s3, [LAMPS, {"name": "any", "count": 0, "thingName": "a-{number}"}])
    # then
    reply = fleets.call("describeFleet", fleetName="office")
    assert (reply.status, reply.body) == (
        200,
        {
            "name": "office",
            "status": "READY",
            "devices": 2,
            "createdAt": AT,
            "updatedAt": AT,
            "groups": [
                {"name": "lamp", "deviceType": "bulb", "count": 2},
                {"name": "any", "deviceType": "generic", "count": 0},
            ],
            "links": {"self": "/v1/fleets/office", "execution": None},
        },
    )


def test_a_fleet_that_is_being_made_leads_to_its_execution(fleets: Api, register: "Table") -> None:
    held(register, FLEET, devices=0)
    found = fleets.call("describeFleet", fleetName="office").body
    assert found["groups"] == []
    assert found["links"]["execution"] == "/v1/executions/one"


def test_a_fleet_without_a_file_has_no_groups(fleets: Api, register: "Table") -> None:
    put(register)
    assert fleets.call("describeFleet", fleetName="office").body["groups"] == []


def test_nor_has_one_whose_file_s3_says_nothing_of(
    fleets: Api,
    register: "Table",
    function_clients: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """AWS says so of what is not there to who may not list the bucket, as the function may not."""
    put(register)
    refuse(function_clients, monkeypatch, "AccessDenied")
    assert fleets.call("describeFleet", fleetName="office").body["groups"] == []


def test_a_bucket_that_can_not_be_read_is_no_fleet_without_a_file(
    fleets: Api,
    register: "Table",
    function_clients: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(register)
    refuse(function_clients, monkeypatch, "NoSuchBucket")
    assert fleets.call("describeFleet", fleetName="office").status == 500


def refuse(clients: list[Any], monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    def get_object(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetObject")

    for client in clients:
        if client.meta.service_model.service_name == "s3":
            monkeypatch.setattr(client, "get_object", get_object)


@pytest.mark.parametrize("operation", ["describeFleet", "removeFleet"])
def test_a_fleet_that_is_not_there(fleets: Api, workflows: MemoryWorkflows, operation: str) -> None:
    reply = fleets.call(operation, fleetName="office")
    assert (reply.status, reply.body["detail"]) == (404, "there is no fleet office")
    assert workflows.started == {}


@pytest.mark.parametrize("operation", ["describeFleet", "removeFleet"])
def test_a_name_that_no_fleet_can_have(fleets: Api, operation: str) -> None:
    reply = fleets.call(operation, fleetName="a.b")
    assert (reply.status, reply.fields) == (400, ["fleetName"])


def location(reply: Reply, url: str) -> bool:
    """Whether it leads from there to the execution."""
    there = urljoin(f"https://host/stage{url}", reply.headers["Location"])
    return there == f"https://host/stage{reply.body['links']['execution']}"


def test_a_file_starts_the_provisioning(fleets: Api, workflows: MemoryWorkflows) -> None:
    reply = fleets.call("provisionFleet", body=FILE)
    assert reply.status == 202
    assert started(workflows) == [("provision-fleet", FILE)]
    name = reply.body["executionName"]
    assert reply.body == {
        "name": "office",
        "executionName": name,
        "workflow": "provision-fleet",
        "links": {"self": "/v1/fleets/office", "execution": f"/v1/executions/{name}"},
    }
    assert location(reply, "/v1/fleets")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "/name"),
        ({"name": "office"}, "/groups"),
        ({**FILE, "name": "an office"}, "/name"),
        ({**FILE, "colour": "red"}, "/colour"),
        ({**FILE, "tolerated": -1}, "/tolerated"),
        ({**FILE, "tolerated": True}, "/tolerated"),
        (groups(), "/groups"),
        (groups(*[{"name": f"g{at}", "count": 1} for at in range(51)]), "/groups"),
        (groups({"name": "lamp"}), "/groups/0/count"),
        (groups(LAMPS, {"name": "m", "count": "4"}), "/groups/1/count"),
        (groups({**LAMPS, "count": -1}), "/groups/0/count"),
        (groups({**LAMPS, "count": 5001}), "/groups/0/count"),
        (groups({**LAMPS, "thingName": "lamp"}), "/groups/0/thingName"),
        (groups({**LAMPS, "thingName": "{number}{number}"}), "/groups/0/thingName"),
        (groups({**LAMPS, "deviceType": "toaster"}), "/groups/0/deviceType"),
        (groups({**LAMPS, "attributes": {"a/b": 1}}), "/groups/0/attributes/a~1b"),
        (groups({**LAMPS, "ttl": "90s"}), "/groups/0/ttl"),
        (groups({**LAMPS, "size": 1}), "/groups/0/size"),
        # What a schema can't say is the workflow's own rule.
        (groups({**LAMPS, "count": 2.5}), "/groups/0/count"),
        (groups({**LAMPS, "count": 0}), "/groups"),
        (groups({**LAMPS, "count": 5000}, {"name": "b", "count": 1}), "/groups"),
        (groups(LAMPS, LAMPS), "/groups/1/name"),
        (
            groups(*[{**LAMPS, "name": name, "thingName": "a{number}"} for name in "bc"]),
            "/groups/1/thingName",
        ),
        (
            groups(LAMPS, {"name": "m", "count": 1, "model": {"telemetry": {}, "x": "y" * 16384}}),
            "/groups/1/model",
        ),
        ([], ""),
        ("{", ""),
    ],
)
def test_a_file_that_breaks_a_rule(
    fleets: Api, workflows: MemoryWorkflows, body: Any, field: str
) -> None:
    reply = fleets.call("provisionFleet", body=body)
    assert (reply.status, reply.fields) == (400, [field])
    assert reply.body["errors"][0]["rule"]
    assert workflows.started == {}


def test_what_the_document_lets_through_the_workflow_refuses_in_its_words(fleets: Api) -> None:
    reply = fleets.call("provisionFleet", body=groups(LAMPS, LAMPS))
    assert reply.body["detail"] == "/groups/1/name: lamp is the name of another group, too"


def test_the_same_key_is_the_same_execution(
    fleets: Api, register: "Table", workflows: MemoryWorkflows
) -> None:
    # given
    first = fleets.call("provisionFleet", body=FILE, headers=KEY)
    (arn,) = workflows.started
    # when the fleet is being made, and the request comes again
    held(register, arn)
    again = fleets.call("provisionFleet", body=dict(reversed(FILE.items())), headers=KEY)
    # then
    assert (again.status, again.body) == (202, first.body)
    assert len(workflows.started) == 1
    # and another body is refused, another caller has keys of their own
    other = fleets.call("provisionFleet", body={**FILE, "name": "cellar"}, headers=KEY)
    assert (other.status, other.fields) == (422, ["Idempotency-Key"])
    fleets.claims = {**ADMIN, "sub": "somebody-else"}
    assert fleets.call("provisionFleet", body={**FILE, "name": "cellar"}, headers=KEY).status == 202


def test_a_key_of_a_device_is_not_one_of_a_fleet(fleets: Api, workflows: MemoryWorkflows) -> None:
    """An execution is asked for by its name alone, so no two workflows have the same."""
    device = fleets.call("createDevice", body={}, headers=KEY).body["executionName"]
    fleet = fleets.call("provisionFleet", body=FILE, headers=KEY).body["executionName"]
    assert device != fleet
    assert fleets.call("describeExecution", executionName=fleet).body["workflow"] == (
        "provision-fleet"
    )


@pytest.mark.parametrize("operation", ["provisionFleet", "removeFleet"])
def test_a_fleet_that_another_execution_has(
    fleets: Api, register: "Table", workflows: MemoryWorkflows, operation: str
) -> None:
    # given
    held(register, FLEET)
    workflows.runs(FLEET, FILE)
    asked = {"body": FILE} if operation == "provisionFleet" else {"fleetName": "office"}
    # then
    reply = fleets.call(operation, **asked)
    assert (reply.status, reply.body["detail"]) == (
        409,
        "office is being changed by the execution one",
    )
    assert workflows.started == {}
    # and when that one is over without letting go
    workflows.ended(FLEET, "ABORTED")
    assert fleets.call(operation, **asked).status == 202


@pytest.mark.parametrize("operation", ["provisionFleet", "removeFleet"])
def test_an_execution_that_is_not_known_yet_has_the_fleet(
    fleets: Api, register: "Table", workflows: MemoryWorkflows, operation: str
) -> None:
    held(register, FLEET, held_at=now())
    asked = {"body": FILE} if operation == "provisionFleet" else {"fleetName": "office"}
    assert fleets.call(operation, **asked).status == 409
    assert workflows.started == {}


def test_a_delete_starts_the_removal(
    fleets: Api, register: "Table", workflows: MemoryWorkflows
) -> None:
    # given
    put(register)
    # then
    reply = fleets.call("removeFleet", fleetName="office")
    assert (reply.status, reply.body["workflow"]) == (202, "remove-fleet")
    assert started(workflows) == [("remove-fleet", {"name": "office"})]
    assert reply.body["links"]["self"] == "/v1/fleets/office"
    assert location(reply, "/v1/fleets/office")


def test_a_delete_leads_to_the_removal_that_is_under_way(
    fleets: Api, register: "Table", workflows: MemoryWorkflows
) -> None:
    # given
    held(register, FLEET_REMOVAL, "REMOVING")
    workflows.runs(FLEET_REMOVAL, {"name": "office"})
    # then
    reply = fleets.call("removeFleet", fleetName="office")
    assert (reply.status, reply.body["executionName"]) == (202, "one")
    assert location(reply, "/v1/fleets/office")
    assert workflows.started == {}
    # and when that one is over, with the fleet still there, another one begins
    workflows.ended(FLEET_REMOVAL, "FAILED")
    assert fleets.call("removeFleet", fleetName="office").body["executionName"] != "one"


def test_what_undoes_an_execution_is_no_removal_of_the_fleet(
    fleets: Api, register: "Table", workflows: MemoryWorkflows
) -> None:
    held(register, FLEET_REMOVAL, "REMOVING")
    workflows.runs(FLEET_REMOVAL, {"executionArn": FLEET})
    assert fleets.call("removeFleet", fleetName="office").status == 409
    assert workflows.started == {}


def test_a_viewer_changes_no_fleet(
    fleets: Api, register: "Table", workflows: MemoryWorkflows
) -> None:
    put(register)
    fleets.claims = VIEWER
    assert fleets.call("provisionFleet", body=FILE).status == 403
    assert fleets.call("removeFleet", fleetName="office").status == 403
    assert workflows.started == {}


def test_a_file_that_is_too_large_for_the_api(fleets: Api, workflows: MemoryWorkflows) -> None:
    empty = len(json.dumps(FILE))
    for more, status in ((0, 202), (1, 413)):
        body = json.dumps(FILE) + " " * (MAX_BODY_BYTES - empty + more)
        assert fleets.call("provisionFleet", body=body).status == status
    assert len(workflows.started) == 1


def test_the_largest_body_fits_the_input_of_an_execution(
    fleets: Api, workflows: MemoryWorkflows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers grow most when they are written again: 1e15 has four characters, then 18."""
    # given
    given: list[str] = []
    real = workflows.start_execution

    def start_execution(**asked: Any) -> Any:
        given.append(asked["input"])
        return real(**asked)

    monkeypatch.setattr(workflows, "start_execution", start_execution)
    numbers = ",".join(["1e15"] * ((MAX_MODEL_BYTES - 40) // 19))
    several = ",".join(
        f'{{"name":"{at}","count":1,"model":{{"telemetry":{{}},"x":[{numbers}]}}}}'
        for at in range(MAX_BODY_BYTES // (len(numbers) + 70))
    )
    # when
    reply = fleets.call("provisionFleet", body=f'{{"name":"office","groups":[{several}]}}')
    # then
    assert reply.status == 202, reply.body
    assert 3 * MAX_BODY_BYTES < len(given[0].encode()) <= 262_144


def test_the_log_names_the_fleet(fleets: Api, printed: Any) -> None:
    fleets.call("describeFleet", fleetName="office")
    assert '"fleet_name":"office"' in printed()


def test_the_result_of_a_fleets_execution_is_told(
    fleets: Api, workflows: MemoryWorkflows, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    workflows.ended(FLEET, "SUCCEEDED", asked=FILE)
    output = {"name": "office", "devices": 1, "missing": 1, "result": "OK"}
    real = workflows.describe_execution

    def describe_execution(executionArn: str) -> Any:  # noqa: N803 - AWS's name
        return {**real(executionArn), "output": json.dumps(output)}

    monkeypatch.setattr(workflows, "describe_execution", describe_execution)
    # then
    found = fleets.call("describeExecution", executionName="one").body
    assert (found["workflow"], found["thingName"]) == ("provision-fleet", None)
    assert found["result"] == output


def test_the_document_has_the_rules_of_a_file() -> None:
    # given
    schemas = document()["components"]["schemas"]
    file, group = schemas["FleetFile"], schemas["FleetGroup"]["properties"]
    # then
    assert file["properties"].keys() == set(FIELDS)
    assert group.keys() == set(OF_A_GROUP)
    assert schemas["FleetName"]["pattern"] == f"^{NAME.pattern}$"
    assert file["properties"]["groups"]["maxItems"] == MOST_GROUPS
    assert group["count"]["maximum"] == MOST_DEVICES
    assert f"{MOST_DEVICES:,} devices" in file["description"]
    assert f"{MAX_PLAN_BYTES:,} bytes" in file["description"]
    assert f"{MAX_BODY_BYTES:,} bytes" in document()["paths"]["/v1/fleets"]["post"]["description"]
    of_a_device = schemas["NewDevice"]["properties"]
    for name in of_a_device.keys() - {"thingName", "hosting", "csr"}:
        assert group[name] == of_a_device[name]
    hosting, of_one = (schemas[name]["enum"] for name in ("Hosting", "DeviceHosting"))
    assert (hosting, of_one) == (["task", "shared"], list(HOSTINGS))
    assert schemas["FleetStage"]["properties"].keys() == set(OF_A_STAGE)
    assert schemas["FleetAction"]["properties"].keys() == {*Act, "groups", "share", "over"}
    assert schemas["FleetStop"]["properties"].keys() == set(OF_A_STOP)
    assert schemas["FleetStop"]["properties"]["measure"]["enum"] == list(Measure)
    assert [FleetWish.of(one).count for one in file["examples"]] == [2]


@pytest.mark.parametrize("length", [124, 125])
def test_the_document_knows_how_long_a_thing_name_may_be(fleets: Api, length: int) -> None:
    """`{number}` has eight characters and becomes four."""
    body = groups({**LAMPS, "thingName": "x" * length + "{number}"})
    allowed = operations()["provisionFleet"].check_body
    assert fleets.call("provisionFleet", body=body).status == (202 if length == 124 else 400)
    if length == 124:
        assert allowed(body) == body
        FleetWish.of(body)
