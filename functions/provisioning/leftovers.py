"""What the sweep has found and no device's removal would reach.

Objects of a name that has no row, certificates that a killed CreateCertificate or a change of a
device's certificate left, a task that is not its device's, and policies of links that are no more,
which AWS IoT has not deleted when it was asked to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.conditions import Attr

from certificates.message import NotOurs, Refused
from certificates.succession import Succession
from common.certificates import tolerating
from common.identifiers import checked_thing_name
from common.linking import LinkDevices
from devices.catalog import Catalog
from holding.conditions import absent, fulfilled
from holding.purposes import Purpose
from provisioning.removal import Removal

# Nobody starts a task for the device now.
SETTLED = absent(Purpose.RESTART) & Attr("status").ne("PROVISIONING")


@dataclass(frozen=True)
class Leftover:
    """One thing to remove. `request` is the certificate request that is settled with it
    (docs/contracts.md).

    `links`: it is the policy of the thing's links. `task`: a task (ARN) that the row does not name.
    `successor`: a certificate (id) that was to succeed the one in force, `retired`: one (ARN) that
    was in force before. `waiting`: the token of a state that waits no more.
    """

    thing_name: str
    request: str | None = None
    certificate_id: str | None = None
    links: bool = False
    task: str | None = None
    successor: str | None = None
    retired: str | None = None
    waiting: bool = False

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Leftover":
        """From `{"thingName"}` and what it is, by the names above; raises InvalidInput."""
        return cls(
            checked_thing_name(event["thingName"]),
            event.get("request"),
            event.get("certificateId"),
            event.get("links", False),
            event.get("task"),
            event.get("successor"),
            event.get("retired"),
            event.get("waiting", False),
        )


def remove_leftover(
    leftover: Leftover, removal: Removal, catalog: Catalog, links: LinkDevices
) -> bool:
    """Remove it; False when it is somebody's after all."""
    if leftover.links:
        # It has the policy say what the row says by now; without a link there is no policy.
        return not links.ask("mend", leftover.thing_name)
    if leftover.task is not None:
        return _stop_second_task(leftover.thing_name, leftover.task, removal, catalog)
    if leftover.waiting:
        return catalog.forget_token(leftover.thing_name)
    if leftover.successor is not None or leftover.retired is not None:
        return _end_succession(leftover, removal, catalog)
    if leftover.request is not None:
        return _settle_request(leftover, leftover.request, removal, catalog)
    return _remove_objects(leftover.thing_name, removal, catalog)


def _remove_objects(thing_name: str, removal: Removal, catalog: Catalog) -> bool:
    if catalog.row(thing_name) is not None:
        return False
    removal.remove_objects(thing_name)
    return True


def _settle_request(leftover: Leftover, request: str, removal: Removal, catalog: Catalog) -> bool:
    """The certificate is deleted as it is, neither deactivated nor detached: AWS IoT refuses that
    for one that is ACTIVE, has a policy or hangs on a thing (CertificateStateException,
    DeleteConflictException).
    """
    if leftover.certificate_id is not None:
        with tolerating("ResourceNotFoundException"):
            removal.iot.delete_certificate(certificateId=leftover.certificate_id)
    catalog.forget_request(leftover.thing_name, request)
    return True


def _stop_second_task(thing_name: str, task_arn: str, removal: Removal, catalog: Catalog) -> bool:
    row = catalog.row(thing_name) or {}
    if row.get("task_arn") == task_arn or not fulfilled(SETTLED, row):
        return False
    removal.end([task_arn])
    return True


def _end_succession(leftover: Leftover, removal: Removal, catalog: Catalog) -> bool:
    """Of a change of the device's certificate that nobody carries on with."""
    succession = Succession(catalog.table, removal.iot)
    try:
        row = succession.row(leftover.thing_name)
    except (NotOurs, Refused):
        return False  # It is being restarted or removed, which ends it.
    if leftover.retired is not None and row.get("retired_certificate_arn") == leftover.retired:
        succession.retire(row)
        return True
    if leftover.successor is None or row.get("next_certificate_id") != leftover.successor:
        return False
    # First, so that whatever is still being made for the job is not written down any more.
    if not succession.abandon(row, row["next_certificate_job"]):
        return False
    succession.discard(row)
    return True
