"""The ways to become a device: what each begins with, who makes the key, and how one went.

What can be measured is in docs/methods.json, which `make methods` writes from runs on a local
cloud, for the command, the console and docs/methods.md.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from common.jsontext import read
from playground.home.paths import PROJECT

RECORDED = PROJECT / "docs" / "methods.json"


@dataclass(frozen=True)
class Method:
    """One way, in words. `quota`: what AWS IoT lets an account do in a second."""

    name: str
    starts_with: str
    key_made_by: str
    key_travels: str
    thief_gets: str
    quota: str


METHODS: tuple[Method, ...] = (
    Method(
        "keys",
        "a URL of its config",
        "AWS IoT",
        "by one object in the config bucket, until the device has connected",
        "who has the URL of the config within 15 minutes, and before the device has connected,"
        " gets the device's key",
        "CreateKeysAndCertificate: 10 a second",
    ),
    Method(
        "csr",
        "a URL of its config",
        "the device",
        "not at all",
        "who has the URL can put a request before the device. The device does not accept the"
        " certificate, and the provisioning fails and deletes it",
        "CreateCertificateFromCsr: 15 a second",
    ),
    Method(
        "claim",
        "a claim certificate that all devices share",
        "AWS IoT",
        "over MQTT, to the connection that has asked",
        "who has the claim and the name of a device that a workflow waits for can come before it."
        " For every other name the hook says no",
        "RegisterThing: 10 a second",
    ),
    Method(
        "claim-csr",
        "a claim certificate that all devices share",
        "the device",
        "not at all",
        "as with claim",
        "RegisterThing: 10 a second",
    ),
    Method(
        "trusted-user",
        "a claim certificate for this device, good for five minutes",
        "AWS IoT",
        "over MQTT, to the connection that has asked",
        "as with claim, but for this one device, and within five minutes",
        "RegisterThing: 10 a second",
    ),
    Method(
        "jitr",
        "a URL of its config, and a certificate of your own authority",
        "the device, or its owner",
        "not at all",
        "who has the authority's key can come before a device that a workflow waits for. For every"
        " other name the function says no, and deletes the certificate",
        "AttachPolicy: 15 a second",
    ),
)


def recorded() -> Mapping[str, Any]:
    """What was recorded: `commit`, `date`, `runs`, and `methods`, each with words and figures.

    Figures: `seconds`, `messages`, `connections`, `calls`, `invocations` and `transitions` are
    medians, `dollars` are for a thousand devices; `cuts` and what was `left` after them by state;
    `attacks` (`has`, `tries`, `told`, `refused`); `steps` (`ms`, `source`, `target`, `what`, `by`,
    `times`) of one run.
    """
    content: Mapping[str, Any] = read(RECORDED.read_bytes())
    return content


def in_words(name: str) -> Mapping[str, str]:
    """The method's words, as fields. Raises KeyError for a name that is none."""
    return {method.name: asdict(method) for method in METHODS}[name]


def without_steps(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was recorded of a method, but for the run itself."""
    return {name: value for name, value in found.items() if name != "steps"}
