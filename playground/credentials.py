"""What is wrong with the user's AWS login, in one sentence that says what to do."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
INVALID = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure"})
"""Codes by which the services refuse a login ("Common error types" in their API references)."""


def problem(error: Exception) -> str | None:
    """A sentence for an error of credentials, profile or region; None for any other."""
    if isinstance(error, ClientError):
        return _refused(error.response.get("Error", {}).get("Code", ""))
    return _missing(error) if isinstance(error, BotoCoreError) else None


def _refused(code: str) -> str | None:
    if code in EXPIRED:
        return "Your AWS credentials have expired: sign in again (`aws sso login` with IAM Identity Center)."
    if code in INVALID:
        return f"AWS does not know your credentials ({code}): see `aws configure list`."
    return None


def _missing(error: BotoCoreError) -> str | None:  # noqa: PLR0911 - a row for each kind
    if isinstance(error, ProfileNotFound):
        return f"There is no AWS profile {error.kwargs['profile']}: see `aws configure list-profiles`."
    if isinstance(error, SSOError | TokenRetrievalError):
        return "Your IAM Identity Center session has expired or there is none: run `aws sso login` with your profile."
    if isinstance(error, NoRegionError):
        return "There is no AWS region: name one with --region, AWS_REGION or `aws configure`."
    if isinstance(error, InvalidRegionError):
        return f"{error.kwargs['region_name']!r} is no AWS region."
    if isinstance(error, NoCredentialsError):
        return "There are no AWS credentials: name a profile with --profile or AWS_PROFILE, or run `aws configure`."
    if isinstance(error, PartialCredentialsError):
        return f"Your AWS credentials are not complete: {error.kwargs['cred_var']} is missing."
    if isinstance(error, CredentialRetrievalError):
        return f"{error}."
    return None
