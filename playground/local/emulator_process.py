"""The emulator as the playground runs it, with its own interpreter: `python -P emulator_process.py ACCOUNT`.

Whoever signs a request says by the signature whose account it is for. Two kinds of requests are not signed, of the HTTP
API and of a user pool's sign-in; AWS finds their account by the id that they name, the emulator serves them its default
account, where nothing is. Here they are served the stack's. No other request is: without a signature, or without a
certificate over MQTT, there is an empty account to see.
"""

import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]

HTTP_API = "/_aws/execute-api/"
SIGN_IN = b"AWSCognitoIdentityProviderService."


def names_its_target(scope: Mapping[str, Any]) -> bool:
    """Whether an ASGI request is one of the two kinds."""
    if scope["type"] != "http":
        return False
    headers = dict(scope["headers"])
    signed = headers.get(b"authorization", b"").startswith(b"AWS4-")
    return not signed and (scope["path"].startswith(HTTP_API) or headers.get(b"x-amz-target", b"").startswith(SIGN_IN))


def serving(application: Application, choose_account: Callable[[], None]) -> Application:
    """The application, for which `choose_account` is called where the request does not say whose it is."""

    async def serve(scope: Any, receive: Receive, send: Send) -> None:
        if names_its_target(scope):
            choose_account()
        await application(scope, receive, send)

    return serve


def main(account: str) -> None:
    """Run the emulator until it is told to stop."""
    from ministack import app  # type: ignore[import-not-found] # noqa: PLC0415 - not in the tests' environment
    from ministack.core.responses import set_request_account_id  # type: ignore[import-not-found] # noqa: PLC0415

    app.app = serving(app.app, lambda: set_request_account_id(account))
    sys.argv = sys.argv[:1]
    app.main()


if __name__ == "__main__":
    main(sys.argv[1])
