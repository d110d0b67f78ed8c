"""A device that gets its certificate for a claim: what it asks, what it takes, and how it goes on
after a cut.
"""

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.device import mqtt5
from tests.device.pki import CertificateAuthority, signing_request
from tests.device.scripted_broker import ScriptedBroker, Visit
from virtual_device.base.errors import ConfigInvalidError, DeviceError
from virtual_device.connection import claiming
from virtual_device.state import enrol
from virtual_device.state.certify import (
    REQUEST_FILE,
    CertificateLateError,
    NotCertifiedError,
)
from virtual_device.state.claimed import CLAIMED_FILE
from virtual_device.state.config import Config, Environment, Identity
from virtual_device.state.keys import fits
from virtual_device.state.store import Store
from virtual_device.web.sources import NOWHERE, Sources

AUTHORITY = CertificateAuthority()
TEMPLATE = "the-template"
CREATE, BY_CSR = claiming.CREATE_TOPIC, claiming.CSR_TOPIC
PROVISION = f"$aws/provisioning-templates/{TEMPLATE}/provision/json"
CLIENT = claiming.client_id("lamp")
CLAIM_PAIR, OWN_PAIR = AUTHORITY.device("claim"), AUTHORITY.device("lamp")
CLAIM = Identity("c" * 64, CLAIM_PAIR.certificate, CLAIM_PAIR.private_key)
CREATED = {
    "certificateId": "d" * 64,
    "certificatePem": OWN_PAIR.certificate,
    "privateKey": OWN_PAIR.private_key,
    "certificateOwnershipToken": "token-1",
}
ACCEPTED = ("accepted", {"thingName": "lamp", "deviceConfiguration": {}})
USED = ("rejected", {"statusCode": 400, "errorCode": claiming.USED_UP, "errorMessage": "no"})
REFUSED = ("rejected", {"statusCode": 403, "errorCode": "AccessDenied", "errorMessage": "no"})
BUSY = ("rejected", {"statusCode": 400, "errorCode": "InvocationError", "errorMessage": "busy"})
VERDICTS = ("accepted", "rejected")
Reply = tuple[str, dict[str, Any]]


def certified(request: str) -> Reply:
    """What AWS IoT says to a request."""
    document = {name: value for name, value in CREATED.items() if name != "privateKey"}
    return "accepted", {**document, "certificatePem": AUTHORITY.certificate_for(request)}


class Provisioning(ScriptedBroker):
    """A server that provisions. To each name that it is told it answers the next of `replies`; None
    is a connection that is lost.
    """

    def __init__(self) -> None:
        self.replies: list[Reply | None] = [ACCEPTED]
        self.asked: list[tuple[str, Any]] = []
        self.certified: Callable[[str], Reply] = certified
        super().__init__(AUTHORITY)

    def _take(self, packet: mqtt5.Publish) -> None:
        self.asked.append((packet.topic, json.loads(packet.payload)))
        if packet.topic == CREATE:
            self._say(f"{CREATE}/accepted", CREATED)
            return
        if packet.topic == BY_CSR:
            verdict, content = self.certified(self.asked[-1][1]["certificateSigningRequest"])
            self._say(f"{BY_CSR}/{verdict}", content)
            return
        reply = self.replies.pop(0)
        if reply is None:
            self._open[CLIENT].close()
        else:
            self._say(f"{packet.topic}/{reply[0]}", reply[1])

    def _say(self, topic: str, content: Any) -> None:
        visit = self._open[CLIENT]
        message = mqtt5.publish(topic, json.dumps(content).encode(), visit.next_packet_id)
        visit.next_packet_id += 1
        visit.send(message)

    @property
    def topics(self) -> list[str]:
        return [topic for topic, _ in self.asked]

    @property
    def last(self) -> Visit:
        return self.of(CLIENT)[-1]


@pytest.fixture
def server() -> Iterator[Provisioning]:
    server = Provisioning()
    yield server
    server.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


Exchange = Callable[..., Identity]


