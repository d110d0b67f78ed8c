"""Sweep: finds what no workflow has removed or let go, and has it mended. Only what this stack
made.

Every execution undoes itself; this is for what was killed before it could.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from common.clients import CONFIG, NEVER_REPEAT, S3_CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import InvalidInput
from common.jsontext import read
from common.jsonvalues import told
from common.observability import Handler, logger, metrics, observed
from devices import wiring
from hosting import wiring as hosting
from sweeping.evidence import Observer
from sweeping.finders import Finders
from sweeping.findings import ADMIT_CERTIFICATE, TELL_HOSTS, Finding, Result
from sweeping.history import History
from sweeping.holds import UNDO_QUARANTINE, UNDO_RESTART

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_lambda import LambdaClient

FIELDS = ("dryRun", "olderThanSeconds", "everything")
# Step Functions forgets executions after 90 days.
MOST_SECONDS = 90 * 86_400
# Longer than any function runs (CleanUp: 60 s): whatever was at work when its execution was aborted
# has ended.
OLDER_THAN_SECONDS = 300
# A function that outlives its execution does so for seconds. Older rows are looked at only when
# asked.
CHECKED_DAYS = 1
AT_ONCE = 8


@dataclass(frozen=True)
class SweepRequest:
    """How to sweep."""

    dry_run: bool = False
    older_than: float = OLDER_THAN_SECONDS
    """Seconds: what has changed since is left alone."""
    everything: bool = False
    """Hold every row against AWS IoT, not only those of the last day."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "SweepRequest":
        """From `{"dryRun"?, "olderThanSeconds"?, "everything"?}` or a scheduled event; raises
        InvalidInput.
        """
        if event.get("source") == "aws.events":
            return cls()
        for field in sorted(event.keys() - set(FIELDS)):
            raise InvalidInput(field, f"is not known; there are {', '.join(FIELDS)}")
        older_than = event.get("olderThanSeconds", OLDER_THAN_SECONDS)
        known = isinstance(older_than, int | float) and not isinstance(older_than, bool)
        if not known or not 0 <= older_than <= MOST_SECONDS:
            rule = f"must be a number from 0 to {MOST_SECONDS}, got {told(older_than)}"
            raise InvalidInput("olderThanSeconds", rule)
        for field in ("dryRun", "everything"):
            if not isinstance(event.get(field, False), bool):
                raise InvalidInput(field, f"must be true or false, got {told(event[field])}")
        return cls(event.get("dryRun", False), older_than, event.get("everything", False))


@dataclass(frozen=True)
class Sweeper:
    """Finds, and hands over to who mends: `menders` are functions, by the name in a finding."""

    observer: Observer
    functions: "LambdaClient"
    menders: Mapping[str, str]

    def sweep(self, request: SweepRequest, history: History, now: datetime) -> list[Result]:
        """Everything that was found, and what became of it."""
        findings = list(
            Finders(
                self.observer,
                history,
                self.observer.look(),
                now - timedelta(seconds=request.older_than),
                datetime.min.replace(tzinfo=UTC)
                if request.everything
                else now - timedelta(days=CHECKED_DAYS),
            ).all()
        )
        if request.dry_run:
            return [
                Result.of(finding, "ambiguous" if finding.ambiguous else "found")
                for finding in findings
            ]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self._remove, findings))

    def _remove(self, finding: Finding) -> Result:
        if finding.event is None:
            return Result.of(finding, "ambiguous")
        try:
            mender = self.menders[finding.mender]
            answer = self.functions.invoke(
                FunctionName=mender, Payload=json.dumps(finding.event).encode()
            )
            said = read(answer["Payload"].read())
        except (BotoCoreError, ClientError) as error:
            # One that can't be removed must not keep the others; the next sweep finds it again.
            return Result.of(finding, "failed", str(error))
        if "FunctionError" in answer:
            return Result.of(
                finding, "failed", f"{said.get('errorType')}: {said.get('errorMessage')}"
            )
        return Result.of(finding, "removed" if said["undone"] else "gone")


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """Called by `playground sweep` and every 15 minutes. Gives `{dryRun, findings}`
    (docs/contracts.md).
    """
    stack_observer = Observer(
        iot=session.client("iot", config=CONFIG),
        iot_data=session.client("iot-data", config=CONFIG),
        ecs=session.client("ecs", config=CONFIG),
        s3=session.client("s3", config=S3_CONFIG),
        table=wiring.catalog_table(environment, session),
        bucket=environment.required("CONFIG_BUCKET"),
        cluster_arn=environment.required("CLUSTER_ARN"),
        thing_group=environment.required("THING_GROUP"),
        links_prefix=environment.required("LINKS_POLICY_PREFIX"),
        seats=hosting.seats(environment, session),
        stack=environment.required("STACK_NAME"),
    )
    # A call may take as long as whoever mends: a minute.
    lambda_client = session.client("lambda", config=NEVER_REPEAT.merge(Config(read_timeout=70)))
    menders = {
        "clean-up": environment.required("CLEAN_UP_FUNCTION"),
        UNDO_RESTART: environment.required("UNDO_RESTART_FUNCTION"),
        UNDO_QUARANTINE: environment.required("UNDO_QUARANTINE_FUNCTION"),
        TELL_HOSTS: environment.required("TELL_HOSTS_FUNCTION"),
        ADMIT_CERTIFICATE: environment.required("ADMIT_CERTIFICATE_FUNCTION"),
    }
    sweeper = Sweeper(stack_observer, lambda_client, menders)
    provision_machine = environment.required("PROVISION_MACHINE")
    sfn_client = session.client("stepfunctions", config=CONFIG)

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        request = SweepRequest.from_event(event)
        with transient_faults_named():
            results = sweeper.sweep(
                request, History(sfn_client, provision_machine), datetime.now(UTC)
            )
        for outcome in sorted({result.outcome for result in results}):
            metrics.add_metric(
                f"Sweep{outcome.title()}",
                "Count",
                sum(result.outcome == outcome for result in results),
            )
        for result in results:
            logger.warning(
                "should not be there", extra={"finding": result.as_dict(), **result.subject}
            )
        logger.info("swept", findings=len(results), dry_run=request.dry_run)
        return {"dryRun": request.dry_run, "findings": [result.as_dict() for result in results]}

    return handler


handler = observed(build(environment, session))
