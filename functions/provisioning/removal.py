"""The removal of what carries an execution's mark, in the order that AWS demands.

Every step tolerates what is not there any more, so it can be repeated after any interruption.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from common.certificates import STILL_ATTACHED, remove_certificate, tolerating
from common.clients import error_code
from common.errors import DetachmentPending
from common.identifiers import (
    config_key,
    identity_key,
    manifests_of,
    model_key,
    request_key,
)
from common.waiting import Patience
from hosting.device_tasks import REMOVED, DeviceTasks

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient
    from types_boto3_iot_data import IoTDataPlaneClient
    from types_boto3_s3 import S3Client

# The function waits for the seconds that it usually takes. What takes longer is DetachmentPending,
# and the Retry of the workflow has patience for minutes.


@dataclass(frozen=True)
class Removal:
    """Removes a device's parts: tasks, certificates, shadow, thing, objects."""

    iot: "IoTClient"
    iot_data: "IoTDataPlaneClient"
    tasks: DeviceTasks
    s3: "S3Client"
    bucket: str
    patience: Patience

    def remove_marked(self, thing_name: str, owner: str, certificates: Iterable[str] = ()) -> bool:
        """Everything with the mark `owner` under that name, and these certificates (ARNs), attached
        or not.

        False when nothing carried the mark. Raises DetachmentPending when AWS takes longer than the
        function can wait.
        """
        for _ in self.patience.tries():
            try:
                return self._try_to_remove(thing_name, owner, certificates)
            except ClientError as error:
                if error_code(error) not in STILL_ATTACHED:
                    raise
                refusal = error
        raise DetachmentPending(str(refusal)) from refusal

    def _try_to_remove(self, thing_name: str, owner: str, certificates: Iterable[str]) -> bool:
        """From the beginning each time: a function whose execution was aborted may attach again
        what was detached.
        """
        running = self.tasks.running(thing_name, owner)
        self.end(running)
        ours = self._is_ours(thing_name, owner)
        principals = self._principals(thing_name) if ours else set()
        for arn in sorted({*certificates, *principals}):
            remove_certificate(self.iot, thing_name, arn, attached=ours)
        if ours:
            # The thing last: it is what tells the next attempt, after an interruption, that the
            # shadow is ours.
            self.remove_shadow(thing_name)
            self.iot.delete_thing(thingName=thing_name)
        return ours or bool(running)

    def remove_shadow(self, thing_name: str) -> None:
        """A shadow outlives its thing, so it goes by name. Only for who owns the name."""
        with tolerating("ResourceNotFoundException"):
            self.iot_data.delete_thing_shadow(thingName=thing_name)

    def remove_objects(self, thing_name: str) -> None:
        """Config, identity, request and model. Only for who owns the name: they carry no mark."""
        for key_of in (config_key, identity_key, request_key, model_key):
            # When somebody has deleted the bucket, the objects went before it.
            with tolerating("NoSuchBucket"):
                self.s3.delete_object(Bucket=self.bucket, Key=key_of(thing_name))

    def has_thing(self, thing_name: str) -> bool:
        """Whether a thing of that name is registered, whoever's it is."""
        return self._attributes(thing_name) is not None

    def end(self, task_arns: Iterable[str]) -> None:
        """Stop tasks, for a reason that the rule on stopped tasks passes over."""
        self.tasks.stop(task_arns, REMOVED)

    def close_host(self, host: str, execution_arn: str) -> None:
        """Have no device come any more to the host that this execution has made or was to make.
        Those that are there are brought to another one when its task has stopped.
        """
        self.tasks.board.seats.close_of(host, execution_arn)

    def remove_manifests(self, host: str) -> None:
        """All that the host was told, and what a function that was killed has left of it."""
        with tolerating("NoSuchBucket"):
            pages = self.s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=manifests_of(host)
            )
            for item in (item for page in pages for item in page.get("Contents", [])):
                self.s3.delete_object(Bucket=self.bucket, Key=item["Key"])

    def _is_ours(self, thing_name: str, owner: str) -> bool:
        return (self._attributes(thing_name) or {}).get("execution") == owner

    def _attributes(self, thing_name: str) -> dict[str, str] | None:
        with tolerating("ResourceNotFoundException"):
            return self.iot.describe_thing(thingName=thing_name).get("attributes", {})
        return None

    def _principals(self, thing_name: str) -> set[str]:
        with tolerating("ResourceNotFoundException"):
            pages = self.iot.get_paginator("list_thing_principals").paginate(thingName=thing_name)
            return {arn for page in pages for arn in page["principals"]}
        return set()
