"""`playground audit`, as its users run it: a healthy stack, every violation that can be planted,
the repair.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.accounts import mqtt_server
from playground.home.state import ACCOUNT
from proofs.access.visitor import ALLOWED, visit
from proofs.life.audits import restore
from tests.certificates import certificate_pem, rsa_public_key
from tests.device.pki import KeyPair
from tests.playground_cloud import Cloud, wait_for

SHORT_MODULUS = (1 << 1023) + 12345
WIDE = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "iot:*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": "iot:Subscribe",
            "Resource": "arn:aws:iot:us-east-1:*:topicfilter/secret/#",
        },
    ],
}
OVERLY_PERMISSIVE = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK"


@pytest.fixture
def device(cloud: Cloud, nothing_left: None) -> Iterator[str]:
    """The name of a device that is online; removed afterwards."""
    made = cloud.provision({"deviceType": "bulb"})
    assert made.status == "SUCCEEDED", made
    yield made.output["thingName"]
    assert cloud.deprovision(made.output["thingName"]).status == "SUCCEEDED"


@pytest.fixture
def policy(cloud: Cloud) -> Iterator[str]:
    """The stack's device policy. Afterwards its document is what it was, in one version, whatever
    came of the test.
    """
    name, iot = cloud.home.output("DevicePolicyName"), cloud.client("iot")
    document = iot.get_policy(policyName=name)["policyDocument"]
    yield name
    restore(iot, name, document)


@pytest.fixture
def planted(cloud: Cloud, device: str) -> Iterator[Callable[[str], str]]:
    """Registers a certificate and attaches it to the device; removed afterwards. Gives its id."""
    iot = cloud.client("iot")
    with ExitStack() as undone:

        def plant(pem: str) -> str:
            made = iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")
            undone.callback(remove, iot, made["certificateArn"])
            iot.attach_thing_principal(thingName=device, principal=made["certificateArn"])
            return str(made["certificateId"])

        yield plant


def remove(iot: Any, certificate_arn: str) -> None:
    """Take it off everything, and delete it."""
    for name in iot.list_principal_things(principal=certificate_arn)["things"]:
        iot.detach_thing_principal(thingName=name, principal=certificate_arn)
    for policy in iot.list_attached_policies(target=certificate_arn)["policies"]:
        iot.detach_policy(policyName=policy["policyName"], target=certificate_arn)
    certificate_id = certificate_arn.rpartition("/")[2]
    iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
    iot.delete_certificate(certificateId=certificate_id)


@pytest.fixture(autouse=True)
def logging_on(cloud: Cloud) -> Iterator[None]:
    """AWS IoT's logs are on, as on AWS once somebody has turned them on; off afterwards."""
    iot = cloud.client("iot")
    iot.set_v2_logging_options(defaultLogLevel="ERROR", roleArn=f"arn:aws:iam::{ACCOUNT}:role/logs")
    yield
    iot.set_v2_logging_options(disableAllLogs=True)


def audited(cloud: Cloud, *options: str) -> Mapping[str, Any]:
    """The command's answer."""
    found: Mapping[str, Any] = json.loads(cloud.playground("audit", "--json", *options).stdout)
    return found


