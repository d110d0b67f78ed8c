"""The emulator process that plays AWS."""

import http.client
import json
import os
import time
from collections.abc import Mapping
from typing import Any

from playground.base.processes import ProcessId, start_detached, tail
from playground.errors import EmulatorError
from playground.home.paths import DIR_VARIABLE, Paths
from playground.home.shellenv import no_proxy
from playground.home.state import ACCOUNT, REGION, STACK_VARIABLE, LocalState, secret_of
from playground.local.emulator_log import older
from playground.local.generations import Generations

BOOT_LIMIT = 60.0
# It saves its state when it is told to stop; as a rule that is done by then.
STOP_LIMIT = 30.0


def environment(
    paths: Paths, state: LocalState, secret: str, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Environment of the emulator. Lambda functions inherit it, so nothing of the user's AWS
    settings goes in.
    """
    kept = {
        key: value
        for key, value in environ.items()
        if not key.startswith(("AWS_", "BOTO_", "PYTHON", "VIRTUAL_ENV"))
    }
    return kept | {
        "AUTH": "true",
        # The user's files may hold endpoints that a function would call instead of this machine.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "BIND_HOST": "127.0.0.1",
        # Device tasks are the agent's; an emulator that found Docker would start each of them a
        # second time.
        "DOCKER_HOST": f"unix://{paths.home}/no-docker.sock",
        "GATEWAY_PORT": str(state.port),
        "IOT_MTLS_PORT": str(state.mqtt_port),
        "MINISTACK_REGION": REGION,
        "NO_PROXY": no_proxy(environ),
        "no_proxy": no_proxy(environ),
        "PERSIST_STATE": "1",
        DIR_VARIABLE: str(paths.home),
        STACK_VARIABLE: state.stack_name,
        "S3_DATA_DIR": str(paths.emulator / "s3"),
        # Objects are kept with everything else (see `snapshot`). What the emulator itself has kept,
        # it must read once.
        "S3_PERSIST": "0" if Generations(paths.emulator / "generations").numbers() else "1",
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(paths.emulator / "state"),
        "TZ": "UTC",  # as in AWS Lambda
        "TMPDIR": str(paths.tmp),
    }


def start(paths: Paths, state: LocalState) -> ProcessId:
    """Start the emulator without waiting for it. Raises EmulatorError when it is not installed."""
    python = paths.tool("emulator", "python")
    if not python.exists():
        raise EmulatorError("The emulator is not installed: run `make up` in the project's folder.")
    log = paths.logs / "emulator.log"
    for old in (log, older(log)):
        old.unlink(missing_ok=True)
    # -P: what stands in its working directory is not the emulator's to import.
    command = [
        str(python),
        "-P",
        "-m",
        "playground.local.emulator_process",
        ACCOUNT,
        str(log),
        str(paths.emulator),
    ]
    return start_detached(
        command, log=log, env=environment(paths, state, secret_of(paths)), cwd=paths.home
    )


def wait_ready(paths: Paths, state: LocalState, limit: float = BOOT_LIMIT) -> None:
    """Return when gateway and MQTT listener are open. Raises EmulatorError, with what it last
    said.
    """
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if not state.up:
            raise EmulatorError(
                f"The emulator stopped while starting:\n{tail(paths.logs / 'emulator.log')}"
            )
        answer = readiness(state)
        if answer and answer.get("status") == "completed":
            if answer.get("iot_mtls") != "listening":
                raise EmulatorError(
                    f"The emulator could not open MQTT port {state.mqtt_port}: choose "
                    "another one with "
                    "`playground up --mqtt-port PORT`."
                )
            return
        time.sleep(0.05)
    raise EmulatorError(
        f"The emulator was not ready after {limit:.0f} s; see {paths.logs / 'emulator.log'}."
    )


def readiness(state: LocalState) -> dict[str, Any] | None:
    """What the emulator says about itself; None when it does not answer."""
    try:
        found: dict[str, Any] = json.loads(fetch(state, "/_ministack/ready"))
    except (OSError, ValueError, http.client.HTTPException):
        return None
    return found


def fetch(state: LocalState, path: str) -> bytes:
    """GET a path of the gateway, past any proxy. Raises OSError or HTTPException."""
    connection = http.client.HTTPConnection("127.0.0.1", state.port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


def save_ca(paths: Paths, state: LocalState) -> None:
    """Write the certificate authority that device connections are checked against."""
    try:
        pem = fetch(state, "/_ministack/iot/ca.pem")
    except (OSError, http.client.HTTPException) as error:
        raise EmulatorError(f"The emulator did not give its CA certificate: {error}.") from error
    paths.ca.write_bytes(pem)
