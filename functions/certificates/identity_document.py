"""The identity document: the only place that a private key goes to, straight from AWS IoT's answer.

Of a device that has made its own key it holds the certificate only.
"""

import json
from typing import TYPE_CHECKING

from common.identifiers import identity_key

if TYPE_CHECKING:
    from types_boto3_iot.type_defs import CreateKeysAndCertificateResponseTypeDef
    from types_boto3_s3 import S3Client


def keep_identity(
    s3: "S3Client", bucket: str, thing_name: str, made: "CreateKeysAndCertificateResponseTypeDef"
) -> None:
    """Put certificate and key where the device picks them up, once (docs/contracts.md, "Config
    bucket").
    """
    identity = {
        "certificateId": made["certificateId"],
        "certificatePem": made["certificatePem"],
        "privateKey": made["keyPair"]["PrivateKey"],
    }
    _put(s3, bucket, thing_name, identity)


def keep_certificate(
    s3: "S3Client", bucket: str, thing_name: str, certificate_id: str, certificate_pem: str
) -> None:
    """Put the certificate where the device that has the key to it picks it up."""
    _put(
        s3, bucket, thing_name, {"certificateId": certificate_id, "certificatePem": certificate_pem}
    )


def _put(s3: "S3Client", bucket: str, thing_name: str, identity: dict[str, str]) -> None:
    # The bucket's default too; said here, so that it does not hang on the bucket alone.
    s3.put_object(
        Bucket=bucket,
        Key=identity_key(thing_name),
        Body=json.dumps(identity).encode(),
        ContentType="application/json",
        ServerSideEncryption="AES256",
    )
