"""Which tasks ECS wants to run, asked at next to no cost: twenty times a second while there is
something to do.

A boto3 call takes milliseconds of CPU, most of it for signing and parsing. The question is always
the same, so it is signed once a minute and sent over one open connection, and an answer that has
not changed is not parsed.
"""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from playground.home.state import ACCOUNT, REGION, LocalState

# A signature is good for five minutes by the clock on the wall: a machine that slept must not use
# an older one.
SIGNATURE_LIFE = 60.0
TARGET = "AmazonEC2ContainerServiceV20141113.ListTasks"


@dataclass
class TaskPoller:
    """Lists the tasks of one cluster whose desired status is RUNNING."""

    state: LocalState
    secret: str
    cluster: str
    clock: Callable[[], float] = time.time
    _connection: http.client.HTTPConnection | None = None
    _signed: dict[bytes, tuple[float, dict[str, str]]] = field(default_factory=dict)
    _last: list[bytes] = field(default_factory=list)

    def changed(self) -> list[str] | None:
        """Task ARNs when they differ from the last answer, else None. Raises OSError or
        HTTPException.
        """
        pages = [self._page(None)]
        arns: list[str] | None = None
        # Without a next page, as nearly always, an unchanged answer needs no parsing.
        if b"nextToken" not in pages[0]:
            if pages == self._last:
                return None
        else:
            while token := json.loads(pages[-1]).get("nextToken"):
                pages.append(self._page(token))
            if pages == self._last:
                return None
        arns = [arn for page in pages for arn in json.loads(page)["taskArns"]]
        self._last = pages
        return arns

    def again(self) -> None:
        """Have the next answer count as changed."""
        self._last = []

    def _page(self, token: str | None) -> bytes:
        query = {"cluster": self.cluster} | ({"nextToken": token} if token else {})
        body = json.dumps(query).encode()
        connection = self._connection or http.client.HTTPConnection(
            "127.0.0.1", self.state.port, timeout=10
        )
        self._connection = connection
        try:
            connection.request("POST", "/", body, self._headers(body))
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        if response.status != 200:
            raise http.client.HTTPException(
                f"ListTasks answered {response.status}: {answer[:200]!r}"
            )
        return answer

    def _headers(self, body: bytes) -> dict[str, str]:
        now = self.clock()
        since, headers = self._signed.get(body, (now + 1, {}))
        if not since <= now < since + SIGNATURE_LIFE:
            request = AWSRequest("POST", f"{self.state.endpoint}/", data=body)
            request.headers["Content-Type"] = "application/x-amz-json-1.1"
            request.headers["X-Amz-Target"] = TARGET
            SigV4Auth(Credentials(ACCOUNT, self.secret), "ecs", REGION).add_auth(request)
            headers = dict(request.headers.items())
            self._signed = {
                key: value for key, value in self._signed.items() if value[0] > now - SIGNATURE_LIFE
            }
            self._signed[body] = (now, headers)
        return headers
