"""template.yaml and the workflows, as data."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

try:  # in C: a tenth of the time
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

ROOT = Path(__file__).parents[2]


class CloudFormationLoader(SafeLoader):
    """YAML with CloudFormation's short forms, such as `!Ref Name`, which become `{"Ref":
    "Name"}`.
    """


def _intrinsic(loader: SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix == "Ref" else f"Fn::{suffix}": value}


CloudFormationLoader.add_multi_constructor("!", _intrinsic)

TEMPLATE: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), CloudFormationLoader)  # noqa: S506 - safe
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
FUNCTIONS = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"].endswith(("Serverless::Function", "Lambda::Function"))
}
EVERYWHERE: dict[str, Any] = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
"""The variables that every function has."""
SHARED: dict[str, dict[str, Any]] = {
    name: resource["Properties"]["PolicyDocument"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::IAM::ManagedPolicy"
}
"""The policies that several roles have."""
WORKFLOWS: dict[str, dict[str, Any]] = {
    path.name: yaml.load(path.read_text(), SafeLoader)
    for path in sorted((ROOT / "statemachines").glob("*.asl.yaml"))
}
INCLUDED: dict[str, Any] = {f"statemachines/{name}": one for name, one in WORKFLOWS.items()} | {
    "dashboard.yaml": yaml.load((ROOT / "dashboard.yaml").read_text(), SafeLoader)
}
"""What AWS::Include puts into the template, by its place. In long form alone: the loader is YAML's
own.
"""


def branches(state: Mapping[str, Any]) -> list[Any]:
    """What runs within a state: the branches of a Parallel state, or what a Map does to an item."""
    return [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]


def states_of(workflow: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state, those of branches too. What fails in an item, its Map state catches."""
    for name, state in workflow["States"].items():
        yield name, state
        for branch in branches(state):
            caught = {"Catch": state["Catch"]} if state["Type"] == "Map" else {}
            yield from ((inner, caught | found) for inner, found in states_of(branch))


def statements_of(properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the role of a function or a workflow may do, by policies that it shares and its own."""
    documents = (
        SHARED[policy["Ref"]] if "Ref" in policy else policy for policy in properties["Policies"]
    )
    return [statement for document in documents for statement in document["Statement"]]


def variables_of(function: Mapping[str, Any]) -> dict[str, Any]:
    """The variables that this function has and not every other."""
    own: dict[str, Any] = function.get("Environment", {}).get("Variables", {})
    return own


def module_of(function: Mapping[str, Any]) -> str:
    """The last part of the module that the function's handler is in."""
    return str(function["Handler"].split(".")[-2])


def list_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


TASKS = [
    pytest.param(state, id=f"{file}:{name}")
    for file, workflow in WORKFLOWS.items()
    for name, state in states_of(workflow)
    if state["Type"] == "Task"
]
