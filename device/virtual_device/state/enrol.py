"""Getting what a device needs to connect: from the state directory, else, once, from the URLs it
was given.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from virtual_device.base.descriptors import PASSING
from virtual_device.base.errors import (
    ConfigInvalidError,
    DeviceError,
    NothingToHostError,
    StateCorruptError,
    UnreadableError,
    UrlRefusedError,
)
from virtual_device.state.certify import REQUEST_FILE, WAIT_SECONDS, World, certify
from virtual_device.state.claimed import CLAIMED_FILE
from virtual_device.state.config import Config, Identity
from virtual_device.state.seat import Seat
from virtual_device.state.store import Enrolment, Store, digest
from virtual_device.telemetry.thing import HOST
from virtual_device.web.fetch import fetch as fetch_url
from virtual_device.web.sources import Sources

log = logging.getLogger(__name__)

Fetch = Callable[[str, str, Sources], bytes]
Exchange = Callable[[Config, Identity, Store], Identity]
"""How a claim becomes an identity: over a connection, which is made elsewhere."""

SEAT_WAIT_SECONDS = 30.0
"""How long a device waits for its certificate at a stretch when others wait for the same thread."""


class SeatEmptyError(DeviceError):
    """No identity is kept for a seat, and no URL of its config is known."""

    permanent = False


class SeatRefusedError(DeviceError):
    """The config that a seat leads to is not one for it."""


def no_exchange(config: Config, _claim: Identity, _store: Store) -> Identity:
    """Where no connection can be made for it, as on a host. Raises `ConfigInvalidError`."""
    raise ConfigInvalidError(f"config: no claim can be used for {config.thing.name} here")


def from_url(
    url: str | None,
    store: Store,
    sources: Sources,
    fetch: Fetch = fetch_url,
    exchange: Exchange = no_exchange,
) -> list[Enrolment]:
    """The device that `CONFIG_FILE_URL` leads to; all that are kept when there is no URL. Where a
    host is kept, those are hosts alone: a host starts the others itself, by its manifest.

    A URL that was used before isn't touched again. One that is refused does no harm when the state
    directory holds exactly one identity: then that is the device, started again. Raises
    `DeviceError`.
    """
    kept, damage = _kept(store)
    if url is None:
        return _all_of(kept, damage)
    used = [enrolment for enrolment in kept if enrolment.config_source == digest(url)]
    if used:
        return used
    try:
        config = Config.from_bytes(fetch(url, "config document", sources))
        named = _named_in(config, sources) if url.startswith("file:") else sources
        source = digest(url)
        return [from_config(config, store, named, fetch, source, exchange=exchange)]
    except UrlRefusedError as error:
        if len(kept) != 1:
            raise damage[0] if damage else error from error
        log.warning("%s The identity kept for %s is used.", error, kept[0].config.thing.name)
        return kept


def from_file(
    path: Path,
    store: Store,
    sources: Sources,
    fetch: Fetch = fetch_url,
    exchange: Exchange = no_exchange,
) -> Enrolment:
    """The device of a config document on disk, which is its owner's own. Raises `DeviceError`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        if error.errno in PASSING:
            raise UnreadableError(f"{path} can't be read for now: {error}") from error
        raise ConfigInvalidError(f"{path} can't be read: {error}") from error
    try:
        config = Config.from_bytes(content)
    except ConfigInvalidError as error:
        raise ConfigInvalidError(f"{path}: {error}") from error
    return from_config(config, store, _named_in(config, sources), fetch, exchange=exchange)


def _named_in(config: Config, sources: Sources) -> Sources:
    """What a config names that nobody but the device's owner can have written."""
    return sources.also([config.identity_url, config.csr_url])


