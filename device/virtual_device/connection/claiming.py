"""Fleet provisioning: a certificate of the device's own in exchange for a claim, over MQTT with the
claim certificate.

https://docs.aws.amazon.com/iot/latest/developerguide/fleet-provision-api.html: a certificate is
asked for; the answer has an ownership token, which goes back with the device's name. Answers come
over the connection that has asked, to whoever has subscribed before.

AWS IoT makes the key and sends it, or the device makes it and sends a request. Then the key is kept
before the request goes out, so a device that is cut off goes on with the same one.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from virtual_device.base.errors import ConfigInvalidError, DeviceError
from virtual_device.base.jsonvalue import (
    JsonObject,
    NotJsonError,
    decode_object,
    encode,
)
from virtual_device.base.reactor import Reactor, Timer
from virtual_device.connection.mqtt import Network
from virtual_device.connection.transport import Access, Failure, Message
from virtual_device.state.certify import (
    CertificateLateError,
    NotCertifiedError,
    request_for,
    with_own_key,
)
from virtual_device.state.claimed import Claimed
from virtual_device.state.config import Config, Environment, Identity
from virtual_device.state.keys import Request, fits
from virtual_device.state.store import Store

log = logging.getLogger(__name__)

CREATE_TOPIC = "$aws/certificates/create/json"
CSR_TOPIC = "$aws/certificates/create-from-csr/json"
WAIT_SECONDS = 300.0
"""How long it may take: a claim certificate for one device is good for five minutes."""
AGAIN_SECONDS = 10.0
"""After so long without an answer the same is asked again."""
NO, NOES, AFTER_NO_SECONDS = "AccessDenied", 3, 2.0
"""So many times no is no. AWS IoT says it for a hook that has failed, too:
https://docs.aws.amazon.com/iot/latest/developerguide/pre-provisioning-hook.html
"""
GOODBYE_SECONDS = 5.0
SERVER_ERROR = 500

FOR_NOW = frozenset({"InvocationError", "Throttled", "ThrottlingException", "InternalFailure"})
"""Refusals that are no word about the device: the hook could not be asked, or AWS IoT is busy."""
USED_UP = "InvalidCertificateOwnershipToken"


def exchange(
    config: Config,
    claim: Identity,
    store: Store,
    environment: Environment,
    wait: float = WAIT_SECONDS,
) -> Identity:
    """The device's own identity. Blocks, for `wait` seconds at most. Raises `DeviceError`."""
    name = config.thing.name
    access = Access(
        host=environment.endpoint or config.endpoint,
        port=environment.port or config.port,
        ca=environment.read_ca(),
        client_id=client_id(name),
        certificate=claim.certificate.encode(),
        private_key=claim.private_key.encode(),
        will_topic="",
        will_payload=b"",
    )
    keep = partial(_keep, store, name, claim.certificate_id)
    request = request_for(name, claim.certificate_id, store) if config.own_key else None
    wanted = _Wanted(config.provisioning_template, name, request)
    try:
        exchanging = _Exchange(
            access, wanted, Claimed.load(store, name, claim.certificate_id), keep
        )
    except ValueError as error:
        raise ConfigInvalidError(f"claim: {error}") from error
    return exchanging.run(wait)


def client_id(thing_name: str) -> str:
    """Of the connection with a claim. It can be no thing's, whose name has no dot, so it takes no
    device's connection over; and it fits into 128 bytes, which a longest name with more does not.
    """
    return f"claim.{sha256(thing_name.encode()).hexdigest()[:32]}"


def _keep(store: Store, thing_name: str, claim_id: str, claimed: Claimed) -> None:
    claimed.save(store, thing_name, claim_id)


@dataclass(frozen=True)
class _Wanted:
    """The certificate that is asked for: with which template, for which thing."""

    template: str
    thing_name: str
    request: Request | None
    """For the device's own key; None: AWS IoT makes the key."""

    @property
    def topic(self) -> str:
        """Where it is asked for."""
        return CREATE_TOPIC if self.request is None else CSR_TOPIC

    @property
    def question(self) -> JsonObject:
        """What is asked there."""
        if self.request is None:
            return {}
        return {"certificateSigningRequest": self.request.csr}

    def claimed(self, answer: JsonObject) -> Claimed:
        """What the answer brings. Raises `DeviceError`."""
        if self.request is None:
            return Claimed.from_document(answer)
        claimed = Claimed.from_document(with_own_key(answer, self.request))
        if not fits(self.request.private_key, claimed.identity.certificate):
            raise NotCertifiedError(f"the certificate is not for the key of {self.thing_name}")
        return claimed


