"""Firmware images: a version, the device model that makes the telemetry, and a self-test. JSON,
never code.

Thousands of devices share a process, so an image must not be a way to run anything in it. The
format: docs/firmware.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from virtual_device.base.errors import DeviceError
from virtual_device.base.jsonvalue import Json, JsonObject, NotJsonError, decode_object
from virtual_device.telemetry import model, rules
from virtual_device.telemetry.model import Model, ModelInvalidError
from virtual_device.telemetry.model_parser import MEMBER_NAME

MAX_BYTES = 65_536
"""Of an image. Its model alone may have 16,384 bytes as compact JSON; the rest is room for line
breaks and indents.
"""

VERSION = re.compile(r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})", re.ASCII)
"""The core of a semantic version (semver.org, 2.0.0)."""

VERSION_RULE = "must be a version such as 1.1.0"
MEMBERS = ("version", "model", "selfTest")
MAX_TESTS = 20


class FirmwareInvalidError(DeviceError):
    """An image breaks rules; `problems` are all of them, each with the path of what is wrong."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a member of a message must be for the self-test: there, and within the bounds that are
    given.
    """

    low: float | None = None
    high: float | None = None

    def fault(self, name: str, message: Mapping[str, Json]) -> str | None:
        """What is wrong with the member `name`; None when nothing is."""
        if name not in message:
            return f"{name} is missing in the telemetry"
        value = message[name]
        if self.low is None and self.high is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            return f"{name} is not a number"
        if (self.low is not None and value < self.low) or (
            self.high is not None and value > self.high
        ):
            return f"{name} is {value}, out of its bounds"
        return None


@dataclass(frozen=True, slots=True)
class Image:
    """An image that has passed every rule."""

    version: str
    model: Model
    self_test: Mapping[str, Bounds] = field(default_factory=dict)

    def faults(self, message: Json) -> list[str]:
        """What the self-test finds wrong with a telemetry message; one that is no object has no
        members.
        """
        members = message if isinstance(message, dict) else {}
        found = (bounds.fault(name, members) for name, bounds in self.self_test.items())
        return [fault for fault in found if fault]


def read(content: bytes) -> Image:
    """An image file's content. Raises `FirmwareInvalidError` with every problem that there is."""
    if len(content) > MAX_BYTES:
        raise FirmwareInvalidError(
            [f"image: must have at most {MAX_BYTES} bytes, has {len(content)}"]
        )
    try:
        return parse(decode_object(content))
    except NotJsonError as error:
        raise FirmwareInvalidError([f"image: {error}"]) from error


def parse(document: JsonObject) -> Image:
    """Check an image and build it. Devices with equal models share one. Raises
    `FirmwareInvalidError`.
    """
    problems = [
        f"{name}: is not known here; there are {', '.join(MEMBERS)}"
        for name in document.keys() - {*MEMBERS}
    ]
    if not is_version(version := document.get("version")):
        problems.append(f"version: {VERSION_RULE}")
    found = _model(document, problems)
    tests = _self_test(document.get("selfTest", {}), problems)
    if problems or found is None:
        raise FirmwareInvalidError(sorted(problems))
    return Image(str(version), found, tests)


def is_version(value: Json) -> bool:
    """Whether this is a version of firmware."""
    return isinstance(value, str) and VERSION.fullmatch(value) is not None


def _model(document: JsonObject, problems: list[str]) -> Model | None:
    if "model" not in document:
        problems.append("model: is missing: a device model")
        return None
    try:
        return model.shared(document["model"])
    except ModelInvalidError as error:
        problems.extend(
            problem if problem.startswith("model:") else f"model.{problem}"
            for problem in error.problems
        )
        return None


def _self_test(value: Json, problems: list[str]) -> dict[str, Bounds]:
    if not isinstance(value, dict) or len(value) > MAX_TESTS:
        problems.append(f"selfTest: must be an object of at most {MAX_TESTS} members")
        return {}
    return {
        name: _bounds(f"selfTest.{name}", name, inner, problems) for name, inner in value.items()
    }


def _bounds(path: str, name: str, value: Json, problems: list[str]) -> Bounds:
    if not MEMBER_NAME.holds(name):
        problems.append(f"{path}: is not a valid member name, which {MEMBER_NAME.text}")
    if not isinstance(value, dict) or not value.keys() <= {"min", "max"}:
        problems.append(f"{path}: must be an object of min and max, both of which may be left out")
        return Bounds()
    for key, limit in value.items():
        if not rules.NUMBER.holds(limit):
            problems.append(f"{path}.{key}: {rules.NUMBER.text}")
    low, high = (_number(value.get(key)) for key in ("min", "max"))
    if low is not None and high is not None and low > high:
        problems.append(f"{path}: min is above max")
    return Bounds(low, high)


def _number(value: Json) -> float | None:
    return value if isinstance(value, int | float) and rules.NUMBER.holds(value) else None
