"""What a check finds, in the words of AWS IoT Device Defender."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

# https://docs.aws.amazon.com/iot/latest/developerguide/device-defender-audit.html, "Issue
# severity"; least first.
SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


@dataclass(frozen=True)
class Resource:
    """What a finding is about; `type` is one of AWS's, such as `DEVICE_CERTIFICATE`
    (API_NonCompliantResource).
    """

    type: str
    id: str


@dataclass(frozen=True)
class Violation:
    """What is wrong with one resource."""

    resource: Resource
    reason_code: str
    reason: str
    remedy: str
    thing_name: str = ""
    """The device that it is about, if it is about one."""


@dataclass(frozen=True)
class Finding:
    """A violation, with the check that found it and when."""

    check: str
    severity: str
    resource: Resource
    reason_code: str
    reason: str
    at: str
    remedy: str

    @classmethod
    def of(cls, check: str, severity: str, violation: Violation, at: str) -> "Finding":
        """The violation as the answer has it."""
        return cls(
            check,
            severity,
            violation.resource,
            violation.reason_code,
            violation.reason,
            at,
            violation.remedy,
        )

    def as_dict(self) -> Mapping[str, Any]:
        """For the function's answer."""
        return asdict(self)
