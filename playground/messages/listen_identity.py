"""The identity of one `playground listen`: a certificate and an AWS IoT policy of its own, of which
nothing stays.

The policy comes first and goes last. Its name tells whose it is and until when it is good, its
document names the client id, which ends with the certificate's id: whatever kills the command, the
policy's name leads to all of it.
"""

import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from common.jsontext import read
from playground.base.processes import ProcessId, birth
from playground.base.signals import undisturbed
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.messages.listen_certificate import Certificate, issue
from playground.messages.topic_filters import topics

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

MOST_SECONDS = 12 * 3600.0
"""A listener ends after these, so what is older belongs to none that runs."""

TIME = "%Y%m%dT%H%M%SZ"
SUFFIX = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{8}")
CLIENT = "listen-"
MAX_STACK_CHARACTERS = 90
"""Of 128 that a policy's name may have (AWS IoT API reference, CreatePolicy)."""

CONFLICT_LIMIT, CONFLICT_PAUSE = 60.0, 1.0
"""AWS IoT takes its time to see that a policy is attached to nothing any more (API reference,
DetachPolicy).
"""


@dataclass(frozen=True)
class Identity:
    """What a listener connects with."""

    policy: str
    certificate: Certificate

    @property
    def client_id(self) -> str:
        """The only one that the policy lets connect."""
        return CLIENT + self.certificate.certificate_id


@contextmanager
def own_identity(paths: Paths, home: Home, topic_filter: str, seconds: float) -> Iterator[Identity]:
    """Make it, and remove it in any case; what cannot be removed then, `listen_leftovers` finds."""
    now = datetime.now(UTC)
    expiry = now + timedelta(seconds=seconds + 60)
    identity = Identity(f"{prefix(home)}{expiry:{TIME}}-{secrets.token_hex(4)}", issue(now, expiry))
    paths.make()
    record = paths.listening / identity.policy
    record.parent.mkdir(mode=0o700, exist_ok=True)
    record.write_text(json.dumps(asdict(ProcessId(os.getpid(), birth(os.getpid()) or ""))))
    try:
        _make(home, identity, topic_filter)
        yield identity
    finally:
        with undisturbed():
            remove(home, identity.policy, identity.certificate.certificate_id)
            record.unlink(missing_ok=True)


def prefix(home: Home) -> str:
    """What the names of the policies of a stack's listeners begin with."""
    return f"{home.stack_name[:MAX_STACK_CHARACTERS]}-listen-"


def policies(home: Home) -> list[tuple[str, datetime]]:
    """The policies of all listeners of this stack, and until when each is good."""
    pages = _iot(home).get_paginator("list_policies").paginate()
    names = [policy["policyName"] for page in pages for policy in page["policies"]]
    matches = [(name, SUFFIX.fullmatch(name.removeprefix(prefix(home)))) for name in names]
    return [
        (name, datetime.strptime(found[1], TIME).replace(tzinfo=UTC))
        for name, found in matches
        if found
    ]


def _make(home: Home, identity: Identity, topic_filter: str) -> None:
    iot = _iot(home)
    document = policy_document(home, identity.client_id, topic_filter)
    iot.create_policy(policyName=identity.policy, policyDocument=json.dumps(document))
    made = iot.register_certificate_without_ca(
        certificatePem=identity.certificate.pem, status="ACTIVE"
    )
    iot.attach_policy(policyName=identity.policy, target=made["certificateArn"])


def policy_document(home: Home, client_id: str, topic_filter: str) -> dict[str, Any]:
    """Connect as this client, subscribe to this filter, receive what it matches; publish nothing.

    In a policy the filter's own + and # have no meaning (AWS IoT developer guide,
    "Publish/Subscribe policy examples").
    """
    arn = (
        f"arn:{home.session.get_partition_for_region(home.region)}:iot:{home.region}:{home.account}"
    )
    allowed = {
        "iot:Connect": [f"{arn}:client/{client_id}"],
        "iot:Subscribe": [f"{arn}:topicfilter/{topic_filter}"],
        "iot:Receive": [f"{arn}:topic/{topic}" for topic in topics(topic_filter)],
    }
    statements = [
        {"Effect": "Allow", "Action": action, "Resource": names}
        for action, names in allowed.items()
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def remove(home: Home, policy: str, certificate_id: str = "") -> None:
    """Remove a listener's certificate and its policy, whatever of them is there. Raises
    ClientError.
    """
    iot = _iot(home)
    try:
        found = certificate_id or _certificate_of(
            iot.get_policy(policyName=policy)["policyDocument"]
        )
        targets = iot.list_targets_for_policy(policyName=policy)["targets"]
    except iot.exceptions.ResourceNotFoundException:
        found, targets = certificate_id, []
    for target in targets:
        iot.detach_policy(policyName=policy, target=target)
    if found:
        _remove_certificate(iot, found)
    _unless_in_conflict(iot, lambda: iot.delete_policy(policyName=policy))


def _certificate_of(document: str) -> str:
    return str(read(document)["Statement"][0]["Resource"][0]).rpartition(f"/{CLIENT}")[2]


def _remove_certificate(iot: "IoTClient", certificate_id: str) -> None:
    """AWS IoT deletes none that is active."""
    try:
        iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
    except iot.exceptions.ResourceNotFoundException:
        return
    _unless_in_conflict(iot, lambda: iot.delete_certificate(certificateId=certificate_id))


def _unless_in_conflict(iot: "IoTClient", delete: Any) -> None:
    deadline = time.monotonic() + CONFLICT_LIMIT
    while True:
        try:
            delete()
        except iot.exceptions.ResourceNotFoundException:
            return
        except iot.exceptions.DeleteConflictException:
            if time.monotonic() > deadline:
                raise
            time.sleep(CONFLICT_PAUSE)
        else:
            return


def _iot(home: Home) -> "IoTClient":
    client: IoTClient = home.client("iot")
    return client
