"""The URL that signs in, and a browser that opens it."""

import html
import os
import sys
import webbrowser
from collections.abc import Mapping
from urllib.parse import quote

from playground.home.paths import Paths
from playground.web import codes

SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")


def sign_in_url(origin: str, key: bytes, to: str = "/devices") -> str:
    """Good for a minute, once. What stands behind # is not sent to any server."""
    return f"{origin}/#code={codes.make(key)}&to={quote(to, safe='/')}"


def path_of(thing_name: str | None) -> str:
    """The page of a device, or the list of all."""
    return f"/devices/{quote(thing_name, safe='')}" if thing_name else "/devices"


def has_screen(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    """Whether a browser that opens here is seen by whoever runs the command."""
    if environ.get("CI") or environ.get("SSH_CONNECTION"):
        return False
    return platform == "darwin" or any(environ.get(name) for name in SCREENS)


def open_browser(paths: Paths, url: str) -> bool:
    """Open it; False when there is no browser.

    The command line of a browser can be read by every user of the machine: it gets a file that
    leads on to the URL, which this user alone can read.
    """
    file = paths.console_open
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    text = (
        '<!doctype html><meta charset="utf-8"><title>AWS IoT Playground</title>'
        f'<meta http-equiv="refresh" content="0; url={html.escape(url)}">'
    )
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    draft.replace(file)
    try:
        return webbrowser.open(file.as_uri())
    except webbrowser.Error:
        return False
