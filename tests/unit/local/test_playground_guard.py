"""What gets to the emulator without a signature, and what becomes of the rest."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from playground.local.guard import guarded, is_over

OWN = (b"host", b"127.0.0.1:4566")
STRANGE = (b"host", b"pages.example:4566")
SIGNED = (b"authorization", b"AWS4-HMAC-SHA256 Credential=111122223333/...")
SIGN_IN = (b"x-amz-target", b"AWSCognitoIdentityProviderService.InitiateAuth")
RESET = (b"x-amz-target", b"AWSCognitoIdentityProviderService.ForgotPassword")
API = "/_aws/execute-api/a1b2c3/$default/v1/devices"
SERVED, OURS, REFUSED = ["served"], ["chosen", "served"], ["refused"]


def request(
    path: str, *headers: tuple[bytes, bytes], method: str = "POST", query: bytes = b""
) -> dict[str, Any]:
    """An HTTP request as ASGI has it."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "headers": list(headers),
        "query_string": query,
    }


def happened(
    scope: Mapping[str, Any], *, signed_rightly: bool = False, body: tuple[bytes, ...] = (b"",)
) -> list[str]:
    """What the guard does with it: whose account it chooses, whether the application gets it, and
    with which body.
    """
    found: list[str] = []
    parts = [
        {"type": "http.request", "body": part, "more_body": number < len(body)}
        for number, part in enumerate(body, 1)
    ]

    async def application(_scope: Any, receive: Any, _send: Any) -> None:
        found.append("served")
        if body != (b"",):
            found.append((await receive())["body"].decode())

    async def receive() -> Any:
        return parts.pop(0)

    async def send(message: Mapping[str, Any]) -> None:
        if message.get("status") == 403 or message["type"] == "websocket.close":
            found.append("refused")

    def is_signed(_scope: Mapping[str, Any], whole: bytes) -> bool:
        return signed_rightly and whole == b"".join(body)

    asyncio.run(
        guarded(application, lambda: found.append("chosen"), is_signed)(scope, receive, send)  # type: ignore[arg-type]
    )
    return found


@pytest.mark.parametrize(
    ("scope", "outcome"),
    [
        (request(API, OWN, method="GET"), OURS),
        (request(API, OWN, (b"authorization", b"Bearer x"), method="GET"), OURS),
        (request("/", OWN, SIGN_IN), OURS),
        (request("/_ministack/ready", OWN, method="GET"), SERVED),
        (
            request(
                "/_ministack/lambda-code/1/us-east-1/f",
                OWN,
                method="GET",
                query=b"X-Amz-Signature=x",
            ),
            SERVED,
        ),
        (request("/us-east-1_Ab12/.well-known/jwks.json", OWN, method="GET"), SERVED),
        ({"type": "lifespan"}, SERVED),
    ],
)
def test_what_need_not_be_signed(scope: Mapping[str, Any], outcome: list[str]) -> None:
    assert happened(scope) == outcome


@pytest.mark.parametrize(
    "scope",
    [
        request("/_ministack/reset", OWN),
        request("/_ministack/ready", OWN),
        request("/_ministack/sqs/messages", OWN, method="GET"),
        request("/bucket/object", OWN, method="GET"),
        request("/", OWN, (b"x-amz-target", b"DynamoDB_20120810.Scan")),
        # The emulator sets any user's password to whoever says 654321.
        request("/", OWN, RESET),
        request("/2015-03-31/functions", OWN, SIGN_IN),
        # A page whose name was given the address of this machine.
        request(API, STRANGE, method="GET"),
        request("/", STRANGE, SIGN_IN),
        request("/_ministack/ready", STRANGE, method="GET"),
        request("/", OWN, method="OPTIONS"),
        {
            "type": "websocket",
            "path": "/mqtt",
            "headers": [(b"host", b"a.iot.us-east-1.localhost")],
        },
    ],
)
def test_what_is_not_signed_is_refused(scope: Mapping[str, Any]) -> None:
    assert happened(scope) == REFUSED


NAMED_IN_A_QUERY = (
    b"X-Amz-Credential=111122223333%2Fx",
    b"x-amz-credential=a",
    b"X-Amz-Credentia%6C=a",
    b"AWSAccessKeyId=a",
)


@pytest.mark.parametrize(
    "scope",
    [
        request("/", OWN, SIGNED),
        request("/", OWN, SIGN_IN, SIGNED),
        request("/", OWN, (b"authorization", b"AWS 111122223333:x")),
        *(request(API, OWN, method="GET", query=query) for query in NAMED_IN_A_QUERY),
    ],
)
def test_who_names_a_key_has_to_have_signed_with_it(scope: Mapping[str, Any]) -> None:
    assert happened(scope) == REFUSED
    assert happened(scope, signed_rightly=True) == SERVED


def test_a_body_that_was_checked_arrives_whole() -> None:
    assert happened(request("/", OWN, SIGNED), signed_rightly=True, body=(b"one ", b"two")) == [
        "served",
        "one two",
    ]


def test_a_websocket_is_refused_or_served_by_its_signature() -> None:
    scope = {
        "type": "websocket",
        "path": "/mqtt",
        "headers": [OWN],
        "query_string": b"X-Amz-Credential=1",
    }

    assert happened(scope) == REFUSED
    assert happened(scope, signed_rightly=True) == SERVED


@pytest.mark.parametrize(
    ("expires", "later", "over"),
    [("900", 899, False), ("900", 901, True), ("x", 10**6, False), (None, 10**6, False)],
)
def test_a_presigned_url_is_over_when_its_time_has_passed(
    expires: str | None, later: int, over: object
) -> None:
    query = {"X-Amz-Date": ["20260101T000000Z"]}
    if expires is not None:
        query["X-Amz-Expires"] = [expires]
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=later)

    assert is_over(query, now) is over
