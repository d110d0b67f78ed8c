"""The HTTP API: who may do what, what is refused and how, and that document, template and resolver
are one.
"""

import json
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from common.device_wish import (
    ATTRIBUTE_NAME,
    ATTRIBUTE_VALUE,
    CSR_RULE,
    FIELDS,
    MAX_ATTRIBUTES,
    MAX_MODEL_BYTES,
    TTL,
    TTL_RULE,
)
from common.identifiers import (
    BATCH_NAME,
    DEVICE_TYPES,
    IDENTITIES,
    RESERVED_NAMES,
    THING_NAME,
    made_up_name,
)
from common.statuses import STATUSES
from control_plane import control_plane, explain
from control_plane.caller import groups_of
from control_plane.control_plane import acts_of, machines_of
from control_plane.document import document, operations
from control_plane.machines import WORKFLOWS
from explaining.states import states_of
from playground.devices.own import make_request
from presence import presence
from tests.unit.api import ADMIN, JSON, VIEWER, Api
from tests.unit.built import SESSION, built, environment
from tests.unit.doubles.iot import Thing
from tests.unit.doubles.service import Refusal
from tests.unit.doubles.workflows import BEGINNING
from tests.unit.stack import EXECUTION, QUARANTINE, RELEASE, REMOVAL, RESTART
from tests.unit.template import RESOURCES, ROOT

CSR = make_request("lamp")[1]
READING = ("explainPolicy", "goLive")
"""Operations that are no GET and change nothing."""


def test_document_resolver_and_template_have_the_same_operations() -> None:
    # given
    routes = {
        resource["Properties"]["RouteKey"]
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::ApiGatewayV2::Route"
    }
    # then
    of_both = [of(environment(), SESSION).keys() for of in (acts_of, explain.acts_of)]
    assert of_both[0] | of_both[1] == operations().keys()
    assert not of_both[0] & of_both[1]
    assert routes == {f"{one.method} {one.path}" for one in operations().values()} | {"$default"}


def test_every_route_asks_for_a_token() -> None:
    for resource in RESOURCES.values():
        if resource["Type"] == "AWS::ApiGatewayV2::Route":
            assert resource["Properties"]["AuthorizationType"] == "JWT"
            assert resource["Properties"]["AuthorizerId"] == {"Ref": "ApiAuthorizer"}


def test_the_document_says_who_may_what() -> None:
    for item in document()["paths"].values():
        for method, operation in item.items():
            if method != "parameters":
                (role,) = operation["security"]
                reads = method == "get" or operation["operationId"] in READING
                assert role == {"accessToken": ["viewers" if reads else "admins"]}


def test_the_sample_is_answered(context: Any, table: Any) -> None:
    event = json.loads((Path(ROOT) / "events" / "control_plane.json").read_text())
    assert built(control_plane)(event, context)["statusCode"] == 404


@pytest.mark.parametrize("claims", [None, {}, {**ADMIN, "token_use": "id"}, {**ADMIN, "sub": ""}])
def test_nothing_is_answered_without_an_access_token(api: Api, claims: Any) -> None:
    # given
    api.claims = claims
    # then
    for reply in (api.call("listDevices"), api.send("GET", "/v1/nothing")):
        assert (reply.status, reply.body["type"]) == (
            401,
            "urn:iot-playground:problem:not-authenticated",
        )
        assert reply.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_viewer_looks_and_changes_nothing(api: Api, lamp: str, workflows: Any) -> None:
    # given
    api.claims = VIEWER
    # then
    assert api.call("describeDevice", thingName=lamp).status == 200
    assert api.call("createDevice", body={}).status == 403
    assert api.call("deleteDevice", thingName=lamp).status == 403
    assert workflows.started == {}


def test_a_path_that_is_not_there_and_a_method_that_is_not_there(api: Api) -> None:
    assert api.send("GET", "/v1/nothing").status == 404
    reply = api.send("PATCH", "/v1/devices/lamp")
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, DELETE")
    assert reply.headers["Content-Type"] == "application/problem+json"


def test_a_device_that_nobody_knows(api: Api) -> None:
    reply = api.call("describeDevice", thingName="lamp")
    assert (reply.status, reply.body["detail"]) == (404, "the catalog knows no device lamp")


