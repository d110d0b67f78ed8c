"""Let a switch drive a bulb: the stack's function makes and ends links, the catalog tells of
them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from playground.devices.devices import Devices
from playground.devices.functions import ask
from playground.errors import LinkError
from playground.home.homes import Home


@dataclass(frozen=True)
class Links:
    """What a switch drives."""

    switch: str
    targets: Sequence[str]


def link(home: Home, switch: str, target: str) -> Links:
    """Let the switch drive the target; repeatable. Raises LinkError, UnknownDeviceError."""
    for name in (switch, target):
        Devices(home).row(name)
    return _ask(home, "link", switch, target)


def unlink(home: Home, switch: str, target: str) -> Links:
    """End that; repeatable. Raises LinkError, UnknownDeviceError."""
    Devices(home).row(switch)
    return _ask(home, "unlink", switch, target)


def links(home: Home, name: str | None = None) -> list[Links]:
    """All switches that drive something; with a name, what that switch drives, or the switches that
    drive that bulb.
    """
    devices = Devices(home)
    if name is not None:
        devices.row(name)
    found = [
        Links(str(row["thing_name"]), sorted(row["links"]))
        for row in devices.rows()
        if "links" in row
    ]
    return [one for one in found if name is None or name == one.switch or name in one.targets]


def _ask(home: Home, action: str, switch: str, target: str) -> Links:
    event = {"action": action, "thingName": switch, "target": target}
    said = ask(home, "LinkDevicesFunctionName", event, LinkError)
    return Links(said["thingName"], said["links"])
