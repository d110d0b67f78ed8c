"""Those that are compared, device and bare clients: same config documents, same environment, a
process each.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.device.pki import KeyPair
from tests.device.process import PACKAGE_ROOT, DeviceProcess

Kind = Literal["device", "bare client", "bare, all at once", "bare, one by one"]
BARE: Mapping[Kind, Sequence[str]] = {
    "bare client": ("benchmarks.follower",),
    "bare, all at once": ("benchmarks.publisher", "1"),
    "bare, one by one": ("benchmarks.publisher", "0"),
}
"""Module, and what it is told before the QoS."""


@dataclass(frozen=True)
class Server:
    """Where to connect, and the CA that the server's certificate is from."""

    host: str
    port: int
    ca_file: Path


def write_config(folder: Path, thing: str, pair: KeyPair, server: Server) -> Path:
    """A config document and, in a folder beside it, the identity it leads to; gives the former's
    path.
    """
    identities = folder.with_name(folder.name + "-identities")
    for needed in (folder, identities):
        needed.mkdir(exist_ok=True)
    identity = identities / f"{thing}.json"
    identity.write_text(
        json.dumps(
            {
                "certificateId": "0" * 64,
                "certificatePem": pair.certificate,
                "privateKey": pair.private_key,
            }
        )
    )
    config = folder / f"{thing}.json"
    place = {"endpoint": server.host, "port": server.port, "identityUrl": identity.as_uri()}
    config.write_text(
        json.dumps(
            {"version": 1, "thingName": thing, "deviceType": "generic", "attributes": {}, **place}
        )
    )
    return config


@contextlib.contextmanager
def running(
    kind: Kind, configs: Path, server: Server, folder: Path, qos: int = 0
) -> Iterator[DeviceProcess]:
    """A process that runs the clients of a config document or of a folder full; it is killed at the
    end.
    """
    state = folder / "state"
    environment = dict(os.environ) | {
        "IOT_CA_FILE": str(server.ca_file),
        "STATE_DIR": str(state),
        "PYTHONPATH": f"{PACKAGE_ROOT}{os.pathsep}{PACKAGE_ROOT.parent}",
        # awscrt loads the default trust store before it takes ours; the device sees to this by
        # itself.
        "SSL_CERT_FILE": str(server.ca_file),
    }
    log = folder / "clients.log"
    if kind == "device":
        process = DeviceProcess([str(configs)], environment, log)
    else:
        module, *told = BARE[kind]
        arguments = [*told, str(qos), str(configs)]
        process = DeviceProcess(arguments, environment, log, module=module)
    try:
        yield process
    finally:
        process.kill()
