"""What a device says about its certificate, and the answers:
`cmd/playground/<thing>/certificate/...`.

docs/contracts.md, "Certificates".
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.jsontext import decode
from common.jsonvalues import NotJsonError

if TYPE_CHECKING:
    from types_boto3_iot_data import IoTDataPlaneClient

# https://docs.aws.amazon.com/iot/latest/apireference/API_CreateJob.html
JOB_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
CERTIFICATE_ID = re.compile(r"[0-9a-f]{64}")
# RFC 7468. A base64 text of whole groups of four, in lines.
_PEM = re.compile(
    r"-----BEGIN CERTIFICATE REQUEST-----\r?\n"
    r"((?:(?:[A-Za-z0-9+/]\s*){4})+(?:(?:[A-Za-z0-9+/]\s*){2}==\s*|(?:[A-Za-z0-9+/]\s*){3}=\s*)?)"
    r"-----END CERTIFICATE REQUEST-----\s*"
)


class Refused(Exception):  # noqa: N818 - an answer to the device, not an error of the function
    """What the device asked for is not done; asking again changes nothing."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class NotOurs(Refused):
    """The catalog has no such device. Another stack of the account and region hears the same
    topics: it answers.
    """

    def __init__(self) -> None:
        super().__init__("NO_SUCH_DEVICE", "the catalog knows no such device")


@dataclass(frozen=True)
class CertificateMessage:
    """A message on one of the topics, as the rule hands it over."""

    thing_name: str
    request: str
    """The last level of the topic."""
    principal: str
    """Id of the certificate that the message came over; something else when it did not come from a
    device.
    """
    payload: bytes

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "CertificateMessage":
        """From the rule's SELECT; the payload is in base64, so that one that is no JSON arrives
        too.
        """
        return cls(
            event["thingName"],
            event["request"],
            event["principal"],
            base64.b64decode(event["payload"]),
        )

    @property
    def job_id(self) -> str | None:
        """Which job the message is about, when it says so."""
        try:
            found = decode(self.payload)
        except NotJsonError:
            return None
        job_id = found.get("jobId") if isinstance(found, dict) else None
        return job_id if isinstance(job_id, str) else None

    def content(self, *expected: str) -> dict[str, str]:
        """The payload: an object with `jobId` and what else is `expected`, all strings; raises
        Refused.
        """
        try:
            found = decode(self.payload)
        except NotJsonError as error:
            raise Refused("INVALID_REQUEST", f"payload: {error}") from None
        names = {"jobId", *expected}
        if not isinstance(found, dict) or found.keys() != names:
            raise Refused(
                "INVALID_REQUEST", f"payload: must be an object with {', '.join(sorted(names))}"
            )
        for name, value in found.items():
            if not isinstance(value, str):
                raise Refused("INVALID_REQUEST", f"{name}: must be a string")
        if not JOB_ID.fullmatch(found["jobId"]):
            raise Refused("INVALID_REQUEST", f"jobId: must match {JOB_ID.pattern}")
        return found


def checked_certificate_id(value: str) -> str:
    """`value` as a certificate id; raises Refused."""
    if not CERTIFICATE_ID.fullmatch(value):
        raise Refused("INVALID_REQUEST", f"certificateId: must match {CERTIFICATE_ID.pattern}")
    return value


def checked_csr(value: str) -> str:
    """`value` as a certificate signing request in PEM; raises Refused. AWS IoT takes at most 4096
    characters.

    Only its outside is looked at: AWS IoT checks key and signature, and its subject decides
    nothing.
    """
    found = _PEM.fullmatch(value) if len(value) <= 4096 else None
    if found is None or not _is_one_sequence(base64.b64decode(found[1])):
        raise Refused(
            "INVALID_REQUEST",
            "csr: must be one PKCS #10 request in PEM, of at most 4096 characters",
        )
    return value


def _is_one_sequence(der: bytes) -> bool:
    """Whether it is an ASN.1 sequence as long as it says (X.690, 8.1.3): not cut off, nothing
    behind it.
    """
    if len(der) < 4 or der[0] != 0x30 or der[1] not in (0x81, 0x82):
        return False
    head = der[1] - 0x80 + 2
    return len(der) == head + int.from_bytes(der[2:head], "big")


def answer(
    iot_data: "IoTDataPlaneClient", message: CertificateMessage, verdict: str, content: object
) -> None:
    """Tell the device; `verdict` is `accepted` or `rejected`."""
    iot_data.publish(
        topic=f"cmd/playground/{message.thing_name}/certificate/{message.request}/{verdict}",
        qos=1,
        payload=json.dumps(content).encode(),
    )
