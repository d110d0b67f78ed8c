"""The firmware that a device has: the one in force, the one on trial, and what became of a trial
that was cut short.

It is kept in one file, `<STATE_DIR>/<thing>/firmware.json`, replaced as a whole: at any moment
there is exactly one version in force. A trial that is found when the device is switched on was not
confirmed, so it is over: as with the boot loaders of real devices, a new version must prove itself
in its first run or is taken back.
"""

import logging
from dataclasses import dataclass, replace

from virtual_device.base.errors import StateCorruptError, StateUnusableError
from virtual_device.base.jsonvalue import Json, JsonObject, same
from virtual_device.firmware.image import is_version
from virtual_device.state.store import DOCUMENT_VERSION, FIRMWARE_FILE, Store
from virtual_device.telemetry import model
from virtual_device.telemetry.model import Model, ModelInvalidError


@dataclass(frozen=True, slots=True)
class Installed:
    """An image on the device: its version, the SHA-256 of the file that it came from, and its
    model.
    """

    version: str
    sha256: str
    model: Model


@dataclass(frozen=True, slots=True)
class Trial:
    """A version that has yet to prove itself, and the job that brought it."""

    job_id: str
    installed: Installed


@dataclass(frozen=True, slots=True)
class Broken:
    """A trial that was cut short: by which job, and of which version. Kept until that job is
    told.
    """

    job_id: str
    version: str


@dataclass(frozen=True, slots=True)
class Slots:
    """What a device has. `current` None is the factory firmware: the model of its config or of its
    type.
    """

    current: Installed | None = None
    trial: Trial | None = None
    broken: Broken | None = None


FACTORY = Slots()


class Firmware:
    """One device's slots, and the file that they are kept in.

    Raises `StateUnusableError` when that can't be read.
    """

    __slots__ = ("_factory", "_name", "_store", "slots")

    def __init__(
        self, thing_name: str, factory: Model | None, store: Store, log: logging.Logger
    ) -> None:
        self._name, self._factory, self._store = thing_name, factory, store
        self.slots = FACTORY
        try:
            document = store.load_document(thing_name, FIRMWARE_FILE)
            if document is not None:
                self.slots = as_slots(document)
        except StateCorruptError as error:
            log.warning("%s; going on with the factory firmware", error)
        self._end_trial(log)

    @property
    def model(self) -> Model | None:
        """What the version in force makes telemetry by; None is the model of the device type."""
        return self._factory if self.slots.current is None else self.slots.current.model

    @property
    def version(self) -> str | None:
        """The version in force; None for the factory firmware, which has none."""
        return None if self.slots.current is None else self.slots.current.version

    def keep(self, slots: Slots) -> None:
        """Have these from now on. Raises `StateUnusableError`; then everything is as it was."""
        if slots != self.slots:
            self._store.save_document(self._name, FIRMWARE_FILE, as_document(slots))
            self.slots = slots

    def _end_trial(self, log: logging.Logger) -> None:
        trial = self.slots.trial
        if trial is None:
            return
        version = trial.installed.version
        log.warning(
            (
                "firmware %s was not confirmed before the process ended; going back to the "
                "version before"
            ),
            version,
        )
        ended = replace(self.slots, trial=None, broken=Broken(trial.job_id, version))
        try:
            self.keep(ended)
        except StateUnusableError as error:
            log.error("%s; the next start finds the same", error)  # noqa: TRY400 - it says it all
            self.slots = ended


def as_document(slots: Slots) -> JsonObject:
    """As it is kept."""
    document: dict[str, Json] = {
        "formatVersion": DOCUMENT_VERSION,
        "current": _installed_document(slots.current),
    }
    if slots.trial is not None:
        document["trial"] = {
            "jobId": slots.trial.job_id,
            "image": _installed_document(slots.trial.installed),
        }
    if slots.broken is not None:
        document["broken"] = {"jobId": slots.broken.job_id, "version": slots.broken.version}
    return document


def as_slots(document: JsonObject) -> Slots:
    """From what was kept. Raises `StateCorruptError`."""
    if not same(document.get("formatVersion"), DOCUMENT_VERSION):
        raise StateCorruptError(
            "firmware.json is damaged (no format version that is known); nothing of it is used"
        )
    try:
        trial, broken = document.get("trial"), document.get("broken")
        return Slots(
            _installed(document["current"]),
            None
            if trial is None
            else Trial(_text(_part(trial, "jobId")), _there(_installed(_part(trial, "image")))),
            None
            if broken is None
            else Broken(_text(_part(broken, "jobId")), _version(_part(broken, "version"))),
        )
    except (KeyError, ModelInvalidError) as error:
        raise StateCorruptError(
            f"firmware.json is damaged ({error}); nothing of it is used"
        ) from error


def _installed_document(installed: Installed | None) -> Json:
    if installed is None:
        return None
    return {
        "version": installed.version,
        "sha256": installed.sha256,
        "model": dict(installed.model.document),
    }


def _installed(value: Json) -> Installed | None:
    if value is None:
        return None
    version, digest = _version(_part(value, "version")), _text(_part(value, "sha256"))
    return Installed(version, digest, model.shared(_part(value, "model")))


def _part(value: Json, key: str) -> Json:
    if not isinstance(value, dict):
        raise KeyError(key)
    return value[key]


def _there(installed: Installed | None) -> Installed:
    if installed is None:
        raise KeyError("image")
    return installed


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise KeyError("text")
    return value


def _version(value: Json) -> str:
    if not is_version(value):
        raise KeyError("version")
    return str(value)
