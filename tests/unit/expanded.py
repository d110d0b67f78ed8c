"""The template as CloudFormation sees it: includes inlined, then expanded by SAM's own
translator."""

import json
import os
import subprocess
from typing import Any

from tests.unit.template import INCLUDED, ROOT, TEMPLATE

# In the SAM CLI's environment, whose translator is the one that deploys.
TRANSLATE = """
import json, sys
from samtranslator.translator.transform import transform

class NoManagedPolicies:
    def load(self):
        return {}

given = json.load(sys.stdin)
json.dump(transform(given["template"], given["parameters"], NoManagedPolicies()), sys.stdout)
"""


def expanded() -> dict[str, Any]:
    """All that AWS::Include and SAM make of template.yaml, for the parameters' defaults."""
    template = inlined(TEMPLATE)
    template["Globals"]["Function"]["CodeUri"] = (
        "s3://a-bucket/code.zip"  # as `sam package` writes it
    )
    parameters = {name: one.get("Default", "") for name, one in TEMPLATE["Parameters"].items()}
    done = subprocess.run(
        [ROOT / ".venvs" / "sam" / "bin" / "python", "-c", TRANSLATE],
        input=json.dumps({"template": template, "parameters": parameters}),
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def inlined(value: Any) -> Any:
    """The same with what AWS::Include names in place of the naming."""
    if isinstance(value, dict):
        if value.keys() == {"Fn::Transform"}:
            assert value["Fn::Transform"]["Name"] == "AWS::Include"
            return INCLUDED[value["Fn::Transform"]["Parameters"]["Location"]]
        return {key: inlined(one) for key, one in value.items()}
    return [inlined(one) for one in value] if isinstance(value, list) else value


def nulls(value: Any, where: str = "") -> list[str]:
    """Where in the data there is a null, in JSON within strings too."""
    if value is None:
        return [where]
    if isinstance(value, str) and value.startswith(("{", "[")):
        try:
            return nulls(json.loads(value), f"{where} (JSON)")
        except ValueError:
            return []
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [found for key, one in items for found in nulls(one, f"{where}/{key}")]
