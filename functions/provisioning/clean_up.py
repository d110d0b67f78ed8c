"""CleanUp: undoes a device and touches only what one execution made.

It compensates a provisioning that failed, it is the whole of deprovisioning, and it finishes what
an execution that was aborted or timed out has left; it can be repeated after any interruption. The
row is taken before anything is removed: from then on whatever still makes something for the device
is refused its next write.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from common.certificates import CERTIFICATE_ARNS
from common.clients import CONFIG, NEVER_REPEAT, S3_CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import DeviceBusy, InvalidInput, ThingNotFound
from common.executions import Executions
from common.identifiers import (
    HOST_TYPE,
    checked_thing_name,
    host_of,
    made_up_name,
    owner_of,
)
from common.jsonvalues import told
from common.linking import LinkDevices
from common.links import LINKED
from common.observability import Handler, about, logger, metrics, observed
from common.row import Row, is_free
from common.undoing import input_of
from common.waiting import Patience
from common.workflow import report_removed
from devices import wiring
from devices.catalog import Catalog
from holding.dead import dead_holder, holder_of
from holding.purposes import Purpose
from hosting import wiring as hosting
from provisioning.leftovers import Leftover, remove_leftover
from provisioning.removal import Removal

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session

# How the template ends the name of the workflow that removes devices.
DEPROVISION = "-deprovision-device"

# Together they stay within the function's 60 seconds; the workflow's Retry goes on from there.
WAIT_FOR_DETACHMENT = Patience(8)
WAIT_FOR_OTHERS = Patience(20)


@dataclass(frozen=True)
class CleanUpRequest:
    """Which device to undo, and for whom."""

    thing_name: str
    remover: str
    """ARN of the execution in whose name the device is removed."""
    execution_arn: str | None
    """The provisioning execution whose work is undone; None: whichever made the device
    (deprovisioning).
    """
    resumed: bool = False
    """Only finish what `remover` had begun when it ended."""
    made_by: str | None = None
    """The device is only meant if this execution has made it: another one may have its name by
    now.
    """

    @property
    def outcome(self) -> str:
        """What the catalog says afterwards."""
        return "TERMINATED" if self.execution_arn is None else "FAILED"

    @classmethod
    def deprovision(cls, asked: object, remover: str, *, resumed: bool = False) -> "CleanUpRequest":
        """From the input of a deprovisioning execution, `{"thingName", "madeBy"?}`; raises
        InvalidInput.
        """
        if not isinstance(asked, dict) or asked.keys() - {"madeBy"} != {"thingName"}:
            rule = 'must be {"thingName": "<name>"}, and at most "madeBy" with it'
            raise InvalidInput("input", rule)
        made_by = asked.get("madeBy")
        if "madeBy" in asked and not isinstance(made_by, str):
            raise InvalidInput("madeBy", f"must be the ARN of an execution, got {told(made_by)}")
        return cls(checked_thing_name(asked["thingName"]), remover, None, resumed, made_by)

    def means(self, row: Row) -> bool:
        """Whether the row is of the device that is to be undone, and it is there."""
        maker = row["execution_arn"]
        asked = self.execution_arn in (None, maker) and self.made_by in (None, maker)
        return asked and not is_free(row)

    @classmethod
    def compensate(cls, asked: object, execution_arn: str) -> "CleanUpRequest | None":
        """From the input of a provisioning execution; None when that was refused before it could
        name a thing.
        """
        name = (
            asked.get("thingName", made_up_name(execution_arn)) if isinstance(asked, dict) else None
        )
        try:
            return cls(checked_thing_name(name), execution_arn, execution_arn)
        except InvalidInput:
            return None

    @classmethod
    def ended(cls, detail: Mapping[str, Any]) -> "CleanUpRequest | None":
        """From the detail of a "Step Functions Execution Status Change"; None when there is nothing
        to go by.

        The sweep finds what an execution left whose input is not in the event.
        """
        asked = input_of(detail)
        execution_arn = detail["executionArn"]
        if not detail["stateMachineArn"].endswith(DEPROVISION):
            return cls.compensate(asked, execution_arn)
        try:
            return cls.deprovision(asked, execution_arn, resumed=True)
        except InvalidInput:
            return None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "CleanUpRequest | None":
        """From `{"input", "execution"}` (a provisioning undoes itself), `{"input",
        "deprovisioning", "resumed"?}`, both with the execution's input and ARN, or EventBridge's
        event that an execution has ended; raises InvalidInput.
        """
        if event.get("source") == "aws.states":
            return cls.ended(event["detail"])
        if "execution" in event:
            return cls.compensate(event["input"], event["execution"])
        return cls.deprovision(
            event["input"], event["deprovisioning"], resumed=event.get("resumed", False)
        )


@dataclass(frozen=True)
class CleanUp:
    """The undoing of one device."""

    removal: Removal
    catalog: Catalog
    executions: Executions
    patience: Patience
    links: LinkDevices

    def undo(self, request: CleanUpRequest) -> bool:
        """Remove the device; False when there was nothing of this owner's to remove.

        Raises ThingNotFound when a device to deprovision is not in the catalog, DeviceBusy when
        somebody else is removing it and does not come to an end.
        """
        for _ in self.patience.tries():
            row = self.catalog.row(request.thing_name)
            if row is None or not request.means(row):
                return self._without_row(request, row)
            holder = holder_of(row, Purpose.DEPROVISION)
            if request.resumed and holder != request.remover:
                return False
            dead = dead_holder(row, Purpose.DEPROVISION, request.remover, self.executions)
            if holder in (None, request.remover, dead):
                taken = self.catalog.take(row, request.remover)
                if taken is not None:
                    self._remove(request, taken)
                    return True
        raise DeviceBusy(f"thingName: {request.thing_name} is being removed by {holder}")

    def _without_row(self, request: CleanUpRequest, row: Row | None) -> bool:
        """The name is nobody's, or somebody else's by now."""
        if request.execution_arn is None:
            if row is None and not request.resumed:
                raise ThingNotFound(f"thingName: the catalog knows no device {request.thing_name}")
            return False
        self.removal.close_host(request.thing_name, request.execution_arn)
        # An execution looks in any case: it may have gone on after its device was removed.
        ours = row is not None and row["execution_arn"] == request.execution_arn
        certificates = certificates_of(row) if row and ours else ()
        found = self.removal.remove_marked(
            request.thing_name, owner_of(request.execution_arn), certificates
        )
        # Shadow and objects carry no mark: they are this execution's only while nobody else has
        # claimed the name.
        if ours and self.catalog.row(request.thing_name) == row:
            if not self.removal.has_thing(request.thing_name):
                self.removal.remove_shadow(request.thing_name)
            self.removal.remove_objects(request.thing_name)
        return ours or found

    def _remove(self, request: CleanUpRequest, row: Row) -> None:
        if row.keys() & LINKED:
            # First, while the row still says who has a right to what. None can be added: the row is
            # taken.
            self.links.ask("forget", request.thing_name)
        if row.get("device_type") == HOST_TYPE:
            self.removal.close_host(request.thing_name, row["execution_arn"])
        self.removal.remove_marked(
            request.thing_name, owner_of(row["execution_arn"]), certificates_of(row)
        )
        self.removal.remove_objects(request.thing_name)
        if host := host_of(row.get("task_arn", "")):
            # Again: an attempt may have failed between giving the seat back and having the host
            # told, and the next one finds no seat.
            self.removal.tasks.board.tell(host)
        if row.get("device_type") == HOST_TYPE:
            self.removal.remove_manifests(request.thing_name)
        if not self.catalog.release(request.thing_name, request.remover, request.outcome):
            raise DeviceBusy(f"thingName: somebody else removes {request.thing_name} too")
        if request.execution_arn is None and "task_token" in row:
            # The device that its provisioning waits for does not come. After the release, so that
            # its CleanUp, which follows, finds the name free.
            report_removed(self.executions.sfn, row["task_token"], request.thing_name)


def certificates_of(row: Row) -> list[str]:
    """ARNs of the certificates that the row names: in force, made to succeed it, no longer in
    force.
    """
    return [row[name] for name in CERTIFICATE_ARNS if name in row]


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """State CleanUp, and target of the rule on executions that ended badly. Gives `{thingName,
    status, undone}`.

    `{"leftover": ...}` removes one thing that the sweep has found; `status` is null then.
    """
    device_catalog = wiring.catalog(environment, session)
    device_removal = Removal(
        iot=session.client("iot", config=CONFIG),
        iot_data=session.client("iot-data", config=CONFIG),
        tasks=hosting.device_tasks(environment, session),
        s3=session.client("s3", config=S3_CONFIG),
        bucket=environment.required("CONFIG_BUCKET"),
        patience=WAIT_FOR_DETACHMENT,
    )
    sfn_client = session.client("stepfunctions", config=CONFIG)
    link_devices = LinkDevices(
        # As long as that function may run.
        session.client("lambda", config=NEVER_REPEAT.merge(Config(read_timeout=35))),
        environment.required("LINK_FUNCTION"),
    )
    clean_up = CleanUp(
        device_removal, device_catalog, Executions(sfn_client), WAIT_FOR_OTHERS, link_devices
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        if "leftover" in event:
            leftover = Leftover.from_event(event["leftover"])
            with transient_faults_named():
                removed = remove_leftover(leftover, device_removal, device_catalog, link_devices)
            logger.info("leftover removed" if removed else "not a leftover")
            return {"thingName": leftover.thing_name, "status": None, "undone": removed}
        request = CleanUpRequest.from_event(event)
        if request is None:
            return {"thingName": None, "status": "FAILED", "undone": False}
        about(thing_name=request.thing_name)  # which may be made up
        with transient_faults_named():
            undone = clean_up.undo(request)
        metrics.add_metric(
            "DevicesUndone" if request.execution_arn else "DevicesTerminated",
            unit="Count",
            value=int(undone),
        )
        logger.info("device removed" if undone else "nothing to remove", status=request.outcome)
        return {"thingName": request.thing_name, "status": request.outcome, "undone": undone}

    return handler


handler = observed(build(environment, session))
