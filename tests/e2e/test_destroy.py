"""playground destroy: every device and the stack, in a cloud of its own; and then everything can be
made again.
"""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.playground_cloud import COMMAND, Cloud, own_cloud, wait_for

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]  # up and destroyed, more than once


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder: Path = tmp_path_factory.mktemp("doomed")
    with own_cloud(folder / "home", {"SFN_WAIT_SCALE": "0.05"}) as running:
        yield running


def remains(cloud: Cloud) -> dict[str, list[str]]:
    """What there is of the playground, in every service that it uses."""
    found = {
        "things": [thing["thingName"] for thing in cloud.client("iot").list_things()["things"]],
        "certificates": [
            c["certificateId"] for c in cloud.client("iot").list_certificates()["certificates"]
        ],
        "authorities": [
            c["certificateId"] for c in cloud.client("iot").list_ca_certificates()["certificates"]
        ],
        "keys of authorities": [str(path) for path in cloud.paths.authorities.glob("*")],
        "policies": [
            policy["policyName"] for policy in cloud.client("iot").list_policies()["policies"]
        ],
        "jobs": [job["jobId"] for job in cloud.client("iot").list_jobs()["jobs"]],
        "rules": [rule["ruleName"] for rule in cloud.client("iot").list_topic_rules()["rules"]],
        "buckets": [
            b["Name"]
            for b in cloud.client("s3").list_buckets()["Buckets"]
            if "sam-cli" not in b["Name"]
        ],
        "tables": cloud.client("dynamodb").list_tables()["TableNames"],
        "clusters": cloud.client("ecs").list_clusters()["clusterArns"],
        "functions": [
            f["FunctionName"] for f in cloud.client("lambda").list_functions()["Functions"]
        ],
        "workflows": [
            m["name"] for m in cloud.client("stepfunctions").list_state_machines()["stateMachines"]
        ],
        "log groups": [
            g["logGroupName"] for g in cloud.client("logs").describe_log_groups()["logGroups"]
        ],
        "roles": [role["RoleName"] for role in cloud.client("iam").list_roles()["Roles"]],
        "APIs": [api["Name"] for api in cloud.client("apigatewayv2").get_apis()["Items"]],
        "user pools": [
            p["Name"]
            for p in cloud.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
        ],
        "schedules": [rule["Name"] for rule in cloud.client("events").list_rules()["Rules"]],
    }
    return {what: names for what, names in found.items() if names}


def make_everything(cloud: Cloud) -> None:
    """Devices, one half-made, a job, a policy with two versions, a listener that was killed."""
    for name in ("one", "two"):
        assert cloud.provision({"thingName": name, "method": "claim"}).status == "SUCCEEDED"
    cloud.playground("create", "mine", "--method", "jitr")
    cloud.start("ProvisionDeviceStateMachineArn", {"thingName": "half-made"})
    wait_for("half a device", lambda: cloud.row("half-made"))
    iot, policy = cloud.client("iot"), cloud.home.output("DevicePolicyName")
    group = iot.describe_thing_group(thingGroupName=f"{cloud.home.stack_name}-devices")[
        "thingGroupArn"
    ]
    iot.create_job(jobId="reboot", targets=[group], document="{}")
    document = iot.get_policy(policyName=policy)["policyDocument"]
    iot.create_policy_version(policyName=policy, policyDocument=document, setAsDefault=False)
    with subprocess.Popen(
        [str(COMMAND), "listen"], env=cloud.environment, stderr=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stderr is not None
        assert any("Ctrl-C" in line for line in killed.stderr)
        killed.kill()


def test_what_is_left_is_told_then_nothing_is_left_and_everything_can_be_made_again(
    doomed: Cloud,
) -> None:
    # given: somebody has put a thing of theirs into our group, too
    assert remains(doomed)
    make_everything(doomed)
    iot = doomed.client("iot")
    iot.create_thing(thingName="theirs", attributePayload={"attributes": {"owner": "somebody"}})
    iot.add_thing_to_thing_group(
        thingGroupName=f"{doomed.home.stack_name}-devices", thingName="theirs"
    )
    # when nobody says yes
    refused = doomed.playground("destroy", check=False)
    # then
    assert refused.returncode == 1
    assert doomed.row("one")["status"] == "ONLINE"
    # when
    told = doomed.playground("destroy", "--yes", check=False, timeout=240)
    # then
    assert "Removing the devices" in told.stderr
    assert "Deleting the stack" in told.stderr
    assert told.returncode == 1
    assert "thing theirs: carries no mark" in told.stdout
    assert remains(doomed) == {"things": ["theirs"]}
    # when it is called again
    iot.delete_thing(thingName="theirs")
    assert "Removed: the stack" in doomed.playground("destroy", "--yes").stderr
    assert remains(doomed) == {}
    # and when everything is wanted again
    doomed.playground("up", timeout=240)
    anew = Cloud(doomed.folder, doomed.environment)
    assert anew.provision({"thingName": "one"}).status == "SUCCEEDED"


def test_an_interruption_is_made_up_for_by_calling_it_again(doomed: Cloud) -> None:
    # given
    cloud = Cloud(doomed.folder, doomed.environment)
    assert cloud.provision({"thingName": "three"}).status == "SUCCEEDED"
    with subprocess.Popen(
        [str(COMMAND), "destroy", "--yes"],
        env=dict(cloud.environment),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        # when it is interrupted in the middle of the stack
        for line in process.stderr:
            if "Deleting the stack" in line:
                process.send_signal(signal.SIGINT)
                break
        process.communicate(timeout=120)
    # then
    gone = cloud.playground("destroy", "--yes", timeout=240)
    assert "Removed: the stack" in gone.stderr
    assert remains(cloud) == {}
