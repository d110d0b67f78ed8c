"""A place on a host for one device: what a manifest says of it."""

import re
from dataclasses import dataclass, field

SEAT_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""A UUID fits. Another id for the same thing is another device of that name."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Whose it is. Without a URL only a device whose identity is kept already can take it."""

    thing_name: str
    seat: str
    config_url: str = field(default="", repr=False)
    """Leads to the config document: never shown, and not kept."""
