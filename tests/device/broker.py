"""mosquitto over mutual TLS on a free port of the loopback."""

import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tests.device.pki import CertificateAuthority
from tests.ports import free_port

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


class Broker:
    """One mosquitto process; it keeps its port over a restart, and its sessions nowhere. `settings`
    are mosquitto's.
    """

    def __init__(
        self,
        directory: Path,
        authority: CertificateAuthority,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.host = "localhost"
        self.port = free_port()
        self.authority = authority
        self.ca_file = directory / "ca.pem"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._write_files(settings)

    def start(self) -> None:
        """Start mosquitto and wait until it listens."""
        assert MOSQUITTO is not None
        with (self._directory / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [MOSQUITTO, "-c", str(self._directory / "mosquitto.conf")], stdout=log, stderr=log
            )
        self._wait_until_listening()

    def stop(self) -> None:
        """Stop mosquitto; every client loses its connection."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def log(self) -> str:
        """What mosquitto wrote so far."""
        return (self._directory / "mosquitto.log").read_text()

    def _wait_until_listening(self) -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.01)
            else:
                return
        raise TimeoutError(f"mosquitto does not listen on {self.port}: {self.log()}")

    def _write_files(self, more: Mapping[str, str]) -> None:
        server = self.authority.server(self.host)
        self.ca_file.write_text(self.authority.pem)
        (self._directory / "server.pem").write_text(server.certificate)
        (self._directory / "server.key").write_text(server.private_key)
        settings: dict[str, str] = {
            "listener": f"{self.port} 127.0.0.1",
            "cafile": str(self.ca_file),
            "certfile": str(self._directory / "server.pem"),
            "keyfile": str(self._directory / "server.key"),
            "require_certificate": "true",
            "use_identity_as_username": "true",
            "allow_anonymous": "false",
            "log_dest": "stderr",
            "log_type": "all",
            "user": "root",
            **more,
        }
        lines = "".join(f"{key} {value}\n" for key, value in settings.items())
        (self._directory / "mosquitto.conf").write_text(lines)
