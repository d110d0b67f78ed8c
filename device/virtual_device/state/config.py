"""The documents that make a device: its config and its identity (docs/contracts.md, "Config
bucket").
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from virtual_device.base.descriptors import PASSING
from virtual_device.base.errors import (
    ConfigInvalidError,
    EnvironmentIncompleteError,
    UnreadableError,
)
from virtual_device.base.jsonvalue import (
    Json,
    JsonObject,
    NotJsonError,
    decode_object,
    is_integer,
    same,
)
from virtual_device.telemetry.model import Model, ModelInvalidError, shared
from virtual_device.telemetry.thing import DEVICE_TYPES, METRICS_FLOOR, THING_NAME, Thing
from virtual_device.web.sources import NOWHERE, Sources

DOCUMENT_VERSION = 1
NAMES = (
    "STATE_DIR",
    "CONFIG_FILE_URL",
    "IOT_ENDPOINT",
    "IOT_PORT",
    "IOT_CA_FILE",
    "METRICS_FLOOR",
    "FETCH_FROM",
    "MANIFEST_TOKEN",
)
AMAZON_ROOT_CAS = Path(__file__).with_name("amazon_root_cas.pem")
"""The five that Amazon Trust Services says to trust: by which a server is certified depends on its
key and region.

https://www.amazontrust.com/repository/
"""


@dataclass(frozen=True, slots=True)
class Config:
    """The config document."""

    thing: Thing
    endpoint: str
    port: int
    identity_url: str = field(default="", repr=False)
    """Leads to the private key: never shown, and empty once it has been used."""
    csr_url: str = field(default="", repr=False)
    """Where the request for a certificate goes when the device makes its own key: never shown,
    empty once used.
    """
    provisioning_template: str = ""
    """What `identity_url` leads to is a claim, and this the template to use it with; empty once
    used.
    """
    own_key: bool = False
    """Whether the device makes the key of the certificate that it gets for its claim."""

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read the config document. Raises `ConfigInvalidError`, which names the field at fault."""
        document = _document(content, "config")
        _text(document, "identityUrl")
        return cls.from_document(document)

    @classmethod
    def from_document(cls, document: JsonObject) -> Self:
        """From the parsed config document, with or without `identityUrl`. Raises
        `ConfigInvalidError`.
        """
        if not same(document.get("version"), DOCUMENT_VERSION):
            raise ConfigInvalidError(
                f"config: version is {document.get('version')!r}, this device reads 1"
            )
        return cls(
            thing=_thing(document),
            endpoint=_text(document, "endpoint"),
            port=_port(document.get("port", 8883)),
            identity_url=str(document.get("identityUrl", "")),
            csr_url=str(document.get("csrUrl", "")),
            provisioning_template=str(document.get("provisioningTemplate", "")),
            own_key=document.get("ownKey") is True,
        )

    def as_document(self) -> dict[str, Json]:
        """The document to be kept: all but the URLs."""
        document: dict[str, Json] = {
            "version": DOCUMENT_VERSION,
            "thingName": self.thing.name,
            "deviceType": self.thing.device_type,
            "endpoint": self.endpoint,
            "port": self.port,
            "attributes": dict(self.thing.attributes),
        }
        if self.thing.model is not None:
            document["model"] = dict(self.thing.model.document)
        return document