def test_a_device_of_which_only_the_row_is_there(api: Api, lamp: str) -> None:
    # when
    reply = api.call("describeDevice", thingName=lamp)
    # then
    assert reply.status == 200
    assert reply.body["catalog"]["status"] == "PROVISIONING"
    assert [reply.body[part] for part in ("shadow", "certificate", "execution", "presence")] == [
        None
    ] * 4
    assert reply.body["links"] == {"self": "/v1/devices/lamp", "execution": "/v1/executions/one"}


@pytest.mark.parametrize(
    ("claim", "groups"),
    [
        ("[admins viewers]", {"admins", "viewers"}),
        ("[admins]", {"admins"}),
        (["admins", 1], {"admins"}),
        ("admins", set()),  # not how a gateway says it
        ("[[admins]]", {"[admins]"}),  # one group with brackets in its name
        ("[x,admins]", {"x,admins"}),
        ("[]", set()),
        (None, set()),
        ("", set()),
    ],
)
def test_no_group_passes_for_another(claim: Any, groups: set[str]) -> None:
    assert groups_of(claim) == groups


def test_a_user_name_gives_no_rights(api: Api) -> None:
    api.claims = {**VIEWER, "username": "[admins]", "cognito:groups": "[everybody]"}
    assert api.call("listDevices").status == 403


def started(workflows: Any) -> list[tuple[str, Any]]:
    """Workflow and input of each execution that was started."""
    return [
        (arn.split(":")[6].removeprefix("playground-"), given)
        for arn, given in workflows.started.items()
    ]


def test_a_create_starts_the_provisioning(api: Api, workflows: Any) -> None:
    # given
    body = {
        "deviceType": "bulb",
        "thingName": "lamp",
        "attributes": {"room": "kitchen"},
        "model": {"telemetry": {}},
    }
    # when
    reply = api.call("createDevice", body=body)
    # then
    assert (reply.status, reply.body["thingName"]) == (202, "lamp")
    assert started(workflows) == [("provision-device", body)]
    name = reply.body["executionName"]
    assert reply.body["links"] == {
        "self": "/v1/devices/lamp",
        "execution": f"/v1/executions/{name}",
    }
    assert urljoin("https://host/any/stage/v1/devices", reply.headers["Location"]) == (
        f"https://host/any/stage/v1/executions/{name}"
    )


def test_a_name_that_the_workflow_makes_up_is_told_beforehand(api: Api, workflows: Any) -> None:
    reply = api.call("createDevice", body={})
    (arn,) = workflows.started
    assert reply.body["thingName"] == made_up_name(arn)


def test_the_same_key_is_the_same_execution(api: Api, workflows: Any, catalog: Any) -> None:
    # given
    body, key = {"thingName": "lamp", "deviceType": "bulb"}, {"Idempotency-Key": "one"}
    first = api.call("createDevice", body=body, headers=key)
    (arn,) = workflows.started
    # when the device is there, and the request comes again: in another order, with the key in
    # quotes
    catalog.claim("lamp", "bulb", arn)
    again = api.call(
        "createDevice", body=dict(reversed(body.items())), headers={"idempotency-key": '"one"'}
    )
    # then
    assert (again.status, again.body) == (202, first.body)
    assert len(workflows.started) == 1
    # and another body is refused, another caller has keys of their own
    other = api.call("createDevice", body={"thingName": "other"}, headers=key)
    assert (other.status, other.fields) == (422, ["Idempotency-Key"])
    api.claims = {**ADMIN, "sub": "somebody-else"}
    assert api.call("createDevice", body={"thingName": "other"}, headers=key).status == 202
    assert len(workflows.started) == 2


