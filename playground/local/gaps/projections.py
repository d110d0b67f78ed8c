"""A projection costs next to nothing.

AWS reads whole items, and counts them, whatever a `ProjectionExpression` leaves of them: it makes
an answer smaller, and a scan no slower.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html

Emulator: reads the expression anew for every item, and compares each of its paths with each: a scan
for twenty attributes takes four times as long as one for whole items. It has refused an expression
that is none before that.
"""

from collections.abc import Mapping
from typing import Any

from ministack.services import dynamodb


def fill() -> None:
    """Take attributes as they are where an expression has nothing but placeholders of names."""
    project = dynamodb._project_item

    def projected(item: Mapping[str, Any], expression: str, names: Mapping[str, str] | None) -> Any:
        wanted = _attributes(expression, names or {})
        if wanted is None:
            return project(item, expression, names)
        return {name: item[name] for name in wanted if name in item}

    dynamodb._project_item = projected


def _attributes(expression: str, names: Mapping[str, str]) -> list[str] | None:
    """None where a path leads into an attribute, or is not told by a placeholder."""
    found = [names.get(path.strip()) for path in expression.split(",")]
    wanted = [name for name in found if name is not None]
    return wanted if len(wanted) == len(found) == len(set(wanted)) else None