def named(found: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Check and resource of every finding."""
    return {(finding["check"], finding["resource"]["id"]) for finding in found["findings"]}


def test_a_healthy_stack_has_no_findings(cloud: Cloud, device: str) -> None:
    # when
    said = cloud.playground("audit", "--fail-on", "low")
    # then
    assert "✗" not in said.stdout
    outcomes = {check["check"]: check["outcome"] for check in audited(cloud)["checks"]}
    passed = {name for name, outcome in outcomes.items() if outcome == "passed"}
    assert len(passed) == 9
    assert "CA_CERTIFICATE_EXPIRING_CHECK" not in passed
    assert all(name in said.stdout for name in outcomes)


@pytest.mark.thorough
def test_logs_that_are_off_are_found(cloud: Cloud) -> None:
    # given
    cloud.client("iot").set_v2_logging_options(disableAllLogs=True)
    # then
    assert named(audited(cloud, "--check", "LOGGING_DISABLED_CHECK")) == {
        ("LOGGING_DISABLED_CHECK", "logging")
    }


@pytest.mark.thorough
def test_every_violation_is_found_by_its_name(
    cloud: Cloud, device: str, planted: Callable[[str], str]
) -> None:
    # given a short key that expires soon, and that the catalog says was replaced
    soon = datetime.now(UTC) + timedelta(days=10)
    weak = planted(certificate_pem(rsa_public_key(SHORT_MODULUS), not_after=soon))
    old = {":arn": {"S": f"arn:aws:iot:x:x:cert/{weak}"}, ":at": {"S": "2026-01-01T00:00:00.000Z"}}
    key = {
        "TableName": cloud.home.output("DeviceCatalogTableName"),
        "Key": {"thing_name": {"S": device}},
    }
    change = "SET retired_certificate_arn = :arn, updated_at = :at"
    cloud.client("dynamodb").update_item(
        **key, UpdateExpression=change, ExpressionAttributeValues=old
    )
    # and the device's certificate on a second thing
    iot, mine = cloud.client("iot"), cloud.row(device)["certificate_arn"]
    iot.create_thing(thingName="audit-other")
    iot.attach_thing_principal(thingName="audit-other", principal=mine)
    # when
    try:
        found = named(audited(cloud))
        refused = cloud.playground("audit", "--fail-on", "critical", check=False)
        one = audited(cloud, "--check", "DEVICE_CERTIFICATE_EXPIRING_CHECK")
    finally:
        iot.detach_thing_principal(thingName="audit-other", principal=mine)
        iot.delete_thing(thingName="audit-other")
        cloud.client("dynamodb").update_item(
            **key, UpdateExpression="REMOVE retired_certificate_arn"
        )
    # then
    assert found == {
        ("DEVICE_CERTIFICATE_SHARED_CHECK", mine.rpartition("/")[2]),
        ("DEVICE_CERTIFICATE_KEY_QUALITY_CHECK", weak),
        ("DEVICE_CERTIFICATE_EXPIRING_CHECK", weak),
        ("REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK", weak),
    }
    assert refused.returncode == 1
    assert named(one) == {("DEVICE_CERTIFICATE_EXPIRING_CHECK", weak)}


@pytest.mark.thorough
def test_somebody_who_takes_over_a_client_id_is_found(
    cloud: Cloud, device: str, policy: str
) -> None:
    # given
    iot = cloud.client("iot")
    stolen = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_policy(policyName=policy, target=stolen["certificateArn"])
    iot.attach_thing_principal(thingName=device, principal=stolen["certificateArn"])
    # when
    try:
        pair = KeyPair(stolen["certificatePem"], stolen["keyPair"]["PrivateKey"])
        with visit(mqtt_server(cloud), device, pair) as visited:
            assert visited.outcome == ALLOWED
            wait_for(
                "the takeover to be noted", lambda: cloud.row(device).get("client_id_conflict_at")
            )
    finally:
        remove(iot, stolen["certificateArn"])
    # then
    assert named(audited(cloud)) == {("CONFLICTING_CLIENT_IDS_CHECK", device)}


@pytest.mark.thorough
def test_a_wide_device_policy_is_repaired_and_the_device_goes_on(
    cloud: Cloud, device: str, policy: str
) -> None:
    # given
    iot = cloud.client("iot")
    good = json.loads(iot.get_policy(policyName=policy)["policyDocument"])
    other = "audit-other-policy"
    iot.create_policy(policyName=other, policyDocument=json.dumps(WIDE))
    mine = cloud.row(device)["certificate_arn"]
    iot.attach_policy(policyName=other, target=mine)
    try:
        iot.create_policy_version(
            policyName=policy, policyDocument=json.dumps(WIDE), setAsDefault=True
        )
        # when
        said = cloud.playground("audit", "--json", "--fix", "--fail-on", "critical", check=False)
        found = json.loads(said.stdout)
        # then
        assert said.returncode == 1, "what can't be repaired is left"
        assert {(OVERLY_PERMISSIVE, policy), (OVERLY_PERMISSIVE, other)} <= named(found)
        assert ("IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK", policy) in named(found)
        outcomes = {one["policy"]: one["outcome"] for one in found["repaired"]}
        assert outcomes == {policy: "replaced", other: "untouched"}
        assert json.loads(iot.get_policy(policyName=policy)["policyDocument"]) == good
        assert json.loads(iot.get_policy(policyName=other)["policyDocument"]) == WIDE
    finally:
        iot.detach_policy(policyName=other, target=mine)
        iot.delete_policy(policyName=other)
    # and the device goes on
    cloud.desire(device, reconnect="now", time=7)
    cloud.wait_until_reported(device, time=7)
    # and nothing is left to do
    assert named(audited(cloud)) == set()


@pytest.mark.thorough
def test_a_notification_has_the_policy_repaired_with_five_versions_at_most(
    cloud: Cloud, policy: str
) -> None:
    # given a full policy without a good version that is not in force
    iot = cloud.client("iot")
    good = iot.get_policy(policyName=policy)
    for _ in range(4):
        iot.create_policy_version(
            policyName=policy, policyDocument=json.dumps(WIDE), setAsDefault=True
        )
    iot.delete_policy_version(policyName=policy, policyVersionId=good["defaultVersionId"])
    iot.create_policy_version(policyName=policy, policyDocument=json.dumps(WIDE), setAsDefault=True)
    before = [
        version["versionId"]
        for version in iot.list_policy_versions(policyName=policy)["policyVersions"]
    ]
    assert len(before) == 5
    # when
    message = {
        "findings": [{"check": OVERLY_PERMISSIVE, "resource": {"type": "IOT_POLICY", "id": policy}}]
    }
    topic = cloud.home.output("AuditResultTopicArn").removesuffix("-results")
    cloud.client("sns").publish(TopicArn=topic, Message=json.dumps(message))

    # then
    def repaired() -> bool:
        document = json.loads(iot.get_policy(policyName=policy)["policyDocument"])
        return bool(document == json.loads(good["policyDocument"]))

    wait_for("the policy to be repaired", repaired)
    after = [
        version["versionId"]
        for version in iot.list_policy_versions(policyName=policy)["policyVersions"]
    ]
    assert len(after) == 5
    assert set(before) - set(after) == {min(before, key=int)}
