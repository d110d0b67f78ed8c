"""Provisions devices on a local cloud whose calls and messages are recorded."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.identifiers import JITR
from playground.devices.authorities import Authorities
from playground.devices.certifying import Certifying
from playground.devices.executions import history
from playground.devices.workflows import DEPROVISION, PROVISION
from playground.home.state import LocalState
from proofs.fault_matrix.calls import Call
from proofs.fault_matrix.proxy import FaultProxy, fault_proxy
from proofs.fault_matrix.redirect import redirect
from proofs.methods.sequence import Course
from tests.census import census
from tests.playground_cloud import Cloud, own_cloud, wait_for
from virtual_device.connection.claiming import client_id

LOG, LOG_ROLE = "AWSIotLogsV2", "arn:aws:iam::000000000000:role/logs"
ENTER_LIMIT, GONE_LIMIT = 40.0, 60.0
LOOK_SECONDS = 0.1
CUT_TRIES = 5


@dataclass(frozen=True)
class Recorder:
    """A cloud behind the proxy; AWS IoT's log is on."""

    cloud: Cloud
    proxy: FaultProxy

    def course(self, thing: str, given: Mapping[str, str]) -> Course:
        """Make the device; it stays."""
        arn = self.start(thing, given)
        end = self.cloud.finished(arn, 120)
        assert end.status == "SUCCEEDED", end
        sfn = self.cloud.client("stepfunctions")
        told = sfn.describe_execution(executionArn=arn)
        started, ended = told["startDate"].timestamp(), told["stopDate"].timestamp()
        records = [r for r in self.proxy.records if r.call.thing == thing or _is_nobodys(r.call)]
        return Course(thing, started, ended, history(sfn, arn), records, self._entries(thing))

    def start(self, thing: str, given: Mapping[str, str]) -> str:
        """Begin to make it; gives the execution's ARN."""
        arn = self.cloud.start(PROVISION, {"deviceType": "bulb", "thingName": thing, **given})
        if given["method"] == JITR:
            threading.Thread(target=self._sign, args=(thing, arn), daemon=True).start()
        return arn

    def _sign(self, thing: str, arn: str) -> None:
        """As `playground authority sign` beside it, until the execution has ended."""
        home = self.cloud.home
        certifying = Certifying(home, Authorities(home, self.cloud.paths).ready(), thing)
        sfn = home.client("stepfunctions")
        while not certifying.look():
            if sfn.describe_execution(executionArn=arn)["status"] != "RUNNING":
                return
            time.sleep(LOOK_SECONDS)

    def removed(self, thing: str) -> None:
        """Remove it, and wait until its process has ended."""
        end = self.cloud.execute(DEPROVISION, {"thingName": thing})
        assert end.status == "SUCCEEDED", end
        wait_for("the device's process to end", lambda: not self._processes(), GONE_LIMIT)

    def cut(
        self, thing: str, given: Mapping[str, str], state: str, tries: int = CUT_TRIES
    ) -> Mapping[str, Sequence[str]]:
        """Stop the execution once it is in the state; gives what is left when the stack has undone
        it, and its sweep has looked.
        """
        sfn = self.cloud.client("stepfunctions")
        before = census(self.cloud)
        arn = self.start(thing, given)

        def entered() -> bool:
            return any(
                event.get("stateEnteredEventDetails", {}).get("name") == state
                for event in history(sfn, arn)
            )

        wait_for(f"{thing} to come to {state}", entered, ENTER_LIMIT)
        with suppress(sfn.exceptions.ClientError):
            sfn.stop_execution(executionArn=arn, error="Cut", cause=f"in {state}")
        if self.cloud.finished(arn).status == "SUCCEEDED":  # it was faster
            self.removed(thing)
            assert tries > 1, f"{state} is over before an execution can be stopped in it"
            return self.cut(named("again"), given, state, tries - 1)
        wait_for("what was begun to end", lambda: not self.cloud.running(), GONE_LIMIT)
        return self._left(before)

    def _left(self, before: Mapping[str, frozenset[str]]) -> Mapping[str, Sequence[str]]:
        """What there is more than before, when functions that were under way have ended, too: they
        go on after the abort, so the sweep looks again until it finds no more.
        """
        deadline = time.monotonic() + GONE_LIMIT
        while True:
            self._sweep()
            left = {
                what: sorted(more)
                for what, found in census(self.cloud).items()
                if (more := found - before[what])
            }
            if (not left and not self._processes()) or time.monotonic() > deadline:
                return left
            time.sleep(1)

    @property
    def templates(self) -> Mapping[str, str]:
        """What the names of the stack's provisioning templates are written as."""
        found = self.cloud.client("iot").list_provisioning_templates()["templates"]
        return {template["templateName"]: "TEMPLATE" for template in found}

    def _sweep(self) -> None:
        said = self.cloud.client("lambda").invoke(
            FunctionName=self.cloud.functions["SweepFunction"],
            Payload=json.dumps({"olderThanSeconds": 0}),
        )
        assert "FunctionError" not in said, said["Payload"].read()

    def _processes(self) -> list[Path]:
        return list(self.cloud.paths.running.iterdir())

    def _entries(self, thing: str) -> list[Mapping[str, Any]]:
        mine = (thing, client_id(thing))
        pages = self.cloud.client("logs").get_paginator("filter_log_events")
        found = [
            {**json.loads(event["message"]), "at": event["timestamp"] / 1000}
            for page in pages.paginate(logGroupName=LOG)
            for event in page["events"]
        ]
        return [entry for entry in found if entry["clientId"] in mine]


@contextmanager
def recording(folder: Path) -> Iterator[Recorder]:
    """A local cloud, taken down at the end."""
    with (
        own_cloud(folder / "home", {}) as cloud,
        fault_proxy(LocalState.load(cloud.paths).port) as proxy,
    ):
        redirect(cloud, proxy)
        iot = cloud.client("iot")
        iot.set_v2_logging_options(defaultLogLevel="INFO", roleArn=LOG_ROLE)
        yield Recorder(cloud, proxy)


def _is_nobodys(call: Call) -> bool:
    """Its event names a certificate alone; one device is made at a time."""
    return call.function == "AdmitCertificate"


def named(method: str) -> str:
    """A thing name that no run had before."""
    return f"{method}-{time.time_ns() // 1000 % 10**9}"
