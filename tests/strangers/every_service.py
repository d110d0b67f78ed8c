"""Call services: `boto3`, `cli`, or `bare` for the CLI without the playground's own words, and
their names.

By boto3 all that there are when none is named. One call each, one that only looks, and one of each
operation that has a host name of its own. How a call ends does not matter; who was asked does, see
sitecustomize.py.
"""

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.session
from awscli import clidriver  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.config import Config
from botocore.model import OperationModel, ServiceModel

ONCE: Any = {"total_max_attempts": 1}
COMMANDS = {"codedeploy": "deploy", "config": "configservice", "s3": "s3api"}
"""Where the AWS CLI has another name for a service."""


def value_of(shape: Any, depth: int = 0) -> Any:
    """The least that a shape takes."""
    if shape.type_name == "structure":
        return {} if depth > 4 else given(shape, depth)
    if shape.type_name == "list":
        return [value_of(shape.member, depth + 1)] * int(shape.metadata.get("min", 0))
    if shape.type_name == "map":
        return {}
    if shape.type_name == "string":
        return (shape.enum or ["x" * max(1, int(shape.metadata.get("min", 1)))])[0]
    plain = {
        "blob": b"x",
        "boolean": True,
        "timestamp": "2026-01-01T00:00:00Z",
        "float": 1.0,
        "double": 1.0,
    }
    return plain.get(shape.type_name, int(shape.metadata.get("min", 1)))


def given(shape: Any, depth: int = 0) -> dict[str, Any]:
    """What the operation or structure demands."""
    members = {} if shape is None else shape.members
    return {
        name: value_of(members[name], depth + 1) for name in getattr(shape, "required_members", ())
    }


def operations(service: ServiceModel) -> Iterator[OperationModel]:
    """One that looks, and those with a host of their own."""
    models = [service.operation_model(name) for name in service.operation_names]
    looks = [
        model for model in models if model.name.startswith(("List", "Describe", "Get"))
    ] or models
    plain = [model for model in looks if not model.has_event_stream_output] or looks
    yield min(plain, key=lambda model: (len(given(model.input_shape)), model.name))
    yield from (model for model in models if model.endpoint and not model.has_event_stream_input)


def by_boto3(names: list[str]) -> int:
    """The number of calls."""
    session, count = boto3.Session(), 0
    config = Config(retries=ONCE, parameter_validation=False, connect_timeout=5, read_timeout=5)
    for name in names or session.get_available_services():
        client = session.client(name, config=config)  # type: ignore[call-overload]
        for model in operations(client.meta.service_model):
            count += 1
            with contextlib.suppress(Exception):
                getattr(client, xform_name(model.name))(**given(model.input_shape))
    return count


def by_cli(names: list[str], words: list[str]) -> int:
    """The number of calls; `words` come first, as `playground/aws.sh` puts the endpoint there."""
    count, session, cli = 0, botocore.session.get_session(), clidriver.create_clidriver()
    for name in names:
        for model in operations(session.get_service_model(name)):
            call = [*words, COMMANDS.get(name, name), xform_name(model.name, "-")]
            for key, value in given(model.input_shape).items():
                call += [
                    f"--{xform_name(key, '-')}",
                    json.dumps(value) if isinstance(value, dict | list) else str(value),
                ]
            count += 1
            with (
                contextlib.redirect_stderr(io.StringIO()),
                contextlib.suppress(SystemExit, Exception),
            ):
                cli.main(call)
    return count


def main() -> None:
    """As the arguments say; prints the number of calls."""
    way, names = sys.argv[1], sys.argv[2:]
    if way == "boto3":
        print(by_boto3(names))
    else:
        words = ["--endpoint-url", os.environ["AWS_ENDPOINT_URL"]] if way == "cli" else []
        print(by_cli(names, words))


if __name__ == "__main__":
    main()
