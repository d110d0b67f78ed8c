"""PutBack: a device did not come up with the new image; the tag is given back the image that the
device had.

From then on whatever starts a task runs the old image again: the device that is restarted next, a
new one, one that loses its task. The new image keeps the tag of its contents.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from common.clients import session, transient_faults_named
from common.environment import Environment, environment
from common.errors import TransientError
from common.image import ImageTag
from common.observability import Handler, logger, metrics, observed
from common.row import Row, is_free
from devices import wiring
from devices.catalog import Catalog
from holding.conditions import is_held
from holding.purposes import Purpose
from rolling.progress import Progress

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session


@dataclass(frozen=True)
class PutBackRequest:
    """The device in hand, whose restart has failed, and the execution that rolls."""

    roll_arn: str
    progress: Progress

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "PutBackRequest":
        """From the state's payload."""
        return cls(event["roll"], Progress.from_data(event["progress"]))


@dataclass(frozen=True)
class Verdict:
    """GO_ON (the device needs nothing), RESTORE (restart it, it will run the image it had) or STOP,
    and what to say.

    `back` when the device has come back, `lost` when it has not.
    """

    progress: Progress
    back: str = ""
    lost: str = ""

    @property
    def data(self) -> dict[str, Any]:
        """As the workflow takes it."""
        return {**self.progress.data, "back": self.back, "lost": self.lost}


@dataclass(frozen=True)
class PuttingBack:
    """Judges the failure, and gives the tag back."""

    catalog: Catalog
    image: ImageTag

    def put_back(self, request: PutBackRequest) -> Verdict:
        """Repeatable. Raises TransientError when it finds no row: that of a device which was
        deleted stays, and an answer that was cut reads like one without a row.
        """
        done = request.progress
        row = self.catalog.row(done.thing_name)
        if row is None:
            raise TransientError(f"the row of {done.thing_name} was not read")
        if _is_gone(row) or _is_untouched(row, done):
            return Verdict(done.passed_over())
        restored = self._give_back(done)
        told = _told(done, str(row.get("status_reason", "")))
        if not restored:
            reason = f"{told}. No earlier image is known, so the device has no task now."
            return Verdict(replace(done, verdict="STOP"), lost=reason)
        return Verdict(
            replace(done, verdict="RESTORE"),
            back=f"{told}. It runs {done.previous} again, and so will new tasks.",
            lost=(
                f"{told}. New tasks run {done.previous} again; the device did not come back "
                "with it either."
            ),
        )

    def _give_back(self, done: Progress) -> bool:
        """True when new tasks run another image than the one that failed."""
        if self.image.digest() != done.image:
            return True  # An earlier attempt, or somebody has pushed another one.
        if done.previous in ("", done.image):
            return False
        ecr, repository = self.image.ecr, self.image.repository
        found = ecr.batch_get_image(
            repositoryName=repository, imageIds=[{"imageDigest": done.previous}]
        )["images"]
        if not found:
            return False  # The repository keeps the latest ones only.
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-retag.html
        ecr.put_image(
            repositoryName=repository,
            imageManifest=found[0]["imageManifest"],
            imageManifestMediaType=found[0]["imageManifestMediaType"],
            imageTag=self.image.tag,
        )
        return True


def _is_gone(row: Row) -> bool:
    return is_free(row) or is_held(row, Purpose.DEPROVISION)


def _is_untouched(row: Row, done: Progress) -> bool:
    """The restart was refused: somebody else works on the device, or has put it into quarantine."""
    return row.get("task_arn") == done.task_arn and not is_held(row, Purpose.RESTART)


def _told(done: Progress, reason: str) -> str:
    moved = done.rolled - 1
    others = {0: "no device was", 1: "1 device was"}.get(moved, f"{moved} devices were")
    why = f" ({reason})" if reason else ""
    return (
        f"{done.thing_name} did not come up with {done.image}{why}; {others} moved before "
        "it, none after it"
    )


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """State PutBack. Gives the progress with its decision (`verdict`), and `back` and `lost`."""
    putting_back = PuttingBack(
        wiring.catalog(environment, session),
        wiring.image(environment, session),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        request = PutBackRequest.from_event(event)
        logger.append_keys(thing_name=request.progress.thing_name, execution_arn=request.roll_arn)
        with transient_faults_named():
            judged = putting_back.put_back(request)
        if judged.progress.verdict != "GO_ON":
            metrics.add_metric("RollsStopped", unit="Count", value=1)
        logger.warning(
            "a device was not moved", verdict=judged.progress.verdict, reason=judged.lost
        )
        return judged.data

    return handler


handler = observed(build(environment, session))
