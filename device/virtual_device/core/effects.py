"""What a brain wants done: values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from virtual_device.base.jsonvalue import JsonObject


@dataclass(frozen=True, slots=True)
class Publish:
    """Publish with QoS 1."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class GetShadow:
    """Ask for the whole shadow."""


@dataclass(frozen=True, slots=True)
class UpdateShadow:
    """Send this patch of `reported`; answered by `on_update_accepted` or `on_update_failed`."""

    reported: JsonObject


@dataclass(frozen=True, slots=True)
class Save:
    """Remember these settings over a restart. Comes before everything that may be done only
    once.
    """

    settings: JsonObject


@dataclass(frozen=True, slots=True)
class SetDebug:
    """Turn debug logging on or off."""

    on: bool


@dataclass(frozen=True, slots=True)
class Cycle:
    """Disconnect, with or without a goodbye, and connect again after `away` seconds."""

    clean: bool
    away: float = 0.0


@dataclass(frozen=True, slots=True)
class Log:
    """Something to tell."""

    level: int
    message: str
    fields: Mapping[str, object] = field(default_factory=dict)


Effect = Publish | GetShadow | UpdateShadow | Save | SetDebug | Cycle | Log
Effects = tuple[Effect, ...]
