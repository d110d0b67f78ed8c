"""The misbehaviours of a rogue: one row per name of `settings.MISBEHAVIOURS`. Each is bounded in
number and in time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from virtual_device.base.clock import timestamp
from virtual_device.base.jsonvalue import JsonObject, encode
from virtual_device.commands.commands import LARGE_BYTES
from virtual_device.connection import topics
from virtual_device.connection.transport import Failure
from virtual_device.core import brain
from virtual_device.core.capability import Surroundings
from virtual_device.rogue.side_connection import Wanted

ATTEMPTS = 3
"""How often it tries what is refused."""

FLOOD_MESSAGES = 100
FLOOD_BURST = 10
FLOOD_SECONDS = 2.0
"""A flood: 50 messages a second, half of what AWS IoT Core takes of a connection."""

SHADOW_BYTES = 9_000
"""More than the 8 KB of a shadow document (AWS IoT Device Shadow quotas)."""

CONNECTION_SECONDS = 8.0
"""How long a side connection is there at most."""

CLONE_EVICTIONS = 2
"""When it was thrown out so often, the device itself was too: each takes the other's place."""


class Rogue(Protocol):
    """What a misbehaviour may do."""

    device: Surroundings

    @property
    def victim(self) -> str:
        """The thing that it acts upon."""

    def connect(self, wanted: Wanted) -> None:
        """Open a side connection."""

    def connect_expired(self) -> None:
        """Open one with an expired certificate of its own making."""


@dataclass(frozen=True, slots=True)
class Misdeed:
    """A row."""

    name: str
    about: str
    run: Callable[[Rogue], None]


def _forbidden_topic(rogue: Rogue) -> None:
    device = rogue.device
    topic, payload = topics.forbidden(device.thing.name), _small(device)
    for _ in range(ATTEMPTS):
        device.publish(topic, payload, nothing_more)
    device.send(topic, payload)


def _flood(rogue: Rogue) -> None:
    bursts = FLOOD_MESSAGES // FLOOD_BURST
    for number in range(bursts):
        rogue.device.after(number * FLOOD_SECONDS / bursts, partial(_burst, rogue.device))


def _burst(device: Surroundings) -> None:
    for _ in range(FLOOD_BURST):
        device.publish(topics.telemetry(device.thing.name), _small(device), nothing_more)


def _oversized(rogue: Rogue) -> None:
    device = rogue.device
    # An honest MQTT 5 client sends nothing that is larger than the server said in CONNACK, so this
    # is what arrives.
    device.publish(
        topics.telemetry(device.thing.name),
        encode({**_content(device), **_filler(LARGE_BYTES)}),
        nothing_more,
    )
    shadow = f"{topics.shadow(device.thing.name)}/update"
    device.publish(
        shadow,
        encode({"state": {"reported": _filler(SHADOW_BYTES)}}),
        partial(_tidy, device, shadow),
    )


def _tidy(device: Surroundings, shadow: str, _failure: Failure | None) -> None:
    """Where the shadow had room for it, it goes again: the device is to stay usable."""
    device.publish(shadow, encode({"state": {"reported": {"filler": None}}}), nothing_more)


def _tamper(rogue: Rogue) -> None:
    device = rogue.device
    event = brain.event(
        device.thing, "tamper", device.now().wall, {"detail": "case opened by a rogue"}
    )
    device.publish(event.topic, event.payload, nothing_more)


def _stranger(rogue: Rogue) -> None:
    rogue.connect(Wanted(ATTEMPTS, client_id=rogue.victim))


def _clone(rogue: Rogue) -> None:
    # The session went with the client id, and its subscriptions with the session: the device makes
    # itself a new one.
    rogue.connect(Wanted(CLONE_EVICTIONS, ended=partial(rogue.device.reconnect, clean=True)))


def _foreign_shadow(rogue: Rogue) -> None:
    payload = encode({"state": {"desired": {"status": "on"}}})
    for _ in range(ATTEMPTS):
        rogue.device.publish(f"{topics.shadow(rogue.victim)}/update", payload, nothing_more)


def _expired_certificate(rogue: Rogue) -> None:
    rogue.connect_expired()


TABLE = (
    Misdeed(
        "forbidden-topic",
        "publishes four times to a forbidden topic, once with QoS 0",
        _forbidden_topic,
    ),
    Misdeed("flood", "publishes 100 messages in 2 seconds", _flood),
    Misdeed(
        "oversized", "publishes 120000 bytes, and a shadow update of more than 8 KB", _oversized
    ),
    Misdeed("tamper", "publishes the event `tamper`", _tamper),
    Misdeed("stranger", "connects with another thing's client id", _stranger),
    Misdeed("clone", "connects a second time with its own client id and certificate", _clone),
    Misdeed("foreign-shadow", "updates another thing's shadow, three times", _foreign_shadow),
    Misdeed(
        "expired-certificate",
        "connects with an expired certificate of its own making",
        _expired_certificate,
    ),
)
BY_NAME: Mapping[str, Misdeed] = {row.name: row for row in TABLE}


def nothing_more(_failure: Failure | None) -> None:
    """A failure is in the log."""


def _content(device: Surroundings) -> JsonObject:
    return {"thingName": device.thing.name, "timestamp": timestamp(device.now().wall)}


def _small(device: Surroundings) -> bytes:
    return encode(_content(device))


def _filler(size: int) -> dict[str, str]:
    return {"filler": "x" * size}