def test_two_requests_with_one_key_at_a_time(
    api: Api, workflows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a second request that has looked before the first one started
    body, key = {"thingName": "lamp"}, {"Idempotency-Key": "one"}
    first = api.call("createDevice", body=body, headers=key)
    looks = iter([None])
    real = workflows.describe_execution

    def blind_once(executionArn: str) -> Any:  # noqa: N803
        if next(looks, "seen") is None:
            raise Refusal("ExecutionDoesNotExist", 400, executionArn)
        return real(executionArn)

    monkeypatch.setattr(workflows, "describe_execution", blind_once)
    # then
    assert api.call("createDevice", body=body, headers=key).body == first.body


def test_a_name_that_is_taken(api: Api, lamp: str, iot: Any, workflows: Any) -> None:
    # given a device, and a thing that is somebody else's
    iot.things["foreign"] = Thing("none", {})
    # then
    for name in (lamp, "foreign"):
        reply = api.call("createDevice", body={"thingName": name})
        assert (reply.status, reply.fields) == (409, ["/thingName"])
    assert workflows.started == {}


@pytest.mark.parametrize("status", ["TERMINATED", "FAILED"])
def test_a_name_that_is_free_again(api: Api, lamp: str, catalog: Any, status: str) -> None:
    catalog.take(catalog.row(lamp), "remover")
    catalog.release(lamp, "remover", status)
    assert api.call("deleteDevice", thingName=lamp).status == 404
    assert api.call("describeDevice", thingName=lamp).body["catalog"]["status"] == status
    assert api.call("createDevice", body={"thingName": lamp}).status == 202


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_byte_order_mark_is_no_part_of_a_body(api: Api, workflows: Any, mark: str) -> None:
    model = '{"telemetry": {"t": {"constant": [10.0, -0, 1e2, 0.1]}}}'
    body = f'{mark}{{"thingName": "lamp", "model": {model}}}'
    assert api.call("createDevice", body=body).status == 202
    (asked,) = workflows.started.values()
    assert asked["model"]["telemetry"]["t"]["constant"] == [10.0, 0, 100, 0.1]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"thingName": "no spaces"}, "/thingName"),
        ({"thingName": "x" * 129}, "/thingName"),
        ({"thingName": "update"}, "/thingName"),
        ({"thingName": None}, "/thingName"),
        ({"deviceType": "toaster"}, "/deviceType"),
        ({"attributes": []}, "/attributes"),
        ({"attributes": {"execution": "x"}}, "/attributes"),
        ({"attributes": {"a b": "x"}}, "/attributes"),
        ({"attributes": {"a/b~c": 1}}, "/attributes/a~1b~0c"),
        ({"attributes": {str(number): "" for number in range(21)}}, "/attributes"),
        ({"model": {}}, "/model"),
        ({"model": {"telemetry": {}, "messages": []}}, "/model"),
        ({"model": {"messages": {}}}, "/model/messages"),
        ({"model": {"telemetry": {}, "x": "y" * 16_384}}, "/model"),
        ({"identity": "tpm"}, "/identity"),
        ({"identity": None}, "/identity"),
        ({"method": "tpm"}, "/method"),
        ({"method": "claim", "identity": "claim"}, "/method"),
        ({"method": "trusted-user", "hosting": "shared"}, "/method"),
        ({"identity": "claim", "hosting": "shared"}, "/identity"),
        ({"batch": "spring"}, "/batch"),
        ({"batch": "spring", "method": "claim-csr", "hosting": "shared"}, "/method"),
        ({"batch": "spring", "hosting": "shared"}, "/batch"),
        ({"batch": "spring", "method": "keys"}, "/method"),
        ({"batch": "spring", "identity": "csr"}, "/identity"),
        ({"batch": "a b", "method": "claim"}, "/batch"),
        ({"batch": "a/b", "method": "claim"}, "/batch"),
        ({"batch": "x" * 41, "method": "claim"}, "/batch"),
        ({"batch": None, "method": "claim"}, "/batch"),
        ({"hosting": "none"}, "/csr"),
        ({"hosting": "none", "csr": "x"}, "/csr"),
        ({"hosting": "shared", "csr": CSR}, "/csr"),
        ({"csr": CSR}, "/csr"),
        ({"hosting": "none", "csr": CSR, "method": "keys"}, "/method"),
        ({"hosting": "none", "csr": CSR, "deviceType": "host"}, "/deviceType"),
        ({"hosting": "none", "csr": CSR, "model": {"telemetry": {}}}, "/model"),
        ({"ttl": "90s"}, "/ttl"),
        ({"ttl": "366d"}, "/ttl"),
        ({"ttl": 60}, "/ttl"),
        ({"colour": "red"}, "/colour"),
        ([], ""),
        ("", ""),
        ("{", ""),
        ('{"model": {"telemetry": {"x": NaN}}}', "/model/telemetry/x"),
        ('{"model": {"telemetry": {"x": [0, 1e999]}}}', "/model/telemetry/x/1"),
        ('{"model": {"telemetry": {"x": "\\ud800"}}}', "/model/telemetry/x"),
        ('{"model": {"telemetry": {"x/y": 123456789012345678901}}}', "/model/telemetry/x~1y"),
        ('{"model": {"telemetry": {"x": 0.12345678901234567890}}}', "/model/telemetry/x"),
        ('{"thingName": "a", "thingName": "b"}', ""),
        ("[" * 20_000, ""),
    ],
)
def test_a_body_that_breaks_a_rule(api: Api, workflows: Any, body: Any, field: str) -> None:
    reply = api.call("createDevice", body=body)
    assert (reply.status, reply.fields) == (400, [field])
    assert workflows.started == {}


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"method": "csr", "identity": "csr"}, "can't be given together with identity"),
        ({"method": "claim", "hosting": "shared"}, "can't be claim with hosting shared"),
        ({"method": "keys", "batch": "spring"}, "can't be keys with batch spring"),
    ],
)
def test_fields_that_exclude_each_other_are_told_in_words(
    api: Api, body: dict[str, str], rule: str
) -> None:
    (error,) = api.call("createDevice", body=body).body["errors"]
    assert error == {"field": "/method", "rule": rule}


