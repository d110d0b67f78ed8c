"""Target of every source of the detector: IoT rules, the queue of messages, the log of AWS IoT,
Device Defender.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common import environment
from common.clients import CONFIG, session, transient_faults_named
from common.observability import logger, metrics, observed
from detecting.detector import Detector
from detecting.memory import DynamoMemory
from detecting.owners import CatalogOwners
from detecting.recorder import Recorder
from detecting.rules import Thresholds
from detecting.sources import observations
from devices.catalog import Catalog

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class Security:
    """The detector and its recorder."""

    detector: Detector
    recorder: Recorder

    def look_at(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The findings that the event has led to, and that nobody had given before."""
        seen = observations(event, self.detector.limits.message_bytes)
        new = [
            finding
            for finding, rule in self.detector.judge(seen)
            if self.recorder.record(finding, rule)
        ]
        return [finding.as_document() for finding in new]


_dynamodb = session.resource("dynamodb", config=CONFIG)
_quarantines = environment.required("QUARANTINE_AUTOMATICALLY") == "true"

memory = DynamoMemory(_dynamodb.Table(environment.required("OBSERVATIONS_TABLE")))
owners = CatalogOwners(
    Catalog(_dynamodb.Table(environment.required("CATALOG_TABLE"))),
    session.client("iot", config=CONFIG),
    environment.required("CERTIFICATE_ARN_PREFIX"),
)
recorder = Recorder(
    memory.table,
    _dynamodb.Table(environment.required("VERDICTS_TABLE")),
    session.client("sns", config=CONFIG),
    session.client("stepfunctions", config=CONFIG),
    environment.required("SECURITY_TOPIC_ARN"),
    environment.required("QUARANTINE_MACHINE_ARN") if _quarantines else "",
)
thresholds = Thresholds(
    refusals=int(environment.required("REFUSALS")),
    takeovers=int(environment.required("TAKEOVERS")),
    window=int(environment.required("WINDOW_SECONDS")),
    messages=int(environment.required("MESSAGES")),
    messages_window=int(environment.required("MESSAGES_WINDOW_SECONDS")),
    message_bytes=int(environment.required("MESSAGE_BYTES")),
)
security = Security(Detector(memory, owners, thresholds), recorder)


@observed
def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
    """Gives `{findings}`: those that this event has led to."""
    with transient_faults_named():
        findings = security.look_at(event)
    for finding in findings:
        logger.append_keys(thing_name=finding["thing_name"])
        logger.warning("finding", finding=finding)
    metrics.add_metric("Verdicts", unit="Count", value=len(findings))
    return {"findings": findings}
