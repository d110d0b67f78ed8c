"""The rules of a model as JSON Schema (draft 2020-12), for editors; made from the tables that the
device checks by.

It knows all but the rules between two members, such as min and max, or a renamed part of the
envelope and a member; which generators give numbers; what a message costs; which values there are;
and that telemetry has no request to look into. docs/model.schema.json is what `python -m
virtual_device.tools.model_tool schema` prints.
"""

from virtual_device.base.jsonvalue import Json
from virtual_device.telemetry import envelope, kinds
from virtual_device.telemetry.kind import REQUIRED, Kind
from virtual_device.telemetry.messages import CONTENT, MAX_MESSAGES, ROW
from virtual_device.telemetry.model import HEADS
from virtual_device.telemetry.model_parser import (
    CHANGES,
    MAX_FACTORS,
    MAX_MEMBERS,
    MAX_VALUES,
    MEMBER_NAME,
    SETTING,
)
from virtual_device.telemetry.replies import DESCRIPTION, MAX_REPLIES

Schema = dict[str, Json]


def schema() -> Schema:
    """The schema of a model file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Device model of the AWS IoT Playground",
        "type": "object",
        "oneOf": [{"required": ["telemetry"]}, {"required": ["messages"]}],
        "additionalProperties": False,
        "properties": {
            **{name: rule.schema for name, rule in HEADS.items()},
            "values": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": MAX_VALUES,
                "propertyNames": MEMBER_NAME.schema,
                "additionalProperties": {"$ref": "#/$defs/generator"},
            },
            "telemetry": {"$ref": "#/$defs/members"},
            "messages": _messages(),
            "replies": _replies(),
        },
        "allOf": [_usual(part) for part in envelope.PARTS],
        "$defs": {
            "members": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": MAX_MEMBERS,
                "propertyNames": MEMBER_NAME.schema,
                "additionalProperties": {"$ref": "#/$defs/member"},
            },
            "member": _one_generator({name: rule.schema for name, rule in CHANGES.items()}),
            "generator": _one_generator({}),
        },
    }


def _messages() -> Schema:
    properties: Schema = {
        **{name: rule.schema for name, rule in ROW.items()},
        "telemetry": {"$ref": "#/$defs/members"},
        "content": {"$ref": "#/$defs/member"},
    }
    of_its_own: list[Json] = [
        {
            "if": {"required": ["envelope"], **_in_envelope(part)},
            "then": _not_in_telemetry(part),
        }
        for part in envelope.PARTS
    ]
    row: Schema = {
        "type": "object",
        "oneOf": [{"required": [name]} for name in CONTENT],
        "additionalProperties": False,
        "properties": properties,
        "dependentSchemas": {"content": {"properties": {"envelope": False}}},
        "allOf": of_its_own,
    }
    return {"type": "array", "minItems": 1, "maxItems": MAX_MESSAGES, "items": row}


def _usual(part: str) -> Schema:
    """No member has the name of a part that the model's envelope has by that name."""
    without = _not_in_telemetry(part)
    inherits: Schema = {"if": {"not": {"required": ["envelope"]}}, "then": without}
    properties: Schema = {
        "telemetry": {"properties": {part: False}},
        "messages": {"items": inherits},
    }
    return {"if": _in_envelope(part), "then": {"properties": properties}}


def _in_envelope(part: str) -> Schema:
    """What has no envelope, or one with this part by its own name."""
    there: Schema = {"properties": {part: {"enum": [True, part]}}}
    return {"properties": {"envelope": {"anyOf": [{"const": True}, {"type": "object", **there}]}}}


def _not_in_telemetry(part: str) -> Schema:
    return {"properties": {"telemetry": {"properties": {part: False}}}}


def _replies() -> Schema:
    wanted: Schema = {
        "type": "object",
        "minProperties": 1,
        "properties": {"command": {"type": "string"}},
    }
    properties: Schema = {
        "on": wanted,
        "description": DESCRIPTION.schema,
        "reply": {"$ref": "#/$defs/members"},
    }
    row: Schema = {
        "type": "object",
        "required": ["on", "reply"],
        "additionalProperties": False,
        "properties": properties,
    }
    return {"type": "array", "minItems": 1, "maxItems": MAX_REPLIES, "items": row}


def _one_generator(beside: Schema) -> Schema:
    """An object with exactly one generator, and what may stand beside it."""
    properties: Schema = {
        **{kind.name: _arguments(kind) for kind in kinds.KINDS},
        **_others(),
        **beside,
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "oneOf": [{"required": [name]} for name in kinds.ALL],
    }


def _arguments(kind: Kind) -> Schema:
    properties: Schema = {argument.name: argument.rule.schema for argument in kind.arguments}
    required: list[Json] = [
        argument.name for argument in kind.arguments if argument.default is REQUIRED
    ]
    found: Schema = {
        "description": kind.about,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": required,
    }
    if kind.one_of:
        found["oneOf"] = [{"required": [name]} for name in kind.one_of]
    return found


def _others() -> Schema:
    generators: Schema = {"type": "array", "items": {"$ref": "#/$defs/generator"}, "minItems": 2}
    shapes: dict[str, Schema] = {
        "constant": {},
        "setting": SETTING.schema,
        "telemetry": {"type": "string"},
        "request": kinds.PLACE.schema,
        "sum": {**generators, "maxItems": MAX_MEMBERS},
        "product": {**generators, "maxItems": MAX_FACTORS},
        "thing": kinds.FACT.schema,
        "value": {"type": "string"},
        "object": {"$ref": "#/$defs/members"},
    }
    return {
        name: {"description": about, **shapes[name]}
        for name, about in kinds.ABOUT_THE_OTHERS.items()
    }
