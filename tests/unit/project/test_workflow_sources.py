"""The workflows that are deployed are their sources with everything written out."""

import re
from pathlib import Path

import pytest
import yaml

from checks import workflows

PAGES = sorted(workflows.pages())
NAMED = workflows.policies(
    "# A comment.\nsoon:\n  ErrorEquals: [A,\n                B]\n  MaxAttempts: 2\n\n"
    "never:\n  ErrorEquals: [C]\n  MaxAttempts: 0\n"
)


@pytest.mark.parametrize("page", PAGES)
def test_every_workflow_is_what_its_source_says(page: str) -> None:
    assert (workflows.PROJECT / page).read_text() == workflows.pages()[page]


@pytest.mark.parametrize("page", PAGES)
def test_nothing_short_is_left(page: str) -> None:
    short = r"^ *(Invoke|Answer):|^ *Payload: \[|^ *Catch: \w"
    assert not re.findall(short, workflows.pages()[page], re.MULTILINE)


def test_a_list_may_go_over_lines() -> None:
    source = "State:\n  Invoke: Go\n  Payload: [name,\n    device.type]\n  Answer: [a,\n    b]\n"
    assert yaml.safe_load(workflows.written_out(source, NAMED))["State"] == {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {
            "FunctionName": "${GoFunctionArn}",
            "Payload": {"name.$": "$.name", "type.$": "$.device.type"},
        },
        "ResultSelector": {"a.$": "$.Payload.a", "b.$": "$.Payload.b"},
    }


def test_all_workflows_have_a_source() -> None:
    there = (workflows.PROJECT / workflows.WORKFLOWS).glob("*.asl.yaml")
    assert sorted(f"{workflows.WORKFLOWS}/{path.name}" for path in there) == PAGES


@pytest.mark.parametrize(
    "source",
    [
        "State:\n  Retry: [never, soon]\n  End: true\n",
        "State:\n  Retry:\n    # Why.\n    - never\n    - soon\n  End: true\n",
        "State:\n  Retry:\n    - { ErrorEquals: [C], MaxAttempts: 0 }\n    - soon\n  End: true\n",
    ],
)
def test_names_are_written_out_where_they_stand(source: str) -> None:
    assert yaml.safe_load(workflows.written_out(source, NAMED)) == {
        "State": {
            "Retry": [
                {"ErrorEquals": ["C"], "MaxAttempts": 0},
                {"ErrorEquals": ["A", "B"], "MaxAttempts": 2},
            ],
            "End": True,
        }
    }


def test_a_comment_and_a_choice_of_names_stay_as_they_are() -> None:
    text = "State:\n  # - soon is no entry.\n  Catch:\n    - ErrorEquals: [States.ALL]\n"
    assert workflows.written_out(text, NAMED) == text


TASK = """\
  Make:
    Comment: Stays.
    Invoke: MakeThing
    Payload:
      name.$: $.name
      of:
        - A
    Answer: [name, arn]
    ResultPath: $.made
    Catch:
      - ErrorEquals: [Refused]
        Next: Refusal
      - otherwise: Undo
    Next: Ask

  Ask:
    Type: Task
    Parameters:
      Payload:
        name.$: $.name
    Catch: Undo
"""


def test_a_task_is_written_out() -> None:
    every = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Undo"}
    assert yaml.safe_load(workflows.written_out(TASK, NAMED)) == {
        "Make": {
            "Comment": "Stays.",
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {
                "FunctionName": "${MakeThingFunctionArn}",
                "Payload": {"name.$": "$.name", "of": ["A"]},
            },
            "ResultSelector": {"name.$": "$.Payload.name", "arn.$": "$.Payload.arn"},
            "ResultPath": "$.made",
            "Catch": [{"ErrorEquals": ["Refused"], "Next": "Refusal"}, every],
            "Next": "Ask",
        },
        "Ask": {
            "Type": "Task",
            "Parameters": {"Payload": {"name.$": "$.name"}},
            "Catch": [every],
        },
    }


SHORT = """\
  Make:
    Invoke: MakeThing
    Payload: [name, claim.owner, input, device.execution, restart]
    Catch:
      - ErrorEquals: [Refused]
        Next: Refusal
      - otherwise: Undo with the error alone
    End: true

  Ask:
    Type: Pass
    Payload: [name]
    Catch: Undo with the error alone
"""


def test_a_payload_of_fields_and_a_catch_that_drops_all_data_are_written_out() -> None:
    alone = {"ErrorEquals": ["States.ALL"], "Next": "Undo"}
    found = yaml.safe_load(workflows.written_out(SHORT, NAMED))
    assert found["Make"]["Parameters"]["Payload"] == {
        "name.$": "$.name",
        "owner.$": "$.claim.owner",
        "input.$": "$$.Execution.Input",
        "execution.$": "$.device.execution",
        "restart.$": "$$.Execution.Id",
    }
    assert found["Make"]["Catch"] == [{"ErrorEquals": ["Refused"], "Next": "Refusal"}, alone]
    # What calls no function has no payload.
    assert found["Ask"] == {"Type": "Pass", "Payload": ["name"], "Catch": [alone]}


def test_a_name_that_is_no_retry_is_said() -> None:
    with pytest.raises(workflows.UnknownPolicyError, match="later is no retry"):
        workflows.written_out("State:\n  Retry: [soon, later]\n", NAMED)


def test_every_named_retry_is_used_more_than_once() -> None:
    folder = workflows.PROJECT / workflows.SOURCES
    text = "".join(path.read_text() for path in folder.glob("*.asl.yaml"))
    for name in workflows.policies((folder / workflows.POLICIES).read_text()):
        assert text.count(name) > 1, name


def test_a_workflow_that_was_changed_by_hand_is_noticed_and_put_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    (tmp_path / workflows.SOURCES).mkdir(parents=True)
    for path in (workflows.PROJECT / workflows.SOURCES).iterdir():
        (tmp_path / workflows.SOURCES / path.name).write_text(path.read_text())
    for page in PAGES:
        changed = (workflows.PROJECT / page).read_text().replace("MaxAttempts: 5", "MaxAttempts: 9")
        (tmp_path / page).write_text(changed)
    monkeypatch.setattr(workflows, "PROJECT", tmp_path)
    # then
    assert workflows.main(["--check"]) == 1
    assert "make workflows" in capsys.readouterr().err
    # when
    assert workflows.main([]) == 0
    # then
    assert workflows.main(["--check"]) == 0
