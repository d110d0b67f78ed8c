"""What a device costs at the least on this local cloud: every call that has to be made, made once,
by itself.
"""

import contextlib
import io
import json
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.accounts import Connection, mqtt_server, remove
from benchmarks.clients import Server
from tests.device.pki import KeyPair
from tests.playground_cloud import Cloud

NAME = "bench-floor"
WAIT = 0.005
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}],
}
INVOKE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}],
}

WORKFLOW = "workflow of one Pass state"
EMPTY_TASKS = "workflow of six empty functions, same shape"
FUNCTIONS = 6
EMPTY_FUNCTION = "def handler(event, context):\n    print('a line')\n    return {}\n"
"""It logs, as every real one does: for the log of one that does not the emulator waits 50 ms."""

Timings = dict[str, float]


def pass_workflow() -> dict[str, Any]:
    """The smallest workflow there is."""
    return {"StartAt": "Done", "States": {"Done": {"Type": "Pass", "End": True}}}


def empty_tasks_workflow(functions: Sequence[str]) -> dict[str, Any]:
    """The shape of provision_device: a task; two beside one; two tasks. A function each, as
    there.
    """
    resources = iter(functions)

    def chain(*names: str) -> dict[str, Any]:
        following = [*names[1:], None]
        return {
            "StartAt": names[0],
            "States": {
                name: {
                    "Type": "Task",
                    "Resource": "arn:aws:states:::lambda:invoke",
                    "Parameters": {"FunctionName": next(resources), "Payload": {}},
                    **({"Next": then} if then else {"End": True}),
                }
                for name, then in zip(names, following, strict=True)
            },
        }

    machine = chain("First", "Fourth", "Fifth")
    machine["States"]["First"]["Next"] = "Both"
    machine["States"]["Both"] = {
        "Type": "Parallel",
        "Branches": [chain("A1", "A2"), chain("B1")],
        "Next": "Fourth",
    }
    return machine