@pytest.fixture
def exchange(
    server: Provisioning, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Exchange:
    monkeypatch.setattr(claiming, "AGAIN_SECONDS", 0.3)
    monkeypatch.setattr(claiming, "AFTER_NO_SECONDS", 0.1)
    ca = tmp_path / "ca.pem"
    ca.write_text(AUTHORITY.pem)
    environment = Environment(tmp_path / "state", ca_file=ca)

    def exchanged(wait: float = 20.0, **more: Any) -> Identity:
        config = Config.from_document({**document(server), **more})
        return claiming.exchange(config, CLAIM, store, environment, wait)

    return exchanged


def document(server: Provisioning) -> dict[str, Any]:
    return {
        "version": 1,
        "thingName": "lamp",
        "deviceType": "bulb",
        "endpoint": server.host,
        "port": server.port,
        "identityUrl": "https://bucket.example/identity.json?SIGNED",
        "provisioningTemplate": TEMPLATE,
    }


def requested(tmp_path: Path) -> Path:
    return tmp_path / "state" / "lamp" / REQUEST_FILE


def kept(tmp_path: Path) -> Path:
    return tmp_path / "state" / "lamp" / CLAIMED_FILE


def test_it_gets_a_certificate_for_its_claim(
    server: Provisioning, exchange: Exchange, tmp_path: Path
) -> None:
    # when
    identity = exchange()
    # then
    assert identity == Identity("d" * 64, OWN_PAIR.certificate, OWN_PAIR.private_key)
    told = {"certificateOwnershipToken": "token-1", "parameters": {"SerialNumber": "lamp"}}
    assert server.asked == [(CREATE, {}), (PROVISION, told)]
    # and it had subscribed to nothing but the answers, left no will, and said goodbye
    server.wait_until(lambda: server.last.of(mqtt5.Disconnect))
    answers = {f"{topic}/{verdict}" for topic in (CREATE, PROVISION) for verdict in VERDICTS}
    assert server.last.filters() == answers
    (connect,) = server.last.of(mqtt5.Connect)
    assert (connect.client_id, connect.has_will) == (CLIENT, False)
    assert len(CLIENT) <= 128
    # and what it got was closed to others from the beginning
    assert stat.S_IMODE(kept(tmp_path).stat().st_mode) == 0o600


def test_one_that_is_not_let_in_gives_up_after_three_times(
    server: Provisioning, exchange: Exchange
) -> None:
    server.replies = [REFUSED] * 3
    with pytest.raises(NotCertifiedError, match="AccessDenied"):
        exchange()
    assert server.topics == [CREATE, *[PROVISION] * 3]


def test_it_asks_again_when_nobody_could_say(server: Provisioning, exchange: Exchange) -> None:
    server.replies = [BUSY, REFUSED, BUSY, ACCEPTED]
    assert exchange().certificate_id == "d" * 64
    assert server.topics == [CREATE, *[PROVISION] * 4]


def test_a_connection_that_is_lost_costs_no_second_certificate(
    server: Provisioning, exchange: Exchange
) -> None:
    server.replies = [None, ACCEPTED]
    assert exchange().certificate_id == "d" * 64
    assert server.topics == [CREATE, PROVISION, PROVISION]


@pytest.mark.parametrize("reply", [ACCEPTED, USED], ids=["asked again", "was accepted"])
def test_a_process_that_was_cut_off_goes_on_with_the_same_certificate(
    server: Provisioning, exchange: Exchange, reply: Reply
) -> None:
    # given
    server.replies = [*[REFUSED] * 3, reply]
    with pytest.raises(NotCertifiedError):
        exchange()
    # when
    assert exchange().certificate_id == "d" * 64
    # then
    assert server.topics == [CREATE, *[PROVISION] * 4]


def test_it_makes_the_key_itself_when_it_is_told_to(
    server: Provisioning, exchange: Exchange, tmp_path: Path
) -> None:
    # given: what is kept when the request goes out
    kept_then: list[tuple[int, dict[str, str]]] = []

    def looked(request: str) -> Reply:
        file = requested(tmp_path)
        kept_then.append((stat.S_IMODE(file.stat().st_mode), json.loads(file.read_text())))
        return certified(request)

    server.certified = looked
    # when
    identity = exchange(ownKey=True)
    # then
    ((mode, request),) = kept_then
    assert (mode, request["source"]) == (0o600, CLAIM.certificate_id)
    assert (identity.private_key, identity.certificate_id) == (request["privateKey"], "d" * 64)
    assert fits(identity.private_key, identity.certificate)
    told = {"certificateOwnershipToken": "token-1", "parameters": {"SerialNumber": "lamp"}}
    asked = {"certificateSigningRequest": request["csr"]}
    assert server.asked == [(BY_CSR, asked), (PROVISION, told)]
    assert "PRIVATE KEY" not in json.dumps(server.asked)
    answers = {f"{topic}/{verdict}" for topic in (BY_CSR, PROVISION) for verdict in VERDICTS}
    assert server.last.filters() == answers
    assert stat.S_IMODE(kept(tmp_path).stat().st_mode) == 0o600


def test_one_that_is_cut_off_after_its_request_goes_on_with_the_same_key(
    server: Provisioning, exchange: Exchange, tmp_path: Path
) -> None:
    # given
    server.certified = lambda _request: BUSY
    with pytest.raises(CertificateLateError):
        exchange(wait=1.0, ownKey=True)
    assert not kept(tmp_path).exists()
    # when
    server.certified = certified
    identity = exchange(ownKey=True)
    # then
    requests = {json.dumps(asked) for topic, asked in server.asked if topic == BY_CSR}
    assert len(requests) == 1
    assert identity.private_key == json.loads(requested(tmp_path).read_text())["privateKey"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (("accepted", {**CREATED, "privateKey": ""}), "uses only its own"),
        (("accepted", CREATED), "uses only its own"),
        (("accepted", {**certified(signing_request("lamp"))[1]}), "not for the key of lamp"),
        (("accepted", {"certificateId": "d" * 64}), "certificateOwnershipToken"),
        (("rejected", {"errorCode": "InvalidRequest", "errorMessage": "bad"}), "InvalidRequest"),
    ],
    ids=["an empty key", "a key", "for another key", "half of it", "refused"],
)
def test_what_is_not_for_its_key_is_refused(
    server: Provisioning, exchange: Exchange, tmp_path: Path, answer: Reply, why: str
) -> None:
    server.certified = lambda _request: answer
    with pytest.raises(DeviceError, match=why):
        exchange(ownKey=True)
    assert server.topics == [BY_CSR]
    assert not kept(tmp_path).exists()


