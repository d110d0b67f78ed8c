"""StartTask: ECS RunTask, or a seat on a host; either gets a short-lived reference to the config,
which never enters workflow state.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.clients import (
    CONFIG,
    NEVER_REPEAT,
    S3_CONFIG,
    error_code,
    session,
    transient_faults_named,
)
from common.environment import Environment, environment
from common.errors import TaskNotStarted, TaskStillRunning, TransientError
from common.identifiers import HOST_TYPE, SHARED, config_key, owner_of
from common.image import ImageTag
from common.observability import Handler, logger, observed
from devices import wiring
from hosting import wiring as hosting
from hosting.beginning import Beginning
from hosting.device_tasks import HOST_GROUP
from hosting.placing import Guest, Placing

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_ecs import ECSClient
    from types_boto3_ecs.type_defs import (
        KeyValuePairTypeDef,
        RunTaskResponseTypeDef,
        TaskOverrideTypeDef,
    )
    from types_boto3_s3 import S3Client

REFERENCE_SECONDS = 900
# Tells the task which image it was started with (docs/contracts.md).
IMAGE_VARIABLE = "IMAGE_DIGEST"
# What a host shows with the URL of a manifest.
MANIFEST_VARIABLE = "MANIFEST_TOKEN"
# A host runs many devices: 500 take 70 MB, and an eighth of a core when each says something every
# second. One of the sizes that Fargate has:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
HOST_SIZE: "TaskOverrideTypeDef" = {"cpu": "512", "memory": "1024"}
# Its containers run no more:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
ENDED = ("DEPROVISIONING", "STOPPED")


@dataclass(frozen=True)
class TaskSettings:
    """Where and as what a device task runs."""

    cluster_arn: str
    task_definition_arn: str
    container: str
    subnets: list[str]
    security_group: str
    bucket: str


@dataclass(frozen=True)
class TaskRequest:
    """Whose task to run.

    `execution_arn` made the device: its mark is on every task of the device. `attempt` names the
    one that asks now, and `replaced` the tasks of earlier ones, which ECS may list as running a
    while after they were stopped.
    """

    thing_name: str
    execution_arn: str
    attempt: str
    replaced: frozenset[str] = frozenset()
    device_type: str = ""
    hosting: str = "task"

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "TaskRequest":
        """From `{thingName, execution, deviceType, hosting}`; a restart adds `{restart, restarts,
        replaced}`.
        """
        execution = event["execution"]
        attempt = f"{event['restart']}#{event['restarts']}" if "restart" in event else execution
        return cls(
            event["thingName"],
            execution,
            attempt,
            frozenset(event.get("replaced", ())),
            event.get("deviceType", ""),
            event.get("hosting", "task"),
        )


@dataclass(frozen=True)
class StartedTask:
    """The task, and the digest of the image that the tag stood for before it was started.

    A push between the two lets a task run a newer image than is told, never an older one. Of a seat
    its handle, and no image: it is the host's.
    """

    task_arn: str
    image_digest: str


def start_task(  # noqa: PLR0913, PLR0917 - all but the last are what it works with
    request: TaskRequest,
    ecs: "ECSClient",
    s3: "S3Client",
    image: ImageTag,
    settings: TaskSettings,
    told: "Sequence[KeyValuePairTypeDef]" = (),
) -> StartedTask:
    """The attempt's one task, `told` more by its environment. Raises TaskNotStarted when ECS places
    none, TaskStillRunning, NoDeviceImage.

    `clientToken` makes RunTask idempotent; the look before it also covers a token that has expired.
    A repeated call has a newly signed URL, which AWS answers with ConflictException, whose
    `resourceIds` are the task that there is.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
    """
    owner = owner_of(request.execution_arn)
    listed = ecs.list_tasks(cluster=settings.cluster_arn, startedBy=owner)["taskArns"]
    running = [task_arn for task_arn in listed if task_arn not in request.replaced]
    if running:
        return _found(running[0], ecs, image, settings)
    _ended(request.replaced, ecs, settings)
    digest = image.digest()
    config_url = _config_url(request, s3, settings)
    variables: list[KeyValuePairTypeDef] = [
        {"name": "CONFIG_FILE_URL", "value": config_url},
        {"name": IMAGE_VARIABLE, "value": digest},
        *told,
    ]
    try:
        answer = _run(request, variables, ecs, settings)
    except ClientError as error:
        return _found(_task_of_the_token(error), ecs, image, settings)
    if not answer["tasks"]:
        reasons = "; ".join(failure.get("reason", "") for failure in answer["failures"])
        raise TaskNotStarted(f"ECS placed no task for {request.thing_name}: {reasons}")
    return StartedTask(answer["tasks"][0]["taskArn"], digest)


def take_seat(
    request: TaskRequest, placing: Placing, s3: "S3Client", settings: TaskSettings
) -> StartedTask:
    """The attempt's one seat on a host; the host is made when there is none with room. Raises
    TransientError.
    """
    guest = Guest(
        request.thing_name,
        request.execution_arn,
        request.attempt,
        _config_url(request, s3, settings),
        request.replaced,
    )
    return StartedTask(placing.place(guest).handle, "")


def _config_url(request: TaskRequest, s3: "S3Client", settings: TaskSettings) -> str:
    return s3.generate_presigned_url(
        "get_object",
        Params={"Bucket": settings.bucket, "Key": config_key(request.thing_name)},
        ExpiresIn=REFERENCE_SECONDS,
    )


def _run(
    request: TaskRequest,
    variables: "list[KeyValuePairTypeDef]",
    ecs: "ECSClient",
    settings: TaskSettings,
) -> "RunTaskResponseTypeDef":
    is_host = request.device_type == HOST_TYPE
    more: Any = {"group": HOST_GROUP + request.thing_name} if is_host else {}
    return ecs.run_task(
        cluster=settings.cluster_arn,
        taskDefinition=settings.task_definition_arn,
        launchType="FARGATE",
        count=1,
        clientToken=owner_of(request.attempt),
        startedBy=owner_of(request.execution_arn),
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": settings.subnets,
                "securityGroups": [settings.security_group],
                # Public subnets without a NAT gateway: the task needs an address of its own to
                # reach AWS IoT.
                "assignPublicIp": "ENABLED",
            }
        },
        overrides={
            "containerOverrides": [{"name": settings.container, "environment": variables}],
            **(HOST_SIZE if is_host else {}),
        },
        **more,
    )


def _task_of_the_token(error: ClientError) -> str:
    """The task that this attempt has started before. Raises the error itself where it is another
    one.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html#API_RunTask_Errors
    """
    if error_code(error) != "ConflictException":
        raise error
    found: Any = error.response
    if not found.get("resourceIds"):
        raise TransientError(
            f"ECS has started the task and does not tell which it is: {error}"
        ) from error
    return str(found["resourceIds"][0])


def _found(task_arn: str, ecs: "ECSClient", image: ImageTag, settings: TaskSettings) -> StartedTask:
    """A task of this attempt that is there already."""
    return StartedTask(task_arn, _image_of(task_arn, ecs, settings) or image.digest())


def _ended(
    replaced: Collection[str], ecs: "ECSClient", settings: TaskSettings
) -> Sequence[Mapping[str, Any]]:
    """What ECS still knows of them. A device has one task at a time: StopTask returns before the
    task has ended.
    """
    if not replaced:
        return ()
    described = ecs.describe_tasks(cluster=settings.cluster_arn, tasks=sorted(replaced))["tasks"]
    still = [task["taskArn"] for task in described if task.get("lastStatus") not in ENDED]
    if still:
        raise TaskStillRunning(f"{', '.join(still)} was told to stop and has not ended yet")
    return described


def _image_of(task_arn: str, ecs: "ECSClient", settings: TaskSettings) -> str | None:
    """What an earlier attempt has told the task."""
    for task in ecs.describe_tasks(cluster=settings.cluster_arn, tasks=[task_arn])["tasks"]:
        for override in task.get("overrides", {}).get("containerOverrides", []):
            for variable in override.get("environment", []):
                if variable["name"] == IMAGE_VARIABLE:
                    return variable["value"]
    return None


def build(environment: Environment, session: "Session") -> Handler[dict[str, str]]:
    """State StartTask. Takes `{thingName, execution, deviceType, hosting}` or a restart's, gives
    `{taskArn, clusterArn, imageDigest}`.
    """
    # A RunTask whose answer was lost is repeated by the workflow only, which looks first whether
    # there is a task.
    ecs_client = session.client("ecs", config=NEVER_REPEAT)
    s3_client = session.client("s3", config=S3_CONFIG)
    device_image = wiring.image(environment, session)
    task_settings = TaskSettings(
        cluster_arn=environment.required("CLUSTER_ARN"),
        task_definition_arn=environment.required("TASK_DEFINITION_ARN"),
        container=environment.required("CONTAINER_NAME"),
        subnets=environment.required("SUBNETS").split(","),
        security_group=environment.required("SECURITY_GROUP"),
        bucket=environment.required("CONFIG_BUCKET"),
    )

    board = hosting.board(environment, session)
    iot_data = session.client("iot-data", config=CONFIG)
    placing = Placing(
        board,
        session.client("iot", config=CONFIG),
        session.client("stepfunctions", config=CONFIG),
        int(environment.required("HOST_CAPACITY")),
    )

    def start(request: TaskRequest) -> StartedTask:
        if request.hosting == SHARED:
            return take_seat(request, placing, s3_client, task_settings)
        clients = (ecs_client, s3_client, device_image)
        if request.device_type != HOST_TYPE:
            return start_task(request, *clients, task_settings)
        token = board.seats.open_again(request.thing_name, request.execution_arn)
        beginning = Beginning(request.thing_name, board, iot_data)
        beginning.prepare(_ended(request.replaced, ecs_client, task_settings))
        told: list[KeyValuePairTypeDef] = [{"name": MANIFEST_VARIABLE, "value": token}]
        started = start_task(request, *clients, task_settings, told)
        board.tell(request.thing_name)  # of who has come since
        return started

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
        request = TaskRequest.from_event(event)
        with transient_faults_named():
            started = start(request)
        logger.info("task started", task_arn=started.task_arn, image_digest=started.image_digest)
        return {
            "taskArn": started.task_arn,
            "clusterArn": task_settings.cluster_arn,
            "imageDigest": started.image_digest,
        }

    return handler


handler = observed(build(environment, session))
