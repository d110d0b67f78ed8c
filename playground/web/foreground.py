"""A console of a stack on AWS, served from here until Ctrl-C, with the user's own AWS credentials.

They are used to make the server's own user, and to remove it at the end; the server itself goes by
that user's password alone.
"""

import asyncio
import signal
from collections.abc import Callable

from playground.base.signals import undisturbed
from playground.errors import ConsoleError, UnknownUserError
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.stack.users import Users
from playground.web import codes
from playground.web.page import NoPageError
from playground.web.server import run
from playground.web.settings import Settings
from playground.web.starting import settings_for, user_name


def serve(paths: Paths, home: Home, port: int, ready: Callable[[bytes], None]) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; `ready` gets the key of the one-time codes when the
    server answers. Raises ConsoleError.
    """
    key = codes.new_key()
    try:
        settings = settings_for(paths, home, port, key, None)
        asyncio.run(_until_told(settings, lambda: ready(key)))
    except (OSError, NoPageError) as error:
        raise ConsoleError(f"The console can't be served: {error}.") from error
    finally:
        with undisturbed():
            _remove_user(home)


async def _until_told(settings: Settings, ready: Callable[[], None]) -> None:
    until = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, until.set)
    await run(settings, until, ready)


def _remove_user(home: Home) -> None:
    try:
        Users(home).remove(user_name(home))
    except UnknownUserError:  # it had not come to that
        return
