"""Getting the firmware image that a job document tells of: fetched, its size and SHA-256 checked,
read. Blocks.
"""

from dataclasses import dataclass, field
from hashlib import sha256

from virtual_device.base.errors import (
    DeviceError,
    DocumentTooLongError,
    PlaceRefusedError,
    UrlRefusedError,
)
from virtual_device.firmware.image import FirmwareInvalidError, Image, read
from virtual_device.web.fetch import fetch
from virtual_device.web.sources import Sources

WHAT = "firmware image"
# S3 says 403 of an object that isn't there to whoever may not list the bucket (API reference,
# GetObject).
REFUSED = (
    "HTTP 403: the URL has expired, the role that signed it may not read the image, or "
    "there is none"
)
FAULTS = {
    403: ("URL_REFUSED", REFUSED),
    404: ("NOT_FOUND", "HTTP 404: there is no image at the URL"),
}


class ImageError(DeviceError):
    """There is no image that could be installed. `code` is for programs."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(slots=True)
class Source:
    """An image to be had. `received` is how many bytes there are by now; another thread may
    look.
    """

    version: str
    size: int
    sha256: str
    url: str = field(repr=False)
    sources: Sources
    received: int = 0

    @property
    def percent(self) -> int:
        """How much of the image there is."""
        return 100 * self.received // self.size

    def obtain(self) -> Image:
        """Fetch and check the image; reads no more than there should be. Raises `ImageError`."""
        content = self._fetch()
        if len(content) != self.size:
            raise ImageError("WRONG_SIZE", f"the image has {len(content)} bytes, not {self.size}")
        if sha256(content).hexdigest() != self.sha256:
            raise ImageError(
                "WRONG_HASH", "the SHA-256 of the image is not the one that the job names"
            )
        try:
            image = read(content)
        except FirmwareInvalidError as error:
            raise ImageError("INVALID_IMAGE", str(error)) from None
        if image.version != self.version:
            raise ImageError(
                "WRONG_VERSION", f"the image is version {image.version}, not {self.version}"
            )
        return image

    def _fetch(self) -> bytes:
        try:
            return fetch(self.url, WHAT, self.sources, limit=self.size, received=self._on_received)
        except DocumentTooLongError:
            raise ImageError("WRONG_SIZE", f"the image has more than {self.size} bytes") from None
        except PlaceRefusedError as error:
            raise ImageError("PLACE_REFUSED", str(error)) from None
        except UrlRefusedError as error:
            code, reason = FAULTS.get(
                error.status or 0, ("URL_REFUSED", f"the server answered HTTP {error.status}")
            )
            raise ImageError(code, reason) from None
        except DeviceError as error:
            raise ImageError("UNREACHABLE", str(error)) from None

    def _on_received(self, count: int) -> None:
        self.received = count
