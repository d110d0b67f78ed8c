"""Somebody has stolen what a device begins with, and tries what it is worth.

Each attempt gives what came of it, in the words of who answered.
"""

import json
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from playground.devices.authorities import Authorities
from playground.devices.own import make_request
from proofs.methods.recorder import Recorder, named
from tests.claims import (
    NOT_AUTHORIZED,
    connected,
    exchanged,
    own_claim,
    published,
    shared_claim,
)
from tests.playground_cloud import Cloud, wait_for
from virtual_device.connection.claiming import client_id
from virtual_device.state.certify import NotCertifiedError


@dataclass(frozen=True)
class Attempt:
    """What the thief has, what it tries, what it is told, and whether it got nothing by it."""

    has: str
    tries: str
    told: str
    refused: bool

    def as_json(self) -> Mapping[str, object]:
        """Its fields."""
        return asdict(self)


def attempts(recorder: Recorder, method: str, online: str) -> Sequence[Attempt]:
    """All for a method; `online` is a device that was made by it and is connected."""
    found = _by_method.get(method)
    return list(found(recorder.cloud, online)) if found else []


def _with_url(cloud: Cloud, online: str) -> Iterator[Attempt]:
    """The URL of the config can be read by whoever may describe tasks."""
    config = json.loads(_fetched(_config_url(cloud, online))[1])
    has = "the URL of the config, after the device has connected"
    if url := config.get("csrUrl"):
        status, _ = _fetched(url, b"\n" * 4096)
        yield Attempt(has, "to put a request of its own", f"HTTP {status}", refused=status >= 400)
    else:
        status, _ = _fetched(config["identityUrl"])
        yield Attempt(has, "to fetch the key", f"HTTP {status}", refused=status >= 400)


def _with_claim(cloud: Cloud, online: str, claim: Mapping[str, str], has: str) -> Iterator[Attempt]:
    yield _asked(cloud, claim, named("unknown"), has, "to become a device that nobody waits for")
    yield _asked(cloud, claim, online, has, "to become a device that is there")
    with connected(cloud, claim, client_id("thief")) as client:
        code = published(client, f"dt/playground/{online}/telemetry")
        yield Attempt(
            has,
            "to publish a device's telemetry",
            f"reason code {code}",
            refused=code == NOT_AUTHORIZED,
        )
    yield _as_the_device(cloud, claim, online, has)


def _as_the_device(cloud: Cloud, claim: Mapping[str, str], online: str, has: str) -> Attempt:
    """The policy of a claim of five minutes is AWS IoT's own, and lets any client id in."""
    tries = "to connect under the device's name"
    try:
        with connected(cloud, claim, online) as client:
            code = published(client, f"dt/playground/{online}/telemetry")
            told = f"connected, and then for every message reason code {code}"
            return Attempt(has, tries, told, refused=code == NOT_AUTHORIZED)
    except ConnectionRefusedError as error:
        return Attempt(has, tries, str(error).partition(":")[0], refused=True)


def _asked(cloud: Cloud, claim: Mapping[str, str], thing: str, has: str, tries: str) -> Attempt:
    with tempfile.TemporaryDirectory() as folder:
        try:
            exchanged(cloud, claim, thing, Path(folder))
        except NotCertifiedError as error:
            _, _, told = str(error).partition(": ")
            return Attempt(has, tries, told.partition(":")[0], refused=True)
    return Attempt(has, tries, "a certificate", refused=False)


def _with_shared(cloud: Cloud, online: str) -> Iterator[Attempt]:
    yield from _with_claim(cloud, online, shared_claim(cloud), "the claim that devices share")


def _with_own(cloud: Cloud, online: str) -> Iterator[Attempt]:
    yield from _with_claim(cloud, online, own_claim(cloud), "a claim of five minutes")


def _config_url(cloud: Cloud, thing: str) -> str:
    row = cloud.row(thing)
    (task,) = cloud.client("ecs").describe_tasks(
        cluster=row["cluster_arn"], tasks=[row["task_arn"]]
    )["tasks"]
    (container,) = task["overrides"]["containerOverrides"]
    variables = {one["name"]: one["value"] for one in container["environment"]}
    return str(variables["CONFIG_FILE_URL"])


def _fetched(url: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Of the emulator: the status, and what came. With a body it is put there."""
    more = {} if body is None else {"If-None-Match": "*"}  # as the URL is signed
    request = urllib.request.Request(url, body, more, method="PUT" if body else "GET")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def _with_the_authority(cloud: Cloud, online: str) -> Iterator[Attempt]:
    """Somebody has the file with the authority's key, and signs what it likes."""
    signer = Authorities(cloud.home, cloud.paths).ready()
    has = "the authority's key"
    for thing, tries in (
        (named("unknown"), "to become a device that nobody waits for"),
        (online, "to become a device that is there"),
    ):
        key, request = make_request(thing)
        identity, chain = signer.sign(request, thing)
        claim = {"certificateId": identity, "certificatePem": chain, "privateKey": key}
        yield _registered(cloud, claim, thing, Attempt(has, tries, "", refused=True))


def _registered(cloud: Cloud, claim: Mapping[str, str], thing: str, attempt: Attempt) -> Attempt:
    """It connects, again and again, until what AWS IoT has registered is decided on."""
    iot = cloud.client("iot")

    def status() -> str:
        try:
            found = iot.describe_certificate(certificateId=claim["certificateId"])
        except iot.exceptions.ResourceNotFoundException:
            return ""
        return str(found["certificateDescription"]["status"])

    try:
        with connected(cloud, claim, thing):
            return replace(attempt, told="connected", refused=False)
    except ConnectionRefusedError as error:
        told = str(error).partition(":")[0]
    wait_for("what was registered to be decided on", lambda: status() != "PENDING_ACTIVATION")
    left = status()
    told = f"{told}, and the certificate is {left or 'deleted'}"
    return replace(attempt, told=told, refused=not left)


_by_method: Mapping[str, Callable[[Cloud, str], Iterator[Attempt]]] = {
    "keys": _with_url,
    "csr": _with_url,
    "claim": _with_shared,
    "claim-csr": _with_shared,
    "trusted-user": _with_own,
    "jitr": _with_the_authority,
}
