"""Start the workflow that moves devices to the current image, and follow it from device to
device.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.jsontext import read
from common.jsonvalues import NotJsonError
from playground.devices.devices import Devices
from playground.devices.executions import Execution, Outcome
from playground.devices.workflows import require_agent
from playground.errors import ImageError, UnknownDeviceError
from playground.home.homes import Home
from playground.images.images import Images, behind, runs

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

ROLL = "RollDevicesStateMachineArn"


@dataclass(frozen=True)
class Move:
    """One device, and how it stands: `moving`, `moved`, `passed over` or `failed`."""

    name: str
    status: str


@dataclass(frozen=True)
class Plan:
    """The image that new tasks run, and the devices that run another one."""

    image: str
    names: tuple[str, ...]


def plan(home: Home, names: Sequence[str] = ()) -> Plan:
    """What a roll would do. Raises ImageError without an image, UnknownDeviceError for a name that
    runs nowhere.
    """
    image = Images(home).current()
    if image is None:
        raise ImageError("There is no device image yet: run `playground push`.")
    rows = [row for row in Devices(home).rows() if not names or row["thing_name"] in names]
    unknown = sorted(set(names) - {row["thing_name"] for row in rows if runs(row)})
    if unknown:
        raise UnknownDeviceError(f"{', '.join(unknown)}: no running device has this name.")
    return Plan(image, tuple(row["thing_name"] for row in behind(rows, image)))


@dataclass(frozen=True)
class Roll:
    """Rolls of one home."""

    home: Home

    def run(self, names: Sequence[str], show: Callable[[Move], None]) -> Outcome:
        """To the end; `show` is called whenever a device changes. One execution moves a limited
        number of devices.
        """
        client = self._client
        require_agent(self.home)
        asked = {"thingNames": sorted(set(names))} if names else {}
        while True:
            machine = self.home.output(ROLL)
            begun = client.start_execution(stateMachineArn=machine, input=json.dumps(asked))
            outcome = self._follow(Execution(client, begun["executionArn"]), show)
            if not outcome.output.get("remaining"):
                return outcome

    @property
    def _client(self) -> "SFNClient":
        client: SFNClient = self.home.client("stepfunctions")
        return client

    def _follow(self, execution: Execution, show: Callable[[Move], None]) -> Outcome:
        shown = 0
        while True:
            # Status first: a history read after the end is complete.
            outcome = execution.outcome()
            found = list(moves(execution.events(data=True)))
            for move in found[shown:]:
                show(move)
            shown = len(found)
            if outcome is not None:
                return outcome
            require_agent(self.home)
            time.sleep(self.home.poll)


def moves(events: Iterable[Mapping[str, Any]]) -> Iterator[Move]:
    """What the history of a roll says of devices, in order.

    A device has been moved when the workflow goes on to the next one without having put it back.
    """
    in_hand = ""
    for event in events:
        entered = event.get("stateEnteredEventDetails", {}).get("name")
        if entered == "NextDevice" and in_hand:
            yield Move(in_hand, "moved")
            in_hand = ""
        left = event.get("stateExitedEventDetails", {})
        if left.get("name") not in ("NextDevice", "PutBack"):
            continue
        progress = _progress(left)
        if not progress:
            # The function has failed, and what was caught goes on to RollFailed, which tells it.
            continue
        if left["name"] == "PutBack":
            in_hand = ""
            yield Move(
                progress["thingName"], "passed over" if progress["verdict"] == "GO_ON" else "failed"
            )
        elif progress["verdict"] == "ROLL":
            in_hand = progress["thingName"]
            yield Move(in_hand, "moving")


def _progress(left: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a state gave; nothing where its function failed, or where the history leaves it out."""
    try:
        found = read(left["output"])["progress"]
    except (KeyError, TypeError, NotJsonError):
        return {}
    return found if isinstance(found, Mapping) and {"verdict", "thingName"} <= found.keys() else {}
