"""Nothing gets to the emulator without a signature that is right.

The emulator takes whoever names an account's number as access key for the root of that account,
whatever the signature says, and it serves its own switches (reset, configuration, what lies in
queues) to anybody. Loopback keeps out neither other users of the machine nor pages in a browser.

AWS leaves unsigned: requests to an HTTP API, which has an authorizer of its own, a sign-in at a
user pool, and a user pool's public keys. AWS finds their account by the id that they name, the
emulator looks in its default account, where nothing is: they are served the stack's.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]
Check = Callable[[Mapping[str, Any], bytes], bool]

HTTP_API = "/_aws/execute-api/"
SIGN_IN = b"AWSCognitoIdentityProviderService.InitiateAuth"
# GetFunction tells where the code is. AWS signs that link, the emulator pretends to, and the code
# is public.
CODE = re.compile(r"/_ministack/lambda-code/[\w/-]+")
PUBLIC = re.compile(
    r"/_ministack/(ready|iot/ca\.pem)|/[\w-]+/\.well-known/(jwks\.json|openid-configuration)"
)
REFUSAL = b"the local cloud answers what is signed with its own secret, see `playground env`"
# By any other name it is a page that has given its own name this machine's address, or is meant for
# another service.
OWN_HOST = re.compile(rb"(localhost|127\.0\.0\.1|\[::1\]|host\.docker\.internal)(:\d+)?")


def names_its_target(scope: Mapping[str, Any]) -> bool:
    """Whether an ASGI request is an unsigned one to the HTTP API or the sign-in."""
    if scope["type"] != "http" or names_a_key(scope) or not _asks_us(scope):
        return False
    signs_in = scope["path"] == "/" and dict(scope["headers"]).get(b"x-amz-target") == SIGN_IN
    return signs_in or str(scope["path"]).startswith(HTTP_API)


def is_public(scope: Mapping[str, Any]) -> bool:
    """Whether it asks for what anybody may know: whether the emulator is ready, public keys, the
    functions' code.
    """
    if scope["type"] != "http" or scope["method"] != "GET" or not _asks_us(scope):
        return False
    known = CODE if names_a_key(scope) else PUBLIC
    return known.fullmatch(scope["path"]) is not None


def names_a_key(scope: Mapping[str, Any]) -> bool:
    """Whether the request claims to be signed, in a header or in its query."""
    if any(
        name == b"authorization" and value.startswith(b"AWS") for name, value in scope["headers"]
    ):
        return True
    return any(re.match("x-amz-|awsaccesskeyid$", name, re.IGNORECASE) for name in _query(scope))


def guarded(
    application: Application, choose_account: Callable[[], None], is_signed: Check
) -> Application:
    """The application, which only gets what is signed rightly or need not be signed.

    `choose_account` is called where the request does not say whose it is.
    """

    async def serve(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or is_public(scope):
            await application(scope, receive, send)
        elif names_its_target(scope):
            choose_account()
            await application(scope, receive, send)
        elif not names_a_key(scope):
            await _refuse(scope, receive, send)
        else:
            body = await _body(receive) if scope["type"] == "http" else b""
            if body is not None and is_signed(scope, body):
                await application(
                    scope, _again(body, receive) if scope["type"] == "http" else receive, send
                )
            else:
                await _refuse(scope, receive, send)

    return serve


def signed_by(account: str) -> Check:
    """A check of SigV4, in header or query, by the account's own secret or that of one of its
    temporary keys.
    """
    from ministack.core import sigv4  # noqa: PLC0415 - not in the tests' environment
    from ministack.core.iam_evaluator import (  # noqa: PLC0415
        CredentialResolutionError,
        resolve_credential,
    )
    from ministack.core.router import extract_access_key_id  # noqa: PLC0415

    def is_signed(scope: Mapping[str, Any], body: bytes) -> bool:
        headers = _headers(scope)
        query = _query(scope)
        presigned = not headers.get("authorization", "").startswith("AWS4-HMAC-SHA256")
        # A URL may be anybody's by now, and its signature knows no header but the host: none makes
        # another call of it.
        if presigned and (headers.keys() & {"authorization", "x-amz-target"} or is_over(query)):
            return False
        signature = (
            sigv4.parse_query_signature(query)
            if presigned
            else sigv4.parse_header_signature(headers)
        )
        # The key that is checked has to be the one that the emulator will go by.
        if isinstance(signature, tuple) or signature.access_key_id != extract_access_key_id(
            headers, query
        ):
            return False
        token = (
            query.get("X-Amz-Security-Token", [""])[0]
            if presigned
            else headers.get("x-amz-security-token", "")
        )
        credential = resolve_credential(signature.access_key_id, account, token)
        if isinstance(credential, CredentialResolutionError):
            return False
        path = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1")
        method, secret = scope.get("method", "GET"), credential.secret_access_key
        failure = sigv4.header_signature_failure(
            signature, secret, method, path, query, headers, body, presigned=presigned
        )
        return failure is None

    return is_signed


def is_over(query: Mapping[str, list[str]], now: datetime | None = None) -> bool:
    """Whether a presigned URL was good until some moment, and that has passed."""
    try:
        at = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%S%z")
        life = timedelta(seconds=int(query["X-Amz-Expires"][0]))
    except (KeyError, ValueError, OverflowError):  # the signature is checked all the same
        return False
    return (now or datetime.now(UTC)) > at + life


def _asks_us(scope: Mapping[str, Any]) -> bool:
    return OWN_HOST.fullmatch(dict(scope["headers"]).get(b"host", b"")) is not None


def _query(scope: Mapping[str, Any]) -> dict[str, list[str]]:
    return parse_qs(
        scope.get("query_string", b"").decode("utf-8", "replace"), keep_blank_values=True
    )


def _headers(scope: Mapping[str, Any]) -> dict[str, str]:
    """By lower-case names; what is given twice is joined as SigV4 has it."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("utf-8", "replace")
        found[key] = f"{found[key]},{text}" if key in found else text
    return found


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when whoever sends it has gone."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """As if the body had not been read yet."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Any:
        return waiting.pop() if waiting else await receive()

    return replay


async def _refuse(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    code = b"SignatureDoesNotMatch" if names_a_key(scope) else b"MissingAuthenticationToken"
    # As XML, which S3 and the query protocol need; clients of the JSON protocols take the header.
    body = b"<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>" % (
        code,
        REFUSAL,
    )
    headers = [
        (b"content-type", b"text/xml"),
        (b"content-length", b"%d" % len(body)),
        (b"x-amzn-errortype", code),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
