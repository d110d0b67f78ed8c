"""The identity document: the only place that a private key goes to, straight from AWS IoT's answer.

Of a device that has made its own key it holds the certificate only. Of one that comes by fleet
provisioning it holds the claim.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common.identifiers import identity_key

if TYPE_CHECKING:
    from types_boto3_iot.type_defs import (
        CreateKeysAndCertificateResponseTypeDef,
        CreateProvisioningClaimResponseTypeDef,
    )
    from types_boto3_s3 import S3Client

    Made = CreateKeysAndCertificateResponseTypeDef | CreateProvisioningClaimResponseTypeDef


def as_identity(made: "Made") -> dict[str, str]:
    """The document of what AWS IoT has made, with its key."""
    return {
        "certificateId": made["certificateId"],
        "certificatePem": made["certificatePem"],
        "privateKey": made["keyPair"]["PrivateKey"],
    }


def keep_identity(s3: "S3Client", bucket: str, thing_name: str, made: "Made") -> None:
    """Put certificate and key where the device picks them up, once (docs/contracts.md, "Config
    bucket").
    """
    keep_identity_of(s3, bucket, thing_name, as_identity(made))


def keep_certificate(
    s3: "S3Client", bucket: str, thing_name: str, certificate_id: str, certificate_pem: str
) -> None:
    """Put the certificate where the device that has the key to it picks it up."""
    identity = {"certificateId": certificate_id, "certificatePem": certificate_pem}
    keep_identity_of(s3, bucket, thing_name, identity)


def keep_identity_of(
    s3: "S3Client", bucket: str, thing_name: str, identity: Mapping[str, str]
) -> None:
    """Put a document where the device picks it up, once."""
    put_identity(s3, bucket, identity_key(thing_name), identity)


def put_identity(
    s3: "S3Client", bucket: str, key: str, identity: Mapping[str, str], **condition: Any
) -> None:
    """Put a document into the bucket, if S3 finds the `condition` (`IfMatch`, `IfNoneMatch`)
    fulfilled.
    """
    # The bucket's default too; said here, so that it does not hang on the bucket alone.
    s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=json.dumps(identity).encode(),
        ContentType="application/json",
        ServerSideEncryption="AES256",
        **condition,
    )
