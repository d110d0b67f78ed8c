"""The rules of a model as JSON Schema (draft 2020-12), for editors; made from the tables that the
device checks by.

It knows all but the rules between two members, such as min and max, and that telemetry has no
request to look into. docs/model.schema.json is what `python -m virtual_device.tools.model_tool
schema` prints.
"""

from virtual_device.base.jsonvalue import Json
from virtual_device.telemetry import kinds
from virtual_device.telemetry.kinds import REQUIRED, Kind
from virtual_device.telemetry.model_parser import (
    CHANGES,
    ENVELOPE,
    HEAD,
    MAX_MEMBERS,
    MEMBER_NAME,
    PLACE,
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
        "required": ["telemetry"],
        "additionalProperties": False,
        "properties": {
            **{name: rule.schema for name, rule in HEAD.items()},
            "telemetry": _telemetry(),
            "replies": _replies(),
        },
        "$defs": {
            "members": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": MAX_MEMBERS,
                "propertyNames": {"pattern": f"^{MEMBER_NAME.pattern}$"},
                "additionalProperties": {"$ref": "#/$defs/member"},
            },
            "member": _one_generator({name: rule.schema for name, rule in CHANGES.items()}),
            "generator": _one_generator({}),
        },
    }


def _telemetry() -> Schema:
    """Members, without those that every message has."""
    return {"$ref": "#/$defs/members", "properties": dict.fromkeys(ENVELOPE, False)}


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
    return {
        "description": kind.about,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": required,
    }


def _others() -> Schema:
    generators: Schema = {"type": "array", "items": {"$ref": "#/$defs/generator"}, "minItems": 2}
    shapes: dict[str, Schema] = {
        "constant": {},
        "setting": SETTING.schema,
        "telemetry": {"type": "string"},
        "request": PLACE.schema,
        "sum": {**generators, "maxItems": MAX_MEMBERS},
        "object": {"$ref": "#/$defs/members"},
    }
    return {
        name: {"description": about, **shapes[name]}
        for name, about in kinds.ABOUT_THE_OTHERS.items()
    }