def test_a_token_that_is_refused_at_once_is_no_identity(
    server: Provisioning, exchange: Exchange
) -> None:
    server.replies = [USED]
    with pytest.raises(NotCertifiedError, match=claiming.USED_UP):
        exchange()


def test_a_certificate_for_another_thing_is_not_taken(
    server: Provisioning, exchange: Exchange
) -> None:
    server.replies = [("accepted", {"thingName": "spot"})]
    with pytest.raises(NotCertifiedError, match="another thing"):
        exchange()


def test_it_does_not_wait_for_ever(server: Provisioning, exchange: Exchange) -> None:
    server.replies = [BUSY] * 50
    with pytest.raises(CertificateLateError, match="InvocationError"):
        exchange(wait=1.0)
    server.away()
    with pytest.raises(CertificateLateError, match="lamp"):
        exchange(wait=1.0)
    server.back()


@pytest.mark.parametrize("own_key", [False, True])
def test_what_it_gets_is_kept_as_any_identity(
    server: Provisioning, exchange: Exchange, store: Store, tmp_path: Path, *, own_key: bool
) -> None:
    # given
    content = {
        "https://bucket.example/config.json": {**document(server), "ownKey": own_key},
        "https://bucket.example/identity.json?SIGNED": CLAIM.as_document(),
    }

    def fetch(url: str, _what: str, _sources: Sources) -> bytes:
        return json.dumps(content[url]).encode()

    def exchanged(config: Config, claim: Identity, _store: Store) -> Identity:
        assert (config.provisioning_template, claim) == (TEMPLATE, CLAIM)
        return exchange(ownKey=config.own_key)

    # when
    (enrolment,) = enrol.from_url(
        "https://bucket.example/config.json", store, NOWHERE, fetch, exchanged
    )
    # then
    assert enrolment.identity.certificate_id == "d" * 64
    assert store.load("lamp") == enrolment
    assert (enrolment.config.provisioning_template, enrolment.config.own_key) == ("", False)
    assert not kept(tmp_path).exists()
    assert not requested(tmp_path).exists()
    text = (tmp_path / "state" / "lamp" / "identity.json").read_text()
    assert CLAIM.private_key.splitlines()[1] not in text
    # and the claim is not used again
    assert server.topics == [BY_CSR if own_key else CREATE, PROVISION]
    again = enrol.from_url("https://bucket.example/config.json", store, NOWHERE, fetch)
    assert again == [enrolment]


def test_a_host_uses_no_claim(server: Provisioning, store: Store) -> None:
    def fetch(_url: str, _what: str, _sources: Sources) -> bytes:
        return json.dumps(CLAIM.as_document()).encode()

    config = Config.from_document(document(server))
    with pytest.raises(ConfigInvalidError, match="no claim can be used for lamp"):
        enrol.from_config(config, store, NOWHERE, fetch)
