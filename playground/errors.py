"""What can go wrong, each with one sentence for the person at the terminal."""


class PlaygroundError(Exception):
    """Base of every error that the command reports without a traceback."""


class NotUpError(PlaygroundError):
    """The command needs a local cloud and none is up."""


class NoHomeError(PlaygroundError):
    """Neither a local cloud nor AWS credentials are there."""


class PortTakenError(PlaygroundError):
    """Another program listens where the local cloud should."""


class EmulatorError(PlaygroundError):
    """The emulator did not start or does not answer."""


class StackError(PlaygroundError):
    """The stack could not be built or deployed, or is not there."""


class AgentError(PlaygroundError):
    """The task agent did not start."""


class WorkflowError(PlaygroundError):
    """An execution ended in another status than SUCCEEDED."""


class SweepError(PlaygroundError):
    """The sweep ended with an error, or could not remove something."""


class UnknownDeviceError(PlaygroundError):
    """The catalog has no such device."""


class SettingError(PlaygroundError):
    """A KEY=VALUE that cannot be read, or that the device refused or left unanswered."""


class ModelError(PlaygroundError):
    """A device model that there isn't, or that breaks rules."""


class DeviceToolError(PlaygroundError):
    """A tool of the device's package did not work."""


class FirmwareError(PlaygroundError):
    """A firmware image that breaks rules, or that is none."""


class DrillError(PlaygroundError):
    """An act of the drill that did not go as it should."""


class WatchError(PlaygroundError):
    """The MQTT connection of `watch` could not be made."""


class CommandError(PlaygroundError):
    """A command that could not be given to a device, or that it did not answer."""


class JobError(PlaygroundError):
    """A job that could not be made, or that there isn't."""