def test_a_device_of_a_batch_is_asked_for(api: Api, workflows: Any) -> None:
    body = {"thingName": "lamp", "method": "claim-csr", "batch": "spring"}
    assert api.call("createDevice", body=body).status == 202
    assert list(workflows.started.values()) == [body]


def test_a_request_is_refused_in_words_and_taken(api: Api, workflows: Any) -> None:
    (error,) = api.call("createDevice", body={"hosting": "none", "csr": "x"}).body["errors"]
    assert error == {"field": "/csr", "rule": CSR_RULE}
    (error,) = api.call("createDevice", body={"csr": CSR}).body["errors"]
    assert error["rule"] == "can't be given with the other fields as they are"
    assert api.call("createDevice", body={"hosting": "none", "csr": CSR}).status == 202
    assert [asked["hosting"] for asked in workflows.started.values()] == ["none"]


def test_a_time_is_refused_in_words(api: Api) -> None:
    (error,) = api.call("createDevice", body={"ttl": "90s"}).body["errors"]
    assert error == {"field": "/ttl", "rule": TTL_RULE}


def test_a_device_shows_when_its_time_is_up(api: Api, lamp: str, catalog: Any) -> None:
    # given
    assert api.call("describeDevice", thingName=lamp).body["catalog"]["expiresAt"] is None
    # when
    catalog.update(lamp, EXECUTION, expires_at="2026-01-02T03:04:05.678Z")
    # then
    described = api.call("describeDevice", thingName=lamp).body["catalog"]
    (listed,) = api.call("listDevices").body["devices"]
    assert described["expiresAt"] == listed["expiresAt"] == "2026-01-02T03:04:05.678Z"


def test_a_model_says_what_it_sends_in_one_of_two_forms(api: Api) -> None:
    assert api.call("createDevice", body={"model": {"messages": []}}).status == 202
    reply = api.call("createDevice", body={"model": {}})
    assert "must have exactly one of telemetry, messages" in json.dumps(reply.body)


def test_the_largest_model_is_taken(api: Api) -> None:
    empty = len(json.dumps({"telemetry": {}, "x": ""}, separators=(",", ":")))
    model = {"telemetry": {}, "x": "y" * (MAX_MODEL_BYTES - empty)}
    assert api.call("createDevice", body={"model": model}).status == 202


def test_a_body_that_is_no_json_or_too_long(api: Api) -> None:
    assert api.call("createDevice", body="{}", headers={"content-type": "text/plain"}).status == 415
    assert api.call("createDevice", body=" " * 70_000).status == 413
    assert api.call("createDevice", body="ä" * 40_000).status == 413
    route = ("POST", "/v1/devices", "POST /v1/devices", None, "")
    encoded = b64encode(b'{"thingName": "lamp"}').decode()
    assert api.send(*route, headers=JSON, body=encoded, base64=True).status == 202
    assert (
        api.send(*route, headers=JSON, body=b64encode(b"\xff").decode(), base64=True).status == 400
    )


def test_the_document_has_the_workflows_rules() -> None:
    # given
    schemas = document()["components"]["schemas"]
    attributes = schemas["Attributes"]
    # then
    assert schemas["NewDevice"]["properties"].keys() == set(FIELDS)
    assert schemas["ThingName"]["pattern"] == f"^{THING_NAME.pattern}$"
    assert set(schemas["ThingName"]["not"]["enum"]) == RESERVED_NAMES
    assert tuple(schemas["DeviceType"]["enum"]) == DEVICE_TYPES
    assert attributes["propertyNames"]["pattern"] == f"^{ATTRIBUTE_NAME.pattern}$"
    assert attributes["additionalProperties"]["pattern"] == f"^{ATTRIBUTE_VALUE.pattern}$"
    assert attributes["maxProperties"] == MAX_ATTRIBUTES
    assert tuple(schemas["Identity"]["enum"]) == IDENTITIES
    assert schemas["Batch"]["pattern"] == f"^{BATCH_NAME.pattern}$"
    assert schemas["TimeToLive"]["pattern"] == f"^({TTL.pattern})$"
    assert tuple(schemas["Status"]["enum"]) == STATUSES
    assert tuple(schemas["Workflow"]["enum"]) == tuple(machines_of(environment(), SESSION).arns)


