"""The end of a certificate, in the order that AWS demands."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from common.clients import error_code

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

CERTIFICATE_ARNS = ("certificate_arn", "next_certificate_arn", "retired_certificate_arn")
"""Attributes of a catalog row that name a certificate: in force, made to succeed it, no longer in force."""

OF_A_SUCCESSION = (
    "next_certificate_id",
    "next_certificate_arn",
    "next_certificate_job",
    "next_certificate_request",
    "retired_certificate_arn",
    "abandoned_rotation",
)
"""What a succession under way writes into the row."""


def remove_certificate(
    iot: "IoTClient",
    thing_name: str,
    certificate_arn: str,
    *,
    attached: bool = True,
    status: Literal["INACTIVE", "REVOKED"] = "INACTIVE",
) -> None:
    """Detach, deactivate and delete a certificate; tolerates what is gone already, so it can be repeated.

    `attached`: whether it may hang on the thing. `status`: what it becomes before it is deleted. Raises ClientError
    DeleteConflictException while AWS still sees an attachment: try again later.
    """
    certificate_id = certificate_arn.rpartition("/")[2]
    with tolerating("ResourceNotFoundException"):
        for policy in iot.list_attached_policies(target=certificate_arn)["policies"]:
            iot.detach_policy(policyName=policy["policyName"], target=certificate_arn)
    if attached:
        # By itself: a certificate that was never attached, or is no longer, must be deleted all the same.
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
