"""Where boto3 clients are made, and where AWS's passing faults get the name that the workflows
retry.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from common.errors import AccessRefused, TransientError

# Short timeouts, so that a call that hangs fails inside the function's own time limit and can be
# undone there. `total_max_attempts` counts the first one; `max_attempts` of a Config, unlike that
# of a profile, does not.
CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=5
)


def s3_config(environ: Mapping[str, str]) -> Config:
    """For clients that sign URLs: version 4, as every region newer than 2014 demands, for the
    region's own host.

    Left alone, botocore signs for the global host. Outside us-east-1 that one redirects requests
    for a bucket for hours after it was made, in regions newer than March 2019 it refuses them, and
    the signature is good for no other host.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html, "Backward
    compatibility" An endpoint of one's own (AWS SDKs reference, "Service-specific endpoints") has
    no host for each bucket.
    """
    given = environ.keys() & {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"}
    return CONFIG.merge(
        Config(signature_version="s3v4", s3={"addressing_style": "path" if given else "virtual"})
    )


S3_CONFIG = s3_config(os.environ)

# CreateKeysAndCertificate is not idempotent: a repeated call makes a second certificate that nobody
# knows of. https://docs.aws.amazon.com/iot/latest/apireference/API_CreateKeysAndCertificate.html
NEVER_REPEAT = CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))

# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
THROTTLING_CODES = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)

# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html, "Changes that I make are not
# always immediately visible". botocore has no class for them, which would name them for the
# workflows.
REFUSED_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "ForbiddenException",
        "UnauthorizedException",
    }
)

# What the SDK of a runtime may be too old to know: botocore reads `service-2.sdk-extras.json`
# beside its own models, for which that is made (botocore/loaders.py). DeleteConnection is in
# botocore from 1.40.6 on, a runtime may have an older one; to bundle all of botocore would make a
# function ten times its size.
EXTRAS = Path(__file__).parent / "sdk"


def session_with_extras() -> boto3.Session:
    """A session whose clients know every operation that the functions use, whichever SDK the
    runtime has."""
    core = botocore.session.get_session()
    core.get_component("data_loader").search_paths.append(str(EXTRAS))
    return boto3.Session(botocore_session=core)


session = session_with_extras()


@contextmanager
def transient_faults_named() -> Iterator[None]:
    """Raise TransientError or AccessRefused for what is worth a retry; let every other error
    through as it is.
    """
    try:
        yield
    except ClientError as error:
        if _is_transient(error):
            raise TransientError(str(error)) from error
        if error_code(error) in REFUSED_CODES:
            raise AccessRefused(str(error)) from error
        raise
    except (HTTPClientError, NoConnectionError) as error:
        raise TransientError(str(error)) from error


def error_code(error: ClientError) -> str:
    """The code of an AWS error answer, such as `ResourceNotFoundException`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _is_transient(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or error_code(error) in THROTTLING_CODES
