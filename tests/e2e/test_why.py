"""Each trouble is made to happen, and told: by the command, and by the HTTP API."""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from playground.devices.explaining import Explainer
from playground.stack.users import Users, api_url
from tests.e2e.api_client import ApiClient
from tests.playground_cloud import Cloud, wait_for

NAME = "dev-WHY001"


@pytest.fixture(scope="module")
def lamp(cloud: Cloud) -> Iterator[str]:
    """A bulb that all of it happens to."""
    cloud.playground("create", "--name", NAME, "--type", "bulb")
    yield NAME
    cloud.playground("delete", NAME)


@pytest.fixture(scope="module")
def viewer(cloud: Cloud) -> Iterator[ApiClient]:
    """Somebody who may look."""
    users = Users(cloud.home)
    password = users.add("why-viewer", "viewers")
    yield ApiClient(api_url(cloud.home), users.access_token("why-viewer", password))
    users.remove("why-viewer")


def why(cloud: Cloud, name: str = NAME) -> Mapping[str, Any]:
    """What the command says."""
    answer = cloud.playground("why", name, "--output", "json")
    found: Mapping[str, Any] = json.loads(answer.stdout)
    return found


def trouble(cloud: Cloud, kind: str, name: str = NAME) -> Mapping[str, Any]:
    """The latest trouble of a kind, once it is told."""

    def look() -> Mapping[str, Any] | None:
        found = Explainer(cloud.home).why(name).as_dict()["troubles"]
        return next((one for one in found if one["kind"] == kind), None)

    return wait_for(f"{name} to have the trouble {kind}", look)


def test_a_device_without_trouble(cloud: Cloud, lamp: str, viewer: ApiClient) -> None:
    wait_for("its shadow to be answered", lambda: not why(cloud)["troubles"] or None)
    said = cloud.playground("why", lamp).stdout
    assert said.strip() == f"Nothing is wrong with {lamp}: it is ONLINE."
    assert viewer.ask("GET", f"/v1/devices/{lamp}/why").body == {
        "thingName": lamp, "status": "ONLINE", "troubles": [], "notes": [],
    }  # fmt: skip


def test_a_rejected_setting_and_its_timeline(cloud: Cloud, lamp: str, viewer: ApiClient) -> None:
    cloud.desire(lamp, time=0)
    found = trouble(cloud, "rejected")
    assert found["sentence"] == (
        f"{lamp} refuses the setting time: must be an integer from 1 to 86400."
    )

    def told() -> list[Any] | None:
        entries = viewer.ask("GET", f"/v1/devices/{lamp}/timeline?limit=100").body["entries"]
        last = [entry for entry in reversed(entries) if entry["kind"] in ("desired", "rejected")]
        return last[-2:] if [one["kind"] for one in last[-2:]] == ["desired", "rejected"] else None

    desired, rejected = wait_for("both in the timeline", told)
    assert desired["text"] == "was asked for time=0"
    assert rejected["text"] == "refused time=0: must be an integer from 1 to 86400"
    assert rejected["trouble"]
    assert 0 <= rejected["latencyMs"] < 60_000
    cloud.playground("unset", lamp, "time")
    wait_for("nothing to be refused", lambda: not Explainer(cloud.home).why(lamp).troubles or None)


def test_a_refused_publish_is_explained_by_its_statement(cloud: Cloud, lamp: str) -> None:
    cloud.playground("command", lamp, "authorization-error")
    found = trouble(cloud, "refused")
    topic = f"playground/forbidden/{lamp}/telemetry"
    assert found["sentence"] == f"{lamp} was not allowed to publish to {topic}."
    assert "no statement allows it" in found["cause"]
    assert f"policy {cloud.home.stack_name}-device" in found["cause"]


@pytest.mark.thorough
def test_a_lost_connection_that_comes_back(cloud: Cloud, lamp: str) -> None:
    process = cloud.device_process(lamp)
    assert process is not None
    process.kill()
    found = wait_for(
        "the disconnection, and its return",
        lambda: next(
            (
                one
                for one in Explainer(cloud.home).why(lamp).as_dict()["troubles"]
                if one["kind"] == "disconnect" and not one["now"]
            ),
            None,
        ),
        120,
    )
    assert found["sentence"] == (
        f"{lamp} disconnected: the network connection broke, and is back since."
    )
    assert "disconnectReason CONNECTION_LOST" in found["evidence"][0]


@pytest.mark.thorough
def test_a_job_that_the_device_refuses(cloud: Cloud, lamp: str) -> None:
    job_id, iot = f"why-{uuid.uuid4().hex[:8]}", cloud.client("iot")
    arn = iot.describe_thing(thingName=lamp)["thingArn"]
    iot.create_job(jobId=job_id, targets=[arn], document='{"operation": "dance"}')
    found = trouble(cloud, "job")
    assert found["sentence"] == f"The job {job_id} ended as REJECTED on {lamp}."
    assert found["cause"].startswith("INVALID_DOCUMENT: ")
    iot.delete_job(jobId=job_id, force=True)


@pytest.mark.thorough
def test_a_quarantine(cloud: Cloud, lamp: str) -> None:
    cloud.playground("quarantine", lamp, "--reason", "looks odd")
    found = trouble(cloud, "quarantine")
    assert found["sentence"] == f"{lamp} is in quarantine: looks odd."
    assert f"playground release {lamp}" in found["todo"]
    cloud.playground("release", lamp)
    assert all(one["kind"] != "quarantine" for one in why(cloud)["troubles"])


