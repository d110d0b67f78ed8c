"""How the task agent hears of changes: it rests until the bell rings.

The emulator tells of them (see `news`), the system of a child that has ended. While the emulator
does not tell, because it is away or has only just come back, the agent asks as often as it can
bear, and it always asks now and then: a change that nobody tells of is found late, and not never.
"""

import http.client
import os
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from playground.base.readable import readable
from playground.home.state import ACCOUNT, REGION, LocalState

PATIENCE = 30.0
"""Seconds; the emulator answers after twenty at the latest."""
RETRY = 0.5
PATH = "/_playground/news"
NO_ANSWER = (OSError, http.client.HTTPException, ValueError)


class Bell:
    """Ends a rest, from any thread and from a signal's handler: a pipe, for a lock could be held by
    whom it wakes.
    """

    def __init__(self) -> None:
        self._hears, self._rings = os.pipe()
        for end in (self._hears, self._rings):
            os.set_blocking(end, False)

    def ring(self) -> None:
        """End the rest of now, or else the next one."""
        with suppress(BlockingIOError):  # it is full of rings
            os.write(self._rings, b"!")

    def rest(self, seconds: float) -> None:
        """Return when it rings, or after so long."""
        if readable(self._hears, seconds):
            with suppress(BlockingIOError):
                os.read(self._hears, 4096)

    def ring_on(self, number: signal.Signals) -> None:
        """Have the signal ring it as well. From the main thread."""

        def rung(_number: int, _frame: FrameType | None) -> None:
            self.ring()

        signal.signal(number, rung)


@dataclass
class Listener:
    """Waits in a thread of its own for the emulator to tell of a change, and rings the bell."""

    state: LocalState
    secret: str
    bell: Bell
    listens: bool = False
    """Whether the emulator tells at the moment."""
    _ended: threading.Event = field(default_factory=threading.Event)
    _token: str = ""
    _connection: http.client.HTTPConnection | None = None
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin. The thread ends with the process."""
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ring no more."""
        self._ended.set()

    def rest(self, seconds: float, when_told: float) -> None:
        """Return when it rings, or after `seconds`; after `when_told` while the emulator tells."""
        self.bell.rest(when_told if self.listens else seconds)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                token = self._ask()
            except NO_ANSWER:
                told, self.listens, self._token = self.listens, False, ""
                self._hang_up()
                if told:
                    self.bell.ring()
                self._ended.wait(RETRY)
                continue
            # In this order: whoever rests longer now looks once more before.
            self.listens = True
            if token != self._token:
                self._token = token
                self.bell.ring()

        self._hang_up()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _ask(self) -> str:
        """The emulator's token, another than the one before as a rule. Raises one of NO_ANSWER."""
        connection = self._connection or http.client.HTTPConnection(
            "127.0.0.1", self.state.port, timeout=PATIENCE
        )
        self._connection = connection
        path = f"{PATH}?since={self._token}"
        # Signed anew each time: a machine that slept must not use an old signature.
        request = AWSRequest("GET", f"{self.state.endpoint}{path}")
        SigV4Auth(Credentials(ACCOUNT, self.secret), "playground", REGION).add_auth(request)
        connection.request("GET", path, headers=dict(request.headers.items()))
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise http.client.HTTPException(f"no news: {response.status}")
        return answer.decode("ascii")
