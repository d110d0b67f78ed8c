"""The emulator's own modules with some gaps filled, and requests to them as they come from
boto3.
"""

import asyncio
import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore import serialize
from botocore.model import ServiceModel
from botocore.session import Session

ACCOUNT, REGION = "111122223333", "us-east-1"


def fill(*names: str) -> None:
    """Fill these gaps in the modules that the test has loaded."""
    for name in names:
        importlib.import_module(f"playground.local.gaps.{name}").fill()


@dataclass(frozen=True)
class Answer:
    """What the service says."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def error(self) -> str:
        """The error's name; empty when there is none."""
        if self.status < 300:
            return ""
        named = {name.lower(): value for name, value in self.headers.items()}.get(
            "x-amzn-errortype", ""
        )
        return named.partition(":")[0] or str(self.body.get("__type", "")).rpartition("#")[2]


@dataclass(frozen=True)
class Request:
    """A request as the emulator's services take it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, list[str]]


@cache
def model_of(service: str) -> ServiceModel:
    """boto3's own model of it."""
    return Session().get_service_model(service)


def request(service: str, operation: str, **parameters: Any) -> Request:
    """What boto3 sends, by its own model of the service."""
    model = model_of(service)
    serializer = serialize.create_serializer(model.metadata["protocol"], include_validation=False)
    made = serializer.serialize_to_request(parameters, model.operation_model(operation))
    body = made["body"] if isinstance(made["body"], bytes) else b""
    asked = {name: [str(value)] for name, value in dict(made["query_string"] or {}).items()}
    headers = {name.lower(): str(value) for name, value in made["headers"].items()}
    return Request(made["method"], unquote(urlsplit(made["url_path"]).path), headers, body, asked)


def call(service: str, module: str, operation: str, **parameters: Any) -> Answer:
    """The answer of the emulator's module to this operation."""
    asked = request(service, operation, **parameters)
    in_scope()
    served = importlib.import_module(f"ministack.services.{module}").handle_request
    found = asyncio.run(
        served(asked.method, asked.path, dict(asked.headers), asked.body, dict(asked.query))
    )
    status, headers, body = found
    return Answer(status, json.loads(body) if body else {}, headers)


def in_scope() -> None:
    """Our account and region are those of whoever asks."""
    from ministack.core import responses

    responses.set_request_account_id(ACCOUNT)
    responses.set_request_region(REGION)


def checked(service: str, operation: str, **parameters: Any) -> list[str]:
    """What IAM checks the call against: every resource of it."""
    from ministack.core import iam_actions

    asked = request(service, operation, **parameters)
    parts = (asked.method, asked.path, asked.headers, asked.body, asked.query)
    named = {"stepfunctions": "states"}.get(service, service)
    first = iam_actions.extract_resource_arn(named, *parts, REGION, ACCOUNT)
    others = iam_actions.iot_resource_arns(asked.method, asked.path, asked.body, REGION, ACCOUNT)[
        1:
    ]
    return [first, *(others if named == "iot" else [])]


def fill_all() -> None:
    """Fill every gap there is."""
    importlib.import_module("playground.local.gaps").fill()