@pytest.mark.thorough
def test_a_failed_state_of_a_workflow(cloud: Cloud) -> None:
    name = "dev-WHY002"
    ended = cloud.provision(
        {"thingName": name, "deviceType": "generic", "model": {"telemetry": {"a": 1}}}
    )
    assert ended.status == "FAILED"
    found = trouble(cloud, "workflow", name)
    assert found["sentence"].startswith(f"{name} could not be made: {ended.error} in the state ")
    assert found["cause"]


@pytest.mark.thorough
def test_a_device_that_there_is_not(cloud: Cloud, viewer: ApiClient) -> None:
    refused = cloud.playground("why", "nobody", check=False)
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "There is no device nobody" in refused.stderr
    for path in ("why", "timeline"):
        assert viewer.ask("GET", f"/v1/devices/nobody/{path}").status == 404


@pytest.mark.parametrize(
    ("action", "resource", "decision"),
    [
        ("connect", NAME, "ALLOWED"),
        ("connect", "somebody-else", "IMPLICIT_DENY"),
        ("publish", f"dt/playground/{NAME}/telemetry", "ALLOWED"),
        ("publish", "dt/playground/another/telemetry", "IMPLICIT_DENY"),
        ("publish", f"evt/playground/x/{NAME}", "EXPLICIT_DENY"),
        ("subscribe", f"cmd/playground/{NAME}/req", "ALLOWED"),
        ("subscribe", "#", "IMPLICIT_DENY"),
        ("receive", f"$aws/things/{NAME}/shadow/update/delta", "ALLOWED"),
    ],
)
def test_explain_and_aws_iot_decide_the_same(
    cloud: Cloud, lamp: str, viewer: ApiClient, action: str, resource: str, decision: str
) -> None:
    answer = cloud.playground("explain", lamp, action, resource, "--output", "json")
    found = json.loads(answer.stdout)
    assert (found["decision"], found["service"]) == (decision, decision)
    assert (found["statement"] is None) == (decision == "IMPLICIT_DENY")
    body = {"thingName": lamp, "action": action, "resource": resource}
    told = viewer.ask("POST", "/v1/policies/explain", body).body
    assert told == {name: value for name, value in found.items() if name != "service"}


def test_bad_questions_are_refused_by_field_and_rule(
    cloud: Cloud, lamp: str, viewer: ApiClient
) -> None:
    refused = cloud.playground("explain", lamp, "publish", "a/#", check=False)
    assert refused.returncode == 2
    assert "RESOURCE: is a topic, which has no + or #" in refused.stderr
    body = {"thingName": lamp, "action": "publish", "resource": "a/#"}
    answer = viewer.ask("POST", "/v1/policies/explain", body)
    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "/resource")
    answer = viewer.ask("GET", f"/v1/devices/{lamp}/timeline?nextToken=1-2")
    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "nextToken")


@pytest.mark.thorough
def test_the_observed_policy_is_one_that_the_device_runs_with(cloud: Cloud, lamp: str) -> None:
    """What it was seen to do is what the policy allows."""
    cloud.desire(lamp, time=3)
    cloud.wait_until_reported(lamp, time=3)
    cloud.playground("command", lamp, "tamper")

    def written() -> Mapping[str, Any] | None:
        answer = cloud.playground("explain", lamp, "--observed", "--output", "json")
        document: Mapping[str, Any] = json.loads(answer.stdout)
        text = json.dumps(document)
        return document if "/tamper" in text and "shadow/update/delta" in text else None

    document = wait_for("all of it to be in the record", written)
    iot, policy = cloud.client("iot"), "test-observed"
    iot.create_policy(policyName=policy, policyDocument=json.dumps(document))
    certificate = cloud.row(lamp)["certificate_arn"]
    device = f"{cloud.home.stack_name}-device"
    base = certificate.rpartition("cert/")[0]
    asked = [
        ("CONNECT", f"client/{lamp}"),
        ("PUBLISH", f"topic/dt/playground/{lamp}/telemetry"),
        ("PUBLISH", f"topic/evt/playground/{lamp}/tamper"),
        ("PUBLISH", f"topic/$aws/things/{lamp}/shadow/update"),
        ("SUBSCRIBE", f"topicfilter/$aws/things/{lamp}/shadow/update/delta"),
        ("RECEIVE", f"topic/cmd/playground/{lamp}/req"),
    ]
    answer = iot.test_authorization(
        principal=certificate,
        clientId=lamp,
        policyNamesToAdd=[policy],
        policyNamesToSkip=[device],
        authInfos=[{"actionType": one, "resources": [base + name]} for one, name in asked],
    )
    iot.delete_policy(policyName=policy)
    assert [one["authDecision"] for one in answer["authResults"]] == ["ALLOWED"] * len(asked)


@pytest.mark.thorough
def test_pages_of_the_timeline_have_each_entry_once(
    cloud: Cloud, lamp: str, viewer: ApiClient
) -> None:
    whole = Explainer(cloud.home).timeline(lamp, 100).as_dict()
    seen: list[str] = []
    token, pages = None, 0
    began = time.monotonic()
    while pages == 0 or token:
        query = f"?limit=5{f'&nextToken={token}' if token else ''}"
        page = viewer.ask("GET", f"/v1/devices/{lamp}/timeline{query}").body
        seen += [entry["id"] for entry in page["entries"]]
        token, pages = page["nextToken"], pages + 1
        assert time.monotonic() - began < 60
    assert len(seen) == len(set(seen))
    assert {entry["id"] for entry in whole["entries"]} <= set(seen)
    assert pages > 1
