"""What botocore and moto find out again at every call, though it stays as it is: found out once.

Most of what a test of a whole history costs is moto's DynamoDB. Nothing here changes an answer.
"""

from functools import cache
from typing import Any

import botocore.useragent
import moto.core.responses
from moto.core.serialize import ResponseSerializer
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser  # type: ignore[attr-defined]

# Pure functions of strings and classes.
REPEATED = (
    (botocore.useragent, "sanitize_user_agent_string_component"),
    (moto.core.responses, "method_names_from_class"),
)


def remember() -> None:
    """For the rest of the process."""
    for module, name in REPEATED:
        setattr(module, name, cache(getattr(module, name)))
    _dictionaries_as_they_are(ResponseSerializer)
    _maps_once(DepthFirstTraverser)


def _dictionaries_as_they_are(serializer: Any) -> None:
    """Of the ten types that a value may have moto tries each under all names that the field of any
    object may have.
    """
    real = serializer.get_value

    def get_value(self: Any, value: Any, key: str, shape: Any) -> Any:
        if (
            type(value) is dict
            and getattr(getattr(shape, "parent", None), "name", "") == "AttributeValue"
        ):
            return value.get(key)
        return real(self, value, key, shape)

    serializer.get_value = get_value


def _maps_once(traverser: Any) -> None:
    """Which nodes it looks at, and how, is asked twice at every node."""

    def known(self: Any) -> Any:
        if "known" not in self.__dict__:
            self.known = self._processing_map()
        return self.known

    def process(self: Any, node: Any) -> Any:
        return next(
            (processor(node) for kind, processor in known(self).items() if isinstance(node, kind)),
            None,
        )

    traverser.nodes_to_be_processed = lambda self: tuple(known(self))
    traverser.process = process
