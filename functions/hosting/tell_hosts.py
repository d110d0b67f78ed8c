"""TellHosts: writes the manifest of a host that somebody came to or left, and tells the host by its
shadow. A host without a device is removed after a while.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.clients import CONFIG, S3_CONFIG, session, transient_faults_named
from common.environment import Environment, environment
from common.errors import AccessRefused, TransientError
from common.identifiers import manifest_key
from common.jsontext import read
from common.observability import Handler, logger, observed
from hosting import wiring
from hosting.board import Board
from hosting.seats import OpenHost, Seat

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_iot_data import IoTDataPlaneClient
    from types_boto3_s3 import S3Client
    from types_boto3_stepfunctions import SFNClient

REFERENCE_SECONDS = 900
# A device that is restarted leaves its seat and comes back to the same host within that time.
IDLE_SECONDS = 30
TRIES = 5
FAULTS = (ClientError, TransientError, AccessRefused)
# The queue gives a message again after minutes, as it must for a function that was killed. For one
# that has failed a new message is sent, which comes after 5 seconds, 10, 20 and so on.
AGAIN_SECONDS = 5
MOST_ATTEMPTS = 6


@dataclass(frozen=True)
class Teller:
    """Tells hosts, and closes them."""

    board: Board
    s3: "S3Client"
    iot_data: "IoTDataPlaneClient"
    sfn: "SFNClient"
    bucket: str
    deprovision_machine: str

    def tell(self, name: str) -> str:
        """Gives what was done: `TOLD`, `CLOSED` for a host that is not open. Safe to repeat.

        Several may tell one host at a time. Each takes its number before it looks who has a seat,
        so the greatest number tells of all; and only that one stays in the shadow.
        """
        for _ in range(TRIES):
            host = self.board.seats.host(name)
            if host is None:
                return "CLOSED"
            revision = self.board.seats.next_revision(host)
            if revision is not None:
                self._tell(host, revision)
                return "TOLD"
        return "TOLD"  # By those who have taken the numbers.

    def close_if_idle(self, name: str) -> str:
        """Have the host removed when nobody has a seat there: `REMOVED`, else `KEPT`."""
        host = self.board.seats.host(name)
        if host is None or not self.board.seats.close(name, if_empty=True):
            return "KEPT"
        self._remove(name, host.execution)
        return "REMOVED"

    def mend(self, name: str, made_by: str, *, gone: bool) -> bool:
        """What the sweep has found: a host without a device is removed, one that is `gone` is
        closed. False when it was neither after all.
        """
        host = self.board.seats.host(name)
        if gone:
            return host is not None and self.board.seats.close(name)
        if host is not None and not self.board.seats.close(name, if_empty=True):
            return False
        self._remove(name, made_by)
        return True

    def try_again(self, name: str, *, idle: bool, attempts: int) -> bool:
        """Have it done a little later. False when it was tried too often, or that can't be sent:
        then the queue gives the same message again.
        """
        if attempts >= MOST_ATTEMPTS:
            return False
        try:
            after = AGAIN_SECONDS * 2**attempts
            self.board.tell(name, idle=idle, after=after, attempts=attempts + 1)
        except ClientError:
            return False
        return True

    def _remove(self, name: str, made_by: str) -> None:
        self.sfn.start_execution(
            stateMachineArn=self.deprovision_machine,
            name=str(uuid.uuid4()),
            input=json.dumps({"thingName": name, "madeBy": made_by}),
        )

    def _tell(self, host: OpenHost, revision: int) -> None:
        taken = self.board.seats.on(host.name)
        # Those from before its task are being restarted, and get another one.
        seats = [seat for seat in taken if seat.taken_at >= host.since]
        key = manifest_key(host.name, revision)
        self.s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=json.dumps(manifest(host.name, revision, seats)).encode(),
            ContentType="application/json",
        )
        before = self.board.seats.has_told(host.name, revision)
        if before is None:  # A later one has told, or the host was closed.
            self.s3.delete_object(Bucket=self.bucket, Key=key)
            return
        self._write_shadow(host, revision)
        later = self.board.seats.host(host.name)
        if later is not None and later.told > revision:
            self._write_shadow(later, later.told)
        if before:
            self.s3.delete_object(Bucket=self.bucket, Key=manifest_key(host.name, before))
        if not taken and not host.keep:
            self.board.tell(host.name, idle=True, after=IDLE_SECONDS)

    def _write_shadow(self, host: OpenHost, revision: int) -> None:
        """Many may read a shadow, and a manifest leads to where a device puts its signing request.
        So the URL is good with a header alone whose value only the host's task was told: one that
        S3 takes, is signed, and that no ETag equals.
        """
        url = self.s3.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self.bucket,
                "Key": manifest_key(host.name, revision),
                "IfNoneMatch": f'"{host.token}"',
            },
            ExpiresIn=REFERENCE_SECONDS,
        )
        desired = {"manifest": {"version": revision, "url": url}}
        self.iot_data.update_thing_shadow(
            thingName=host.name, payload=json.dumps({"state": {"desired": desired}}).encode()
        )


def manifest(host: str, revision: int, seats: list[Seat]) -> dict[str, Any]:
    """What the host reads (docs/contracts.md, "Hosts")."""
    devices = [
        {"thingName": seat.thing_name, "seat": seat.seat_id, "configUrl": seat.config_url}
        for seat in seats
    ]
    return {"version": 1, "host": host, "revision": revision, "devices": devices}


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """Reads the queue of hosts to tell, each message `{host, idle?}`; gives what was done, by host,
    and which messages are to come again. For the sweep takes `{host, madeBy, gone}`, and gives
    `{undone}`.
    """
    teller = Teller(
        board=wiring.board(environment, session),
        s3=session.client("s3", config=S3_CONFIG),
        iot_data=session.client("iot-data", config=CONFIG),
        sfn=session.client("stepfunctions", config=CONFIG),
        bucket=environment.required("CONFIG_BUCKET"),
        deprovision_machine=environment.required("DEPROVISION_MACHINE"),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        if "madeBy" in event:
            with transient_faults_named():
                mended = teller.mend(event["host"], event["madeBy"], gone=event["gone"])
            return {"undone": mended}
        messages = {record["messageId"]: read(record["body"]) for record in event["Records"]}
        idle = {str(message["host"]) for message in messages.values() if message.get("idle")}
        told = {str(message["host"]) for message in messages.values() if not message.get("idle")}
        done: dict[str, str] = {}
        failed: dict[str, Exception] = {}
        for name in sorted(told | idle):
            act = teller.tell if name in told else teller.close_if_idle
            # One that can't be told must not have the others wait until the queue gives it again.
            try:
                with transient_faults_named():
                    done[name] = act(name)
            except FAULTS as error:
                failed[name] = error
        logger.info("hosts told", hosts=done)
        for name, fault in list(failed.items()):
            logger.warning("host not told", host=name, error=str(fault))
            before = [one.get("attempts", 0) for one in messages.values() if one["host"] == name]
            if teller.try_again(name, idle=name not in told, attempts=max(before)):
                del failed[name]
                done[name] = "AGAIN"
        if failed and not done:
            raise next(iter(failed.values()))
        again = [key for key, message in messages.items() if message["host"] in failed]
        return {"hosts": done, "batchItemFailures": [{"itemIdentifier": key} for key in again]}

    return handler


handler = observed(build(environment, session))
