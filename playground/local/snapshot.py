"""The emulator's state as files and back: what each service gives, in the emulator's own format.

What the emulator keeps elsewhere is put in: objects of S3, which it writes to a folder of their own
at every request, and the code of functions. Their bytes become blobs. Runs in the emulator's
process.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import persistence
from ministack.core.responses import request_scope
from ministack.services import lambda_svc, s3

from playground.home.state import REGION
from playground.local.generations import Contents, Generations, UnreadableError

# Of S3, what the emulator itself does not count as its state.
OBJECTS = (
    "object_tags",
    "object_acl",
    "object_annotations",
    "object_versions",
    "object_retention",
    "object_legal_hold",
    "multipart_uploads",
)
FILE = "services.json"
SMALL = 4096
"""Bytes up to this length stay in the service's file."""
TRIES = 50

States = Mapping[str, Any]


def states(copied: Callable[[Any], Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The state of each service, and why one could not be given.

    `copied` is used where services copy deeply.
    """
    found: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    with _copying(copied):
        for name, get_state in app._build_persistence_save_dict().items():
            try:
                state = _patiently(get_state)
                if name == "s3":
                    state |= _patiently(_objects)
            except Exception as error:  # noqa: BLE001 - another service's fault must not keep this one from being kept
                left_out[name] = f"{type(error).__name__}: {error}"
                continue
            if state is not None:
                found[name] = state
    return found, left_out


def contents(found: States, left_out: Mapping[str, str]) -> Contents:
    """What is to be written of the services' states: one file, for each has to be flushed to the
    disk.
    """
    blobs = Blobs()
    parts: list[bytes] = []
    missing = dict(left_out)
    for name, state in found.items():
        version = persistence._state_format_version(name)
        document = {"__ministack_format__": version, "payload": state}
        try:
            text = json.dumps({name: document}, default=blobs.default)
        except (TypeError, ValueError) as error:
            missing[name] = f"{type(error).__name__}: {error}"
            continue
        parts.append(text[1:-1].encode())
    return Contents({FILE: b"{" + b",\n".join(parts) + b"}"}, blobs.found, missing)


def as_it_is(value: Any) -> Any:
    """No copy: for a process that ends when it has written."""
    return value


deep_copy = copy.deepcopy


@dataclass
class Blobs:
    """Takes long bytes out of documents."""

    found: dict[str, bytes] = field(default_factory=dict)
    _digests: dict[int, str] = field(default_factory=dict)

    def default(self, value: Any) -> Any:
        """For `json.dumps`: what it can't write itself."""
        if not isinstance(value, bytes | bytearray) or len(value) <= SMALL:
            return persistence._json_default(value)
        # Functions share their code: the same bytes many times.
        digest = self._digests.get(id(value)) or hashlib.sha256(value).hexdigest()
        self._digests[id(value)] = digest
        self.found[digest] = bytes(value)
        return {"__blob__": digest}


@dataclass(frozen=True)
class Restored:
    """What was read of a generation: the states by service."""

    states: States

    def apply(self) -> None:
        """Hand the states to the services. Raises whatever a service raises."""
        for name, state in self.states.items():
            module = app._state_map.get(name)
            if module is not None:
                app._get_module(module).load_persisted_state(state)
                if name == "s3":
                    _restore_objects(state)


def read(generations: Generations, number: int) -> Restored:
    """A generation's states. Raises UnreadableError."""
    generations.read(number)

    def hook(value: dict[str, Any]) -> Any:
        if "__blob__" in value:
            return generations.blob(value["__blob__"]).read_bytes()
        return persistence._json_object_hook(value)

    path = generations.path(number) / FILE
    documents = _parsed(path, hook)
    return Restored({name: _payload(path, name, found) for name, found in documents.items()})


def read_plain(folder: Path) -> Restored:
    """What the emulator itself has written, before there were generations.

    Raises UnreadableError.
    """
    hook = persistence._json_object_hook
    paths = sorted(folder.glob("*.json"))
    return Restored({path.stem: _payload(path, path.stem, _parsed(path, hook)) for path in paths})


def bring_objects_in() -> None:
    """Bodies that the emulator keeps in files go into memory, and from now on nothing is kept in
    files.
    """
    for (account, bucket), found in s3._buckets._data.items():
        with request_scope(account, REGION):
            for key, value in found["objects"].items():
                value["body"] = s3._read_body(bucket, key, value)
    for (account, (bucket, key)), versions in s3._object_versions._data.items():
        with request_scope(account, REGION):
            for version in versions:
                if not version.get("is_delete_marker") and version.get("data") is None:
                    held = s3._buckets[bucket]
                    version["data"] = s3._version_body(held, bucket, key, version)
    s3.S3_PERSIST = False


def keep_code_in_memory() -> None:
    """The emulator writes functions' code to files whenever its state is asked for, and prunes
    older ones.
    """
    lambda_svc._externalize_code_zip = lambda _function, _seen: None
    lambda_svc._prune_orphan_code_blobs = lambda _seen: None


@contextmanager
def _copying(copied: Callable[[Any], Any]) -> Iterator[None]:
    def copy_of(value: Any, _memo: Any = None) -> Any:
        return copied(value)

    copy.deepcopy = copy_of  # type: ignore[assignment]
    try:
        yield
    finally:
        copy.deepcopy = deep_copy


def _patiently(get_state: Callable[[], Any]) -> Any:
    """Threads of executions may write while it is read."""
    for _ in range(TRIES):
        try:
            return get_state()
        except RuntimeError as error:
            if "changed size during iteration" not in str(error):
                raise
    return get_state()


def _objects() -> dict[str, Any]:
    stores = {name: copy.deepcopy(getattr(s3, f"_{name}")) for name in OBJECTS}
    held = type(s3._buckets)()
    for scoped, bucket in list(s3._buckets._data.items()):
        held._data[scoped] = copy.deepcopy(bucket["objects"])
    return {**stores, "objects": held}


def _restore_objects(state: States) -> None:
    for name in OBJECTS:
        getattr(s3, f"_{name}").update(state.get(name, {}))
    objects = state.get("objects")
    for scoped, found in objects._data.items() if objects is not None else ():
        s3._buckets._data[scoped]["objects"] = found
    for upload in s3._multipart_uploads._data.values():
        # JSON has made texts of the parts' numbers.
        upload["parts"] = {int(number): part for number, part in upload["parts"].items()}


def _parsed(path: Path, hook: Callable[[dict[str, Any]], Any]) -> Any:
    try:
        return json.loads(path.read_bytes(), object_hook=hook)
    except (OSError, ValueError, KeyError) as error:
        raise UnreadableError(f"{path} can't be read: {error}") from error


def _payload(path: Path, name: str, document: Any) -> Any:
    if not isinstance(document, dict) or "__ministack_format__" not in document:
        return document
    if document["__ministack_format__"] > persistence._state_format_version(name):
        raise UnreadableError(f"{path} was written by a newer emulator ({name})")
    return document["payload"]
