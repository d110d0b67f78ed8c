"""Connecting to servers that misbehave, many devices at a time: one wait for all the cases on
back-off.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.device import mqtt5
from tests.device.hosted import Hosted, hosted
from tests.device.pki import CertificateAuthority
from tests.device.scripted_broker import GOOD, Manners, ScriptedBroker
from virtual_device.connection import mqtt

DEVICES_OF_A_KIND = 10
DELAYS = 5
"""How many delays are watched: attempts but one."""

KINDS = {
    "silent": Manners(connack=False),
    "dropping": Manners(drop=True),
    "dismissing": Manners(disconnect=mqtt5.SERVER_SHUTTING_DOWN),
}


@dataclass(frozen=True)
class Trials:
    """What came of it."""

    broker: ScriptedBroker
    stranger: ScriptedBroker
    impostor: ScriptedBroker
    host: Hosted

    def things(self, kind: str) -> list[str]:
        """The devices whose server is of this kind."""
        return [f"dev-{kind}-{number}" for number in range(DEVICES_OF_A_KIND)]

    def delays(self, kind: str) -> list[list[float]]:
        """Seconds from the end of each connection to the beginning of the next, for each device."""
        found = []
        for thing in self.things(kind):
            visits = self.broker.of(thing)[: DELAYS + 1]
            found.append(
                [after.at - (before.ended or before.at) for before, after in pairwise(visits)]
            )
        return found


@contextmanager
def trials(folder: Path, authority: CertificateAuthority) -> Iterator[Trials]:
    """All of them at once; in the end every device has tried often enough."""
    unknown = CertificateAuthority("A CA that nobody trusts")
    with (
        ScriptedBroker(authority) as broker,
        ScriptedBroker(authority, unknown.server()) as stranger,
        ScriptedBroker(authority, authority.server("elsewhere.example")) as impostor,
        hosted(folder, authority) as host,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(mqtt, "CONNACK_TIMEOUT_MS", 200)
        broker.manners = lambda client, _number: KINDS.get(client.split("-")[1], GOOD)
        found = Trials(broker, stranger, impostor, host)
        host.add("dev-stranger", stranger)
        host.add("dev-impostor", impostor)
        for kind in KINDS:
            for thing in found.things(kind):
                host.add(thing, broker)
        things = [thing for kind in KINDS for thing in found.things(kind)]
        broker.wait_until(
            lambda: all(len(broker.of(thing)) > DELAYS for thing in things), seconds=75
        )
        for thing in ("dev-stranger", "dev-impostor"):
            host.wait_for_log(thing, "cannot connect")
        yield found
