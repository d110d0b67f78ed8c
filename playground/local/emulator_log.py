"""The emulator's own log: bounded in size, and without what nobody reads.

It runs in the emulator's process. What a function prints stands in its log group, so it does not
stand here as well; of TLS connections that failed only those are told whose certificate was refused
(see `iot_log`), and not every port scan and every client that went away.
"""

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path

MOST_BYTES = 8 * 2**20
"""Of the file, and of the one before it."""
FORMAT = "%(asctime)s %(levelname)s [%(name)s] %(message)s"
REFUSED = "CERTIFICATE_"
"""Stands in the reason of OpenSSL when a certificate could not be verified."""


class OutputFile(RotatingFileHandler):
    """A log file that takes the process's standard output and error with it when it begins anew."""

    def __init__(self, path: Path, most: int = MOST_BYTES) -> None:
        super().__init__(path, maxBytes=most, backupCount=1, encoding="utf-8", errors="replace")
        self.setFormatter(logging.Formatter(FORMAT, datefmt="%Y-%m-%d %H:%M:%S"))

    def doRollover(self) -> None:  # noqa: N802 - the name in the standard library
        """Begin a new file; the one before the last goes."""
        super().doRollover()
        if self.stream is not None:
            for descriptor in (1, 2):
                os.dup2(self.stream.fileno(), descriptor)


def older(path: Path) -> Path:
    """The file before this one."""
    return path.with_name(f"{path.name}.1")


def keep_short(path: Path) -> None:
    """Let all loggers write into this file, which standard output and error go to already."""
    logging.basicConfig(handlers=[OutputFile(path)], level=logging.INFO, force=True)
    logging.getLogger("lambda").setLevel(logging.WARNING)
    # It tells why a TLS connection was refused at level DEBUG alone.
    connections = logging.getLogger("iot_mtls")
    connections.setLevel(logging.DEBUG)
    connections.addFilter(_tells)


def _tells(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or REFUSED in record.getMessage()
