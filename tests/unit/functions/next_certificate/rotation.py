"""A device whose certificate is to be replaced, and what it and its rules say."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from certificates import issue_next_certificate, settle_next_certificate
from common.clients import NEVER_REPEAT
from playground.home.paths import PROJECT
from tests.unit.built import CLIENTS, built
from tests.unit.doubles.iot import MemoryIot, MemoryShadows

EVENTS = PROJECT / "events"
CSR = json.loads(
    base64.b64decode(json.loads((EVENTS / "issue_next_certificate.json").read_text())["payload"])
)["csr"]
OTHER_CSR = CSR.replace("\n-----END", "\r\n-----END")
ROTATE = '{"operation": "rotate-cert"}'
TOPIC = "cmd/playground/lamp/certificate"


def id_of(arn: str) -> str:
    return arn.rpartition("/")[2]


@dataclass
class World:
    """A device `lamp` with a certificate, and a job that asks it to have a new one."""

    iot: MemoryIot
    shadows: MemoryShadows
    table: Any
    context: Any
    first: str
    """Its certificate's ARN."""

    @property
    def row(self) -> dict[str, Any]:
        return dict(self.table.get_item(Key={"thing_name": "lamp"})["Item"])

    def write(self, **values: Any) -> None:
        self.table.put_item(Item={**self.row, **values})

    def say(self, request: str, content: object, principal: str = "") -> tuple[str, dict[str, Any]]:
        """The device says something; gives the verdict and the answer that it gets."""
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        event = {
            "thingName": "lamp",
            "request": request,
            "principal": principal or id_of(self.first),
            "payload": base64.b64encode(payload).decode(),
        }
        function = issue_next_certificate if request == "create" else settle_next_certificate
        built(function)(event, self.context)
        topic, answer = self.shadows.published[-1]
        assert topic.startswith(f"{TOPIC}/{request}/")
        return topic.rpartition("/")[2], answer

    def create(
        self, job_id: str = "job", csr: str = CSR, principal: str = ""
    ) -> tuple[str, dict[str, Any]]:
        return self.say("create", {"jobId": job_id, "csr": csr}, principal)

    def confirm(
        self, certificate_id: str, job_id: str = "job", principal: str = ""
    ) -> tuple[str, dict[str, Any]]:
        return self.say(
            "confirm",
            {"jobId": job_id, "certificateId": certificate_id},
            principal or certificate_id,
        )

    def abandon(self, job_id: str = "job", principal: str = "") -> tuple[str, dict[str, Any]]:
        return self.say("abandon", {"jobId": job_id}, principal)

    def valid(self) -> set[str]:
        """Certificates that a device could connect with."""
        return {
            id_of(arn)
            for arn, certificate in self.iot.certificates.items()
            if certificate.status == "ACTIVE"
            and certificate.policies
            and arn in self.iot.things["lamp"].principals
        }


@contextmanager
def after_the_certificate_is_made(call: Callable[[], Any]) -> Iterator[None]:
    """Within the block, `call` is made as soon as AWS IoT has made one."""
    events = CLIENTS.client("iot", NEVER_REPEAT).meta.events

    def made(**_: Any) -> None:
        call()

    events.register("after-call.iot.CreateCertificateFromCsr", made)
    try:
        yield
    finally:
        events.unregister("after-call.iot.CreateCertificateFromCsr", made)
