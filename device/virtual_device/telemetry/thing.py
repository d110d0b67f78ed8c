"""Who a device is: the part of its config that its behaviour depends on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from virtual_device.telemetry.model import Model, bundled_names

THING_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
"""Thing names of AWS IoT (CreateThing, API reference)."""

METRICS_FLOOR = 300
"""AWS IoT Device Defender takes one report in 5 minutes from a device (developer guide,
"Device-side metrics").
"""

DEVICE_TYPES = bundled_names()

HOST = "host"
"""The device type whose process runs other devices."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing; its name is its MQTT client id too, for `iot:Connection.Thing.*` policy variables
    need that.
    """

    name: str
    device_type: str = "generic"
    attributes: Mapping[str, str] = field(default_factory=dict)
    model: Model | None = field(default=None, repr=False)
    """A model of its own instead of its type's."""
    metrics_floor: int = METRICS_FLOOR
    """Seconds that are to be between two metrics reports at least, where it is hosted."""

    def hosted(self, metrics_floor: int) -> "Thing":
        """The same thing, hosted where this floor holds."""
        return (
            self
            if self.metrics_floor == metrics_floor
            else replace(self, metrics_floor=metrics_floor)
        )
