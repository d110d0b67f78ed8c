"""Who may ask: this page, under this machine's own name, and nobody on behalf of another page.

A page of another origin can have a browser ask any port of this machine. It can't choose the Host
that the browser names, unless it has its own name lead here (DNS rebinding), nor the Origin.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import hdrs, web

from playground.home.state import HOST
from playground.web.problems import problem

NAMES = (HOST, "localhost")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def policy(live: str) -> str:
    """The Content-Security-Policy; `live` is the origin of MQTT over WebSocket, which may be
    empty."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            f"connect-src {' '.join(filter(None, (chr(39) + 'self' + chr(39), live)))}",
            "manifest-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


@dataclass(frozen=True)
class Guard:
    """Refuses by Host, Origin and Sec-Fetch-Site, and puts the same headers on every answer."""

    port: int
    live: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.headers.update(
            {
                "Content-Security-Policy": policy(self.live),
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cross-Origin-Opener-Policy": "same-origin",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
                "X-Frame-Options": "DENY",
            }
        )

    def refusal(self, request: web.Request) -> web.Response | None:
        """Why this request is not answered; None when it is."""
        host = request.headers.get(hdrs.HOST, "")
        if host not in {f"{name}:{self.port}" for name in NAMES}:
            return _refused(f"This server is not {host or 'without a name'}.")
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and origin != f"http://{host}":
            return _refused("A page of another origin asks.")
        changes_session = request.path == "/session"
        if changes_session and origin is None:
            return _refused("Only the console's own page signs in and out here.")
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        # A link elsewhere may lead to the page; nothing else is anybody else's to ask.
        led_here = (
            request.method == hdrs.METH_GET
            and request.headers.get("Sec-Fetch-Mode") == "navigate"
            and request.headers.get("Sec-Fetch-Dest") == "document"
        )
        if site not in {"same-origin", "none"} and not led_here:
            return _refused("A page of another site asks.")
        return None

    async def add_headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        """For aiohttp's signal, so that answers which it makes itself have them too."""
        response.headers.update(self.headers)
        response.headers.pop(hdrs.SERVER, None)
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


def _refused(detail: str) -> web.Response:
    return problem(403, "not-allowed", "Not from there", detail)
