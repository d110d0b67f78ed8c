"""python -m virtual_device.tools.model_tool list | schema | check FILE | sample FILE
       | guess FILE | replay FILE

Prints JSON: the bundled models with their replies and a sample message each; the JSON Schema of
model files; or what is wrong with a model file (- is standard input), `{"problems": [...]}`, and
the file's content, `{"model": {...}}`, when nothing is. `sample` prints the first messages of the
model in its place, `{"messages": [{"topic", "every", "payload"}]}`: `every` in seconds, null for
the setting `time`; `payload` as it is sent, null when there is nothing to send. `guess` reads
recorded messages and prints a model for them, `replay` one that says them again.

Exit codes: 0; 1 when a model has problems or can't be read; 2 for wrong usage.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from virtual_device.base.jsonvalue import Json, NotJsonError
from virtual_device.connection.topics import telemetry_below
from virtual_device.shadow import settings
from virtual_device.telemetry import telemetry
from virtual_device.telemetry.model import Model, ModelInvalidError, bundled, parse, read
from virtual_device.telemetry.model_schema import schema
from virtual_device.telemetry.thing import DEVICE_TYPES, Thing
from virtual_device.tools.model_guess import guess
from virtual_device.tools.model_replay import replay

RECORDED = {"guess": guess, "replay": replay}
SAMPLE_NAME = "dev-SAMPLE"


def main(arguments: Sequence[str]) -> int:
    """Run one of the commands; the exit code."""
    match arguments:
        case ["list"]:
            return _print(listing(time.time()))
        case ["schema"]:
            return _print(schema())
        case ["check", file]:
            return _read(file, lambda content: {"model": dict(read(content).document)})
        case ["sample", file]:
            return _read(file, lambda content: {"messages": samples(read(content), time.time())})
        case [("guess" | "replay") as how, file]:
            return _read(file, lambda content: {"model": dict(made(how, content).document)})
    print(__doc__, file=sys.stderr)
    return 2


def listing(wall: float) -> Json:
    """Name, description, replies and a message at the Unix time `wall` of each bundled model."""
    return [
        {
            "name": name,
            "description": bundled(name).document.get("description"),
            "replies": {row.name: row.description for row in bundled(name).replies},
            "sample": sample(Thing(SAMPLE_NAME, name), wall),
        }
        for name in sorted(DEVICE_TYPES)
    ]


def sample(thing: Thing, wall: float) -> Json:
    """The first message of a thing with default settings."""
    return telemetry.generate(thing, settings.defaults(thing), wall, 0)


def samples(model: Model, wall: float) -> list[Json]:
    """Topic, interval and content of the first of each message; the thing has default settings."""
    thing = Thing(SAMPLE_NAME, model=model)
    chosen = settings.defaults(thing)
    found: list[Json] = []
    for number, message in enumerate(model.messages):
        sent = telemetry.payload(thing, chosen, wall, 0, number)
        row: dict[str, Json] = {
            "topic": telemetry_below(thing.name, message.below(thing.name)),
            "every": message.every,
            "payload": None if sent is None else sent.decode(),
        }
        found.append(row)
    return found


def made(how: str, content: bytes) -> Model:
    """A model for recorded messages, a guess or a replay. Raises `ModelInvalidError` where none can
    be made.
    """
    try:
        return parse(RECORDED[how](content))
    except NotJsonError as error:
        raise ModelInvalidError([str(error)]) from error


def _read(file: str, made: Callable[[bytes], Json]) -> int:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return _print(made(content))
    except OSError as error:
        return _print({"problems": [f"can't be read: {error.strerror}"]}, code=1)
    except ModelInvalidError as error:
        return _print({"problems": list(error.problems)}, code=1)


def _print(value: Json, code: int = 0) -> int:
    print(json.dumps(value, indent=2, ensure_ascii=False))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
