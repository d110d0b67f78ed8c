"""RenewIdentity: sees that the device which is to be released has a new certificate. Asked again
until it has.

What it was caught with may be in other hands. The device changes its certificate itself, by a job
`rotate-cert`, which the quarantine policy allows; by force it gets a new task with a new one from
the restart workflow. Both revoke or delete the old one.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from common.certificates import CERTIFICATE_ARNS, tolerating
from common.clients import CONFIG, error_code, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import QuarantineLost, RenewalFailed
from common.executions import UNDER_WAY, Executions, just_named
from common.identifiers import owner_of
from common.observability import Handler, logger, observed
from common.row import Row
from devices import wiring
from devices.catalog import Catalog
from holding.conditions import is_held
from holding.purposes import Purpose
from quarantine.hold import hold_of
from quarantine.jobs import delete_job, job_id_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_iot import IoTClient
    from types_boto3_stepfunctions import SFNClient

# The device's own limits: six questions in about a minute, a trial of a minute, the confirmation.
PATIENCE = timedelta(minutes=5)
TRIAL_SECONDS = 30
GOES_ON_OR_WELL = UNDER_WAY | {"SUCCEEDED"}
JOB_GOES_ON = frozenset({"QUEUED", "IN_PROGRESS"})


@dataclass(frozen=True)
class RenewalRequest:
    """The device, the release that holds it, the id of the certificate to be replaced, and whether
    without its help.
    """

    thing_name: str
    execution_arn: str
    certificate_id: str
    force: bool

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "RenewalRequest":
        """From the state's payload."""
        return cls(event["thingName"], event["execution"], event["certificateId"], event["force"])


@dataclass(frozen=True)
class IdentityRenewal:
    """Asks for a new certificate and looks whether it is there."""

    catalog: Catalog
    iot: "IoTClient"
    sfn: "SFNClient"
    prefix: str
    restart_machine: str

    def renew(self, request: RenewalRequest, at: datetime) -> bool:
        """True when the certificate is replaced. Repeatable.

        Raises RenewalFailed when it will not be, QuarantineLost when the device is being deleted.
        """
        row = self._checked(request)
        if _is_replaced(row, request):
            delete_job(self.iot, job_id_of(self.prefix, request.execution_arn))
            return True
        if request.force:
            self._restart(row, request)
        else:
            self._rotate(row, request, at)
        return False

    def _checked(self, request: RenewalRequest) -> Row:
        hold = hold_of(self.catalog.table, request.thing_name, request.execution_arn)
        return hold.checked(self.catalog.row(request.thing_name))

    def _rotate(self, row: Row, request: RenewalRequest, at: datetime) -> None:
        job_id = job_id_of(self.prefix, request.execution_arn)
        try:
            job = self.iot.describe_job_execution(jobId=job_id, thingName=request.thing_name)[
                "execution"
            ]
        except self.iot.exceptions.ResourceNotFoundException:
            self._create_job(request, job_id)
            return
        if job["status"] not in JOB_GOES_ON and job["status"] != "SUCCEEDED":
            told = job.get("statusDetails", {}).get("detailsMap", {})
            raise RenewalFailed(
                f"the device's job has ended as {job['status']}: "
                f"{told.get('reason', 'no reason given')}"
            )
        if at - datetime.fromisoformat(row["releasing_since"]) > PATIENCE:
            raise RenewalFailed(
                f"the device has not changed its certificate within {PATIENCE}; release it by force"
            )

    def _create_job(self, request: RenewalRequest, job_id: str) -> None:
        thing_arn = self.iot.describe_thing(thingName=request.thing_name)["thingArn"]
        document = json.dumps({"operation": "rotate-cert", "trialSeconds": TRIAL_SECONDS})
        # There already: its execution on the thing shows a moment later.
        with tolerating("ResourceAlreadyExistsException"):
            self.iot.create_job(jobId=job_id, targets=[thing_arn], document=document)
        try:
            self._checked(request)
        except QuarantineLost:
            # Whoever has undone the release has found no job yet.
            delete_job(self.iot, job_id)
            raise

    def _restart(self, row: Row, request: RenewalRequest) -> None:
        """One restart per release: its name comes from the release's."""
        name = owner_of(request.execution_arn)
        try:
            self.sfn.start_execution(
                stateMachineArn=self.restart_machine,
                name=name,
                input=json.dumps({"thingName": request.thing_name}),
            )
        except self.sfn.exceptions.ClientError as error:
            if error_code(error) != "ExecutionAlreadyExists":
                raise
        arn = f"{self.restart_machine.replace(':stateMachine:', ':execution:')}:{name}"
        found = Executions(self.sfn).described(arn)
        if found is None:
            if not just_named(row["releasing_since"]):
                raise RenewalFailed("Step Functions has no execution for the device's restart")
        elif found["status"] not in GOES_ON_OR_WELL:
            cause = found.get("cause", "")
            raise RenewalFailed(f"the device's restart has ended as {found['status']}: {cause}")


def _now() -> datetime:
    return datetime.now(UTC)


def _is_replaced(row: Row, request: RenewalRequest) -> bool:
    settled = not any(name in row for name in CERTIFICATE_ARNS if name != "certificate_arn")
    replaced = row["certificate_id"] != request.certificate_id
    return replaced and settled and not is_held(row, Purpose.RESTART)


def build(
    environment: Environment, session: "Session", clock: Callable[[], datetime] = _now
) -> Handler[dict[str, bool]]:
    """State RenewIdentity. Gives `{renewed}`; false: ask again in a while."""
    renewal = IdentityRenewal(
        catalog=wiring.catalog(environment, session),
        iot=session.client("iot", config=CONFIG),
        sfn=session.client("stepfunctions", config=CONFIG),
        prefix=environment.required("JOB_PREFIX"),
        restart_machine=environment.required("RESTART_MACHINE_ARN"),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, bool]:
        request = RenewalRequest.from_event(event)
        with transient_faults_named():
            renewed = renewal.renew(request, clock())
        logger.info("identity renewed" if renewed else "waiting for a new identity")
        return {"renewed": renewed}

    return handler


handler = observed(build(environment, session))
