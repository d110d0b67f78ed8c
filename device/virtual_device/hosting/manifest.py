"""The list of the devices that a host runs (docs/contracts.md, "Hosts")."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from virtual_device.base.errors import DeviceError
from virtual_device.base.jsonvalue import (
    Json,
    JsonObject,
    NotJsonError,
    decode_object,
    is_integer,
    same,
)
from virtual_device.state.seat import SEAT_ID, Seat
from virtual_device.telemetry.thing import THING_NAME

DOCUMENT_VERSION = 1
MAX_BYTES = 4 * 1024 * 1024
"""About 2,000 devices, whose presigned URLs have some 1,700 characters each."""

MAX_DEVICES = 5_000
MAX_URL = 4096


class ManifestInvalidError(DeviceError):
    """The document isn't a manifest of this host. The message names the field, and repeats nothing
    of a URL.
    """


class ManifestOutOfStepError(DeviceError):
    """The document is of another revision than was announced: one of both is about to follow."""

    permanent = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """One revision of it."""

    revision: int
    seats: Mapping[str, Seat]
    """By thing name."""
    leaving: frozenset[str] = field(default=frozenset())
    """Only of what a host keeps: things without a seat whose state was not forgotten yet."""

    @classmethod
    def from_bytes(cls, content: bytes, host: str) -> Self:
        """As it was fetched, for the host of this name. Raises `ManifestInvalidError`."""
        try:
            document = decode_object(content, MAX_BYTES)
        except NotJsonError as error:
            raise ManifestInvalidError(f"manifest: {error}") from error
        return cls(_revision(document, host), _seats(document, host, _seat))

    @classmethod
    def from_kept(cls, document: JsonObject, host: str) -> Self:
        """As `as_kept` has written it. Raises `ManifestInvalidError`."""
        leaving = document.get("leaving", [])
        if not isinstance(leaving, list) or not all(map(_is_thing_name, leaving)):
            raise ManifestInvalidError("manifest: leaving is no array of thing names")
        seats = _seats(document, host, _kept_seat)
        return cls(_revision(document, host), seats, frozenset(map(str, leaving)))

    def as_kept(self, host: str) -> JsonObject:
        """The document to be kept: all but the URLs."""
        seats = self.seats.values()
        return {
            "version": DOCUMENT_VERSION,
            "host": host,
            "revision": self.revision,
            "devices": [{"thingName": seat.thing_name, "seat": seat.seat} for seat in seats],
            "leaving": [*sorted(self.leaving)],
        }


def _revision(document: JsonObject, host: str) -> int:
    if not same(document.get("version"), DOCUMENT_VERSION):
        raise ManifestInvalidError(f"manifest: version is not {DOCUMENT_VERSION}")
    if document.get("host") != host:
        raise ManifestInvalidError(f"manifest: host is not {host}")
    revision = document.get("revision")
    if not isinstance(revision, int | float) or not is_integer(revision) or revision < 1:
        raise ManifestInvalidError("manifest: revision is not an integer from 1")
    return int(revision)


def _seats(document: JsonObject, host: str, read: Callable[[Json, str], Seat]) -> dict[str, Seat]:
    devices = document.get("devices")
    if not isinstance(devices, list) or len(devices) > MAX_DEVICES:
        raise ManifestInvalidError(f"manifest: devices is no array of at most {MAX_DEVICES}")
    seats: dict[str, Seat] = {}
    ids: set[str] = set()
    for number, device in enumerate(devices):
        place = f"manifest: devices[{number}]"
        seat = read(device, place)
        if seat.thing_name == host:
            raise ManifestInvalidError(f"{place}.thingName is the host's own")
        if seat.thing_name in seats:
            raise ManifestInvalidError(f"{place}.thingName has a seat already")
        if seat.seat in ids:
            raise ManifestInvalidError(f"{place}.seat is taken already")
        seats[seat.thing_name] = seat
        ids.add(seat.seat)
    return seats


def _seat(device: Json, place: str) -> Seat:
    found = _kept_seat(device, place)
    url = device.get("configUrl") if isinstance(device, dict) else None
    is_url = isinstance(url, str) and url.startswith(("http://", "https://"))
    if not is_url or len(str(url)) > MAX_URL:
        raise ManifestInvalidError(
            f"{place}.configUrl is no http or https URL of at most {MAX_URL} characters"
        )
    return Seat(found.thing_name, found.seat, str(url))


def _kept_seat(device: Json, place: str) -> Seat:
    if not isinstance(device, dict):
        raise ManifestInvalidError(f"{place} is not an object")
    name, seat = device.get("thingName"), device.get("seat")
    if not _is_thing_name(name):
        raise ManifestInvalidError(f"{place}.thingName is not a thing name")
    if not isinstance(seat, str) or not SEAT_ID.fullmatch(seat):
        raise ManifestInvalidError(f"{place}.seat is not a seat's id")
    return Seat(str(name), seat)


def _is_thing_name(value: Json) -> bool:
    return isinstance(value, str) and THING_NAME.fullmatch(value) is not None