@dataclass(frozen=True, slots=True)
class Identity:
    """The device's certificate and private key, both PEM."""

    certificate_id: str
    certificate: str
    private_key: str = field(repr=False)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read the identity document. Raises `ConfigInvalidError`; no message holds any of the
        key.
        """
        return cls.from_document(_document(content, "identity"))

    @classmethod
    def from_document(cls, document: JsonObject) -> Self:
        """From the parsed identity document. Raises `ConfigInvalidError`."""
        return cls(
            certificate_id=_text(document, "certificateId"),
            certificate=_pem(document, "certificatePem", "CERTIFICATE-----"),
            private_key=_pem(document, "privateKey", "PRIVATE KEY-----"),
        )

    def as_document(self) -> dict[str, Json]:
        """The document to be kept. It holds the private key."""
        return {
            "certificateId": self.certificate_id,
            "certificatePem": self.certificate,
            "privateKey": self.private_key,
        }


@dataclass(frozen=True, slots=True)
class Environment:
    """The device's environment variables."""

    state_dir: Path
    config_url: str | None = field(default=None, repr=False)
    endpoint: str | None = None
    port: int | None = None
    ca_file: Path = AMAZON_ROOT_CAS
    metrics_floor: int = METRICS_FLOOR
    """Seconds between two metrics reports at least."""
    sources: Sources = NOWHERE
    """Where devices may fetch from: what FETCH_FROM names, and the server of CONFIG_FILE_URL."""
    manifest_token: str | None = field(default=None, repr=False)
    """What a host shows with the URL of its manifest."""

    @classmethod
    def from_variables(cls, variables: Mapping[str, str] = os.environ) -> Self:
        """Read the environment. Raises `EnvironmentIncompleteError` with the name of the variable.

        A byte order mark before a value and line ends behind it, which a file leaves, are no part
        of it.
        """
        variables = {
            name: value.removeprefix("\ufeff").rstrip("\r\n")
            for name, value in variables.items()
            if name in NAMES
        }
        if not variables.get("STATE_DIR"):
            raise EnvironmentIncompleteError(
                "STATE_DIR is not set: the directory where the device keeps its identity"
            )
        try:
            port = _port(int(variables["IOT_PORT"])) if variables.get("IOT_PORT") else None
        except (ValueError, ConfigInvalidError):
            raise EnvironmentIncompleteError(
                f"IOT_PORT is {variables['IOT_PORT']!r}, not a TCP port"
            ) from None
        floor = variables.get("METRICS_FLOOR") or str(METRICS_FLOOR)
        if not floor.isdecimal() or len(floor) > 3 or not 1 <= int(floor) <= METRICS_FLOOR:
            raise EnvironmentIncompleteError(
                f"METRICS_FLOOR is {floor!r}, not a number of seconds up to {METRICS_FLOOR}"
            )
        return cls(
            state_dir=Path(variables["STATE_DIR"]),
            config_url=variables.get("CONFIG_FILE_URL") or None,
            endpoint=variables.get("IOT_ENDPOINT") or None,
            port=port,
            ca_file=Path(variables.get("IOT_CA_FILE") or AMAZON_ROOT_CAS),
            metrics_floor=int(floor),
            sources=_sources(variables),
            manifest_token=variables.get("MANIFEST_TOKEN") or None,
        )

    def read_ca(self) -> bytes:
        """The CA certificates that the server is checked against, PEM. Raises
        `EnvironmentIncompleteError`.
        """
        try:
            content = self.ca_file.read_bytes()
        except OSError as error:
            if error.errno in PASSING:
                raise UnreadableError(f"IOT_CA_FILE can't be read for now: {error}") from error
            raise EnvironmentIncompleteError(f"IOT_CA_FILE can't be read: {error}") from error
        if b"CERTIFICATE-----" not in content:
            raise EnvironmentIncompleteError(f"IOT_CA_FILE {self.ca_file} holds no PEM certificate")
        return content


def _sources(variables: Mapping[str, str]) -> Sources:
    try:
        named = Sources.read(variables.get("FETCH_FROM", ""))
    except ValueError as error:
        raise EnvironmentIncompleteError(f"FETCH_FROM: {error}") from None
    return named.also([variables.get("CONFIG_FILE_URL", "")])


def _document(content: bytes, what: str) -> dict[str, Json]:
    try:
        return decode_object(content)
    except NotJsonError as error:
        raise ConfigInvalidError(f"{what}: {error}") from error


def _thing(document: JsonObject) -> Thing:
    name, device_type = _text(document, "thingName"), _text(document, "deviceType")
    if not THING_NAME.fullmatch(name):
        raise ConfigInvalidError(f"config: thingName {name!r} is not a valid thing name")
    if device_type not in DEVICE_TYPES:
        raise ConfigInvalidError(
            f"config: deviceType {device_type!r} is none of {', '.join(sorted(DEVICE_TYPES))}"
        )
    attributes = document.get("attributes", {})
    if not isinstance(attributes, dict):
        raise ConfigInvalidError("config: attributes is not an object")
    return Thing(
        name,
        device_type,
        {key: str(value) for key, value in attributes.items()},
        _model(document, name),
    )


def _model(document: JsonObject, thing_name: str) -> Model | None:
    if document.get("model") is None:
        return None
    try:
        model = shared(document["model"])
    except ModelInvalidError as error:
        raise ConfigInvalidError(f"config: model: {error}") from error
    for number, message in enumerate(model.messages):
        if not message.fits(thing_name):
            raise ConfigInvalidError(
                f"config: model: messages[{number}].topic: is too long with this thing's name"
            )
    return model


def _text(document: JsonObject, key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise ConfigInvalidError(f"{key} is missing or not a string")
    return value


def _pem(document: JsonObject, key: str, marker: str) -> str:
    value = _text(document, key)
    # The marker stands in the first line and in the last: half a file has only one.
    if value.count(marker) < 2:
        raise ConfigInvalidError(f"{key} is not a complete PEM text")
    return value


def _port(value: Json) -> int:
    if not isinstance(value, int | float) or not is_integer(value) or not 1 <= value <= 65_535:
        raise ConfigInvalidError("port is not a TCP port")
    return int(value)
