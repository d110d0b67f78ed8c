"""The HTTP API as it is deployed: gateway, authorizer, user pool, function and workflows."""

import base64
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from playground.stack.users import Users, api_url
from tests.e2e.api_client import ApiClient
from tests.playground_cloud import COMMAND, Cloud, wait_for

ROWS = 7


@pytest.fixture(scope="module")
def passwords(cloud: Cloud) -> Iterator[dict[str, str]]:
    """Of two users, made as a person makes them, who are gone afterwards."""
    users = Users(cloud.home)
    yield {
        name: users.add(name, group)
        for name, group in (("api-admin", "admins"), ("api-viewer", "viewers"))
    }
    for name in ("api-admin", "api-viewer"):
        users.remove(name)


@pytest.fixture(scope="module")
def anonymous(cloud: Cloud) -> ApiClient:
    return ApiClient(api_url(cloud.home))


@pytest.fixture(scope="module")
def admin(cloud: Cloud, anonymous: ApiClient, passwords: dict[str, str]) -> ApiClient:
    return anonymous.with_token(Users(cloud.home).access_token("api-admin", passwords["api-admin"]))


@pytest.fixture(scope="module")
def viewer(cloud: Cloud, anonymous: ApiClient, passwords: dict[str, str]) -> ApiClient:
    return anonymous.with_token(
        Users(cloud.home).access_token("api-viewer", passwords["api-viewer"])
    )


@pytest.fixture
def rows(cloud: Cloud) -> Iterator[list[str]]:
    """Rows of devices that there are not, the newest last."""
    table, dynamodb = cloud.home.output("DeviceCatalogTableName"), cloud.client("dynamodb")
    names = [f"page-{number}" for number in range(ROWS)]
    for number, name in enumerate(names):
        at = f"2026-01-02T03:04:0{number}.000Z"
        row = {
            "thing_name": name,
            "status": "OFFLINE" if number % 2 else "FAILED",
            "device_type": "meter",
        }
        row |= {
            "created_at": at,
            "updated_at": at,
            "execution_arn": "arn:aws:states:::execution:none:none",
        }
        dynamodb.put_item(TableName=table, Item={key: {"S": value} for key, value in row.items()})
    yield names
    for name in names:
        dynamodb.delete_item(TableName=table, Key={"thing_name": {"S": name}})


def ended(client: ApiClient, execution: str) -> Any:
    """What the API tells of an execution that is over."""

    def look() -> Any:
        found = client.ask("GET", execution).body
        return found if found["status"] != "RUNNING" else None

    return wait_for(f"{execution} to end", look, 90)


def command(cloud: Cloud, *arguments: str, given: str) -> subprocess.CompletedProcess[str]:
    """The `playground` command with something on its standard input."""
    return subprocess.run(
        [str(COMMAND), *arguments],
        env=cloud.environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def forged(token: str) -> str:
    """The same token for a member of `admins`, with the signature that it had."""
    head, claims, signature = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    changed = json.dumps({**told, "cognito:groups": ["admins"]}).encode()
    return ".".join([head, base64.urlsafe_b64encode(changed).decode().rstrip("="), signature])


@pytest.mark.parametrize("path", ["/v1/devices", "/v1/openapi.json", "/v1/nothing", "/"])
def test_nothing_answers_without_a_token(
    anonymous: ApiClient, viewer: ApiClient, path: str
) -> None:
    assert viewer.token
    for token in (None, "no-token", forged(viewer.token), viewer.token[:-2] + "AA"):
        assert anonymous.with_token(token).ask("GET", path).status == 401


def test_an_id_token_is_no_access_token(
    cloud: Cloud, anonymous: ApiClient, passwords: dict[str, str]
) -> None:
    # given
    answer = cloud.client("cognito-idp").initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=cloud.home.output("UserPoolClientId"),
        AuthParameters={"USERNAME": "api-admin", "PASSWORD": passwords["api-admin"]},
    )
    # when
    reply = anonymous.with_token(answer["AuthenticationResult"]["IdToken"]).ask(
        "GET", "/v1/devices"
    )
    # then
    assert (reply.status, reply.body["type"]) == (
        401,
        "urn:iot-playground:problem:not-authenticated",
    )


def test_a_viewer_changes_nothing(viewer: ApiClient) -> None:
    for method, path, body in (("POST", "/v1/devices", {}), ("DELETE", "/v1/devices/lamp", None)):
        reply = viewer.ask(method, path, body)
        assert (reply.status, reply.headers["content-type"]) == (403, "application/problem+json")
        assert reply.body["type"] == "urn:iot-playground:problem:not-allowed"


