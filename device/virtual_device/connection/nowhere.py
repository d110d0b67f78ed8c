"""The connection of a device that has left for good."""

from collections.abc import Sequence

from virtual_device.connection.job_service import Service
from virtual_device.connection.transport import Done


class Nowhere:
    """Takes everything, and answers nothing: there is nobody any more who could wait for it."""

    def start(self) -> None:
        """It stays as it is."""

    def stop(self, *, goodbye: bool) -> None:
        """It stays as it is."""

    def publish(
        self, topic: str, payload: bytes, done: Done, correlation_data: bytes | None = None
    ) -> None:
        """Not sent."""

    def send(self, topic: str, payload: bytes) -> None:
        """Not sent."""

    def subscribe(self, filters: Sequence[str], done: Done) -> None:
        """Not subscribed."""

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """There are none."""

    def open_jobs(self, thing_name: str) -> Service:
        """There are no jobs. Raises `ValueError`."""
        raise ValueError(f"{thing_name} has left")

    def discard(self) -> None:
        """It holds nothing."""


NOWHERE = Nowhere()
