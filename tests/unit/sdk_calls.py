"""Every call of AWS that stands in `functions/`, read from the source: service, operation,
parameters."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name

from tests.unit.template import ROOT

TYPES = {
    "IoTClient": "iot",
    "IoTDataPlaneClient": "iot-data",
    "SFNClient": "stepfunctions",
    "ECSClient": "ecs",
    "ECRClient": "ecr",
    "S3Client": "s3",
    "LambdaClient": "lambda",
    "SNSClient": "sns",
    "Table": "dynamodb",
    "DynamoDBServiceResource": "dynamodb",
}
# Of a client, and of no service.
SIGNED = "generate_presigned_url"
PAGINATOR = "get_paginator"


@dataclass(frozen=True, order=True)
class SdkCall:
    """An operation, in Python's spelling, with the parameters that are named where it is called."""

    service: str
    operation: str
    parameters: tuple[str, ...]
    where: str


@cache
def operations_of(service: str) -> frozenset[str]:
    """In Python's spelling, of the SDK that is here."""
    model = botocore.session.get_session().get_service_model(service)
    return frozenset(xform_name(name) for name in model.operation_names)


@cache
def _trees() -> dict[Path, ast.AST]:
    return {
        path: ast.parse(path.read_text()) for path in sorted((ROOT / "functions").rglob("*.py"))
    }


@cache
def calls() -> tuple[list[SdkCall], list[str]]:
    """All calls, and those whose client can't be told: a name that no annotation gives a type."""
    clients = _all_clients()
    found, unknown = [], []
    for path, tree in _trees().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            where = f"{path.relative_to(ROOT)}:{node.lineno}"
            call = _call(node, node.func, clients, where)
            if call:
                found.append(call)
            elif _is_an_operation(node.func.attr):
                unknown.append(where)
    return sorted(found), unknown


def excepted() -> Iterator[tuple[str, str, str]]:
    """Every `client.exceptions.<Name>`: service, name, where."""
    clients = _all_clients()
    for path, tree in _trees().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Attribute):
                continue
            holder = node.value
            if holder.attr == "exceptions":
                service = clients.get(_last_name(holder.value), "")
                yield service, node.attr, f"{path.relative_to(ROOT)}:{node.lineno}"


@cache
def _all_clients() -> dict[str, str]:
    return {name: service for tree in _trees().values() for name, service in _named_clients(tree)}


def _named_clients(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            name = node.arg if isinstance(node, ast.arg) else _last_name(node.target)
            if service := TYPES.get(_type_name(node.annotation)):
                yield name, service
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            made = node.value
            if isinstance(made.func, ast.Attribute) and made.func.attr == "client" and made.args:
                yield _last_name(node.targets[0]), str(ast.literal_eval(made.args[0]))
        returned = (
            _type_name(node.returns) if isinstance(node, ast.FunctionDef) and node.returns else ""
        )
        if isinstance(node, ast.FunctionDef) and returned in TYPES:
            yield node.name, TYPES[returned]


def _type_name(annotation: ast.expr) -> str:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value
    return annotation.id if isinstance(annotation, ast.Name) else ""


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        # What lies behind a table resource: `table.meta.client`.
        return _last_name(node.value) if node.attr in ("client", "meta") else node.attr
    if isinstance(node, ast.Call):
        return _last_name(node.func)
    return node.id if isinstance(node, ast.Name) else ""


def _call(
    node: ast.Call, func: ast.Attribute, clients: dict[str, str], where: str
) -> SdkCall | None:
    service = clients.get(_last_name(func.value))
    if service is None:
        return None
    if func.attr in (SIGNED, PAGINATOR):
        parameters = next((one.value for one in node.keywords if one.arg == "Params"), None)
        keys = parameters.keys if isinstance(parameters, ast.Dict) else []
        named = [str(ast.literal_eval(key)) for key in keys if key is not None]
        return SdkCall(service, str(ast.literal_eval(node.args[0])), tuple(sorted(named)), where)
    if func.attr not in operations_of(service):
        return None
    named = [one.arg for one in node.keywords if one.arg is not None]
    return SdkCall(service, func.attr, tuple(sorted(named)), where)


def _is_an_operation(name: str) -> bool:
    return name in _operations()


@cache
def _operations() -> frozenset[str]:
    return frozenset().union(*(operations_of(service) for service in set(TYPES.values())))


def source_of(where: str) -> str:
    """The line, for a message."""
    path, _, line = where.partition(":")
    return Path(ROOT / path).read_text().splitlines()[int(line) - 1].strip()
