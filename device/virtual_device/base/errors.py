"""What can keep a device from starting, each with a message that says what to do."""


class DeviceError(Exception):
    """Base of all errors here. `permanent` says that starting again can't help."""

    permanent = True


class EnvironmentIncompleteError(DeviceError):
    """An environment variable is missing or has no sense."""


class ConfigInvalidError(DeviceError):
    """The config or identity document isn't what docs/contracts.md says."""


class UrlRefusedError(DeviceError):
    """The server refused to hand out the document: expired, used up or never valid. `status` is
    that of HTTP.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class PlaceRefusedError(UrlRefusedError):
    """A URL leads to where the device asks nobody: its owner has not named that place."""


class DocumentTooLongError(ConfigInvalidError):
    """There is more behind a URL than the document may have; the rest was not read."""


class UrlUnreachableError(DeviceError):
    """The document could not be had for now: no connection, or the server failed."""

    permanent = False


class StateCorruptError(DeviceError):
    """A file in the state directory is damaged; nothing of it is used."""


class StateUnusableError(DeviceError):
    """The state directory can't be read or written; not `permanent` if it may well be another
    time.
    """

    def __init__(self, message: str, *, permanent: bool = True) -> None:
        super().__init__(message)
        self.permanent = permanent


class UnreadableError(DeviceError):
    """A file is there and can't be read for now: nobody knows what is in it."""

    permanent = False


class DescriptorsLackingError(DeviceError):
    """There are more devices than this process may have connections."""


class NothingToHostError(DeviceError):
    """Neither an argument nor the environment nor the state directory names a device."""
