"""What the figures were measured on, for figures of two machines don't compare."""

import importlib.metadata
import os
import platform
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime

from playground.home.paths import Paths
from tests.device.broker import MOSQUITTO


@dataclass(frozen=True)
class Machine:
    """The machine and the versions that matter."""

    date: str
    system: str
    cores: int
    load: float
    versions: dict[str, str]

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return (
            f"{self.date}, {self.system}, {self.cores} cores, load {self.load:.1f} at the "
            f"start; {versions}"
        )


def machine() -> Machine:
    """This one, now."""
    return Machine(
        date=datetime.now(UTC).date().isoformat(),
        system=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count() or 0,
        load=os.getloadavg()[0],
        versions={
            "Python": platform.python_version(),
            "awscrt": importlib.metadata.version("awscrt"),
            "boto3": importlib.metadata.version("boto3"),
            "ministack": _emulator(),
            "mosquitto": _mosquitto(),
        },
    )


def _emulator() -> str:
    python = Paths().tool("emulator", "python")
    ask = "from importlib.metadata import version; print(version('ministack'))"
    return _said(str(python), "-c", ask)


def _mosquitto() -> str:
    found = re.search(r"version (\S+)", _said(MOSQUITTO, "-h")) if MOSQUITTO else None
    return found[1] if found else "not installed"


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
