"""What a message says of itself before its members: by which names, or not at all."""

from dataclasses import dataclass

from virtual_device.base.clock import timestamp
from virtual_device.base.jsonvalue import Json
from virtual_device.telemetry import rules
from virtual_device.telemetry.moment import Moment
from virtual_device.telemetry.rules import Rule

PARTS = ("thingName", "timestamp", "sequence", "unit")
"""What there is (docs/contracts.md)."""

NAME = rules.text(128)
PART = rules.either(f"must be true, false, or another name, which {NAME.text}", rules.FLAG, NAME)


def _holds(value: Json) -> bool:
    if isinstance(value, bool):
        return True
    return (
        isinstance(value, dict)
        and value.keys() <= set(PARTS)
        and all(map(PART.holds, value.values()))
    )


RULE = Rule(
    (
        f"must be true, false, or an object that says for each of {', '.join(PARTS)} "
        "true, false or another name"
    ),
    _holds,
    {
        "anyOf": [
            rules.FLAG.schema,
            {
                "type": "object",
                "additionalProperties": False,
                "properties": dict.fromkeys(PARTS, PART.schema),
            },
        ]
    },
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The name of each part, None for one that is left out."""

    thing_name: str | None
    timestamp: str | None
    sequence: str | None
    unit: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """Those that a message has."""
        parts = (self.thing_name, self.timestamp, self.sequence, self.unit)
        return tuple(name for name in parts if name is not None)

    def of(self, moment: Moment) -> dict[str, Json]:
        """The parts of a message of this moment."""
        found: dict[str, Json] = {}
        if self.thing_name is not None:
            found[self.thing_name] = moment.name
        if self.timestamp is not None:
            found[self.timestamp] = timestamp(moment.wall)
        if self.sequence is not None:
            found[self.sequence] = moment.sequence
        if self.unit is not None:
            found[self.unit] = moment.settings.get("unit")
        return found


USUAL = Envelope(*PARTS)
NONE = Envelope(None, None, None, None)


def read(value: Json, usual: Envelope = USUAL) -> Envelope:
    """The envelope that a value says, which has passed `RULE`; `usual` for null."""
    if isinstance(value, bool):
        return USUAL if value else NONE
    if not isinstance(value, dict):
        return usual
    return Envelope(*(_name(part, value.get(part, True)) for part in PARTS))


def _name(part: str, value: Json) -> str | None:
    if isinstance(value, bool):
        return part if value else None
    return str(value)
