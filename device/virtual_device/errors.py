"""What can keep a device from starting, each with a message that says what to do."""


class DeviceError(Exception):
    """Base of all errors here. `permanent` says that starting again can't help."""

    permanent = True


class EnvironmentIncompleteError(DeviceError):
    """An environment variable is missing or has no sense."""


class ConfigInvalidError(DeviceError):
    """The config or identity document isn't what docs/contracts.md says."""


class UrlRefusedError(DeviceError):
    """The server refused to hand out the document: expired, used up or never valid. `status` is that of HTTP."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class DocumentTooLongError(ConfigInvalidError):
    """There is more behind a URL than the document may have; the rest was not read."""


class UrlUnreachableError(DeviceError):
    """The document could not be had for now: no connection, or the server failed."""

    permanent = False


class StateCorruptError(DeviceError):
    """A file in the state directory is damaged; nothing of it is used."""


class StateUnusableError(DeviceError):
    """The state directory can't be read or written."""


class NothingToHostError(DeviceError):
    """Neither an argument nor the environment nor the state directory names a device."""
