"""The config bucket as devices see it: an HTTP server with documents to get, and signing requests
to put, for which there is a certificate at once.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.device.broker import Broker

SIGNED = "X-Amz-Signature=SIGNED"


class Bucket:
    """`url` is where it is; whatever is below it has a signature, as presigned URLs have."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._content: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.url = ""

    def put(self, key: str, document: Any) -> str:
        """Where the document is to be had."""
        self._content[key] = json.dumps(document).encode()
        return f"{self.url}/{key}?{SIGNED}"

    def seat(self, thing: str, number: int = 1) -> dict[str, str]:
        """A seat for a device that makes its own key; with each number it is another one."""
        base = f"devices/{thing}/{number}"
        config = {
            "version": 1,
            "thingName": thing,
            "deviceType": "generic",
            "endpoint": self._broker.host,
            "port": self._broker.port,
            "identityUrl": f"{self.url}/{base}/identity.json?{SIGNED}",
            "csrUrl": f"{self.url}/{base}/csr.pem?{SIGNED}",
            "attributes": {},
        }
        url = self.put(f"{base}/config.json", config)
        return {"thingName": thing, "seat": f"{thing}-{number}", "configUrl": url}

    def get(self, key: str) -> bytes | None:
        """What is there."""
        self.asked.append(key)
        return self._content.get(key)

    def take_request(self, key: str, csr: bytes) -> None:
        """Sign it."""
        certificate = self._broker.authority.certificate_for(csr.decode())
        self.put(
            key.replace("csr.pem", "identity.json"),
            {"certificateId": "0" * 64, "certificatePem": certificate},
        )


@contextmanager
def bucket(broker: Broker) -> Iterator[Bucket]:
    """A bucket for as long as it is needed."""
    found = Bucket(broker)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = found.get(self.path.partition("?")[0].lstrip("/"))
            self.send_response(403 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def do_PUT(self) -> None:
            csr = self.rfile.read(int(self.headers["Content-Length"]))
            found.take_request(self.path.partition("?")[0].lstrip("/"), csr)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
