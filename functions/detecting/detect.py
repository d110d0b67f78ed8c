"""Target of every source of the detector: IoT rules, the queue of messages, the log of AWS IoT,
Device Defender.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.clients import CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.observability import Handler, logger, metrics, observed
from detecting.detector import Detector
from detecting.memory import DynamoMemory
from detecting.owners import CatalogOwners
from detecting.recorder import Clock, Recorder
from detecting.rules import Thresholds
from detecting.sources import observations
from devices.catalog import Catalog

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session


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


def security_of(environment: Environment, session: "Session", clock: Clock = time.time) -> Security:
    """The stack's detector and recorder. `clock` gives seconds since 1970."""
    dynamodb = session.resource("dynamodb", config=CONFIG)
    quarantines = environment.required("QUARANTINE_AUTOMATICALLY") == "true"
    memory = DynamoMemory(dynamodb.Table(environment.required("OBSERVATIONS_TABLE")))
    owners = CatalogOwners(
        Catalog(dynamodb.Table(environment.required("CATALOG_TABLE"))),
        session.client("iot", config=CONFIG),
        environment.required("CERTIFICATE_ARN_PREFIX"),
    )
    recorder = Recorder(
        memory.table,
        dynamodb.Table(environment.required("VERDICTS_TABLE")),
        session.client("sns", config=CONFIG),
        session.client("stepfunctions", config=CONFIG),
        environment.required("SECURITY_TOPIC_ARN"),
        environment.required("QUARANTINE_MACHINE_ARN") if quarantines else "",
        clock,
    )
    thresholds = Thresholds(
        refusals=int(environment.required("REFUSALS")),
        takeovers=int(environment.required("TAKEOVERS")),
        window=int(environment.required("WINDOW_SECONDS")),
        messages=int(environment.required("MESSAGES")),
        messages_window=int(environment.required("MESSAGES_WINDOW_SECONDS")),
        message_bytes=int(environment.required("MESSAGE_BYTES")),
    )
    return Security(Detector(memory, owners, thresholds), recorder)


def build(
    environment: Environment, session: "Session", clock: Clock = time.time
) -> Handler[dict[str, Any]]:
    """Gives `{findings}`: those that this event has led to."""
    security = security_of(environment, session, clock)

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        with transient_faults_named():
            findings = security.look_at(event)
        for finding in findings:
            logger.append_keys(thing_name=finding["thing_name"])
            logger.warning("finding", finding=finding)
        metrics.add_metric("Verdicts", unit="Count", value=len(findings))
        return {"findings": findings}

    return handler


handler = observed(build(environment, session))
