"""What can go wrong, each with one sentence for the person at the terminal and an exit code for the
script.
"""

from typing import ClassVar

from playground import exit_codes


class PlaygroundError(Exception):
    """Base of every error that the command reports without a traceback."""

    exit_code: ClassVar[int] = exit_codes.FAILED


class NotUpError(PlaygroundError):
    """The command needs a local cloud and none is up."""

    exit_code = exit_codes.NO_HOME


class NoHomeError(PlaygroundError):
    """Neither a local cloud nor AWS credentials are there."""

    exit_code = exit_codes.NO_HOME


class FolderError(PlaygroundError):
    """The folder for the local cloud's state is not the playground's."""


class SecretError(PlaygroundError):
    """The secret of the local account is damaged."""


class CapacityError(PlaygroundError):
    """More devices than this machine has room for."""


class PortTakenError(PlaygroundError):
    """Another program listens where the local cloud should."""


class EmulatorError(PlaygroundError):
    """The emulator did not start or does not answer."""


class StackError(PlaygroundError):
    """The stack could not be built or deployed."""


class NoStackError(StackError):
    """The stack is not there, or not the current one."""

    exit_code = exit_codes.NO_HOME


class AgentError(PlaygroundError):
    """The task agent did not start."""


class ConsoleError(PlaygroundError):
    """The console could not be built, started or reached."""


class WorkflowError(PlaygroundError):
    """An execution ended in another status than SUCCEEDED."""


class SweepError(PlaygroundError):
    """The sweep ended with an error, or could not remove something."""


class AuditError(PlaygroundError):
    """The stack's audit, or the repair of what it found, has failed."""


class UnknownDeviceError(PlaygroundError):
    """The catalog has no such device."""

    exit_code = exit_codes.NOT_FOUND


class UsageError(PlaygroundError):
    """Options or arguments that cannot be read, or that do not go together."""

    exit_code = exit_codes.USAGE


class QueryError(UsageError):
    """A --query that is no JMESPath, or that does not fit the data."""


class FilterError(UsageError):
    """An MQTT topic filter that breaks a rule."""


class SettingError(UsageError):
    """A KEY=VALUE that cannot be read."""


class InputFileError(PlaygroundError):
    """A file that was named and can't be read, or that holds too much or nothing."""


class UnansweredError(PlaygroundError):
    """The device has not answered in time."""


class ModelError(PlaygroundError):
    """A device model that breaks rules."""


class UnknownModelError(ModelError):
    """There is no device model of that name."""

    exit_code = exit_codes.NOT_FOUND


class DeviceToolError(PlaygroundError):
    """A tool of the device's package did not work."""


class FirmwareError(PlaygroundError):
    """A firmware image that breaks rules, or that is none."""


class ImageError(PlaygroundError):
    """A device image that could not be built or pushed, or that there isn't."""


class AuthorityError(PlaygroundError):
    """An authority of the user's own that can't sign, or that is still needed."""


class DrillError(PlaygroundError):
    """An act of the drill that did not go as it should."""


class WatchError(PlaygroundError):
    """The MQTT connection of `watch` or `listen` could not be made, or was lost."""


class CommandError(PlaygroundError):
    """A command that could not be given to a device, or that it did not answer."""


class LogsError(UsageError):
    """A question about logs that cannot be asked."""


class FleetError(PlaygroundError):
    """A fleet whose devices did not do what they were told."""


class UnknownFleetError(FleetError):
    """There is no fleet of that name."""

    exit_code = exit_codes.NOT_FOUND


class StoppedError(FleetError):
    """One of the stops of a fleet's file has ended its run."""

    exit_code = exit_codes.STOPPED


class LinkError(PlaygroundError):
    """A link that could not be made or ended."""


class SerialsError(PlaygroundError):
    """Serial numbers that the list can't take."""


class UserError(PlaygroundError):
    """A user that could not be made, changed, or let in."""


class UnknownUserError(UserError):
    """There is no user of that name."""

    exit_code = exit_codes.NOT_FOUND


class JobError(PlaygroundError):
    """A job that could not be made."""


class JobUsageError(JobError):
    """Words or parameters that make no job."""

    exit_code = exit_codes.USAGE


class UnknownJobError(JobError):
    """There is no job of that id, or no device of that name to make one for."""

    exit_code = exit_codes.NOT_FOUND
