"""Logs: one JSON object a line on standard output, so that CloudWatch Logs Insights finds its
fields.
"""

import json
import logging
import sys
from collections.abc import Sequence

from virtual_device.base.clock import timestamp

THINGS = "thing"
"""Loggers of devices are called `thing.<thing name>`. A thing name holds no dot."""


class JsonLines(logging.Formatter):
    """Fields `time`, `level`, `message`, `thingName` where there is one, and those of
    `extra={"data": ...}`.
    """

    only_thing: str | None = None
    """Whose every line is that names no thing."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, object] = {
            "time": timestamp(record.created),
            "level": record.levelname,
            "message": record.getMessage(),
        }
        area, _, name = record.name.partition(".")
        thing_name = name if area == THINGS else self.only_thing
        if thing_name:
            line["thingName"] = thing_name
        line.update(getattr(record, "data", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up() -> None:
    """Log to standard output from level INFO."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def hosting(thing_names: Sequence[str]) -> None:
    """The process hosts these devices: what a process with one device logs is about that one."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, JsonLines):
            handler.formatter.only_thing = thing_names[0] if len(thing_names) == 1 else None


def of_thing(thing_name: str) -> logging.Logger:
    """The logger of one device; its level is the setting `debug`."""
    return logging.getLogger(f"{THINGS}.{thing_name}")
