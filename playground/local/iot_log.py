"""The log of AWS IoT, which the emulator does not write: what its own log says of refusals, as
CloudWatch entries.

On AWS the broker itself writes them into the log group AWSIotLogsV2, once logging is on. Here the
stack has a group of its own, which goes with it. The form is that of
https://docs.aws.amazon.com/iot/latest/developerguide/cwl-format.html, with one entry of our own: a
TLS connection whose certificate the emulator could not verify. It does not say whose that was, and
neither do we.
"""

import ast
import json
import logging
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from playground.home.homes import Home
from playground.local.emulator_log import older

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_logs.type_defs import InputLogEventTypeDef

log = logging.getLogger("agent")

STREAM = "emulator"
MOST_AT_ONCE = 1000
"""CloudWatch Logs takes ten thousand entries, and a megabyte, in one call (PutLogEvents, API
reference).
"""

# Whoever has a certificate is refused a message only after the device policy has let its client id
# through; so that is a thing name. Who has none is refused nothing but to make things by fleet
# provisioning, and may call itself anything.
_REFUSED = re.compile(
    r"\S+ \S+ WARNING \[iot_broker\] IoT broker: (?P<operation>PUBLISH|SUBSCRIBE) "
    r"from '(?P<client>[a-zA-Z0-9:_-]{1,128})' to (?P<topic>.+) refused by the attached policies"
)
_UNVERIFIED = re.compile(
    r"\S+ \S+ DEBUG \[iot_mtls\] IoT mTLS: TLS handshake failed: "
    r"\[SSL: (?P<reason>CERTIFICATE_[A-Z_]+)\] (?P<details>.{1,256})"
)
_FLEET_PROVISIONING = ("$aws/certificates/", "$aws/provisioning-templates/")
_EVENT_TYPES = {"PUBLISH": "Publish-In", "SUBSCRIBE": "Subscribe"}


def group(stack_name: str) -> str:
    """The log group."""
    return f"/playground/{stack_name}/aws-iot"


def entry_of(line: str) -> dict[str, Any] | None:
    """What AWS IoT would log; None for a line about something else."""
    if found := _REFUSED.fullmatch(line):
        topic = _text(found["topic"])
        proven = not topic.startswith(_FLEET_PROVISIONING)
        return {
            "eventType": _EVENT_TYPES[found["operation"]],
            **({"clientId": found["client"]} if proven else {}),
            "topicName": topic,
            "reason": "AUTHORIZATION_FAILURE",
            "details": "Authorization Failure",
        }
    if found := _UNVERIFIED.fullmatch(line):
        return {"eventType": "Connect", "reason": found["reason"], "details": found["details"]}
    return None


def _text(quoted: str) -> str:
    """What Python has put in quotes."""
    try:
        return str(ast.literal_eval(quoted))
    except (ValueError, SyntaxError):
        return quoted


def _place(path: Path) -> tuple[int, int]:
    """Which file this is, and how long; zeros for none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_ino, found.st_size


def _read(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as log:
            log.seek(offset)
            return log.read()
    except FileNotFoundError:
        return b""


@dataclass
class IotLog:
    """Follows the emulator's log from where it is now, and keeps entries until they are
    delivered.
    """

    home: Home
    path: Path
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    waiting: "list[InputLogEventTypeDef]" = field(default_factory=list)
    _offset: int = field(init=False)
    _inode: int = field(init=False)
    _rest: bytes = b""
    _open: bool = False

    def __post_init__(self) -> None:
        self._inode, self._offset = _place(self.path)

    def deliver(self) -> None:
        """Hand over what is new. Raises what the emulator's absence raises, and keeps the rest."""
        self.waiting += [self._event(entry) for entry in filter(None, map(entry_of, self._lines()))]
        while self.waiting:
            some = self.waiting[:MOST_AT_ONCE]
            try:
                self._put(some)
            except ClientError as error:
                # It will not be taken another time either: somebody has deleted the group.
                log.warning("the log of AWS IoT was not written: %s", error)
                self._open = False
            del self.waiting[: len(some)]

    def _put(self, events: "list[InputLogEventTypeDef]") -> None:
        client: CloudWatchLogsClient = self.home.client("logs")
        name = group(self.home.stack_name)
        if not self._open:
            # The group is there: the stack's subscription has made it.
            with suppress(client.exceptions.ResourceAlreadyExistsException):
                client.create_log_stream(logGroupName=name, logStreamName=STREAM)
            self._open = True
        client.put_log_events(logGroupName=name, logStreamName=STREAM, logEvents=events)

    def _lines(self) -> Iterator[str]:
        *lines, self._rest = (self._rest + self._new()).split(b"\n")
        return (line.decode(errors="replace") for line in lines)

    def _new(self) -> bytes:
        """What was written since the last look, also when the file has begun anew since."""
        new, inode = b"", _place(self.path)[0]
        if inode != self._inode:
            before = older(self.path)
            new = _read(before, self._offset) if _place(before)[0] == self._inode else b""
            self._inode, self._offset = inode, 0
        added = _read(self.path, self._offset)
        self._offset += len(added)
        return new + added

    def _event(self, entry: dict[str, Any]) -> "InputLogEventTypeDef":
        now = self.now()
        message = {
            "timestamp": now.strftime("%Y-%m-%d %H:%M:%S.") + f"{now.microsecond // 1000:03}",
            "logLevel": "ERROR",
            "traceId": str(uuid.uuid4()),
            "accountId": self.home.account,
            "status": "Failure",
            "protocol": "MQTT",
            **entry,
        }
        return {"timestamp": int(now.timestamp() * 1000), "message": json.dumps(message)}
