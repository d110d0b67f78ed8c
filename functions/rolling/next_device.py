"""NextDevice: the next device, in the alphabet's order, that runs and does not run the image that
it should.

The catalog is read anew for each device: one that was deleted, restarted or moved meanwhile is
passed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import DeviceBusy, ImageChanged, ThingNotFound, TransientError
from common.executions import Executions
from common.identifiers import host_of
from common.image import ImageTag
from common.items import scan
from common.observability import Handler, about, logger, observed
from common.row import Row, is_free
from devices import wiring
from devices.catalog import Catalog
from holding.conditions import absent, fulfilled, looked_at, obstacle, ready, state_in
from holding.purposes import RULES, Purpose
from rolling.lock import RollLock
from rolling.progress import MOST_DEVICES, Progress, checked_names

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session

READ = ("thing_name", "task_arn", "image_digest", *looked_at(ready(Purpose.ROLL)))


@dataclass(frozen=True)
class NextRequest:
    """Which devices to roll (None: all), for which execution, and how far that has come."""

    names: tuple[str, ...] | None
    roll_arn: str
    progress: Progress

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "NextRequest":
        """From `{"input": {thingNames?}, "roll": <execution ARN>, "progress": {...}}`; raises
        InvalidInput.
        """
        return cls(
            checked_names(event["input"]), event["roll"], Progress.from_data(event["progress"])
        )


@dataclass(frozen=True)
class Devices:
    """Finds the devices that are to be moved."""

    catalog: Catalog
    image: ImageTag
    lock: RollLock

    def next(self, request: NextRequest) -> Progress:
        """The progress with the next device in hand, decision ROLL, or DONE when there is none.
        Repeatable.

        Raises RollUnderWay, NoDeviceImage, and for a device that was named ThingNotFound or
        DeviceBusy, before anything is moved; ImageChanged when somebody has pushed since the roll
        began.
        """
        done = request.progress
        begins = not done.image
        if begins:
            self.lock.take(request.roll_arn)
        rows = self._rows(request)
        if begins and request.names is not None:
            _refuse(rows)
        image = self.image.digest()
        if done.image not in ("", image):
            raise ImageChanged(
                f"{image} was pushed while devices were moved to {done.image}: start another roll"
            )
        waiting = [row for row in rows if row["thing_name"] > done.thing_name]
        waiting = sorted(
            (row for row in waiting if _is_behind(row, image)),
            key=lambda row: str(row["thing_name"]),
        )
        free = [row for row in waiting if not _is_busy(row)]
        if not free:
            return replace(done, verdict="DONE", image=image, skipped=done.skipped + len(waiting))
        if done.rolled + done.skipped >= MOST_DEVICES:
            return replace(done, verdict="DONE", image=image, remaining=len(waiting))
        return Progress(
            verdict="ROLL",
            image=image,
            thing_name=free[0]["thing_name"],
            previous=free[0].get("image_digest", ""),
            task_arn=free[0]["task_arn"],
            rolled=done.rolled + 1,
            skipped=done.skipped + waiting.index(free[0]),
        )

    def _rows(self, request: NextRequest) -> list[Row]:
        """All, or of those that were named the ones that are not done with. Raises ThingNotFound,
        and TransientError for one that was there: the row of a device which was deleted stays, and
        an answer that was cut reads like one without a row.
        """
        if request.names is None:
            return list(scan(self.catalog.table, READ))
        done, found = request.progress, []
        for name in (name for name in request.names if name > done.thing_name):
            row = self.catalog.row(name)
            if row is None and done.image:
                raise TransientError(f"the row of {name} was not read")
            if row is None:
                raise ThingNotFound(f"thingNames: there is no device {name}")
            found.append(row)
        return found


def _refuse(named: list[Row]) -> None:
    for row in named:
        name = row["thing_name"]
        if is_free(row):
            raise ThingNotFound(f"thingNames: there is no device {name}")
        if host := host_of(row.get("task_arn", "")):
            raise DeviceBusy(f"thingNames: {name} shares the task of {host}: move that one")
        if not _runs(row) or _is_busy(row):
            raise DeviceBusy(f"thingNames: {name} is {row['status']} and can't be moved now")


def _runs(row: Row) -> bool:
    """Whether it has a task of its own that can be replaced. One on a host runs its host's."""
    there = state_in(RULES[Purpose.ROLL].takes_in) & absent(Purpose.DEPROVISION)
    return "task_arn" in row and not host_of(row["task_arn"]) and fulfilled(there, row)


def _is_behind(row: Row, image: str) -> bool:
    return _runs(row) and row.get("image_digest") != image


def _is_busy(row: Row) -> bool:
    return obstacle(row, Purpose.ROLL) is not None


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """State NextDevice. Gives the progress, see `Progress.data`."""
    devices = Devices(
        wiring.catalog(environment, session),
        wiring.image(environment, session),
        RollLock(
            wiring.turns_table(environment, session),
            Executions(session.client("stepfunctions", config=CONFIG)),
        ),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        request = NextRequest.from_event(event)
        with transient_faults_named():
            found = devices.next(request)
        about(thing_name=found.thing_name)
        logger.info("next device", verdict=found.verdict, image=found.image, rolled=found.rolled)
        return found.data

    return handler


handler = observed(build(environment, session))