def test_the_workflows_are_called_as_their_state_machines_are() -> None:
    """The template gives the function what stands before these names, for all of them at once."""
    names = {
        resource["Properties"]["Name"]["Fn::Sub"]
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::Serverless::StateMachine"
    }
    assert {f"${{AWS::StackName}}-{name}" for name in WORKFLOWS} <= names


def test_the_published_document_is_current() -> None:
    assert json.loads((ROOT / "docs" / "openapi.json").read_text()) == document(), (
        "run make openapi"
    )


@pytest.mark.parametrize(
    ("status", "message", "also"),
    [
        ("401", "Unauthorized", True),
        ("403", "Forbidden", True),
        ("429", "Too Many Requests", False),
    ],
)
def test_what_api_gateway_answers_by_itself_is_described_as_what_it_is(
    status: str,
    message: str,
    also: bool,  # noqa: FBT001
) -> None:
    """It is no problem details: an HTTP API has no gateway responses."""
    for path, item in document()["paths"].items():
        for operation in item.values():
            if not isinstance(operation, dict) or "responses" not in operation:
                continue
            name = operation["responses"][status]["$ref"].rpartition("/")[2]
            content = document()["components"]["responses"][name]["content"]
            assert content["application/json"]["schema"] == {
                "$ref": "#/components/schemas/GatewayMessage"
            }, path
            assert content["application/json"]["example"] == {"message": message}, path
            assert ("application/problem+json" in content) is also, path


def test_a_delete_starts_the_removal(api: Api, lamp: str, workflows: Any) -> None:
    reply = api.call("deleteDevice", thingName=lamp)
    assert reply.status == 202
    assert started(workflows) == [("deprovision-device", {"thingName": lamp})]
    assert urljoin("https://host/v1/devices/lamp", reply.headers["Location"]) == (
        f"https://host/v1/executions/{reply.body['executionName']}"
    )


def test_a_delete_leads_to_the_removal_that_is_under_way(
    api: Api, lamp: str, catalog: Any, workflows: Any
) -> None:
    # given
    catalog.take(catalog.row(lamp), REMOVAL)
    workflows.runs(REMOVAL)
    # then
    reply = api.call("deleteDevice", thingName=lamp)
    assert (reply.status, reply.body["executionName"]) == (202, "one")
    assert api.call("describeDevice", thingName=lamp).body["catalog"]["beingRemoved"]
    # and when that one is over, with the device still there, another one begins
    workflows.ended(REMOVAL, "FAILED")
    assert api.call("deleteDevice", thingName=lamp).body["executionName"] != "one"


def test_a_delete_of_a_device_that_its_own_provisioning_undoes(
    api: Api, lamp: str, catalog: Any, workflows: Any
) -> None:
    catalog.take(catalog.row(lamp), EXECUTION)
    workflows.runs(EXECUTION)
    reply = api.call("deleteDevice", thingName=lamp)
    assert (reply.status, reply.body["title"]) == (409, "Conflict with the present state")
    assert workflows.started == {}


def test_a_whole_device(api: Api, world: Any) -> None:
    # given
    world.provision("lamp")
    world.workflows.ended(EXECUTION, "SUCCEEDED", BEGINNING)
    built(presence)(
        json.loads((ROOT / "events" / "presence.json").read_text())
        | {"clientId": "lamp", "principalIdentifier": world.row("lamp")["certificate_id"]},
        api.context,
    )
    # when
    found = api.call("describeDevice", thingName="lamp").body
    # then
    assert found["catalog"]["status"] == "ONLINE"
    assert found["shadow"]["desired"]["status"] == "off"
    assert found["certificate"]["certificateId"] == found["catalog"]["certificateId"]
    assert (found["execution"]["status"], found["execution"]["stoppedAt"]) == (
        "SUCCEEDED",
        "2026-01-02T03:04:05.678Z",
    )
    assert found["presence"]["connected"]
    assert found["presence"]["at"] == "2026-01-02T03:04:05.678Z"
    assert "token" not in json.dumps(found).lower()


