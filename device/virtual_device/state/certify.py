"""A device's first certificate for a key of its own making: key and request here, the certificate
from the cloud.

The key is kept (0600) before anything is asked, so a process that is cut off goes on with the same
request.
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from virtual_device.base.errors import ConfigInvalidError, DeviceError, UrlRefusedError
from virtual_device.base.jsonvalue import Json, JsonObject, NotJsonError, decode_object
from virtual_device.state.config import Config, Identity
from virtual_device.state.keys import Request, fits, make_request
from virtual_device.state.store import Store, digest
from virtual_device.web.fetch import fetch as fetch_url
from virtual_device.web.sources import Sources
from virtual_device.web.upload import upload as upload_to

log = logging.getLogger(__name__)

REQUEST_FILE = "request.json"
WAIT_SECONDS = 600.0
"""How long the certificate is waited for: the workflow waits for the request and the connection as
long in all.
"""
PAUSE_SECONDS = 1.0

Fetch = Callable[[str, str, Sources], bytes]


class NotCertifiedError(DeviceError):
    """There is no certificate for the device's key, and there will be none."""


class CertificateLateError(NotCertifiedError):
    """There is no certificate yet. Who waits for it again goes on with the same key."""


@dataclass(frozen=True)
class World:
    """What is outside: the bucket, and the time."""

    fetch: Fetch = fetch_url
    upload: Callable[[str, str, Sources], None] = upload_to
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def certify(
    config: Config, store: Store, sources: Sources, world: World, wait: float = WAIT_SECONDS
) -> Identity:
    """The identity of a device whose config asks for a request. Raises `DeviceError`, of which
    `CertificateLateError` when there is none after `wait` seconds.
    """
    request = request_for(config.thing.name, digest(config.csr_url), store)
    world.upload(config.csr_url, request.csr, sources)
    log.info(
        "certificate requested for a key made here",
        extra={"data": {"thingName": config.thing.name}},
    )
    deadline = world.clock() + wait
    while True:
        identity = _look(config, request, sources, world)
        if identity is not None:
            return identity
        if world.clock() >= deadline:
            raise CertificateLateError(
                f"no certificate for {config.thing.name}'s key arrived within {wait:.0f} s"
            )
        world.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, no secret


def request_for(thing_name: str, source: str, store: Store) -> Request:
    """The kept one, if it was made for this very source; else a new one, which is kept (0600).
    Raises `StateUnusableError`, `StateCorruptError`.
    """
    kept = store.load_document(thing_name, REQUEST_FILE) or {}
    if kept.get("source") == source:
        return Request(str(kept["privateKey"]), str(kept["csr"]))
    made = make_request(thing_name)
    document = {"source": source, "privateKey": made.private_key, "csr": made.csr}
    store.save_document(thing_name, REQUEST_FILE, document)
    return made


def _look(config: Config, request: Request, sources: Sources, world: World) -> Identity | None:
    """The identity, if what is in the bucket by now is a certificate for our key."""
    try:
        document = _document(world.fetch(config.identity_url, "certificate", sources))
    except UrlRefusedError as error:
        # S3 says 403 of an object that isn't there to whoever may not list the bucket (API
        # reference, GetObject).
        if error.status in {403, 404}:
            return None
        raise
    identity = Identity.from_document(with_own_key(document, request))
    return identity if fits(identity.private_key, identity.certificate) else None


def _document(content: bytes) -> dict[str, Json]:
    try:
        return decode_object(content)
    except NotJsonError as error:
        raise ConfigInvalidError(f"certificate: {error}") from error


def with_own_key(document: JsonObject, request: Request) -> JsonObject:
    """What the cloud has sent, with the key that is ours. Raises `NotCertifiedError` when it has
    sent one.
    """
    if "privateKey" in document:
        raise NotCertifiedError("the cloud sent a private key; this device uses only its own")
    return {**document, "privateKey": request.private_key}
