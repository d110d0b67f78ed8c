"""Ask the emulator's keeper what is kept, and say it in sentences."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from playground.home.state import ACCOUNT, REGION, LocalState

# A write takes a second or so; on a machine with much to do, more.
PATIENCE = 20.0
NO_ANSWER = (OSError, http.client.HTTPException, ValueError, KeyError)


@dataclass(frozen=True)
class Kept:
    """What the keeper says: the moment that the newest generation is of, and why a later one could
    not be written.
    """

    at: datetime | None
    error: str = ""
    left_out: tuple[str, ...] = ()
    changed_since: bool = False
    mended: bool = False
    loaded: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_answer(cls, said: Mapping[str, Any]) -> "Kept":
        """From the keeper's JSON."""
        return cls(
            at=datetime.fromisoformat(said["at"]) if said["at"] else None,
            error=said["error"],
            left_out=tuple(said["left_out"]),
            changed_since=said["changed_since"],
            mended=said["mended"],
            loaded=said["loaded"],
            figures=said["figures"],
        )

    @property
    def trouble(self) -> str:
        """What is not kept, in a sentence; empty when all is."""
        if self.error:
            since = f"since {clock(self.at)}" if self.at else "since it was started"
            return f"Changes in the local cloud have not been saved {since}: {self.error}."
        if self.left_out:
            return f"The emulator can't save the state of {', '.join(self.left_out)}."
        return ""


def ask(
    state: LocalState, secret: str, method: str, what: str, limit: float = PATIENCE
) -> Kept | None:
    """`GET kept`, `POST write`, `leave`, `stay`, `mended`, or `warm` (see `warming`).

    None when there is no answer, or none that tells what is kept.
    """
    # `status` asks only when something is up; the SDK takes a quarter of a second.
    from botocore.auth import SigV4Auth  # noqa: PLC0415
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    connection = http.client.HTTPConnection("127.0.0.1", state.port, timeout=limit)
    request = AWSRequest(method, f"{state.endpoint}/_playground/{what}", data=b"")
    SigV4Auth(Credentials(ACCOUNT, secret), "playground", REGION).add_auth(request)
    try:
        connection.request(method, f"/_playground/{what}", b"", dict(request.headers.items()))
        response = connection.getresponse()
        body = response.read()
        return Kept.from_answer(json.loads(body)) if response.status == 200 else None
    except NO_ANSWER:
        return None
    finally:
        connection.close()


def clock(moment: datetime) -> str:
    """A moment for a person to read."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
