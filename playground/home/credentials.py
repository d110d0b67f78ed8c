"""What is wrong with the user's AWS login, in one sentence that says what to do."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
    SSOError,
    TokenRetrievalError,
)

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})
INVALID = frozenset(
    {
        "AuthFailure",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""Codes by which the services refuse a login ("Common error types" in their API references)."""

CLOCK = frozenset({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"})
CLOCK_SAID = re.compile(
    (
        r"signature (?:has )?expired|signature not yet current|request has "
        r"expired|difference between the request time"
    ),
    re.IGNORECASE,
)
"""Codes and messages by which they refuse the time of a request (IAM user guide, "Troubleshoot
Signature Version 4"): SignatureDoesNotMatch and InvalidSignatureException mean a wrong key, or
this.
"""

NOT_THE_TIME = re.compile(
    r"certificate (?:is not yet valid|has expired)|not valid yet|CertNotYetValid", re.IGNORECASE
)
UNKNOWN_ISSUER = re.compile(
    r"self.signed certificate|unable to get (?:local )?issuer|UnknownIssuer", re.IGNORECASE
)
"""How OpenSSL, and others, say what is wrong with a server's certificate."""


def problem(error: Exception) -> str | None:
    """A sentence for an error of credentials, profile or region; None for any other."""
    if isinstance(error, ClientError):
        return _refused(error.response)
    if isinstance(error, SSLError):
        return _untrusted(error)
    return _missing(error) if isinstance(error, BotoCoreError) else None


def _refused(response: Any) -> str | None:
    said = response.get("Error", {})
    code = said.get("Code", "")
    if code in CLOCK or (code in INVALID and CLOCK_SAID.search(said.get("Message", ""))):
        return _wrong_clock(response.get("ResponseMetadata", {}).get("HTTPHeaders", {}), code)
    if code in EXPIRED:
        return (
            "Your AWS credentials have expired: sign in again (`aws sso login` with IAM "
            "Identity Center)."
        )
    if code in INVALID:
        return f"AWS does not know your credentials ({code}): see `aws configure list`."
    return None


def _wrong_clock(headers: Mapping[str, str], code: str) -> str:
    """With both times, for an hour's difference is a time zone's and a year's an empty
    battery's.
    """
    here = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    try:
        there = f", at AWS {parsedate_to_datetime(headers['date']).astimezone(UTC):%Y-%m-%d %H:%M}"
    except (KeyError, ValueError):
        there = ""
    return (
        f"This machine's clock is wrong ({code}): here it is {here}{there}. Set it, and run "
        "this again."
    )


def _untrusted(error: SSLError) -> str | None:
    said = str(error)
    if NOT_THE_TIME.search(said):
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        return (
            "AWS's certificate is not valid at this time: is this machine's clock right? It "
            f"says {today}."
        )
    if UNKNOWN_ISSUER.search(said):
        return (
            "This machine does not trust the authority of AWS's certificate, as behind a "
            "company's proxy: "
            "name the file of that authority in AWS_CA_BUNDLE."
        )
    return None


def _missing(error: BotoCoreError) -> str | None:  # noqa: PLR0911 - a row for each kind
    if isinstance(error, ProfileNotFound):
        return (
            f"There is no AWS profile {error.kwargs['profile']}: see `aws configure list-profiles`."
        )
    if isinstance(error, SSOError | TokenRetrievalError):
        return (
            "Your IAM Identity Center session has expired or there is none: run `aws sso "
            "login` with your profile."
        )
    if isinstance(error, NoRegionError):
        return "There is no AWS region: name one with --region, AWS_REGION or `aws configure`."
    if isinstance(error, InvalidRegionError):
        return f"{error.kwargs['region_name']!r} is no AWS region."
    if isinstance(error, NoCredentialsError):
        return (
            "There are no AWS credentials: name a profile with --profile or AWS_PROFILE, or "
            "run `aws configure`."
        )
    if isinstance(error, PartialCredentialsError):
        return f"Your AWS credentials are not complete: {error.kwargs['cred_var']} is missing."
    if isinstance(error, CredentialRetrievalError):
        return f"{error}."
    return None
