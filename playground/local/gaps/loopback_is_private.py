"""The key `aws:SecureTransport` of a call that never leaves the machine.

AWS says with it whether a call came over TLS; policies refuse what did not, for it could be read on
its way.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html,
`aws:SecureTransport`

Emulator: speaks HTTP, on the loopback interface alone, where nobody is on the way; it says `false`
of every call, so a bucket or topic that demands TLS would refuse all.
"""

import ipaddress

from ministack import app
from ministack.core import iam_evaluator


def fill() -> None:
    """A caller on the loopback interface counts as one who came over TLS."""
    pin = iam_evaluator.pin_request_origin

    def pinned(source_ip: str, secure_transport: bool) -> None:  # noqa: FBT001 - the emulator's own
        pin(source_ip, secure_transport or _is_loopback(source_ip))

    iam_evaluator.pin_request_origin = app.pin_request_origin = pinned


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