class _Exchange:
    """One, from the connection to the goodbye; a `transport.Listener`."""

    def __init__(
        self,
        access: Access,
        wanted: _Wanted,
        claimed: Claimed | None,
        keep: Callable[[Claimed], None],
    ) -> None:
        self._wanted, self._claimed, self._keep = wanted, claimed, keep
        self._thing_name, self._create_topic = wanted.thing_name, wanted.topic
        self._was_kept = claimed is not None
        self._noes = 0
        self._provision_topic = f"$aws/provisioning-templates/{wanted.template}/provision/json"
        self._timer: Timer | None = None
        self._outcome: Identity | DeviceError | None = None
        self._trouble = "no connection"
        self._reactor = Reactor()
        self._connection = Network(self._reactor).connection(access, self)

    def run(self, seconds: float) -> Identity:
        """Have it done. Raises `DeviceError`."""
        self._reactor.after(seconds, self._too_late)
        self._reactor.post(self._connection.start)
        self._reactor.run()
        self._connection.discard()
        if not isinstance(self._outcome, Identity):
            raise self._outcome or NotCertifiedError(self._trouble)
        return self._outcome

    # --- transport.Listener

    def on_connected(self, *, session_present: bool) -> None:  # noqa: ARG002 - subscribed anew
        """Subscribe to the answers."""
        topics = (self._create_topic, self._provision_topic)
        filters = [f"{topic}/{verdict}" for topic in topics for verdict in ("accepted", "rejected")]
        self._connection.subscribe(filters, self._on_subscribed)

    def on_connect_failed(self, reason: str) -> None:
        """The next attempt follows by itself."""
        self._trouble = reason
        log.warning("cannot connect with the claim", extra={"data": {"reason": reason}})

    def on_disconnected(self, reason: str) -> None:
        """The next attempt follows by itself, unless all is done."""
        self._stop_waiting()
        if self._outcome is None:
            self._trouble = reason
            log.warning("connection with the claim lost", extra={"data": {"reason": reason}})

    def on_stopped(self) -> None:
        """All is done."""
        self._reactor.stop()

    def on_message(self, message: Message) -> None:
        """An answer."""
        topic, _, verdict = message.topic.rpartition("/")
        if self._outcome is not None or topic not in {self._create_topic, self._provision_topic}:
            return
        try:
            content = decode_object(message.payload)
        except NotJsonError as error:
            log.warning("answer ignored", extra={"data": {"reason": str(error)}})
            return
        if verdict == "rejected":
            self._on_rejected(topic, content)
        elif topic == self._create_topic:
            self._on_created(content)
        else:
            self._on_provisioned(content)

    # --- the course of it

    def _on_subscribed(self, failure: Failure | None) -> None:
        if not self._has_failed(failure):
            self._ask()

    def _ask(self) -> None:
        """For a certificate, or, with that, to be taken for the device."""
        if self._outcome is not None:
            return
        self._wait(AGAIN_SECONDS)
        if self._claimed is None:
            question = encode(self._wanted.question)
            self._connection.publish(self._create_topic, question, self._on_published)
            return
        asked = {
            "certificateOwnershipToken": self._claimed.token,
            "parameters": {"SerialNumber": self._thing_name},
        }
        self._connection.publish(self._provision_topic, encode(asked), self._on_published)

    def _on_published(self, failure: Failure | None) -> None:
        self._has_failed(failure)

    def _has_failed(self, failure: Failure | None) -> bool:
        """What was lost is asked for again over the next connection; a refusal is for good."""
        if failure is not None and failure.refused:
            self._end(NotCertifiedError(f"the claim may not be used: {failure.reason}"))
        return failure is not None

    def _on_created(self, content: JsonObject) -> None:
        if self._claimed is not None:
            return  # of what was asked for twice: AWS IoT deletes it after an hour
        try:
            claimed = self._wanted.claimed(content)
            self._keep(claimed)
        except DeviceError as error:
            self._end(error)
            return
        self._claimed = claimed
        self._ask()

    def _on_provisioned(self, content: JsonObject) -> None:
        if self._claimed is None:
            return
        if content.get("thingName") != self._thing_name:
            self._end(NotCertifiedError("the certificate was made for another thing"))
            return
        log.info("certificate got for the claim", extra={"data": {"thingName": self._thing_name}})
        self._end(self._claimed.identity)

    def _on_rejected(self, topic: str, content: JsonObject) -> None:
        code, status = content.get("errorCode"), content.get("statusCode")
        self._trouble = f"{code}: {content.get('errorMessage')}"
        if code in FOR_NOW or (isinstance(status, int) and status >= SERVER_ERROR):
            self._wait(AGAIN_SECONDS)
        elif code == NO and self._noes + 1 < NOES:
            self._noes += 1
            self._wait(AFTER_NO_SECONDS)
        elif topic != self._create_topic and code == USED_UP and self._was_kept and self._claimed:
            # Of an earlier process, which has not lived to hear that it was accepted.
            self._end(self._claimed.identity)
        else:
            self._end(NotCertifiedError(f"AWS IoT refuses {self._thing_name}: {self._trouble}"))

    def _too_late(self) -> None:
        if self._outcome is None:
            text = f"no certificate for {self._thing_name}'s claim in time: {self._trouble}"
            self._end(CertificateLateError(text))

    def _end(self, outcome: Identity | DeviceError) -> None:
        if self._outcome is not None:
            return
        self._stop_waiting()
        self._outcome = outcome
        self._reactor.after(GOODBYE_SECONDS, self._reactor.stop)
        self._connection.stop(goodbye=True)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._timer = self._reactor.after(seconds, self._ask)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
