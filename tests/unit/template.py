"""template.yaml and the workflows, as data."""

from pathlib import Path
from typing import Any

import yaml

try:  # in C: a tenth of the time
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

ROOT = Path(__file__).parents[2]


class CloudFormationLoader(SafeLoader):
    """YAML with CloudFormation's short forms, such as `!Ref Name`, which become `{"Ref": "Name"}`."""


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
    name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"].endswith("::Function")
}
WORKFLOWS: dict[str, dict[str, Any]] = {
    path.name: yaml.load(path.read_text(), SafeLoader) for path in sorted((ROOT / "statemachines").iterdir())
}
