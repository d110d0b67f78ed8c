"""Fleets: many devices from one file, made, changed and removed by workflows."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import InvalidInput
from common.fleet_wish import FleetWish, checked_fleet_name
from common.identifiers import fleet_key
from common.jsontext import read
from common.jsonvalues import Json, NotJsonError
from playground.base.input_files import STDIN, content_of, name_of
from playground.devices import models
from playground.devices.devices import Devices, Row, answer_of
from playground.devices.executions import Execution, Outcome
from playground.devices.workflows import require_agent
from playground.errors import FleetError, UnknownFleetError, UsageError
from playground.home.homes import Home
from playground.home.paths import Paths

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_stepfunctions import SFNClient

PROVISION_FLEET = "ProvisionFleetStateMachineArn"
REMOVE_FLEET = "RemoveFleetStateMachineArn"

MAX_FILE_BYTES = 262_144
"""What an execution's input may have:
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

AT_ONCE = 16
"""Shadows that are written or read at the same time."""

LOOK_AGAIN = 0.25
"""Seconds between two looks at the rows of a fleet."""

Statuses = Mapping[str, int]


@dataclass(frozen=True)
class Fleet:
    """A fleet as the register has it, and the names that its file gives to devices, by group.

    `members`: by thing name the execution that has made the device. One of the same name that
    somebody else has made is none of the fleet's.
    """

    name: str
    status: str
    devices: int
    created_at: str
    file: Mapping[str, Any]
    groups: Mapping[str, list[str]] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)

    def has(self, row: Row) -> bool:
        """Whether the device of this row is one of its members."""
        execution = self.members.get(str(row["thing_name"]))
        return str(row.get("execution_arn", "")).rpartition(":")[2] == execution

    @property
    def names(self) -> list[str]:
        """Of all devices that its file asks for."""
        return [name for names in self.groups.values() for name in names]


def file_of(paths: Paths, file: Path) -> dict[str, Any]:
    """A fleet file, checked as the workflow checks it, and its models as the device checks them.

    A model may be the name of a file beside it. Raises UsageError, ModelError, InputFileError.
    """
    try:
        found = read(content_of(file, MAX_FILE_BYTES))
    except NotJsonError as error:
        raise UsageError(f"{name_of(file)}: {error}.") from None
    with_models: dict[str, Any] = _with_models(paths, file, found)
    wish_of(with_models, name_of(file))
    return with_models


def wish_of(asked: Mapping[str, Any], where: str) -> FleetWish:
    """What the file asks for. Raises UsageError with the path of the field, and the rule."""
    try:
        wish = FleetWish.of(asked)
    except InvalidInput as error:
        raise UsageError(f"{where}: {error}.") from None
    size = len(json.dumps(asked).encode())
    if size > MAX_FILE_BYTES:
        raise UsageError(f"{where}: has {size} bytes with its models, at most {MAX_FILE_BYTES}.")
    return wish


def _with_models(paths: Paths, file: Path, found: Any) -> Any:
    groups = found.get("groups") if isinstance(found, dict) else None
    if not isinstance(groups, list):
        return found
    return {**found, "groups": [_with_model(paths, file, at, one) for at, one in enumerate(groups)]}


def _with_model(paths: Paths, file: Path, at: int, group: Any) -> Any:
    model = group.get("model") if isinstance(group, dict) else None
    if isinstance(model, str):
        beside = Path() if file == STDIN else file.parent
        return {**group, "model": models.checked(paths, beside / model)}
    if isinstance(model, dict):
        models.check(paths, f"{name_of(file)}: groups[{at}].model", model)
    return group


