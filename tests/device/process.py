"""Real device processes: `python -m virtual_device` with its own state directory."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.device.broker import Broker
from tests.device.pki import CertificateAuthority, KeyPair

PACKAGE_ROOT = Path(__file__).parents[2] / "device"


class DeviceProcess:
    """A started process and what it logs."""

    def __init__(
        self,
        arguments: list[str],
        environment: dict[str, str],
        log_file: Path,
        module: str = "virtual_device",
        files: tuple[int, int] | None = None,
    ) -> None:
        """`files`: how many it may have open, the soft limit and the hard one."""
        self._log_file = log_file
        limited = (
            ["sh", "-c", f'ulimit -Sn {files[0]}; ulimit -Hn {files[1]}; exec "$@"', "sh"]
            if files
            else []
        )
        with log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*limited, sys.executable, "-m", module, *arguments],
                env=environment,
                stdout=log,
                stderr=log,
            )

    def log(self) -> list[dict[str, Any]]:
        """The log's complete lines; all must be JSON objects."""
        lines = self._log_file.read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def wait_for_log(
        self, message: str, count: int = 1, seconds: float = 40.0
    ) -> list[dict[str, Any]]:
        """Wait for lines whose message begins so."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = [line for line in self.log() if line["message"].startswith(message)]
            if len(found) >= count:
                return found
            time.sleep(0.02)
        raise AssertionError(f"no {message!r} in {self._log_file.read_text()}")

    def threads(self) -> int:
        """How many threads the process has (Linux)."""
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(10)

    def exit_code(self) -> int:
        """Wait until it ends by itself."""
        return self.process.wait(30)


class Workbench:
    """Makes config documents for devices of one broker and starts them."""

    def __init__(self, directory: Path, broker: Broker) -> None:
        self.state_dir = directory / "state"
        self.configs = directory / "configs"
        self.configs.mkdir()
        self.broker = broker
        self._directory = directory
        self._started: list[DeviceProcess] = []

    def config(self, thing: str, device_type: str = "generic", pair: KeyPair | None = None) -> Path:
        """Write the config document of a thing, and its identity beside it; the path of the
        former.
        """
        pair = pair or self.broker.authority.device(thing)
        identity = self._directory / f"{thing}-identity.json"
        content = {
            "certificateId": "0" * 64,
            "certificatePem": pair.certificate,
            "privateKey": pair.private_key,
        }
        identity.write_text(json.dumps(content))
        path = self.configs / f"{thing}.json"
        document = {
            "version": 1,
            "thingName": thing,
            "deviceType": device_type,
            "endpoint": self.broker.host,
            "port": self.broker.port,
            "identityUrl": identity.as_uri(),
            "attributes": {},
        }
        path.write_text(json.dumps(document))
        return path

    def start(
        self,
        *arguments: Path,
        config_url: str | None = None,
        ca_file: Path | None = None,
        files: tuple[int, int] | None = None,
        fetch_from: str = "",
    ) -> DeviceProcess:
        """Start a process with these arguments, and these limits of open files.

        `fetch_from`: what the device may fetch from, besides the server of `config_url`.
        """
        environment = {key: value for key, value in os.environ.items() if key != "SSL_CERT_FILE"}
        environment |= {
            "PYTHONPATH": str(PACKAGE_ROOT),
            "STATE_DIR": str(self.state_dir),
            "IOT_CA_FILE": str(ca_file or self.broker.ca_file),
            "FETCH_FROM": fetch_from,
        }
        if config_url is not None:
            environment["CONFIG_FILE_URL"] = config_url
        log_file = self._directory / f"device-{len(self._started)}.log"
        process = DeviceProcess(
            [str(argument) for argument in arguments], environment, log_file, files=files
        )
        self._started.append(process)
        return process

    def other_ca(self) -> Path:
        """A CA file that the broker's certificate is not from."""
        path = self._directory / "other-ca.pem"
        path.write_text(CertificateAuthority("Another CA").pem)
        return path

    def stop_all(self) -> None:
        """Kill what still runs."""
        for started in self._started:
            if started.process.poll() is None:
                started.kill()
