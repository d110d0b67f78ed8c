"""A device that runs others: it follows the manifest that its setting leads to. A capability of the
type `host`.

What it applied last is kept, without the URLs, so that a process that is started again brings its
devices back from their kept identities alone, before it has reached anybody.
"""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

from virtual_device.base.errors import DeviceError, StateCorruptError
from virtual_device.base.jsonvalue import Json, JsonObject
from virtual_device.base.timers import Cancellable
from virtual_device.core.capability import Capability, Surroundings
from virtual_device.hosting.guests import Guests, pause
from virtual_device.hosting.manifest import (
    MAX_BYTES,
    Manifest,
    ManifestInvalidError,
    ManifestOutOfStepError,
)
from virtual_device.shadow.setting_rules import number_of
from virtual_device.shadow.shadow import clip
from virtual_device.state.enrol import Fetch
from virtual_device.web.fetch import fetch as fetch_url
from virtual_device.web.sources import Sources

MANIFEST_FILE = "manifest.json"
HOSTING = "hosting"
"""The fact in `reported`."""

REPORT_SECONDS = 5.0
"""The fact is reported at most once in so many seconds, and only when it is another one."""

NONE_YET = Manifest(0, {})


class Hosting(Capability):
    """One host's. `fetch` gets manifests and configs, `sources` permitting."""

    __slots__ = (
        "_device", "_fetch", "_followed", "_guests", "_manifest", "_problem", "_reported",
        "_reporting", "_retry", "_spare",
    )  # fmt: skip

    def __init__(self, surroundings: Surroundings, fetch: Fetch | None = None) -> None:
        self._device = surroundings
        self._fetch = fetch or partial(_fetch, surroundings.lodging.manifest_token)
        self._guests = Guests(
            surroundings, fetch or fetch_url, self._on_forgotten, self._on_in_need
        )
        self._manifest = NONE_YET
        self._followed: Json = None
        """The setting that was seen to last."""
        self._spare: Mapping[str, Json] | None = None
        """Where URLs of the seats in force are to be had, if any is in need of one."""
        self._retry: Cancellable | None = None
        self._problem: JsonObject | None = None
        self._reported: JsonObject | None = None
        self._reporting = False

    def on_start(self) -> None:
        """Bring back what ran before, then see whether there is more to do."""
        self._manifest = self._kept()
        if self._manifest is not NONE_YET:
            self._guests.seat(self._manifest.seats)
            self._guests.send_off(self._manifest.leaving)
            self._report()
        self._follow()

    def on_shadow(self) -> None:
        """A device without a memory has only now a setting to follow."""
        self._follow()

    def on_settings(self, before: JsonObject) -> None:
        """There may be another manifest."""
        del before
        self._follow()

    # --- the manifest

    def _follow(self) -> None:
        wanted = self._device.settings.get("manifest")
        if wanted == self._followed:
            return
        self._followed, self._problem, self._spare = wanted, None, None
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if not isinstance(wanted, dict):
            return
        version, revision = number_of(wanted["version"]), self._manifest.revision
        if version < revision:
            error = ManifestInvalidError(f"revision {revision} is in force, which is newer")
            self._fail(version, error)
        elif version > revision:
            self._obtain(wanted)
        else:
            self._spare = wanted
            self._on_in_need()

    def _on_in_need(self) -> None:
        """A seat's URL does not do, or is not known: there may be a newer one of it."""
        if self._spare is not None and self._guests.needy:
            self._obtain(self._spare)

    def _obtain(self, wanted: Mapping[str, Json]) -> None:
        self._spare = None
        device = self._device
        call = partial(_obtained, wanted, device.thing.name, device.sources, self._fetch)
        device.work(call, partial(self._on_obtained, wanted))

    def _on_obtained(self, wanted: Mapping[str, Json], outcome: "Future[Manifest]") -> None:
        if wanted is not self._followed:
            return
        if (error := outcome.exception()) is None:
            self._problem = None
            self._apply(outcome.result())
            return
        self._fail(number_of(wanted["version"]), error)
        if isinstance(error, DeviceError) and not error.permanent:
            self._retry = self._device.after(pause(), partial(self._obtain, wanted))

    def _fail(self, version: int, error: BaseException) -> None:
        """What runs goes on."""
        kind, reason = type(error).__name__, str(error)
        problem: JsonObject = {"version": version, "reason": clip(reason)}
        if problem != self._problem:
            self._device.tell("manifest not applied", version=version, error=kind, reason=reason)
        self._problem = problem
        self._report()

    def _apply(self, manifest: Manifest) -> None:
        before = self._manifest
        gone = before.leaving | before.seats.keys()
        self._manifest = replace(manifest, leaving=gone - manifest.seats.keys())
        self._keep()
        revision, devices = manifest.revision, len(manifest.seats)
        self._device.tell("manifest applied", logging.INFO, version=revision, devices=devices)
        self._guests.seat(manifest.seats)
        self._report()

    def _on_forgotten(self, name: str) -> None:
        left = self._manifest.leaving - {name}
        if left != self._manifest.leaving:
            self._manifest = replace(self._manifest, leaving=left)
            if not left:
                self._keep()

    def _kept(self) -> Manifest:
        name = self._device.thing.name
        try:
            document = self._device.store.load_document(name, MANIFEST_FILE)
            return NONE_YET if document is None else Manifest.from_kept(document, name)
        except (StateCorruptError, ManifestInvalidError) as error:
            self._device.tell("kept manifest not used", reason=str(error))
            return NONE_YET

    def _keep(self) -> None:
        name = self._device.thing.name
        try:
            document = self._manifest.as_kept(name)
            self._device.store.save_document(name, MANIFEST_FILE, document)
        except DeviceError as error:
            self._device.tell("manifest not kept", reason=str(error))

    # --- what is reported

    def _report(self) -> None:
        """Now, unless it was reported just before: then as soon as that is some seconds ago."""
        if not self._reporting:
            self._reporting = True
            self._on_report()

    def _on_report(self) -> None:
        """Connections come and go without a word to the host: it looks again and again."""
        fact = self._fact()
        if fact != self._reported:
            self._reported = fact
            self._device.report(HOSTING, dict(fact))
        self._device.after(REPORT_SECONDS, self._on_report)

    def _fact(self) -> JsonObject:
        fact: dict[str, Json] = {
            "version": self._manifest.revision,
            "devices": len(self._manifest.seats),
            "online": self._guests.online,
            "failed": self._guests.failed,
        }
        if self._problem is not None:
            fact["problem"] = dict(self._problem)
        return fact


def _obtained(
    wanted: Mapping[str, Json], host: str, sources: Sources, fetch: Callable[..., bytes]
) -> Manifest:
    """On a thread that may block. Raises `DeviceError`."""
    manifest = Manifest.from_bytes(fetch(str(wanted["url"]), "manifest", sources), host)
    version = number_of(wanted["version"])
    if manifest.revision != version:
        raise ManifestOutOfStepError(
            f"manifest: revision is {manifest.revision}, and the setting says {version}"
        )
    return manifest


def _fetch(token: str | None, url: str, what: str, sources: Sources) -> bytes:
    return fetch_url(url, what, sources, limit=MAX_BYTES, token=token)