def test_a_device_from_the_request_to_its_removal(
    admin: ApiClient, viewer: ApiClient, nothing_left: None
) -> None:
    # given a request that is made twice
    body, key = (
        {"deviceType": "bulb", "thingName": "api-lamp", "ttl": "1h"},
        {"Idempotency-Key": '"a-key-of-mine"'},
    )
    accepted, again = (admin.ask("POST", "/v1/devices", body, key) for _ in range(2))
    assert accepted.status == again.status == 202, accepted.body
    assert again.body == accepted.body
    # when
    done = ended(viewer, accepted.body["links"]["execution"])
    # then
    assert done["status"] == "SUCCEEDED", done
    assert (done["thingName"], done["result"]["status"], done["truncated"]) == (
        "api-lamp",
        "ONLINE",
        False,
    )
    states = {state["name"]: state for state in done["states"]}
    assert {"CreateThing", "StartTask", "RecordStatus"} <= states.keys()
    assert all(state["exitedAt"] and not state["error"] for state in states.values())
    assert admin.ask("POST", "/v1/devices", body, key).body == accepted.body
    # and
    found = viewer.ask("GET", "/v1/devices/api-lamp").body
    assert found["catalog"]["status"] == "ONLINE"
    assert found["catalog"]["expiresAt"] > found["catalog"]["createdAt"]
    assert found["shadow"]["desired"]["status"] == "off"
    assert found["certificate"]["status"] == "ACTIVE"
    assert found["execution"]["status"] == "SUCCEEDED"
    assert found["presence"]["connected"]
    listed = viewer.ask("GET", "/v1/devices?status=ONLINE&type=bulb&text=API-l").body["devices"]
    assert [device["thingName"] for device in listed] == ["api-lamp"]
    # and what is in the way is told at once
    other = admin.ask("POST", "/v1/devices", {**body, "deviceType": "switch"}, key)
    assert (other.status, other.body["errors"][0]["field"]) == (422, "Idempotency-Key")
    taken = admin.ask("POST", "/v1/devices", body)
    assert (taken.status, taken.body["errors"][0]["field"]) == (409, "/thingName")
    # when
    removal = admin.ask("DELETE", "/v1/devices/api-lamp")
    # then
    assert removal.status == 202, removal.body
    assert ended(admin, removal.body["links"]["execution"])["status"] == "SUCCEEDED"
    assert admin.ask("DELETE", "/v1/devices/api-lamp").status == 404
    gone = viewer.ask("GET", "/v1/devices/api-lamp").body
    assert (gone["catalog"]["status"], gone["shadow"], gone["certificate"]) == (
        "TERMINATED",
        None,
        None,
    )


def test_bad_input_names_the_field(admin: ApiClient) -> None:
    for body, field in (
        ({"thingName": "no spaces"}, "/thingName"),
        ({"thingName": "update"}, "/thingName"),
        ({"deviceType": "toaster"}, "/deviceType"),
        ({"attributes": {"room": 1}}, "/attributes/room"),
        ({"colour": "red"}, "/colour"),
    ):
        reply = admin.ask("POST", "/v1/devices", body)
        assert (reply.status, [error["field"] for error in reply.body["errors"]]) == (400, [field])
    reply = admin.ask("GET", "/v1/devices?limit=0&nextToken=%21")
    assert {error["field"] for error in reply.body["errors"]} == {"limit", "nextToken"}
    assert admin.ask("GET", "/v1/executions/none-of-that-name").status == 404
    assert admin.ask("PUT", "/v1/devices").headers["allow"] == "GET, POST"


def test_pages(viewer: ApiClient, rows: list[str]) -> None:
    # when
    found, token = [], ""
    while True:
        page = viewer.ask("GET", f"/v1/devices?type=meter&limit=3{token}").body
        assert len(page["devices"]) <= 3
        found += [device["thingName"] for device in page["devices"]]
        if page["nextToken"] is None:
            break
        token = f"&nextToken={page['nextToken']}"
    # then
    assert found == rows[::-1]


def test_the_document_that_is_served_is_the_one_that_is_published(
    cloud: Cloud, viewer: ApiClient
) -> None:
    published = json.loads((cloud.paths.root / "docs" / "openapi.json").read_text())
    assert viewer.ask("GET", "/v1/openapi.json").body == published


@pytest.mark.thorough
def test_the_users_of_the_command(cloud: Cloud, anonymous: ApiClient) -> None:
    # when
    made = cloud.playground("user", "add", "of-the-command", "--group", "viewers")
    password = made.stdout.split("\n")[0].rpartition(" ")[2]
    try:
        token = command(
            cloud, "token", "--user", "of-the-command", "--password-stdin", given=password
        ).stdout.strip()
        url = cloud.playground("api").stdout.strip()
        # then
        assert ApiClient(url, token).ask("GET", "/v1/devices?limit=1").status == 200
        listed = json.loads(cloud.playground("user", "list", "--output", "json").stdout)["users"]
        assert {"admin": ["admins"], "of-the-command": ["viewers"]}.items() <= {
            user["name"]: user["groups"] for user in listed
        }.items()
        # and a new password
        command(
            cloud,
            "user",
            "password",
            "of-the-command",
            "--password-stdin",
            given="Another1Password",
        )
        refused = command(
            cloud, "token", "--user", "of-the-command", "--password-stdin", given=password
        )
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "could not sign in" in refused.stderr
    finally:
        cloud.playground("user", "remove", "of-the-command")
    gone = cloud.playground("user", "remove", "of-the-command", check=False)
    assert "There is no user of-the-command" in gone.stderr


def test_a_link_is_asked_for_where_it_can_be_made(admin: ApiClient, viewer: ApiClient) -> None:
    for method in ("PUT", "DELETE"):
        reply = admin.ask(method, "/v1/devices/nobody:1/links/lamp")
        assert (reply.status, reply.body["detail"]) == (
            404,
            "thingName: the catalog knows no device nobody:1",
        )
        assert viewer.ask(method, "/v1/devices/nobody:1/links/lamp").status == 403
