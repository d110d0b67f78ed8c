"""Looks for a text wherever the cloud might show it: histories, logs, tasks, catalog, outputs,
bucket, shadows.
"""

import json
from collections.abc import Iterator

from tests.playground_cloud import Cloud


def places_with(cloud: Cloud, text: str) -> list[str]:
    """Names of the places in which the text occurs."""
    return [place for place, content in _places(cloud, text) if text in content]


def _places(cloud: Cloud, text: str) -> Iterator[tuple[str, str]]:
    yield from _executions(cloud)
    yield from _logs(cloud, text)
    yield from _tasks(cloud)
    yield from _objects(cloud)
    rows = cloud.client("dynamodb").scan(TableName=cloud.home.output("DeviceCatalogTableName"))[
        "Items"
    ]
    yield "catalog", json.dumps(rows, default=str)
    yield (
        "stack",
        json.dumps(cloud.client("cloudformation").describe_stacks()["Stacks"], default=str),
    )
    functions = cloud.client("lambda").list_functions()["Functions"]
    yield "functions", json.dumps(functions, default=str)


def _executions(cloud: Cloud) -> Iterator[tuple[str, str]]:
    sfn = cloud.client("stepfunctions")
    for machine in ("ProvisionDeviceStateMachineArn", "DeprovisionDeviceStateMachineArn"):
        pages = sfn.get_paginator("list_executions").paginate(
            stateMachineArn=cloud.home.output(machine)
        )
        for execution in (item for page in pages for item in page["executions"]):
            arn = execution["executionArn"]
            histories = sfn.get_paginator("get_execution_history").paginate(executionArn=arn)
            yield (
                f"execution {arn}",
                json.dumps([page["events"] for page in histories], default=str),
            )


def _logs(cloud: Cloud, text: str) -> Iterator[tuple[str, str]]:
    logs = cloud.client("logs")
    groups = [
        group["logGroupName"]
        for page in logs.get_paginator("describe_log_groups").paginate()
        for group in page["logGroups"]
    ]
    assert any("/functions/" in name for name in groups)
    for name in groups:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=name, filterPattern=f'"{text}"'
        )
        events = [page["events"] for page in pages]
        yield f"log group {name}", json.dumps(events)


def _tasks(cloud: Cloud) -> Iterator[tuple[str, str]]:
    ecs = cloud.client("ecs")
    cluster = cloud.home.output("DeviceClusterName")
    for status in ("RUNNING", "STOPPED"):
        for arn in ecs.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]:
            yield (
                f"task {arn}",
                json.dumps(ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"], default=str),
            )


def _objects(cloud: Cloud) -> Iterator[tuple[str, str]]:
    s3 = cloud.client("s3")
    bucket = cloud.home.output("ConfigBucketName")
    for item in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
        yield f"s3://{bucket}/{item['Key']}", body.decode()
