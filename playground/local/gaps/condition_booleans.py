"""A JSON boolean in the condition of a policy.

AWS compares a condition's values as text; `true` and `"true"` are the same, as `{"Bool":
{"iot:Connection.Thing.IsAttached": true}}` shows.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
and https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
(`<condition_value>` is a string, a number or a boolean)

Emulator: makes `True` of it, as Python writes it, which equals no `true`.
"""

from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iot


def fill() -> None:
    """Write booleans as JSON does, before conditions are looked at."""
    parse = iam_evaluator.parse_policy_document

    def parsed(document: Any) -> Any:
        statements = parse(document)
        for statement in statements:
            if isinstance(statement.conditions, dict):
                statement.conditions = _written(statement.conditions)
        return statements

    iam_evaluator.parse_policy_document = parsed
    iot.parse_policy_document = parsed


def _written(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return {name: _written(one) for name, one in value.items()}
    return [_written(one) for one in value] if isinstance(value, list) else value
