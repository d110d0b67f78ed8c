"""The HTTP API: who may do what, what is refused and how, and that document, template and resolver are one."""

import json
from pathlib import Path
from typing import Any

import pytest

from control_plane.control_plane import acts, handler
from control_plane.document import document, operations
from tests.unit.api import ADMIN, VIEWER, Api
from tests.unit.stack import EXECUTION
from tests.unit.test_template import RESOURCES, ROOT


@pytest.fixture
def api(context: Any, table: Any, iot: Any, shadows: Any, workflows: Any) -> Api:
    return Api(context)


@pytest.fixture
def lamp(api: Api, catalog: Any) -> str:
    catalog.claim("lamp", "bulb", EXECUTION)
    return "lamp"


def test_document_resolver_and_template_have_the_same_operations() -> None:
    # given
    routes = {
        resource["Properties"]["RouteKey"]
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::ApiGatewayV2::Route"
    }
    # then
    assert acts.keys() == operations().keys()
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
                assert role == {"accessToken": ["viewers" if method == "get" else "admins"]}


def test_the_sample_is_answered(context: Any, table: Any) -> None:
    event = json.loads((Path(ROOT) / "events" / "control_plane.json").read_text())
    assert handler(event, context)["statusCode"] == 404


@pytest.mark.parametrize("claims", [None, {}, {**ADMIN, "token_use": "id"}, {**ADMIN, "sub": ""}])
def test_nothing_is_answered_without_an_access_token(api: Api, claims: Any) -> None:
    # given
    api.claims = claims
    # then
    for reply in (api.call("listDevices"), api.send("GET", "/v1/nothing")):
        assert (reply.status, reply.body["type"]) == (401, "urn:iot-playground:problem:not-authenticated")
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
    assert [reply.body[part] for part in ("shadow", "certificate", "execution", "presence")] == [None] * 4
    assert reply.body["links"] == {"self": "/v1/devices/lamp", "execution": "/v1/executions/one"}
