"""Logs: one JSON object a line on standard output, so that CloudWatch Logs Insights finds its fields."""

import json
import logging
import sys

from virtual_device.telemetry import timestamp

THINGS = "thing"
"""Loggers of devices are called `thing.<thing name>`. A thing name holds no dot."""


class JsonLines(logging.Formatter):
    """Fields `time`, `level`, `message`, `thingName` where there is one, and those of `extra={"data": ...}`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, object] = {
            "time": timestamp(record.created),
            "level": record.levelname,
            "message": record.getMessage(),
        }
        area, _, name = record.name.partition(".")
        if area == THINGS:
            line["thingName"] = name
        line.update(getattr(record, "data", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up() -> None:
    """Log to standard output from level INFO."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def of_thing(thing_name: str) -> logging.Logger:
    """The logger of one device; its level is the setting `debug`."""
    return logging.getLogger(f"{THINGS}.{thing_name}")
