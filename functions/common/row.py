"""A row of the device catalog, its item in DynamoDB (docs/contracts.md, "Catalog")."""

from collections.abc import Mapping
from typing import Any

from common.links import LINKED

Row = Mapping[str, Any]

# A name in one of these states is free, unless its device failed after repeated restarts: that one
# is still there.
FREE = ("FAILED", "TERMINATED")

# What a new device of the same name takes over from the row of the one before: certificates that
# may still be found.
INHERITED = ("certificate_requests",)

GIVEN_UP = "given_up_at"
"""Of a device without a task that nobody brings back but a restart by hand: it has failed after
repeated restarts, or its status is STOPPED.
"""

STOPPED = "STOPPED"

# When the device is to be removed, if it was made for a time; a removal that ends takes it away.
EXPIRES = "expires_at"

# ARNs of executions whose work is being undone, or has been (holding/undone.py).
UNDONE = "undone"

CLAIM = "claim_certificate_id"
"""The claim certificate that a device by fleet provisioning was given: with no other one is it let
in.
"""

REFUSED = "serial_refused"
"""Why the list of serial numbers keeps the device out. It stays when the provisioning has failed:
`why` tells it.
"""

# What a succession of certificates that is under way writes into the row: by a job of the device's,
# or by a restart.
OF_A_SUCCESSION = (
    "next_certificate_id",
    "next_certificate_arn",
    "next_certificate_job",
    "next_certificate_request",
    "retired_certificate_arn",
    "abandoned_rotation",
)

# What a quarantine and a release write into the row (devices/confinement.py).
OF_A_RELEASE = ("releasing", "releasing_since", "release_of", "readmitting")
OF_A_QUARANTINE = (
    "quarantined_at",
    "quarantined_by",
    "quarantine_reason",
    "quarantine_policies",
    "quarantining",
    "presence_connected",
    *OF_A_RELEASE,
)

# What only a device that is there can have.
OF_THE_LIVING = (
    *OF_A_SUCCESSION,
    *OF_A_QUARANTINE,
    "released_by",
    *sorted(LINKED),
    EXPIRES,
    "image_digest",
    "deprovisioning",
    "task_token",
    "identity_pending",
    CLAIM,
    "ip",
    "client_id_conflict_at",
    "restarting",
    "status_reason",
    UNDONE,
    GIVEN_UP,
)


def why_at_rest(row: Row) -> str:
    """Of a row with GIVEN_UP: why the device does not run, as the end of a sentence about it."""
    return "is stopped" if row["status"] == STOPPED else "has failed after repeated restarts"


def is_free(row: Row) -> bool:
    """Whether anybody may claim the name: a device that failed after repeated restarts is there."""
    return row["status"] in FREE and GIVEN_UP not in row
