"""What botocore and moto find out again at every call, though it stays as it is: found out once.

Most of what a test of a whole history costs is moto's DynamoDB. Nothing here changes an answer.
"""

from functools import cache
from typing import Any

import botocore.useragent
import moto.core.responses
from moto.core.base_backend import BaseBackend
from moto.core.serialize import ResponseSerializer
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.parsing.ast_nodes import (  # type: ignore[attr-defined]
    DepthFirstTraverser,
    Node,
)

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
    _processors_by_type(DepthFirstTraverser)
    _conditions_parsed_once(ConditionExpressionParser)
    _urls_once(BaseBackend)


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


def _processors_by_type(traverser: Any) -> None:
    """Which processor takes a node is asked twice at every node, of each class that has one."""

    def processor_of(self: Any, kind: type) -> Any:
        known = self.__dict__.setdefault("known", {})
        if kind not in known:
            processing = self._processing_map().items()
            known[kind] = next((one for base, one in processing if issubclass(kind, base)), None)
        return known[kind]

    def traverse_node_recursively(self: Any, node: Any, child_id: int = -1) -> Any:
        if not isinstance(node, Node):
            return node
        parent = node.parent
        for number, child in enumerate(node.children or ()):
            self.pre_processing_of_child(node, number)
            traverse_node_recursively(self, child, number)
        processor = processor_of(self, type(node))
        if processor is not None:
            node = processor(node)
            node.parent = parent
            if parent:
                parent.children[child_id] = node
        return node

    traverser.traverse_node_recursively = traverse_node_recursively


def _conditions_parsed_once(parser: Any) -> None:
    """An update parses its condition twice, and most conditions come again in the next test."""
    known: dict[tuple[str, ...], Any] = {}
    real = parser.parse

    def parse(self: Any) -> Any:
        asked = (self.condition_expression, self.expression_attribute_names)
        key = tuple(map(repr, (*asked, self.expression_attribute_values)))
        if key not in known:
            known[key] = real(self), self.expr_attr_names_found, self.expr_attr_values_found
        made, names, values = known[key]
        self.expr_attr_names_found, self.expr_attr_values_found = list(names), list(values)
        return made

    parser.parse = parse


def _urls_once(backend: Any) -> None:
    """What a backend answers for, made of patterns at every request."""
    known: dict[tuple[type, str], Any] = {}
    real = backend.urls.fget

    def urls(self: Any) -> Any:
        key = type(self), self.region_name
        if key not in known:
            known[key] = real(self)
        return known[key]

    backend.urls = property(urls)
