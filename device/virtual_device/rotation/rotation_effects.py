"""What the course of a rotation wants done: values only.

`Keep`, `PutInForce` and `Try` may be answered at once, so they come last of what a step wants.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from virtual_device.core.effects import Log
from virtual_device.rotation.rotation import Rotation
from virtual_device.state.config import Identity


@dataclass(frozen=True, slots=True)
class MakeKey:
    """Make a key and a request for a certificate; answered by `on_made`."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Keep:
    """Remember how far it has come over a restart; answered by `on_kept`."""

    rotation: Rotation


@dataclass(frozen=True, slots=True)
class PutInForce:
    """Start with this identity from now on, in one step; answered by `on_put_in_force`."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class Forget:
    """It is over: nothing of it is to be kept."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Subscribe to the cloud's answers; answered by `on_subscribed`."""


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """No answer is waited for any more."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the cloud, instead of what was asked before, until `StopAsking`.

    Answered by `on_answer`, and by `on_silence` for each time that it is asked in vain.
    """

    verb: str
    job_id: str
    content: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Ask the same once more."""


@dataclass(frozen=True, slots=True)
class PauseAsking:
    """No answer can come for now, but one that does come still counts."""


@dataclass(frozen=True, slots=True)
class StopAsking:
    """Nothing is asked any more."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Call `on_time` after so many seconds, and only then: an earlier `Wait` is over."""

    seconds: float


@dataclass(frozen=True, slots=True)
class StopWaiting:
    """Don't."""


@dataclass(frozen=True, slots=True)
class Try:
    """Connect with this identity for so many seconds at most; answered by `on_tried`."""

    identity: Identity
    seconds: float
    pause: float = 0.0
    """Seconds before the old connection is left: what is on its way arrives."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Tell the job, if there is one, how far it has come."""

    details: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Tell the job, if there is one, that this certificate is in force, the only one."""

    certificate_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Tell the job, if there is one, that it has failed."""

    code: str
    reason: str


Effect = (
    MakeKey
    | Keep
    | PutInForce
    | Forget
    | Subscribe
    | Unsubscribe
    | Ask
    | AskAgain
    | PauseAsking
    | StopAsking
    | Wait
    | StopWaiting
    | Try
    | Progress
    | Succeeded
    | Failed
    | Log
)
Effects = tuple[Effect, ...]
