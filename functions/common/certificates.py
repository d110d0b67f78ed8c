"""The end of a certificate, in the order that AWS demands."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from common.clients import error_code
from common.errors import DetachmentPending
from common.waiting import Patience

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

CERTIFICATE_ARNS = ("certificate_arn", "next_certificate_arn", "retired_certificate_arn")
"""Attributes of a catalog row that name a certificate: in force, made to succeed it, no longer in
force.
"""

# "It might take several seconds for the detachment to propagate": until then AWS refuses the
# deletion. https://docs.aws.amazon.com/iot/latest/apireference/API_DetachThingPrincipal.html
# DeleteThing says InvalidRequestException for a thing with a principal.
STILL_ATTACHED = ("CertificateStateException", "DeleteConflictException", "InvalidRequestException")
# Longer than it usually takes; what takes longer still is for the Retry of the workflow.
FOR_SECONDS = Patience(seconds=10)

End = Literal["INACTIVE", "REVOKED"]


def remove_patiently(
    iot: "IoTClient", thing_name: str, certificate_arn: str, *, status: End = "INACTIVE"
) -> None:
    """`remove_certificate`, again while AWS has not noticed the detachment. Raises
    DetachmentPending in the end.
    """
    for _ in FOR_SECONDS.tries():
        try:
            remove_certificate(iot, thing_name, certificate_arn, status=status)
        except ClientError as error:
            if error_code(error) not in STILL_ATTACHED:
                raise
            refusal = error
        else:
            return
    raise DetachmentPending(str(refusal)) from refusal


def remove_certificate(
    iot: "IoTClient",
    thing_name: str,
    certificate_arn: str,
    *,
    attached: bool = True,
    status: End = "INACTIVE",
) -> None:
    """Detach, deactivate and delete a certificate; tolerates what is gone already, so it can be
    repeated.

    `attached`: whether it may hang on the thing. `status`: what it becomes before it is deleted.
    Raises ClientError DeleteConflictException while AWS still sees an attachment: try again later.
    """
    certificate_id = certificate_arn.rpartition(":cert/")[2]
    with tolerating("ResourceNotFoundException"):
        for policy in iot.list_attached_policies(target=certificate_arn)["policies"]:
            iot.detach_policy(policyName=policy["policyName"], target=certificate_arn)
    if attached:
        # By itself: a certificate that was never attached, or is no longer, must be deleted all the
        # same.
        with tolerating("ResourceNotFoundException"):
            iot.detach_thing_principal(thingName=thing_name, principal=certificate_arn)
    with tolerating("ResourceNotFoundException"):
        iot.update_certificate(certificateId=certificate_id, newStatus=status)
        iot.delete_certificate(certificateId=certificate_id)


@contextmanager
def tolerating(code: str) -> Iterator[None]:
    """Let AWS say that something is gone already: that is what whoever removes it wants."""
    try:
        yield
    except ClientError as error:
        if error_code(error) != code:
            raise