@dataclass(frozen=True)
class Fleets:
    """The fleets of one home."""

    home: Home

    def all(self) -> list[Mapping[str, Any]]:
        """What the register says of each, by name."""
        table = self.home.resource("dynamodb").Table(self.home.output("FleetsTableName"))
        rows = _pages(table.scan)
        return sorted(map(_plain, rows), key=lambda row: str(row["fleet_name"]))

    def fleet(self, name: str) -> Fleet:
        """One fleet. Raises UnknownFleetError when there is none."""
        row = next((row for row in self.all() if row["fleet_name"] == name), None)
        if row is None:
            raise UnknownFleetError(
                f"There is no fleet {name}: `playground fleet list` shows them."
            )
        file = self._object(name, "file") or {}
        wish = FleetWish.of(file) if file else None
        groups = {one.name: list(one.names()) for one in wish.groups} if wish else {}
        status, devices = str(row["status"]), int(row["devices"])
        members = {
            one["thingName"]: one["execution"] for one in self._object(name, "members") or ()
        }
        return Fleet(name, status, devices, str(row["created_at"]), file, groups, members)

    def provision(self, file: Mapping[str, Any], show: Callable[[Statuses], None]) -> Outcome:
        """Bring a fleet to what the file says; `show` is called with how many of its devices are in
        which status.
        """
        require_agent(self.home)
        return self._run(PROVISION_FLEET, file, FleetWish.of(file).devices(), show)

    def remove(self, fleet: Fleet, show: Callable[[Statuses], None]) -> Outcome:
        """Remove a fleet with all its devices."""
        return self._run(REMOVE_FLEET, {"name": fleet.name}, fleet.names, show)

    def statuses(self, names: Iterable[str]) -> Statuses:
        """How many of these devices are in which status."""
        return Counter(str(row["status"]) for row in Devices(self.home).rows_of(names))

    def rows(self, fleet: Fleet) -> list[Row]:
        """The catalog rows of the fleet's devices, by name."""
        return [row for row in Devices(self.home).rows_of(fleet.names) if fleet.has(row)]

    def _run(
        self,
        output: str,
        asked: Mapping[str, Any],
        names: Iterable[str],
        show: Callable[[Statuses], None],
    ) -> Outcome:
        client: SFNClient = self.home.client("stepfunctions")
        begun = client.start_execution(
            stateMachineArn=self.home.output(output), input=json.dumps(asked)
        )
        execution = Execution(client, begun["executionArn"])
        names = list(names)
        while (outcome := execution.outcome()) is None:
            show(self.statuses(names))
            if output == PROVISION_FLEET:
                require_agent(self.home)
            time.sleep(max(self.home.poll, LOOK_AGAIN))
        show(self.statuses(names))
        return outcome

    def report(self, fleet: Fleet) -> Mapping[str, Any]:
        """Of the latest run. Raises FleetError when there was none."""
        found: Mapping[str, Any] | None = self._object(fleet.name, "report")
        if found is None:
            told = f"{fleet.name} has no report yet: `playground fleet run {fleet.name}` makes one."
            raise FleetError(told)
        return found

    def keep_report(self, fleet: Fleet, report: Mapping[str, Any]) -> None:
        """In the config bucket, until the next run or the fleet's end."""
        client: S3Client = self.home.client("s3")
        client.put_object(
            Bucket=self.home.output("ConfigBucketName"),
            Key=fleet_key(fleet.name, "report"),
            Body=json.dumps(report, separators=(",", ":")).encode(),
            ContentType="application/json",
        )

    def _object(self, name: str, what: str) -> Any:
        """The `file` that the fleet was brought to, its `members`, or the `report` of its latest
        run; None as long as there is no such thing.
        """
        from botocore.exceptions import ClientError  # noqa: PLC0415 - see devices.py

        client: S3Client = self.home.client("s3")
        key = fleet_key(name, what)
        try:
            found = client.get_object(Bucket=self.home.output("ConfigBucketName"), Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied"):
                return None
            raise
        return read(found["Body"].read())


def file_to_run(fleet: Fleet) -> Mapping[str, Any]:
    """The fleet's file. Raises FleetError when it is not ready, or its file has no stages."""
    if not fleet.file:
        raise FleetError(f"{fleet.name} is {fleet.status.lower()}: wait until it is ready.")
    if not fleet.file.get("stages"):
        told = "add `stages`, and give it to `playground fleet create` again"
        raise FleetError(f"The file of {fleet.name} has no stages: {told}.")
    return fleet.file


def scaled(fleet: Fleet, counts: Mapping[str, int]) -> dict[str, Any]:
    """The fleet's file with other counts. Raises UsageError for a group that it does not have."""
    if not fleet.file:
        raise FleetError(f"{fleet.name} is {fleet.status.lower()}: wait until it is ready.")
    known = [group["name"] for group in fleet.file["groups"]]
    if unknown := sorted(counts.keys() - set(known)):
        raise UsageError(f"{fleet.name} has no group {unknown[0]}: it has {', '.join(known)}.")
    groups = [
        {**group, "count": counts.get(group["name"], group["count"])}
        for group in fleet.file["groups"]
    ]
    return {**fleet.file, "groups": groups}


@dataclass(frozen=True)
class Change:
    """What became of a change of settings. `seconds` of each device that has answered: from its
    own shadow's update to the first look that saw the answer.
    """

    accepted: list[str]
    rejected: Mapping[str, str]
    pending: list[str]
    seconds: Sequence[float]


def change(
    devices: Devices,
    names: Sequence[str],
    wanted: Mapping[str, Json],
    limit: float,
    show: Callable[[int], None],
) -> Change:
    """Write the wishes into the shadows of all, and wait for the answers at most `limit` seconds.

    `show` is called with the number of those that have answered.
    """
    began: dict[str, float] = {}

    def desire(name: str) -> None:
        began[name] = time.monotonic()
        devices.desire(name, wanted)

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        list(pool.map(desire, names))
    return awaited(devices, {name: began[name] for name in names}, wanted, limit, show)


def awaited(
    devices: Devices,
    began: Mapping[str, float],
    wanted: Mapping[str, Json],
    limit: float,
    show: Callable[[int], None],
) -> Change:
    """What becomes of wishes that are written: `began` says when, of each device."""
    answered: dict[str, float] = {}
    rejected: dict[str, str] = {}

    def look(name: str) -> None:
        state = devices.shadow(name).get("state", {})
        found = [answer_of(key, value, state) for key, value in wanted.items()]
        if any(answer.result == "pending" for answer in found):
            return
        answered[name] = time.monotonic() - began[name]
        if reasons := [f"{one.key}: {one.reason}" for one in found if one.result == "rejected"]:
            rejected[name] = "; ".join(reasons)

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        deadline = time.monotonic() + limit
        while waiting := [name for name in began if name not in answered]:
            list(pool.map(look, waiting))
            show(len(answered))
            if time.monotonic() > deadline:
                break
            time.sleep(devices.home.poll)
    return Change(
        accepted=[name for name in began if name in answered and name not in rejected],
        rejected=rejected,
        pending=[name for name in began if name not in answered],
        seconds=sorted(answered.values()),
    )


def _pages(scan: Callable[..., Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    page = scan(ConsistentRead=True)
    yield from page["Items"]
    while "LastEvaluatedKey" in page:
        page = scan(ConsistentRead=True, ExclusiveStartKey=page["LastEvaluatedKey"])
        yield from page["Items"]


def _plain(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**row, "devices": int(row["devices"])}


def name_given(name: str) -> str:
    """A fleet's name as somebody has typed it. Raises UsageError."""
    try:
        return checked_fleet_name(name)
    except InvalidInput as error:
        raise UsageError(f"{error}.") from None
