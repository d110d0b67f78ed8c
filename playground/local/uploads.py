"""Notices uploads to the source bucket, in place of the rule on AWS whose target the emulator does
not know.

As the task poller does, it asks one question over one open connection, signed once a minute, and
parses only what has changed. It asks when the agent looks, five times a second at most. What was
noticed is built beside the agent's own work, one after the other, the oldest first.
"""

import http.client
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from queue import SimpleQueue
from xml.etree import ElementTree as Xml  # nosec B405

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from playground.home.folder import remove_made
from playground.home.state import ACCOUNT, REGION, LocalState
from playground.images.images import Images
from playground.images.local_builds import BuildResult, load, save
from playground.local.builder import Builder
from playground.local.pruning import Pruning

SIGNATURE_LIFE = 60.0
INTERVAL = 0.2
NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"

KEPT = 50
"""Uploads that stay, with what has become of them. AWS removes them by their age (template.yaml,
expire-source), the emulator never; and one answer lists a thousand."""

NO_ANSWER = (BotoCoreError, ClientError, OSError)

log = logging.getLogger("agent")


@dataclass
class UploadPoller:
    """Lists the versions of what lies below source/ in the source bucket."""

    state: LocalState
    secret: str
    bucket: str
    clock: Callable[[], float] = time.time
    """The one on the wall: a machine that slept must not use an old signature."""
    _connection: http.client.HTTPConnection | None = None
    _signed: tuple[float, dict[str, str]] = (0.0, {})
    _last: bytes = b""

    def changed(self) -> list[tuple[str, str]] | None:
        """Key and version of each upload, the oldest first; None when nothing is new. Raises
        OSError, HTTPException.

        A refusal is logged once and is no news: the devices go on without builds.
        """
        status, body = self._ask()
        if body == self._last:
            return None
        self._last = body
        if status != HTTPStatus.OK:
            log.warning("uploads can't be listed: %s %r", status, body[:200])
            return None
        return list(_versions(body))

    def _ask(self) -> tuple[int, bytes]:
        path = f"/{self.bucket}?prefix=source%2F&versions="
        connection = self._connection or http.client.HTTPConnection(
            "127.0.0.1", self.state.port, timeout=10
        )
        self._connection = connection
        try:
            connection.request("GET", path, headers=self._headers(path))
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        return response.status, answer

    def _headers(self, path: str) -> dict[str, str]:
        since, headers = self._signed
        if not since <= self.clock() < since + SIGNATURE_LIFE:
            request = AWSRequest("GET", f"{self.state.endpoint}{path}")
            S3SigV4Auth(Credentials(ACCOUNT, self.secret), "s3", REGION).add_auth(request)
            headers = dict(request.headers.items())
            self._signed = (self.clock(), headers)
        return headers


def _versions(body: bytes) -> Iterator[tuple[str, str]]:
    found = [
        (one.findtext(f"{NAMESPACE}LastModified", ""), one.findtext(f"{NAMESPACE}Key", ""), version)
        for one in Xml.fromstring(body).iter(f"{NAMESPACE}Version")  # noqa: S314 - the emulator's own answer  # nosec B314
        if (version := one.findtext(f"{NAMESPACE}VersionId", ""))
    ]
    yield from ((key, version) for _modified, key, version in sorted(found) if key.endswith(".zip"))


@dataclass
class Uploads:
    """Has each upload built once. `look` is called often, from one thread."""

    poller: UploadPoller
    builder: Builder
    pruning: Pruning | None = None
    clock: Callable[[], float] = time.monotonic
    _next: float = 0.0
    _due: bool = False
    _listed: list[tuple[str, str]] = field(default_factory=list)
    _waiting: list[tuple[str, str]] = field(default_factory=list)
    _building: Future[None] | None = None
    _built: SimpleQueue[str] = field(default_factory=SimpleQueue)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "builder"))

    def look(self) -> None:
        """Note what is new, and begin a build when none is under way. Raises what the emulator's
        absence raises.
        """
        self._due = self.clock() < self._next
        if not self._due:
            self._next = self.clock() + INTERVAL
            found = self.poller.changed()
            if found is not None:
                self._listed = found
                self._waiting = [one for one in found if load(self.builder.paths, one[1]) is None]
        if self._waiting and (self._building is None or self._building.done()):
            self._building = self._pool.submit(self._build, *self._waiting.pop(0))

    def built(self) -> Iterator[str]:
        """Digests of the images that were built since the last call."""
        while not self._built.empty():
            yield self._built.get()

    @property
    def busy(self) -> bool:
        """Whether to look again soon, whatever happens: the last time was too early, or something
        is being built.
        """
        is_building = self._building is not None and not self._building.done()
        return self._due or bool(self._waiting) or is_building or not self._built.empty()

    def close(self) -> None:
        """Wait for the build that is under way."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _build(self, key: str, version: str) -> None:
        if load(self.builder.paths, version) is not None:
            return
        log.info("building %s, version %s", key, version)
        before = self._before()
        try:
            result = self.builder.build(key, version)
        except Exception as error:  # whatever it is, whoever waits for the build is told
            log.exception("building %s", key)
            result = BuildResult("FAILED", key, message=f"{type(error).__name__}: {error}")
        save(self.builder.paths, version, result)
        log.info("build of %s: %s %s%s", key, result.status, result.digest, result.message)
        if result.status == "SUCCEEDED":
            self._built.put(result.digest)
            self._prune(before)

    def _before(self) -> str | None:
        """What new tasks run until the build is done; None when that can't be told."""
        try:
            return Images(self.pruning.home).current() if self.pruning else None
        except NO_ANSWER:
            return None

    def _prune(self, before: str | None) -> None:
        """Whoever waits for the build has been told by now; what can't be removed today is removed
        after the next.
        """
        if self.pruning is None:
            return
        try:
            self.pruning.prune(before)
            self._forget_old()
        except NO_ANSWER:
            log.exception("images and uploads that nobody needs stay")

    def _forget_old(self) -> None:
        """Remove old uploads, and results of what is no longer listed.

        What is listed and has no result would be built again.
        """
        listed, paths = self._listed, self.builder.paths
        for key, version in listed[:-KEPT]:
            if load(paths, version) is not None:
                self.builder.forget(key, version)
        there = {version for _key, version in listed}
        for result in sorted(paths.builds.iterdir()):
            if result.stem not in there:
                remove_made(paths.builds, result.name)