@dataclass
class Floor:
    """Makes the calls and takes their times; `timings` of one round, in seconds by what was
    done.
    """

    cloud: Cloud
    machines: dict[str, str]
    cluster: str
    server: Server = field(init=False)

    def __post_init__(self) -> None:
        self.server = mqtt_server(self.cloud)
        names = ("iot", "iot-data", "s3", "ecs", "dynamodb", "stepfunctions")
        self._clients = {name: self.cloud.client(name) for name in names}

    def round(self) -> Timings:
        """Every call once; everything is removed again, outside the times."""
        timings: Timings = {what: self._execution(arn) for what, arn in self.machines.items()}
        iot = self._clients["iot"]
        group, policy = (
            f"{self.cloud.home.stack_name}-devices",
            self.cloud.home.output("DevicePolicyName"),
        )
        timed = _Stopwatch(timings)
        timed("CreateThing", lambda: iot.create_thing(thingName=NAME))
        timed(
            "AddThingToThingGroup",
            lambda: iot.add_thing_to_thing_group(thingGroupName=group, thingName=NAME),
        )
        made = timed(
            "CreateKeysAndCertificate", lambda: iot.create_keys_and_certificate(setAsActive=True)
        )
        arn = made["certificateArn"]
        try:
            timed("AttachPolicy", lambda: iot.attach_policy(policyName=policy, target=arn))
            timed(
                "AttachThingPrincipal",
                lambda: iot.attach_thing_principal(thingName=NAME, principal=arn),
            )
            self._documents(timed)
            self._catalog(timed)
            self._task(timed)
            pair = KeyPair(made["certificatePem"], made["keyPair"]["PrivateKey"])
            timed("spawn of the device's process, up to exec", self._spawn).wait()
            timed("connection over mutual TLS", lambda: self._connect(pair)).__exit__()
        finally:
            iot.remove_thing_from_thing_group(thingGroupName=group, thingName=NAME)
            remove(self.cloud, NAME, arn, policy)
        return timings

    def _execution(self, machine: str) -> float:
        """From StartExecution to the execution's own end; both clocks are this machine's."""
        sfn = self._clients["stepfunctions"]
        begun = time.time()
        execution = sfn.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
        while (end := sfn.describe_execution(executionArn=execution))["status"] == "RUNNING":
            time.sleep(WAIT)
        assert end["status"] == "SUCCEEDED", end
        seconds: float = end["stopDate"].timestamp() - begun
        return seconds

    def _documents(self, timed: "_Stopwatch") -> None:
        s3, data, bucket = (
            self._clients["s3"],
            self._clients["iot-data"],
            self.cloud.home.output("ConfigBucketName"),
        )
        keys = [f"devices/{NAME}/{name}.json" for name in ("config", "identity")]
        content = json.dumps({"some": "x" * 2000}).encode()
        timed(
            "PutObject x 2",
            lambda: [s3.put_object(Bucket=bucket, Key=key, Body=content) for key in keys],
        )
        shadow = json.dumps(
            {"state": {"desired": {"time": 60, "unit": "metric", "debug": "off"}}}
        ).encode()
        timed("UpdateThingShadow", lambda: data.update_thing_shadow(thingName=NAME, payload=shadow))
        for key in keys:
            s3.delete_object(Bucket=bucket, Key=key)

    def _catalog(self, timed: "_Stopwatch") -> None:
        """Three: the name is claimed, certificate and task are noted, the device is online."""
        table, dynamodb = (
            self.cloud.home.output("DeviceCatalogTableName"),
            self._clients["dynamodb"],
        )
        key = {"thing_name": {"S": NAME}}

        def update(value: str) -> None:
            dynamodb.update_item(
                TableName=table,
                Key=key,
                UpdateExpression="SET certificate_id = :value",
                ExpressionAttributeValues={":value": {"S": value}},
            )

        def writes() -> None:
            dynamodb.put_item(TableName=table, Item=key)
            update("certificate and task")
            update("online")

        timed("catalog writes x 3", writes)
        dynamodb.delete_item(TableName=table, Key=key)

    def _task(self, timed: "_Stopwatch") -> None:
        """In a cluster of its own: the task agent must not start a device for it."""
        ecs, definition = self._clients["ecs"], self.cloud.home.output("DeviceTaskDefinitionArn")
        answer = timed(
            "RunTask", lambda: ecs.run_task(cluster=self.cluster, taskDefinition=definition)
        )
        ecs.stop_task(cluster=self.cluster, task=answer["tasks"][0]["taskArn"])

    def _spawn(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-c", ""])

    def _connect(self, pair: KeyPair) -> Connection:
        return Connection(NAME, pair, self.server).__enter__()


class _Stopwatch:
    def __init__(self, timings: Timings) -> None:
        self._timings = timings

    def __call__(self, what: str, act: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        result = act()
        self._timings[what] = time.perf_counter() - begun
        return result


@contextlib.contextmanager
def floor(cloud: Cloud) -> Iterator[Floor]:
    """With an empty function, two workflows and a cluster of its own; removed at the end."""
    with contextlib.ExitStack() as stack:
        role = _role(cloud, stack)
        functions = _empty_functions(cloud, role, stack)
        sfn, ecs = cloud.client("stepfunctions"), cloud.client("ecs")
        machines = {}
        for number, (what, definition) in enumerate(
            ((WORKFLOW, pass_workflow()), (EMPTY_TASKS, empty_tasks_workflow(functions)))
        ):
            arn = sfn.create_state_machine(
                name=f"{NAME}-{number}", definition=json.dumps(definition), roleArn=role
            )["stateMachineArn"]
            stack.callback(sfn.delete_state_machine, stateMachineArn=arn)
            machines[what] = arn
        ecs.create_cluster(clusterName=NAME)
        stack.callback(ecs.delete_cluster, cluster=NAME)
        yield Floor(cloud, machines, NAME)


def _role(cloud: Cloud, stack: contextlib.ExitStack) -> str:
    iam, name = cloud.client("iam"), f"{NAME}-{uuid.uuid4().hex[:8]}"
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"][
        "Arn"
    ]
    stack.callback(iam.delete_role, RoleName=name)
    iam.put_role_policy(RoleName=name, PolicyName="invoke", PolicyDocument=json.dumps(INVOKE))
    stack.callback(iam.delete_role_policy, RoleName=name, PolicyName="invoke")
    return arn


def _empty_functions(cloud: Cloud, role: str, stack: contextlib.ExitStack) -> list[str]:
    client, code = cloud.client("lambda"), io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("empty.py", EMPTY_FUNCTION)
    arns = []
    for number in range(FUNCTIONS):
        made = client.create_function(
            FunctionName=f"{NAME}-{number}",
            Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
            Handler="empty.handler",
            Role=role,
            Code={"ZipFile": code.getvalue()},
        )
        arns.append(made["FunctionArn"])
        stack.callback(client.delete_function, FunctionName=made["FunctionName"])
    return arns
