"""Whether a device that was started anew comes up: it has read its shadow, and a telemetry message
was acknowledged.
"""

from virtual_device.connection.transport import Done, Failure


class Probation:
    """One start. `told` is called once: with None when the device is up, else with what keeps it
    from coming up.

    It has no time limit of its own: a device that can't connect goes on trying.
    """

    __slots__ = ("_acknowledged", "_read", "_told")

    def __init__(self, told: Done) -> None:
        self._told: Done | None = told
        self._read = self._acknowledged = False

    def on_document(self) -> None:
        """The shadow was read."""
        self._read = True
        self._look()

    def on_acknowledged(self) -> None:
        """The server has taken a telemetry message."""
        self._acknowledged = True
        self._look()

    def fail(self, reason: str) -> None:
        """The device won't come up."""
        self._tell(Failure(reason, refused=True))

    def _look(self) -> None:
        if self._read and self._acknowledged:
            self._tell(None)

    def _tell(self, failure: Failure | None) -> None:
        told, self._told = self._told, None
        if told is not None:
            told(failure)
