"""What the functions that undo a workflow are told, by one of its states or by the event that it
has ended.
"""

from collections.abc import Mapping
from typing import Any

from common.errors import InvalidInput
from common.identifiers import checked_thing_name
from common.jsontext import read_or_none


def input_of(detail: Mapping[str, Any]) -> Any:
    """The input of the execution that a "Step Functions Execution Status Change" is about.

    None where it is no JSON, and where it is too long for the event and was left out:
    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    return read_or_none(detail.get("input"))


def device_of(asked: Any) -> str | None:
    """The name of the device that an input asks for; None when it was refused before it could name
    one.
    """
    try:
        return checked_thing_name(asked["thingName"])
    except (TypeError, KeyError, InvalidInput):
        return None
