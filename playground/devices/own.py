"""A device that is not virtual: its owner's key and signing request, and the files with which it
connects.

The key is made here, and never leaves the folder. What comes from the cloud is public: certificate,
endpoint and authorities.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.device_wish import CSR, CSR_RULE
from common.identifiers import MAX_REQUEST_BYTES
from playground.base.input_files import content_of, name_of
from playground.devices.devices import Devices
from playground.errors import InputFileError, UsageError
from playground.home.homes import Home

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

KEY, CERTIFICATE, AUTHORITIES = "private.key", "certificate.pem", "ca.pem"
CONFIG, COMMANDS = "config.json", "README.md"
FILES = (KEY, CERTIFICATE, AUTHORITIES, CONFIG, COMMANDS)
TEMPLATE = Path(__file__).with_name("own_device.md")
MQTT_PORT = 8883
PLACEHOLDER = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"
"""Stands for a request, to have the rest of an input checked before a key is made."""
AMAZON_ROOT_CAS = Path("device", "virtual_device", "state", "amazon_root_cas.pem")
READABLE, SECRET = 0o644, 0o600


@dataclass
class Pack:
    """The folder of one device."""

    folder: Path
    thing_name: str
    _written: list[Path] = field(default_factory=list)
    _made_folder: bool = False

    def begin(self, csr_file: Path | None) -> str:
        """The request of the device, PEM: from the file, or for a key that is made now.

        Raises UsageError for a folder that has such files, or a file that is no request.
        """
        csr = None if csr_file is None else checked_request(csr_file)
        there = [name for name in FILES if (self.folder / name).exists()]
        if there:
            raise UsageError(f"{self.folder} has a {there[0]} already: give another --out.")
        with self._writing():
            self._made_folder = not self.folder.exists()
            self.folder.mkdir(parents=True, exist_ok=True)
        if csr is None:
            key, csr = make_request(self.thing_name)
            self._write(KEY, key, SECRET)
        return csr

    def complete(self, home: Home, root: Path, chain: str | None = None) -> None:
        """All that comes from the cloud, once the certificate is there. `root`: the project's;
        `chain`: the certificate, where an authority of the owner's has signed it.

        Raises UsageError when the folder can't be written.
        """
        iot: IoTClient = home.client("iot")
        if chain is None:
            row = Devices(home).row(self.thing_name)
            found = iot.describe_certificate(certificateId=str(row["certificate_id"]))
            chain = found["certificateDescription"]["certificatePem"]
        endpoint = iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
        host, _, port = endpoint.partition(":")
        config = config_of(self.thing_name, host, int(port or MQTT_PORT))
        self._write(CERTIFICATE, chain)
        self._write(AUTHORITIES, authorities(home, root))
        self._write(CONFIG, json.dumps(config, indent=2) + "\n")
        self._write(COMMANDS, commands_of(self.thing_name, host, config["port"]))

    def undo(self) -> None:
        """Remove what was written: the cloud has nothing that it is good for."""
        for path in self._written:
            path.unlink(missing_ok=True)
        self._written.clear()
        if self._made_folder and self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _write(self, name: str, text: str, mode: int = READABLE) -> None:
        path = self.folder / name

        def opener(file: str, flags: int) -> int:
            return os.open(file, flags, mode)

        # With its mode from the first moment on, and never in the place of another one.
        with (
            self._writing(),
            open(path, "x", encoding="utf-8", opener=opener) as opened,
        ):
            self._written.append(path)
            opened.write(text)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(f"{self.folder} can't be written: {error.strerror}.") from None


def checked_request(file: Path) -> str:
    """The signing request in the file, PEM. Raises InputFileError."""
    content = content_of(file, MAX_REQUEST_BYTES)
    try:
        text = content.decode("ascii").strip() + "\n"
    except UnicodeDecodeError:
        text = ""
    if not CSR.fullmatch(text):
        raise InputFileError(f"{name_of(file)}: {CSR_RULE}.")
    return text


def make_request(thing_name: str) -> tuple[str, str]:
    """A new key on the curve P-256, and its certificate signing request (PKCS #10), both PEM."""
    # Loading it takes a tenth of a second, which no other command should wait for.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    # RFC 5280: a common name has at most 64 characters. AWS IoT does not look at it.
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, thing_name[:64])])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        csr.public_bytes(Encoding.PEM).decode(),
    )


def authorities(home: Home, root: Path) -> str:
    """Whom a device of this home trusts, PEM: on AWS Amazon's root authorities."""
    return (home.ca_file or root / AMAZON_ROOT_CAS).read_text(encoding="ascii")


def config_of(thing_name: str, host: str, port: int) -> dict[str, Any]:
    """What a program needs to know, beside the files."""
    shadow, jobs = (f"$aws/things/{thing_name}/{what}" for what in ("shadow", "jobs"))
    return {
        "thingName": thing_name,
        "clientId": thing_name,
        "endpoint": host,
        "port": port,
        "certificate": CERTIFICATE,
        "privateKey": KEY,
        "ca": AUTHORITIES,
        "topics": {
            "telemetry": f"dt/playground/{thing_name}/telemetry",
            "shadowGet": f"{shadow}/get",
            "shadowUpdate": f"{shadow}/update",
            "shadowDelta": f"{shadow}/update/delta",
            "jobsNotifyNext": f"{jobs}/notify-next",
            "jobsStartNext": f"{jobs}/start-next",
            "commands": f"cmd/playground/{thing_name}/req",
        },
    }


def commands_of(thing_name: str, host: str, port: int) -> str:
    """Commands and programs ready to paste, in Markdown."""
    text = TEMPLATE.read_text(encoding="utf-8")
    for mark, value in (("@NAME@", thing_name), ("@HOST@", host), ("@PORT@", str(port))):
        text = text.replace(mark, value)
    return text
