"""Errors that the workflows route by name: the class name is the `ErrorEquals` name.

AWS Lambda reports the class name of an exception as the error of the Task state. Nothing is ever
routed by the text of a message.
"""


class PlaygroundError(Exception):
    """Base of every error that a function raises on purpose."""


class InvalidInput(PlaygroundError):  # noqa: N818 - the name is the ErrorEquals name
    """The caller's input breaks a rule; the message names the field and the rule. Never worth a
    retry.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


class ThingExists(PlaygroundError):  # noqa: N818
    """The name is taken, by a device of this playground or by somebody else's thing."""


class ThingNotFound(PlaygroundError):  # noqa: N818
    """The catalog knows no device of that name."""


class OwnershipLost(PlaygroundError):  # noqa: N818
    """The device belongs to another execution by now, or is being removed: this one may make
    nothing more for it.
    """


class RestartLost(PlaygroundError):  # noqa: N818
    """The device was taken from this restart: it is being deleted, or has been."""


class DeviceBusy(PlaygroundError):  # noqa: N818
    """Another execution, which still runs, works on the device: a removal tries again, a restart by
    hand is refused.
    """


class QuarantineLost(PlaygroundError):  # noqa: N818
    """The device was taken from this quarantine or release: it is being deleted, or has been."""


class DeviceOffline(PlaygroundError):  # noqa: N818
    """The device would have to change its certificate itself, and is not there: it can be released
    by force.
    """


class RenewalFailed(PlaygroundError):  # noqa: N818
    """The device that is to be released did not get a new certificate: it stays in quarantine."""


class DetachmentPending(PlaygroundError):  # noqa: N818
    """AWS IoT took a detachment and still acts as if there were none; worth a retry."""


class TaskNotStarted(PlaygroundError):  # noqa: N818
    """ECS took the request and placed no task; the message is the reason that ECS gave."""


class RequestMissing(PlaygroundError):  # noqa: N818
    """A device that makes its own key has put no certificate signing request into the bucket in
    time.
    """


class RequestRefused(PlaygroundError):  # noqa: N818
    """What a device has put there is no certificate signing request, or one that AWS IoT does not
    take.
    """


class SerialRefused(PlaygroundError):  # noqa: N818
    """The list of serial numbers does not have the device, or not once, or for another batch. No
    retry lets it in.
    """


class TaskStillRunning(PlaygroundError):  # noqa: N818
    """ECS has been told to stop the device's task, and it has not ended yet; worth a retry."""


class NoDeviceImage(PlaygroundError):  # noqa: N818
    """Nobody has pushed a device image yet; the message says how. No retry makes one."""


class RollUnderWay(PlaygroundError):  # noqa: N818
    """Another execution moves devices to a new image, and there may be one at a time."""


class FleetNotFound(PlaygroundError):  # noqa: N818
    """There is no fleet of that name."""


class FleetBusy(PlaygroundError):  # noqa: N818
    """Another execution, which still runs, changes the fleet."""


class ImageChanged(PlaygroundError):  # noqa: N818
    """Somebody has pushed another image since the roll began: it ends where it stands."""


class AccessRefused(PlaygroundError):  # noqa: N818
    """IAM refused a call. Worth a few tries: a role that the stack has just made is not known
    everywhere yet.
    """


class TransientError(PlaygroundError):
    """AWS asked for patience (throttling, a 5xx answer, a lost connection); the workflow tries
    again later.
    """
