"""The server itself: `python -m playground.web.server`, with its settings on standard input.

It listens on this machine alone, and logs neither what is asked nor who asks.
"""

import asyncio
import logging
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Middleware

from playground.home.state import HOST, one_at_a_time
from playground.web.codes import Codes
from playground.web.cognito import SignIn
from playground.web.entrance import PATH, Entrance
from playground.web.guarding import Guard, Handler
from playground.web.page import NoPageError, Page
from playground.web.problems import problem
from playground.web.proxy import AT_ONCE, PREFIX, Proxy
from playground.web.sessions import Sessions
from playground.web.settings import Settings

BUNDLES = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that name a company's authorities, for AWS alone."""

LOOK_EVERY, ALONE_LIMIT = 30.0, 600.0
"""Seconds between two looks at the emulator, and seconds after its end that somebody may need to
start it again.
"""

log = logging.getLogger("console")


@asynccontextmanager
async def serving(settings: Settings, page: Page) -> AsyncIterator[web.Application]:
    """Listen until the block ends. Raises OSError when the port is taken."""
    context = trusted() if settings.on_aws else False
    connector = aiohttp.TCPConnector(limit=AT_ONCE, ssl=context, keepalive_timeout=30)
    async with aiohttp.ClientSession(
        connector=connector,
        trust_env=settings.on_aws,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=20, connect=5),
    ) as http:
        application = made(settings, page, http)
        runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            keepalive_timeout=60,
            shutdown_timeout=1,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, settings.port).start()
            yield application
        finally:
            await runner.cleanup()


def made(settings: Settings, page: Page, http: aiohttp.ClientSession) -> web.Application:
    """The application: page, config, sessions, and the way to the API."""
    guard = Guard(settings.port, settings.live)
    entrance = Entrance(
        settings.port,
        Codes(bytes.fromhex(settings.key)),
        Sessions(
            SignIn(http, settings.cognito, settings.client_id),
            settings.username,
            settings.password,
        ),
    )
    proxy = Proxy(http, settings.api)

    async def config(_request: web.Request) -> web.StreamResponse:
        return web.json_response(settings.config, headers={"Cache-Control": "no-cache"})

    application = web.Application(middlewares=[_guarded(guard)], client_max_size=0)
    application.on_response_prepare.append(guard.add_headers)
    application.router.add_get("/config.json", config)
    application.router.add_post(PATH, entrance.post)
    application.router.add_delete(PATH, entrance.delete)
    application.router.add_route("*", PREFIX + "{rest:.*}", proxy.answer)
    application.router.add_get("/{path:.*}", page.answer)
    return application


def _guarded(guard: Guard) -> Middleware:
    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if refused := guard.refusal(request):
            return refused
        try:
            return await handler(request)
        except web.HTTPException as error:
            allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
            return problem(
                error.status, "not-possible", "Not possible", f"{error.reason}.", allowed
            )
        except (ConnectionError, asyncio.CancelledError):  # whoever asked has gone
            raise
        except Exception as error:  # noqa: BLE001 - a page gets an answer, whatever it is
            # Its name alone: its text may hold what was asked.
            log.error("%s %s: %s", request.method, _kind_of(request), type(error).__name__)  # noqa: TRY400
            return problem(500, "internal", "A fault of the console", "See its log.")

    return answer


def _kind_of(request: web.Request) -> str:
    return f"/{request.path.split('/')[1]}"


def trusted() -> ssl.SSLContext:
    """Whom this system trusts, and the authorities that a variable names."""
    context = ssl.create_default_context()
    for name in BUNDLES:
        if file := os.environ.get(name):
            context.load_verify_locations(cafile=file)
    return context


async def run(
    settings: Settings, until: asyncio.Event, ready: Callable[[], None] = lambda: None
) -> None:
    """Serve until the event; `ready` is called when it answers. Raises OSError, NoPageError."""
    with one_at_a_time(Path(settings.lock)):
        page = Page.load(Path(settings.page))
    async with serving(settings, page):
        ready()
        looking = asyncio.create_task(_end_when_alone(settings, until))
        await until.wait()
        looking.cancel()


async def _end_when_alone(settings: Settings, until: asyncio.Event) -> None:
    alone = 0.0
    while settings.beside is not None and alone < ALONE_LIMIT:
        await asyncio.sleep(LOOK_EVERY)
        with suppress(OSError):  # nobody can tell
            alone = 0.0 if settings.beside.alive() else alone + LOOK_EVERY
    if settings.beside is not None:
        log.warning("the local cloud has ended, and so does the console")
        until.set()


def main() -> int:
    """Run the server of the settings on standard input, until SIGTERM."""
    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    settings = Settings.from_json(sys.stdin.buffer.read())

    async def serve() -> None:
        until = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, until.set)
        await run(settings, until)

    try:
        asyncio.run(serve())
    except (OSError, NoPageError) as error:
        log.error("cannot start: %s", error)  # noqa: TRY400 - one sentence, no traceback
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
