"""The jobs of a device, on a bench: the service's answers are the test's to make."""

import json
from typing import Any

from tests.unit.doubles.jobs import JobsService, Question
from tests.unit.doubles.surroundings import Device, Timer
from virtual_device.base.jsonvalue import JsonObject
from virtual_device.connection.job_service import Execution, Fault, Update
from virtual_device.connection.transport import Message
from virtual_device.core.capability import Surroundings
from virtual_device.jobs.job_client import JobClient
from virtual_device.jobs.operation import Job, Operation, Report, only
from virtual_device.telemetry.thing import Thing

THING = Thing("dev-TEST", "bulb")
BASE = "$aws/things/dev-TEST/jobs"
LOST = Fault("no answer")
THROTTLED = Fault("slow down (RequestThrottled)", "RequestThrottled")
OVER = Fault("it is over (TerminalStateReached)", "TerminalStateReached")


class Dance(Operation):
    """An operation that the test leads."""

    def __init__(self, job: Job, _device: Surroundings, report: Report) -> None:
        self.job, self.report, self.calls = job, report, list[str]()
        Dance.all.append(self)

    all: "list[Dance]" = []  # noqa: RUF012 - emptied for each test

    def start(self) -> None:
        if self.job.parameters.get("stumble") == "at once":
            raise RuntimeError("stumbled")
        self.calls.append("start")

    def cancel(self) -> None:
        self.calls.append("cancel")
        if self.job.parameters.get("stumble"):
            raise RuntimeError("stumbled again")

    def on_ready(self) -> None:
        self.calls.append("ready")

    def on_disconnected(self) -> None:
        self.calls.append("disconnected")

    def on_settings(self, before: JsonObject) -> None:
        self.calls.append(f"settings were {before['unit']}")
        if self.job.parameters.get("stumble"):
            raise RuntimeError("stumbled over a setting")


def parse(parameters: JsonObject, _surroundings: Surroundings) -> JsonObject:
    only(parameters, "steps", "stumble")
    return parameters


class Bench:
    def __init__(self) -> None:
        self.device = Device(THING)
        self.client = JobClient(self.device)

    @property
    def service(self) -> JobsService:
        """The client of the service that was made last."""
        return self.device.services[-1]

    @property
    def question(self) -> Question:
        """What the service was asked last."""
        return self.service.questions[-1]

    @property
    def update(self) -> Update:
        """What was reported last."""
        assert self.question.update is not None
        return self.question.update

    @property
    def dance(self) -> Dance:
        return Dance.all[-1]

    def hear(self, kind: str, **content: Any) -> None:
        assert self.client.on_message(Message(f"{BASE}/{kind}", json.dumps(content).encode()))

    def ready(self, **pending: Any) -> None:
        """Connected; the service says what is pending."""
        self.client.on_ready()
        self.hear("$next/get/accepted", clientToken=self.token, **pending)

    @property
    def token(self) -> Any:
        return self.device.sent[-1].content["clientToken"]

    def start(self, job: str = "one", version: int = 2, **more: Any) -> Dance:
        """The service hands out a job."""
        assert self.question.operation == "start-next"
        document = {"operation": "dance", **more.pop("parameters", {})}
        self.question.done(Execution(job, 1, version, "IN_PROGRESS", document, **more))
        return self.dance

    def dancing(self) -> Dance:
        """Connected, with one job under way."""
        self.ready(execution=summary("one"))
        return self.start()

    def timers(self) -> list[Timer]:
        """Those that still run."""
        return [timer for timer in self.device.timers if timer.call is not None]


def summary(job: str, number: int = 1) -> dict[str, Any]:
    return {"jobId": job, "executionNumber": number, "versionNumber": 1, "status": "QUEUED"}
