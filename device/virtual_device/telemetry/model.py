"""Device models: what a device's telemetry is made of, read from a declarative file and checked.

A model is parsed once in a process and shared by all devices that have it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

from virtual_device.base.errors import DeviceError
from virtual_device.base.jsonvalue import (
    Json,
    JsonObject,
    NotJsonError,
    decode,
    decode_object,
    depth,
    encode,
    fault_of,
)
from virtual_device.telemetry import envelope, messages, replies
from virtual_device.telemetry.messages import MessageModel
from virtual_device.telemetry.model_parser import HEAD, Parser
from virtual_device.telemetry.moment import NOBODY, About, Moment
from virtual_device.telemetry.replies import Declared

BUNDLED = Path(__file__).parents[1] / "models"
MAX_BYTES = 16_384
"""Of compact JSON. A model is part of a workflow's data, which holds 256 KB (AWS Step Functions
quotas).
"""
MAX_DEPTH = 32
HEADS = {**HEAD, "envelope": envelope.RULE}


class ModelInvalidError(DeviceError):
    """A model breaks rules; `problems` are all of them, each with the path of what is wrong."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True, slots=True)
class Model:
    """A model that has passed every rule."""

    seed: str
    messages: tuple[MessageModel, ...]
    document: JsonObject = field(repr=False)
    """What it was read from."""
    replies: tuple[Declared, ...] = ()

    def moment(
        self,
        thing_name: str,
        settings: JsonObject,
        wall: float,
        sequence: int,
        about: About = NOBODY,
    ) -> Moment:
        """What the values of this thing depend on now; `wall` is Unix time in seconds."""
        return Moment(
            f"{self.seed}/{thing_name}", wall, sequence, settings, None, thing_name, about
        )


@cache
def bundled_names() -> frozenset[str]:
    """The device types: each is a file in models/."""
    return frozenset(path.stem for path in BUNDLED.glob("*.json"))


@cache
def bundled(device_type: str) -> Model:
    """The model of a device type."""
    return parse(decode_object((BUNDLED / f"{device_type}.json").read_bytes()))


def shared(document: Json) -> Model:
    """`parse`, but one and the same model for equal documents. Raises `ModelInvalidError`."""
    return _from_text(_compact(document))


@lru_cache(maxsize=64)
def _from_text(text: bytes) -> Model:
    return parse(decode(text))


def read(content: bytes) -> Model:
    """A model file's content. Raises `ModelInvalidError`."""
    try:
        return parse(decode_object(content))
    except NotJsonError as error:
        raise ModelInvalidError([f"model: {error}"]) from error


def parse(document: Json) -> Model:
    """Check a model and build it. Raises `ModelInvalidError` with every problem that there is."""
    _compact(document)
    parser = Parser()
    if not isinstance(document, dict):
        raise ModelInvalidError(["model: must be a JSON object"])
    parser.unknown("", document, (*HEADS, "values", "telemetry", "messages", "replies"))
    parser.check("", HEADS, document)
    if "values" in document:
        parser.named(document["values"])
    sent = messages.parse(parser, document)
    declared = replies.parse(parser, document, sent)
    if parser.problems:
        raise ModelInvalidError(parser.problems)
    seed = document.get("seed", 0)
    return Model(str(int(seed) if isinstance(seed, float) else seed), sent, document, declared)


def _compact(document: Json) -> bytes:
    if depth(document) > MAX_DEPTH:
        raise ModelInvalidError([f"model: must not be nested more than {MAX_DEPTH} levels deep"])
    if fault := fault_of(document):
        raise ModelInvalidError([f"model.{fault}" if fault.place else f"model: {fault}"])
    text = encode(document)
    if len(text) > MAX_BYTES:
        raise ModelInvalidError(
            [f"model: must have at most {MAX_BYTES} bytes as JSON, has {len(text)}"]
        )
    return text
