"""The beginning of a host's task.

What ran in the task before is gone, with all its keys: every device that had a seat then is being
restarted and gets another one. So a new task is not to begin with what the one before was told: a
device that it made from an old seat would ask for a certificate with a key that is dropped in the
next moment, when the device has its new seat, and the certificate would be made for that key.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from common.moments import as_text
from hosting.board import Board

if TYPE_CHECKING:
    from types_boto3_iot_data import IoTDataPlaneClient


@dataclass(frozen=True)
class Beginning:
    """One host's, in the place of tasks that have ended."""

    host: str
    board: Board
    iot_data: "IoTDataPlaneClient"

    def prepare(self, ended: Sequence[Mapping[str, Any]]) -> None:
        """Before the task runs: nothing is left of what these (as ECS describes them) were told.

        Safe to repeat: a host that runs already stays as it is until it is told anew.
        """
        if not ended:
            return
        # One that is about to stop has ended for its devices: they are told when it has.
        last = max(task.get("stoppedAt") or datetime.now(UTC) for task in ended)
        self.board.seats.begin(self.host, as_text(last))
        # A process without a memory of its own begins with what is reported.
        nothing = {"manifest": None}
        told = {"state": {"desired": nothing, "reported": nothing}}
        self.iot_data.update_thing_shadow(thingName=self.host, payload=json.dumps(told).encode())
