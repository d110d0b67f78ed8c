"""The published OpenAPI document against the deployed API: Schemathesis, with every check that
fits.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from playground.home.paths import PROJECT
from playground.stack.users import Users, api_url
from tests.e2e.api_client import ApiClient
from tests.e2e.api_hooks import EXAMPLE, FLEET, HELD, TAKEN
from tests.playground_cloud import COMMAND, Cloud, wait_for

pytestmark = pytest.mark.thorough

SCHEMATHESIS = COMMAND.with_name("schemathesis")
# Both check what a request has done as soon as it is answered. 202 says that a workflow has begun:
# a device that is being made may not be there yet, one that is being removed is there still, and
# its row stays (docs/api.md).
LAMP = EXAMPLE["thingName"]
FAR_AHEAD = "2100-01-02T03:04:05.678Z"
UNFIT = "use_after_free,ensure_resource_availability"


@pytest.fixture
def client(cloud: Cloud) -> Iterator[ApiClient]:
    """An admin's, whose devices are gone afterwards."""
    users = Users(cloud.home)
    password = users.add("schemathesis", "admins")
    found = ApiClient(api_url(cloud.home), users.access_token("schemathesis", password))
    cloud.client("iot").create_thing(thingName=TAKEN)
    register = cloud.home.output("FleetsTableName")
    cloud.client("dynamodb").put_item(TableName=register, Item=_held(cloud))
    yield found
    # What was asked for may not have begun to be there: a lamp is gone when nothing runs that could
    # make one.
    for path in (f"/v1/fleets/{FLEET['name']}", f"/v1/devices/{LAMP}"):
        wait_for(f"{path} to be gone", partial(_is_gone, cloud, found, path), 60)
    cloud.client("dynamodb").delete_item(TableName=register, Key={"fleet_name": {"S": HELD}})
    cloud.client("iot").delete_thing(thingName=TAKEN)
    users.remove("schemathesis")


def _held(cloud: Cloud) -> dict[str, Any]:
    """A fleet that an execution has of which Step Functions does not know yet."""
    machine = cloud.home.output("ProvisionFleetStateMachineArn")
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{HELD}"
    times = dict.fromkeys(("created_at", "updated_at", "held_at"), FAR_AHEAD)
    row = {"fleet_name": HELD, "status": "PROVISIONING", "execution_arn": arn, **times}
    return {**{name: {"S": value} for name, value in row.items()}, "devices": {"N": "0"}}


def _is_gone(cloud: Cloud, client: ApiClient, path: str) -> bool:
    return not cloud.running() and client.ask("DELETE", path).status == 404


def test_the_examples_that_are_let_through_are_the_documents() -> None:
    schemas = json.loads((PROJECT / "docs" / "openapi.json").read_text())["components"]["schemas"]
    assert schemas["NewDevice"]["examples"] == [EXAMPLE]
    assert schemas["FleetFile"]["examples"] == [FLEET]


@pytest.mark.timeout(900)
def test_what_the_document_says_is_what_the_api_does(
    nothing_left: None, client: ApiClient, tmp_path: Path
) -> None:
    # given
    environment = {
        **os.environ,
        "PYTHONPATH": str(PROJECT),
        "SCHEMATHESIS_HOOKS": "tests.e2e.api_hooks",
        "NO_PROXY": "127.0.0.1",
    }
    arguments: Mapping[str, str] = {
        "--url": client.url,
        "--header": f"Authorization: Bearer {client.token}",
        "--checks": "all",
        "--exclude-checks": UNFIT,
        "--max-examples": "25",
        "--workers": "1",
        "--request-timeout": "60",
    }
    # when
    done = subprocess.run(
        [
            str(SCHEMATHESIS),
            "run",
            str(PROJECT / "docs" / "openapi.json"),
            *(word for pair in arguments.items() for word in pair),
            "--generation-deterministic",
            "--no-color",
        ],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    # then
    assert done.returncode == 0, done.stdout + done.stderr
    # A warning, such as that an operation mostly answers 404, is no finding.
    assert "Failures:" not in done.stdout
    assert "passed" in done.stdout
