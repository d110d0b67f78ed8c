"""Where a device may fetch from, and put to: the places that its owner names, and no other.

A job document, or a redirect, may name any URL. Whoever may write one must not have a device ask
the hosts that only the device can reach: the metadata of the machine that it runs on, a service
beside it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

WEB_URL = re.compile(
    r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?([/?#].*)?",
    re.IGNORECASE | re.DOTALL,
)
"""Stricter than RFC 3986: no user before the host, nothing that two readers of URLs could take for
different hosts.
"""

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Place:
    """A part of one server: scheme, host, port and the path that all URLs there begin with."""

    scheme: str
    host: str
    port: int
    path: str = "/"

    @classmethod
    def of(cls, url: str) -> "Place | None":
        """Where an http or https URL leads to; None when that is not beyond doubt."""
        found = WEB_URL.fullmatch(url)
        if found is None:
            return None
        scheme, host = found[1].lower(), found[2].lower()
        port = int(found[3]) if found[3] else PORTS[scheme]
        return cls(scheme, host, port, urlsplit(url).path or "/") if 0 < port < 65_536 else None

    def holds(self, other: "Place") -> bool:
        """Whether that one is this one, or a part of it."""
        if (self.scheme, self.host, self.port) != (other.scheme, other.host, other.port):
            return False
        steps_up = ".." in unquote(other.path).replace("\\", "/").split("/")
        return self.path == "/" or (other.path.startswith(self.path) and not steps_up)


@dataclass(frozen=True, slots=True)
class Sources:
    """The places that a device may ask. `files`: it may read files that a `file:` URL names,
    too.
    """

    places: frozenset[Place] = frozenset()
    files: bool = False

    @classmethod
    def read(cls, text: str) -> Self:
        """From URLs with spaces between them; whatever begins with one of them is allowed. Raises
        `ValueError`.
        """
        places = []
        for url in text.split():
            place = Place.of(url)
            if place is None or re.search(r"[?#]", url):
                raise ValueError(f"{url!r} is no http or https URL of a place")
            places.append(Place(place.scheme, place.host, place.port, place.path.rstrip("/") + "/"))
        return cls(frozenset(places))

    def also(self, urls: Iterable[str]) -> "Sources":
        """These, and the servers of URLs that the device's owner has given it himself."""
        given = list(filter(None, urls))
        found = [Place.of(url) for url in given]
        servers = {
            Place(place.scheme, place.host, place.port) for place in found if place is not None
        }
        return Sources(
            self.places | servers,
            self.files or any(urlsplit(url).scheme == "file" for url in given),
        )

    def allow(self, url: str) -> bool:
        """Whether the device may ask this."""
        place = Place.of(url)
        return place is not None and any(allowed.holds(place) for allowed in self.places)


NOWHERE = Sources()