def event(number: int, kind: str, previous: int, **details: Any) -> dict[str, Any]:
    at = BEGINNING + timedelta(seconds=number)
    return {"id": number, "type": kind, "timestamp": at, "previousEventId": previous, **details}


def entered(number: int, name: str, previous: int, kind: str = "Task") -> dict[str, Any]:
    return event(number, f"{kind}StateEntered", previous, stateEnteredEventDetails={"name": name})


def left(number: int, name: str, previous: int, kind: str = "Task") -> dict[str, Any]:
    return event(number, f"{kind}StateExited", previous, stateExitedEventDetails={"name": name})


FAILURE = {"taskFailedEventDetails": {"error": "TransientError", "cause": "c" * 5000}}
BRANCHES = [
    event(1, "ExecutionStarted", 0),
    entered(2, "Both", 0, "Parallel"),
    event(3, "ParallelStateStarted", 2),
    entered(4, "Left", 3),
    entered(5, "Right", 3),
    event(6, "TaskScheduled", 4),
    event(7, "TaskScheduled", 5),
    event(8, "TaskFailed", 7, **FAILURE),
    event(9, "TaskSucceeded", 6),
    left(10, "Left", 9),
    event(11, "TaskScheduled", 8),
    event(12, "TaskSucceeded", 11),
    left(13, "Right", 12),
    event(14, "ParallelStateSucceeded", 13),
    left(15, "Both", 14, "Parallel"),
    entered(16, "After", 15),
    event(17, "TaskScheduled", 16),
    event(18, "TaskTimedOut", 17, taskTimedOutEventDetails={"error": "States.Timeout"}),
]


def test_states_of_branches_are_told_apart() -> None:
    found = {
        state.name: (state.attempts, state.error, bool(state.exited_at))
        for state in states_of(BRANCHES)
    }
    assert found == {
        "Both": (0, None, True),
        "Left": (1, None, True),
        "Right": (2, None, True),
        "After": (1, "States.Timeout", False),
    }
    right = states_of(BRANCHES[:8])[2]
    assert (right.error, len(str(right.cause))) == ("TransientError", 1000)


def test_a_failed_branch_keeps_its_own_error_when_the_whole_fails() -> None:
    failed = [*BRANCHES[:8], event(9, "ParallelStateFailed", 8), left(10, "Both", 9, "Parallel")]
    found = {state.name: (state.error, bool(state.exited_at)) for state in states_of(failed)}
    assert found["Right"] == ("TransientError", False)
    assert (found["Both"], found["Left"]) == ((None, True), (None, False))


@pytest.mark.parametrize(
    ("execution", "workflow"),
    [(RESTART, "restart-device"), (QUARANTINE, "quarantine-device"), (RELEASE, "release-device")],
)
def test_an_execution(api: Api, workflows: Any, execution: str, workflow: str) -> None:
    # given
    workflows.ended(execution, "FAILED", BEGINNING, {"thingName": "lamp"})
    workflows.histories[execution] = BRANCHES
    # when
    found = api.call("describeExecution", executionName="one").body
    # then
    assert (found["workflow"], found["status"], found["thingName"]) == (workflow, "FAILED", "lamp")
    assert (found["result"], found["truncated"]) == (None, False)
    assert found["links"] == {"self": "/v1/executions/one", "device": "/v1/devices/lamp"}
    assert [state["name"] for state in found["states"]] == ["Both", "Left", "Right", "After"]
    assert api.call("describeExecution", executionName="two").status == 404


@pytest.mark.parametrize(
    ("code", "status", "answered"),
    [("ThrottlingException", 400, 503), ("AccessDeniedException", 400, 503), ("Strange", 400, 500)],
)
def test_what_aws_refuses(
    api: Api, workflows: Any, monkeypatch: Any, code: str, status: int, answered: int
) -> None:
    # given
    def refuse(executionArn: str) -> Any:  # noqa: N803
        raise Refusal(code, status, f"of {executionArn}")

    monkeypatch.setattr(workflows, "describe_execution", refuse)
    # when
    reply = api.call("describeExecution", executionName="one")
    # then
    assert reply.status == answered
    assert "arn:" not in json.dumps(reply.body)
    assert ("Retry-After" in reply.headers) == (answered == 503)


def test_the_log_has_no_token_and_no_body(api: Api, printed: Any) -> None:
    api.call(
        "createDevice", body={"thingName": "lamp"}, headers={"authorization": "Bearer secret-token"}
    )
    assert '"operation":"createDevice"' in printed()
    assert "secret-token" not in printed()
