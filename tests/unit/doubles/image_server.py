"""An HTTP server on the loopback interface that hands out images, and fails as S3 does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from virtual_device.web.sources import Sources


@dataclass
class ImageServer:
    """`content` is what is behind every path but those that are named for an HTTP status, such as
    `/403`.
    """

    content: bytes = b""
    short_by: int = 0
    """So many bytes before its end an answer breaks off."""
    asked: list[str] = field(default_factory=list)
    sent: int = 0
    """Bytes that the last answer could be rid of."""
    port: int = 0
    moved: tuple[int, str] | None = None
    """The HTTP status and the URL of a redirect that everything is answered with."""

    def url(self, path: str = "/firmware/image.json?X-Amz-Signature=SIGNED") -> str:
        """A URL of the server."""
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def sources(self) -> Sources:
        """The server, and no other place."""
        return Sources.read(self.url("/"))


@contextmanager
def image_server() -> Iterator[ImageServer]:
    """A server, for as long as the block runs."""
    state = ImageServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            if state.moved is not None:
                self.send_response(state.moved[0])
                self.send_header("Location", state.moved[1])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            status = self.path.removeprefix("/").partition("?")[0]
            if status.isdigit():
                self.send_error(int(status))
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(state.content)))
            self.end_headers()
            state.sent = 0
            for start in range(0, len(state.content) - state.short_by, 4096):
                part = state.content[start : min(start + 4096, len(state.content) - state.short_by)]
                self.wfile.write(part)
                state.sent += len(part)

        def log_message(self, *_: object) -> None:
            """Nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client has heard enough

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
