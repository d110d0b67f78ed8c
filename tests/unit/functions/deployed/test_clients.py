"""Clients: how often they try, how long, and which faults the workflow is to try again."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from common.clients import error_code, s3_config, transient_faults_named
from common.errors import AccessRefused, InvalidInput, TransientError
from common.workflow import report_online
from tests.unit.doubles import faults
from tests.unit.doubles.workflows import MemoryWorkflows


def answer(code: str, status: int) -> ClientError:
    """An error answer of AWS."""
    said: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "AnyCall")


TRANSIENT = [
    answer("InternalFailure", 500),
    answer("ServiceUnavailableException", 503),
    answer("SlowDown", 503),
    answer("ThrottlingException", 400),
    answer("ThrottlingException", 429),
    answer("Throttling", 400),
    answer("TooManyRequestsException", 429),
    answer("LimitExceededException", 410),
    answer("ProvisionedThroughputExceededException", 400),
    answer("RequestLimitExceeded", 400),
    ReadTimeoutError(endpoint_url="https://iot"),
    ConnectTimeoutError(endpoint_url="https://iot"),
    ConnectionClosedError(endpoint_url="https://iot"),
    EndpointConnectionError(endpoint_url="https://iot"),
]
REFUSED = [
    answer("AccessDenied", 403),
    answer("AccessDeniedException", 400),
    answer("ForbiddenException", 403),
    answer("UnauthorizedException", 401),
]
LASTING = [
    answer("ResourceNotFoundException", 404),
    answer("DeleteConflictException", 409),
    answer("ConditionalCheckFailedException", 400),
    NoCredentialsError(),
    ParamValidationError(report="x"),
    InvalidInput("thingName", "is wrong"),
    KeyError("lamp"),
]


@pytest.mark.parametrize("fault", TRANSIENT, ids=str)
def test_what_passes_is_named_transient(fault: Exception) -> None:
    with pytest.raises(TransientError) as error, transient_faults_named():
        raise fault
    assert error.value.__cause__ is fault
    assert str(error.value) == str(fault)


@pytest.mark.parametrize("fault", REFUSED, ids=str)
def test_what_iam_refuses_is_named_for_the_workflows(fault: Exception) -> None:
    """botocore knows no class of that name, so the workflow would see `ClientError`."""
    with pytest.raises(AccessRefused) as error, transient_faults_named():
        raise fault
    assert str(error.value) == str(fault)


@pytest.mark.parametrize("fault", LASTING, ids=str)
def test_what_stays_keeps_its_name(fault: Exception) -> None:
    with pytest.raises(type(fault)) as error, transient_faults_named():
        raise fault
    assert error.value is fault


def test_the_code_of_an_answer_without_one_is_empty() -> None:
    assert error_code(answer("SlowDown", 503)) == "SlowDown"
    assert error_code(ClientError({}, "AnyCall")) == ""


@pytest.mark.parametrize("code", ["InvalidToken", "TaskDoesNotExist", "TaskTimedOut"])
def test_nobody_waits_any_more(
    workflows: MemoryWorkflows, function_clients: list[Any], code: str
) -> None:
    client = next(client for client in function_clients if hasattr(client, "send_task_success"))
    with faults.refused(client, "SendTaskSuccess", code, 400):
        assert report_online(client, "token") is False


def test_another_error_of_step_functions_is_told(
    workflows: MemoryWorkflows, function_clients: list[Any]
) -> None:
    client = next(client for client in function_clients if hasattr(client, "send_task_success"))
    with (
        faults.refused(client, "SendTaskSuccess", "AccessDeniedException", 400),
        pytest.raises(ClientError),
    ):
        report_online(client, "token")


def test_a_call_that_hangs_ends_before_the_function_does(function_clients: list[Any]) -> None:
    """Globals.Function.Timeout in template.yaml is 30 seconds: all attempts of one call must fit.
    CleanUp may take 60, and Sweep, which calls it, has 300. Who calls LinkDevices (30): CleanUp
    waits for it, the API answers before (28).
    """
    for client in function_clients:
        config = client.meta.config
        assert config.retries["mode"] == "standard"
        if client.meta.service_model.service_name == "lambda":
            assert config.retries["total_max_attempts"] == 1
            assert config.read_timeout in (70, 35, 24)
            continue
        assert (
            config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout)
            < 30
        )


def test_every_client_but_the_issuers_sends_a_failed_request_again(
    function_clients: list[Any], refusing_network: Callable[[Any], list[str]]
) -> None:
    # given
    client = next(client for client in function_clients if hasattr(client, "send_task_success"))
    # when
    sent = refusing_network(client)
    with pytest.raises(ClientError):
        client.send_task_success(taskToken="token", output="{}")
    # then
    assert len(sent) == 3


@pytest.mark.parametrize(
    ("region", "endpoint", "expected"),
    [
        ("us-east-1", "", "https://stack-bucket.s3.amazonaws.com/key"),
        ("eu-west-1", "", "https://stack-bucket.s3.eu-west-1.amazonaws.com/key"),
        ("eu-south-2", "", "https://stack-bucket.s3.eu-south-2.amazonaws.com/key"),
        ("us-gov-west-1", "", "https://stack-bucket.s3.us-gov-west-1.amazonaws.com/key"),
        ("us-east-1", "http://127.0.0.1:4566", "http://127.0.0.1:4566/stack-bucket/key"),
        (
            "us-east-1",
            "http://host.docker.internal:4566",
            "http://host.docker.internal:4566/stack-bucket/key",
        ),
    ],
)
def test_a_url_is_signed_for_the_host_that_answers_for_a_bucket_made_a_moment_ago(
    region: str, endpoint: str, expected: str
) -> None:
    # given
    config = s3_config({"AWS_ENDPOINT_URL": endpoint} if endpoint else {})
    s3 = boto3.client("s3", region_name=region, endpoint_url=endpoint or None, config=config)
    # when
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "stack-bucket", "Key": "key"})
    # then
    address, _, query = url.partition("?")
    assert address == expected
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in query
