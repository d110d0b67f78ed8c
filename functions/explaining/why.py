"""Reads what is known of a device, and tells what is wrong with it.

Every call is a reading one. What can't be read, because there is no such thing any more, counts as
nothing.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.conditions import Key

from common.certificates import tolerating
from common.errors import ThingNotFound
from common.executions import Executions
from common.jsontext import read_or_none
from common.moments import milliseconds
from common.row import Row, is_free
from devices.catalog import Catalog
from explaining.entries import Entry, Reader
from explaining.facts import Facts, FailedExecution, FailedJob
from explaining.principal import Principal, Principals
from explaining.record import Record, Told
from explaining.refusals import Refusals
from explaining.states import failed_state, states_of
from explaining.troubles import Trouble, troubles

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_iot import IoTClient
    from types_boto3_iot_data import IoTDataPlaneClient

MOST_MESSAGES = 200
"""Of the record, that are looked at for what is wrong now."""
REFUSALS_SECONDS = 86_400
MOST_FINDINGS = 10
MOST_EVENTS = 1000
UNSUCCESSFUL: Final = ("FAILED", "TIMED_OUT", "REJECTED")
MOST_JOBS = 10
CATALOG, HISTORY, FINDINGS = "catalog", "history", "findings"
NO_LOG = (
    "The stack does not know the log of AWS IoT, so refused messages are not told: set its "
    "parameter IotLogGroup to AWSIotLogsV2, and turn logging on."
)


@dataclass(frozen=True)
class Found:
    """The answer to `why`."""

    thing_name: str
    status: str
    troubles: Sequence[Trouble]
    notes: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "thingName": self.thing_name,
            "status": self.status,
            "troubles": [trouble.as_dict() for trouble in self.troubles],
            "notes": list(self.notes),
        }


def sources_of(
    tables: Mapping[str, "Table"],
    log_group: str,
    client: Callable[[str], Any],
    about: Callable[[Row], object] = lambda _row: None,
) -> "Sources":
    """Everything, from `tables` by the names above, the log group of AWS IoT (empty for none), and
    what gives a client for a service.
    """
    return Sources(
        Catalog(tables[CATALOG]),
        Record(tables[HISTORY]),
        Refusals(client("logs"), log_group),
        tables[FINDINGS],
        client("iot"),
        client("iot-data"),
        Executions(client("stepfunctions")),
        about,
    )


@dataclass(frozen=True)
class Sources:
    """Where everything that is known of a device stands."""

    catalog: Catalog
    record: Record
    refusals: Refusals
    findings: "Table"
    iot: "IoTClient"
    iot_data: "IoTDataPlaneClient"
    executions: Executions
    about: Callable[[Row], object] = lambda _row: None
    """Is told each row that is read: a function's log lines name its device."""
    clock: Callable[[], float] = time.time

    def row(self, thing_name: str) -> Row:
        """Raises ThingNotFound."""
        row = self.catalog.row(thing_name)
        if row is None:
            raise ThingNotFound(f"the catalog knows no device {thing_name}")
        self.about(row)
        return row

    def why(self, thing_name: str) -> Found:
        """What is wrong with a device. Raises ThingNotFound."""
        row = self.row(thing_name)
        found = troubles(self._facts(row))
        notes = [] if self.refusals.group else [NO_LOG]
        return Found(thing_name, row["status"], found, notes)

    def principal(self, row: Row) -> Principal | None:
        """What the device is to policies; None when it has no certificate."""
        arn = row.get("certificate_arn")
        if arn is None or is_free(row):
            return None
        return Principals(self.iot).of(row["thing_name"], arn)

    def entries(self, row: Row, most: int) -> list[Entry]:
        """What the latest messages about this device say, the newest first."""
        return list(Reader().entries(reversed(self.messages(row, most))))[::-1]

    def messages(self, row: Row, most: int, before: str | None = None) -> list[Told]:
        """The latest messages, or those before an id, with the newest first; none about a device
        that had its name before.
        """
        born = milliseconds(row["created_at"])
        found = self.record.latest(row["thing_name"], most, before)
        return [told for told in found if told.at_ms >= born]

    def found_of(self, thing_name: str, most: int = MOST_FINDINGS) -> Sequence[Mapping[str, Any]]:
        """Its findings, the newest first."""
        return self.findings.query(
            KeyConditionExpression=Key("thing_name").eq(thing_name),
            ScanIndexForward=False,
            Limit=most,
        )["Items"]

    def refused_since(self, row: Row) -> int:
        """Since when refusals are looked for, in milliseconds: a day, or since it was made."""
        return max(int((self.clock() - REFUSALS_SECONDS) * 1000), milliseconds(row["created_at"]))

    def _facts(self, row: Row) -> Facts:
        name = row["thing_name"]
        desired, reported = self.shadow(name)
        return Facts(
            row,
            desired,
            reported,
            self.entries(row, MOST_MESSAGES),
            self.refusals.since(name, self.refused_since(row)),
            self.principal(row),
            [] if is_free(row) else list(self.failed_jobs(name)),
            self._failed_execution(row),
            self.found_of(name),
        )

    def shadow(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """`desired` and `reported`; empty without a shadow."""
        with tolerating("ResourceNotFoundException"):
            found = read_or_none(self.iot_data.get_thing_shadow(thingName=name)["payload"].read())
            state = found.get("state") if isinstance(found, dict) else None
            state = state if isinstance(state, dict) else {}
            parts = [state.get(part) for part in ("desired", "reported")]
            desired, reported = (part if isinstance(part, dict) else {} for part in parts)
            return desired, reported
        return {}, {}

    def failed_jobs(self, name: str) -> Iterator[FailedJob]:
        """The latest executions of jobs that have ended without success."""
        with tolerating("ResourceNotFoundException"):
            for at_ms, job_id, status in sorted(self._unsuccessful(name))[-MOST_JOBS:]:
                yield FailedJob(job_id, status, at_ms, self._job_details(job_id, name))

    def _unsuccessful(self, name: str) -> Iterator[tuple[int, str, str]]:
        # By status: among all executions, most of which succeed, these could be on a later page.
        for status in UNSUCCESSFUL:
            found = self.iot.list_job_executions_for_thing(
                thingName=name, status=status, maxResults=MOST_JOBS
            )
            for one in found["executionSummaries"]:
                summary = one["jobExecutionSummary"]
                at = summary.get("lastUpdatedAt") or summary["queuedAt"]
                yield int(at.timestamp() * 1000), one["jobId"], status

    def _job_details(self, job_id: str, name: str) -> Mapping[str, str]:
        with tolerating("ResourceNotFoundException"):
            found = self.iot.describe_job_execution(jobId=job_id, thingName=name)
            return found["execution"].get("statusDetails", {}).get("detailsMap", {})
        return {}

    def _failed_execution(self, row: Row) -> FailedExecution | None:
        arn = str(row.get("execution_arn", ""))
        if row["status"] != "FAILED" or not arn:
            return None
        found = self.executions.described(arn)
        if found is None or found["status"] not in ("FAILED", "TIMED_OUT", "ABORTED"):
            return None
        events, _ = self.executions.events(arn, MOST_EVENTS)
        error = str(found.get("error") or found["status"])
        parts = arn.split(":")
        at = found.get("stopDate") or datetime.now(UTC)
        return FailedExecution(
            "-".join(parts[-2].split("-")[-2:]),
            parts[-1],
            int(at.timestamp() * 1000),
            error,
            str(found.get("cause") or ""),
            failed_state(states_of(events), error),
        )