def from_seat(seat: Seat, store: Store, sources: Sources, fetch: Fetch = fetch_url) -> Enrolment:
    """The device of a seat: the one whose identity is kept for this very seat, else a new one.

    What is kept of a thing for another seat, or is damaged, is forgotten before. Blocks for as long
    as fetching takes, and `SEAT_WAIT_SECONDS` for a certificate. Raises `DeviceError`, of which
    `CertificateLateError` may pass though it says that it is permanent.
    """
    try:
        kept = store.load(seat.thing_name)
    except StateCorruptError as error:
        log.warning("%s; the device is enrolled again", error)
        store.forget(seat.thing_name)
    else:
        if kept is not None and kept.seat == seat.seat:
            return kept
        if kept is not None:
            store.forget(seat.thing_name)
    if not seat.config_url:
        raise SeatEmptyError(f"no identity of {seat.thing_name} is kept for its seat")
    config = Config.from_bytes(fetch(seat.config_url, "config document", sources))
    if config.thing.name != seat.thing_name:
        raise SeatRefusedError(f"the config for {seat.thing_name} is that of {config.thing.name}")
    if config.thing.device_type == HOST:
        raise SeatRefusedError(f"{seat.thing_name} is a host, and a host runs no other one")
    return from_config(config, store, sources, fetch, seat=seat.seat, wait=SEAT_WAIT_SECONDS)


def from_config(  # noqa: PLR0913 - all but the first four have defaults
    config: Config,
    store: Store,
    sources: Sources,
    fetch: Fetch,
    config_source: str = "",
    *,
    seat: str = "",
    wait: float = WAIT_SECONDS,
    exchange: Exchange = no_exchange,
) -> Enrolment:
    """The device of a config: with its kept identity if that came from the same URL, else with a
    fetched one. For its certificate it waits so many seconds. Raises `DeviceError`.
    """
    kept = _load(config.thing.name, store)
    source = digest(config.identity_url)
    known = replace(config, identity_url="", csr_url="", provisioning_template="", own_key=False)
    if kept is not None and kept.identity_source == source:
        return replace(kept, config=known)
    try:
        identity = _identity(config, store, sources, fetch, wait)
        if config.provisioning_template:
            identity = exchange(config, identity, store)
    except UrlRefusedError as error:
        if kept is None:
            raise
        log.warning("%s The identity kept for %s is used.", error, config.thing.name)
        return replace(kept, config=known)
    enrolment = Enrolment(known, identity, config_source, source, seat)
    store.save(enrolment)
    # Only now: identity.json holds the key from here on.
    for name in (REQUEST_FILE, CLAIMED_FILE):
        store.remove_document(config.thing.name, name)
    return enrolment


def _identity(
    config: Config, store: Store, sources: Sources, fetch: Fetch, wait: float
) -> Identity:
    """Certificate and key, or a claim: both from the cloud, or the certificate only, for a key that
    is made here.
    """
    if config.csr_url:
        return certify(config, store, sources, World(fetch), wait)
    return Identity.from_bytes(fetch(config.identity_url, "identity document", sources))


def _load(thing_name: str, store: Store) -> Enrolment | None:
    try:
        return store.load(thing_name)
    except StateCorruptError as error:
        log.warning("%s; the identity is fetched again", error)
        return None


def _kept(store: Store) -> tuple[list[Enrolment], list[DeviceError]]:
    """Those that are the process's own to start: what has a seat is its host's, and beside a host
    nothing else is kept on purpose.
    """
    kept: list[Enrolment] = []
    damage: list[DeviceError] = []
    for name in store.stored():
        try:
            enrolment = store.load(name)
        except StateCorruptError as error:
            log.error("%s", error)  # noqa: TRY400 - the message says it all
            damage.append(error)
        else:
            kept.extend([enrolment] if enrolment and not enrolment.seat else [])
    hosts = [enrolment for enrolment in kept if enrolment.config.thing.device_type == HOST]
    return hosts or kept, damage


def _all_of(kept: list[Enrolment], damage: list[DeviceError]) -> list[Enrolment]:
    if kept:
        return kept
    if damage:
        raise damage[0]
    raise NothingToHostError(
        "nothing to start: no argument, no CONFIG_FILE_URL, and no identity in STATE_DIR"
    )
