"""The template after all transforms, which is what AWS reads.

A transform that runs before SAM may drop a null or refuse it; a null result path that is dropped
lets a state's answer replace the data that the next state needs.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.expanded import expanded, nulls
from tests.unit.template import INCLUDED, TEMPLATE, WORKFLOWS


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return expanded()


def test_nulls_are_found_wherever_they_are() -> None:
    found = nulls({"a": [1, {"b": None}], "c": '{"d": null}', "e": "null"})
    assert found == ["/a/1/b", "/c (JSON)/d"]


def test_there_is_no_null_in_what_is_included() -> None:
    assert nulls(INCLUDED) == []
    assert nulls(TEMPLATE) == []


@pytest.mark.thorough
def test_there_is_no_null_in_what_aws_reads(template: dict[str, Any]) -> None:
    assert nulls(template) == []
    machines = [
        one
        for one in template["Resources"].values()
        if one["Type"] == "AWS::StepFunctions::StateMachine"
    ]
    assert len(machines) == len(WORKFLOWS)


# cfn-lint goes through the lines of a workflow's definition by recursion, and the longest one has
# more than the 1,000 calls that Python allows.
LINT = (
    "import sys; sys.setrecursionlimit(20_000); from cfnlint.runner import main; sys.exit(main())"
)


@pytest.mark.thorough
def test_what_aws_reads_is_valid(template: dict[str, Any], tmp_path: Path) -> None:
    # given
    path = tmp_path / "template.json"
    path.write_text(json.dumps(template, indent=1))
    # when
    linted = subprocess.run(
        [sys.executable, "-c", LINT, "--regions", "us-east-1", "--", path],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    # then
    assert (linted.returncode, linted.stdout) == (0, "")
