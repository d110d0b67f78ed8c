"""The HTTP API as it is deployed: gateway, authorizer, user pool, function and workflows."""

from collections.abc import Mapping

import pytest

from tests.e2e.api_client import ApiClient, tokens_of, url_of
from tests.playground_cloud import Cloud, wait_for


@pytest.fixture(scope="module")
def anonymous(cloud: Cloud) -> ApiClient:
    return ApiClient(url_of(cloud))


@pytest.fixture(scope="module")
def admin_tokens(cloud: Cloud) -> Mapping[str, str]:
    return tokens_of(cloud, "api-admin", "admins")


@pytest.fixture(scope="module")
def admin(anonymous: ApiClient, admin_tokens: Mapping[str, str]) -> ApiClient:
    return anonymous.with_token(admin_tokens["AccessToken"])


@pytest.fixture(scope="module")
def viewer(cloud: Cloud, anonymous: ApiClient) -> ApiClient:
    return anonymous.with_token(tokens_of(cloud, "api-viewer", "viewers")["AccessToken"])


@pytest.mark.parametrize("path", ["/v1/devices", "/v1/openapi.json", "/v1/nothing", "/"])
def test_nothing_answers_without_a_token(anonymous: ApiClient, path: str) -> None:
    assert anonymous.ask("GET", path).status == 401


def test_a_device_from_the_request_to_its_removal(admin: ApiClient, viewer: ApiClient, nothing_left: None) -> None:
    # when
    accepted = admin.ask("POST", "/v1/devices", {"deviceType": "bulb", "thingName": "api-lamp"})
    # then
    assert accepted.status == 202, accepted.body
    execution = accepted.body["links"]["execution"]

    def ended() -> Mapping[str, object] | None:
        found: Mapping[str, object] = viewer.ask("GET", execution).body
        return found if found["status"] != "RUNNING" else None

    done = wait_for("the device to be there", ended)
    assert done["status"] == "SUCCEEDED", done
    assert done["result"]["status"] == "ONLINE"
    found = viewer.ask("GET", "/v1/devices/api-lamp").body
    assert found["catalog"]["status"] == "ONLINE"
    assert found["shadow"]["desired"]["status"] == "off"
    assert found["certificate"]["status"] == "ACTIVE"
    assert found["presence"]["connected"]
    assert "api-lamp" in [one["thingName"] for one in viewer.ask("GET", "/v1/devices?status=ONLINE").body["devices"]]
    # when
    removal = admin.ask("DELETE", "/v1/devices/api-lamp")
    # then
    assert removal.status == 202, removal.body
    execution = removal.body["links"]["execution"]
    assert wait_for("the device to be gone", ended)["status"] == "SUCCEEDED"
    assert admin.ask("DELETE", "/v1/devices/api-lamp").status == 404
