"""A device that makes its own key: what it keeps, what it puts, what it takes, and how it goes on
after a cut.
"""

import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.device.pki import CertificateAuthority
from virtual_device.base.errors import ConfigInvalidError, UrlRefusedError, UrlUnreachableError
from virtual_device.state import enrol
from virtual_device.state.certify import WAIT_SECONDS, NotCertifiedError, World, certify
from virtual_device.state.config import Config
from virtual_device.state.keys import fits
from virtual_device.state.store import Store
from virtual_device.web.sources import NOWHERE, Sources
from virtual_device.web.upload import REQUEST_BYTES, upload

AUTHORITY = CertificateAuthority()
DOCUMENT: dict[str, Any] = {
    "version": 1,
    "thingName": "lamp",
    "deviceType": "bulb",
    "endpoint": "broker.example",
    "identityUrl": "https://bucket.example/identity.json?SIGNED",
    "csrUrl": "https://bucket.example/csr.pem?SIGNED",
}
CONFIG = Config.from_document(DOCUMENT)


@dataclass
class Cloud:
    """The bucket, and a clock that only sleeping moves. `answers` are given one after the other,
    then the last.
    """

    answers: list[Any]
    requests: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def world(self) -> World:
        return World(self.fetch, self.upload, self.sleep, lambda: self.seconds)

    def upload(self, url: str, csr: str, _sources: Sources) -> None:
        assert url == DOCUMENT["csrUrl"]
        self.requests.append(csr)

    def fetch(self, url: str, what: str, _sources: Sources) -> bytes:
        assert (url, what) == (DOCUMENT["identityUrl"], "certificate")
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        document = {
            "certificateId": "0" * 64,
            "certificatePem": AUTHORITY.certificate_for(self.requests[-1]),
        }
        return json.dumps({**document, **answer}).encode()

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


NOT_YET = UrlRefusedError("not there", 403)
FOREIGN = {"certificatePem": AUTHORITY.device("lamp").certificate}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.mark.parametrize(
    "before",
    [
        [],
        [NOT_YET, UrlRefusedError("gone", 404)],
        [FOREIGN],
        [{"certificatePem": "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----"}],
    ],
)
def test_it_takes_the_certificate_for_its_own_key(store: Store, before: list[Any]) -> None:
    # given
    cloud = Cloud([*before, {}])
    # when
    identity = certify(CONFIG, store, NOWHERE, cloud.world())
    # then
    assert fits(identity.private_key, identity.certificate)
    assert len(cloud.requests) == 1
    assert "PRIVATE KEY" not in cloud.requests[0]


def test_the_key_is_kept_for_its_owner_before_anything_is_asked(
    store: Store, tmp_path: Path
) -> None:
    # given a cloud that can't be reached
    def fail(_url: str, _csr: str, _sources: Sources) -> None:
        raise UrlUnreachableError("down")

    with pytest.raises(UrlUnreachableError):
        certify(CONFIG, store, NOWHERE, World(upload=fail))
    file = tmp_path / "lamp" / "request.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = json.loads(file.read_text())
    assert "SIGNED" not in file.read_text()
    # when it is started again
    cloud = Cloud([{}])
    identity = certify(CONFIG, store, NOWHERE, cloud.world())
    # then
    assert cloud.requests == [kept["csr"]]
    assert identity.private_key == kept["privateKey"]


def test_another_url_is_another_key(store: Store) -> None:
    first = certify(CONFIG, store, NOWHERE, Cloud([{}]).world())
    document = {**DOCUMENT, "csrUrl": DOCUMENT["csrUrl"] + "2"}
    cloud = Cloud([{}])
    world = World(cloud.fetch, lambda _url, csr, _sources: cloud.requests.append(csr))
    second = certify(Config.from_document(document), store, NOWHERE, world)
    assert first.private_key != second.private_key


def test_it_does_not_wait_for_ever(store: Store) -> None:
    cloud = Cloud([NOT_YET])
    with pytest.raises(NotCertifiedError, match="lamp"):
        certify(CONFIG, store, NOWHERE, cloud.world())
    assert WAIT_SECONDS <= cloud.seconds <= WAIT_SECONDS + 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"privateKey": AUTHORITY.device("lamp").private_key}, NotCertifiedError),
        (UrlRefusedError("bad", 400), UrlRefusedError),
        ({"certificatePem": ""}, ConfigInvalidError),
    ],
    ids=["a key from the cloud", "refused", "no certificate"],
)
def test_what_is_no_answer_to_it_ends_it(store: Store, answer: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        certify(CONFIG, store, NOWHERE, Cloud([answer]).world())


def test_enrolled_it_keeps_one_file_and_no_url(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    cloud = Cloud([{}])
    monkeypatch.setattr(enrol, "World", lambda fetch: World(fetch, cloud.upload, cloud.sleep))
    # when
    enrolment = enrol.from_config(CONFIG, store, NOWHERE, cloud.fetch)
    # then
    (file,) = (tmp_path / "lamp").iterdir()
    assert (file.name, stat.S_IMODE(file.stat().st_mode)) == ("identity.json", 0o600)
    assert "SIGNED" not in file.read_text()
    assert enrolment.config.csr_url == ""
    # and the same config again asks for nothing
    assert enrol.from_config(CONFIG, store, NOWHERE, cloud.fetch) == enrolment
    assert len(cloud.requests) == 1


@contextmanager
def bucket(*statuses: int) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A server that answers PUT with one status after the other; its URL, and what it was sent."""
    left, sent = list(statuses), []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            sent.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(left.pop(0))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/csr.pem?SIGNED", sent
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("statuses", [[200], [500, 200], [503, 409, 412]], ids=str)
def test_a_request_is_put_once_at_the_length_that_is_signed(statuses: list[int]) -> None:
    with bucket(*statuses) as (url, sent):
        upload(url, "REQUEST\n", Sources.read(url.partition("csr.pem")[0]), sleep=lambda _: None)
    assert len(sent) == len(statuses)
    for headers, body in sent:
        assert (headers["If-None-Match"], headers["Content-Length"]) == ("*", str(REQUEST_BYTES))
        assert body == b"REQUEST\n".ljust(4096, b"\n")


def test_a_url_that_is_refused_is_not_shown() -> None:
    with bucket(403) as (url, _), pytest.raises(UrlRefusedError, match="15 minutes") as refusal:
        upload(url, "REQUEST\n", Sources.read(url.partition("csr.pem")[0]))
    assert "SIGNED" not in str(refusal.value)
    with pytest.raises(ConfigInvalidError, match="csrUrl"):
        upload("file:///tmp/csr.pem", "REQUEST\n", NOWHERE)
