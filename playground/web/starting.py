"""Start the server: what it is told, the user that it signs in as, and its process."""

import http.client
import os
import shlex
import sys
import time
from hashlib import sha256
from socket import gethostname
from typing import Any

from playground.base.processes import ProcessId, start_detached, stop, tail
from playground.errors import ConsoleError
from playground.home.homes import Home
from playground.home.paths import DIR_VARIABLE, Paths
from playground.home.state import HOST
from playground.stack.users import CONSOLE_USER, Users, api_url
from playground.web.building import Builder
from playground.web.codes import KEY_BYTES
from playground.web.settings import Settings

MODULE = "playground.web.server"
START_LIMIT = 20.0
STOP_LIMIT = 5.0
PASSED_ON = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ")


def user_name(home: Home) -> str:
    """Whom the server signs in. On AWS several people may have a console of one stack at a time,
    so the name tells them apart; after a kill the next console of the same machine takes it over.
    """
    if home.kind == "local":
        return CONSOLE_USER
    mark = sha256(f"{gethostname()}\0{os.getuid()}".encode()).hexdigest()[:8]
    return f"{CONSOLE_USER}-{mark}"


def settings_for(
    paths: Paths, home: Home, port: int, key: bytes, beside: ProcessId | None
) -> Settings:
    """Make the server's user, or give it another password, and collect all that it goes by."""
    name = user_name(home)
    password = Users(home).renew(name, "admins")
    builder = Builder(paths)
    return Settings(
        port=port,
        page=str(builder.folder),
        lock=str(builder.lock),
        api=api_url(home),
        cognito=home.client("cognito-idp").meta.endpoint_url + "/",
        client_id=home.output("UserPoolClientId"),
        live=live_origin(home),
        config=config(home),
        username=name,
        password=password,
        key=key.hex(),
        on_aws=home.kind == "aws",
        beside=beside,
    )


def config(home: Home) -> dict[str, Any]:
    """What `/config.json` says: nothing that is secret, for it is told to whoever asks."""
    return {
        "home": home.kind,
        "signIn": "server",
        "region": home.region,
        "stack": home.stack_name,
        "userPoolClientId": home.output("UserPoolClientId"),
        "outputs": home.outputs,
        "iotEndpoint": _iot_endpoint(home),
        "awsCliPrefix": _prefix(home),
    }


def live_origin(home: Home) -> str:
    """Where MQTT over WebSocket is, for the Content-Security-Policy."""
    if home.endpoint:
        return f"ws://iot.{home.region}.localhost:{home.port}"
    return f"wss://{_iot_endpoint(home)}"


def start(paths: Paths, settings: Settings) -> ProcessId:
    """Start the server as a process of its own. Raises ConsoleError when it does not begin.

    It gets neither AWS credentials nor the secret of the local cloud.
    """
    log = paths.logs / "console.log"
    log.unlink(missing_ok=True)
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    process = start_detached(
        [sys.executable, "-m", MODULE],
        log=log,
        env=environment | {DIR_VARIABLE: str(paths.home)},
        cwd=paths.root,
        given=settings.to_json(),
    )
    deadline = time.monotonic() + START_LIMIT
    while not answers(settings.port):
        if not process.alive() or time.monotonic() > deadline:
            stop(process, limit=STOP_LIMIT)
            raise ConsoleError(f"The console did not start ({log}):\n{tail(log)}")
        time.sleep(0.02)
    return process


def answers(port: int) -> bool:
    """Whether a console answers there."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/config.json")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def keep_key(paths: Paths, key: bytes) -> None:
    """Write the key of the one-time codes where this user alone can read it."""
    draft = paths.console_key.with_name(f"{paths.console_key.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(key.hex())
    draft.replace(paths.console_key)


def kept_key(paths: Paths) -> bytes:
    """Of the server that runs. Raises ConsoleError when it is gone."""
    try:
        found = bytes.fromhex(paths.console_key.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = b""
    if len(found) != KEY_BYTES:
        raise ConsoleError(
            f"{paths.console_key} can't be read: `playground down` and "
            "`playground up` make it anew."
        )
    return found


def _iot_endpoint(home: Home) -> str:
    if home.endpoint:
        return f"{HOST}:{home.mqtt_port}"
    found = home.client("iot").describe_endpoint(endpointType="iot:Data-ATS")
    return str(found["endpointAddress"])


def _prefix(home: Home) -> str:
    """What stands before `aws`, in a shell that nobody has led anywhere."""
    if home.kind == "local":
        return ""
    named = {"AWS_REGION": home.region, "AWS_PROFILE": home.profile}
    return "".join(f"{name}={shlex.quote(value)} " for name, value in named.items() if value)
