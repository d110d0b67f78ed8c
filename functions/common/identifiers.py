"""Names: of things, of the executions that made them, of the objects that a device picks up.

Standard library only: the command imports this module from outside Lambda.
"""

import re
import string
import uuid

from common.errors import InvalidInput
from common.jsonvalues import told

# https://docs.aws.amazon.com/iot/latest/apireference/API_CreateThing.html
THING_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")

# The device policy lets a thing publish to any topic whose last level is its own name. A thing with
# one of these names could write into another thing's reserved topics (docs/contracts.md).
RESERVED_NAMES = frozenset({
    "abandon", "accepted", "cbor", "confirm", "create", "delete", "delta", "documents", "get",
    "jobs", "json",
    "link-refused", "lwt", "metrics", "notify", "notify-next", "online", "rejected", "req", "res",
    "shadow",
    "start-next", "tamper", "telemetry", "update",
})  # fmt: skip

DEVICE_TYPES = ("generic", "bulb", "switch", "rogue", "thermostat", "vehicle", "meter", "host")

HOST_TYPE = "host"
"""Its task runs other devices (docs/hosts.md)."""

# Where a device runs: in a task of its own, with others in that of a host, or where its owner runs
# it.
HOSTINGS = ("task", "shared", "none")
SHARED = "shared"
NOWHERE = "none"
"""Of a device that is not virtual: the stack runs nothing for it (docs/own-device.md)."""

# Where a device's first certificate comes from: keys made by AWS IoT, a request by the device,
# which has the key, or fleet provisioning, over a claim certificate: one for all, and AWS IoT makes
# the key or the device does, or one of its own; or an authority that is not the cloud's.
IDENTITIES = (
    *("keys", "csr", "claim", "claim-csr", "trusted-user"),
    "jitr",
)
SHARED_CLAIM, SHARED_CLAIM_OWN_KEY, OWN_CLAIM = CLAIMS = ("claim", "claim-csr", "trusted-user")
JITR = "jitr"
"""Just-in-time registration: the certificate is signed by the user's own authority."""

STACK_TAG = "playground-stack"
"""Of an authority that is registered with AWS IoT: whose it is."""

# A batch of devices, such as a factory makes at a time. They share a claim, and the list of serial
# numbers has them (devices/serials.py). The rule is that of a fleet's name.
BATCH_NAME = re.compile(r"[a-zA-Z0-9_-]{1,40}")
OF_A_BATCH = (*CLAIMS, JITR)
"""By which methods a device of a batch may come."""

# A request has exactly this many bytes in the bucket, filled up with line feeds, so that its
# reference can name the size: AWS IoT takes at most 4096 characters (API reference,
# CreateCertificateFromCsr).
MAX_REQUEST_BYTES = 4096

MAX_COMMON_NAME = 64
"""Characters of a certificate's common name (RFC 5280, upper bounds)."""

_ALPHABET = string.ascii_uppercase + string.digits
_MADE_UP_LENGTH = 6


def owner_of(execution_arn: str) -> str:
    """The mark that everything carries which the execution makes: a UUID, so that it fits every
    field that takes it.

    Thing attributes refuse some characters of an execution name, ECS `clientToken` and `startedBy`
    are short.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, execution_arn))


def made_up_name(execution_arn: str) -> str:
    """`dev-` and six characters, the same for every attempt of one execution, so that a retry makes
    no second thing.
    """
    number = uuid.UUID(owner_of(execution_arn)).int
    letters = []
    for _ in range(_MADE_UP_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[digit])
    return "dev-" + "".join(letters)


def identity_of_restart(identity: str) -> str:
    """By which a device that came by `identity` gets the certificate of its next task.

    The workflow that restarts a device holds it and knows whose the new certificate is: so it needs
    neither a claim nor an authority. Who has made its key makes the next one.
    """
    if identity in (SHARED_CLAIM_OWN_KEY, JITR):
        return "csr"
    return "keys" if identity in CLAIMS else identity


def checked_thing_name(value: object) -> str:
    """`value` as a thing name; raises InvalidInput for what AWS IoT or the device policy
    refuses.
    """
    if not isinstance(value, str) or not THING_NAME.fullmatch(value):
        raise InvalidInput("thingName", f"must match {THING_NAME.pattern}, got {told(value)}")
    if value in RESERVED_NAMES:
        raise InvalidInput(
            "thingName",
            f"{told(value)} is a level of AWS IoT's reserved topics and can't name a thing",
        )
    return value


def checked_batch(value: object) -> str:
    """`value` as the name of a batch; raises InvalidInput."""
    if not isinstance(value, str) or not BATCH_NAME.fullmatch(value):
        raise InvalidInput("batch", f"must match {BATCH_NAME.pattern}, got {told(value)}")
    return value


def config_key(thing_name: str) -> str:
    """S3 key of the device's config document."""
    return f"devices/{thing_name}/config.json"


def identity_key(thing_name: str) -> str:
    """S3 key of the device's certificate and private key."""
    return f"devices/{thing_name}/identity.json"


def shared_claim_key(batch: str | None = None) -> str:
    """S3 key of the claim certificate, with its key, that the devices of a batch share, or all that
    are of none. No name of a batch leads to the latter.
    """
    return "claims/claim.json" if batch is None else f"claims/batches/{batch}.json"


def request_key(thing_name: str) -> str:
    """S3 key of the certificate signing request of a device that makes its own key."""
    return f"devices/{thing_name}/csr.pem"


def fleet_key(fleet_name: str, name: str) -> str:
    """S3 key of an object of a fleet, such as `fleets/office/arriving.json`."""
    return f"fleets/{fleet_name}/{name}.json"


def seat_handle(host: str, thing_name: str, seat_id: str) -> str:
    """What stands for a seat on a host where others have the ARN of a task."""
    return f"seat/{host}/{thing_name}/{seat_id}"


def host_of(task_arn: str) -> str | None:
    """The host of a seat's handle; None for the ARN of a task."""
    parts = task_arn.split("/")
    return parts[1] if parts[0] == "seat" and len(parts) == 4 else None


def manifest_key(host: str, revision: int) -> str:
    """S3 key of the list of devices that a host is to run."""
    return f"{manifests_of(host)}{revision}.json"


def manifests_of(host: str) -> str:
    """What the keys of all lists for a host begin with."""
    return f"hosts/{host}/"


def model_key(thing_name: str) -> str:
    """S3 key of the device's own model, kept as long as the device is: a restart writes its config
    anew.
    """
    return f"models/{thing_name}.json"
