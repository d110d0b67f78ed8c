"""The counter in presence events: it goes on while a client id is in use, whatever becomes of the
broker.

AWS begins anew at 0 only for a client id that was not connected for about an hour; else a
connection's number is higher than that of every one before it, and may skip.

Source: https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html

Emulator: counts in its memory, so a device that is back after a restart has a lower number than
before.
"""

import time

from ministack.services import iot


def fill() -> None:
    """Count from the time: no restart takes it back."""

    def following(account_id: str, region: str, client_id: str) -> int:
        key = (account_id, region, client_id)
        version: int = max(iot._presence_versions.get(key, 0) + 1, time.time_ns() // 1_000_000)
        iot._presence_versions[key] = version
        return version

    iot._next_presence_version = following
