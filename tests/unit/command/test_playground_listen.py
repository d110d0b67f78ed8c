"""What `playground listen` asks AWS IoT for, and how it shows what it hears."""

import hashlib
import json
import os
import signal
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from awscrt import mqtt5
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from playground.base.processes import birth
from playground.base.signals import orderly_end, undisturbed
from playground.errors import FilterError
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.messages import listen_identity
from playground.messages.listen_certificate import issue
from playground.messages.listen_identity import policy_document, remove
from playground.messages.listen_leftovers import leftovers
from playground.messages.packets import Packet
from playground.messages.topic_filters import asked_for, checked, fault, topics
from playground.show import messages as message_views


@pytest.mark.parametrize(
    "good",
    [
        "#",
        "+",
        "/",
        "a",
        "a/#",
        "+/b/#",
        "/a",
        "a//b",
        "$aws/things/+/shadow/#",
        "a b",
        "1/2/3/4/5/6/7/8",
        "ü" * 128,
    ],
)
def test_filters(good: str) -> None:
    assert checked(good) == good


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        ("", "at least one character"),
        ("a\0b", "null character"),
        ("a#", "# must stand alone"),
        ("#/a", "# must be the last level"),
        ("a/b+/c", r"\+ must stand alone"),
        ("1/2/3/4/5/6/7/8/9", "more than 7 slashes"),
        ("ü" * 129, "more than 256 bytes"),
        ("$share/group/a", "shared subscription"),
        ("a/${iot:ClientId}", "begins a variable"),
    ],
)
def test_what_is_no_filter(bad: str, rule: str) -> None:
    with pytest.raises(FilterError, match=rule):
        checked(bad)


def test_a_wildcard_in_front_does_not_mean_reserved_topics() -> None:
    assert [asked_for(wanted, "$aws/x") for wanted in ("#", "+/x", "$aws/#", "$aws/+")] == [
        False,
        False,
        True,
        True,
    ]
    assert asked_for("#", "a/$b")


def test_the_policy_lets_one_client_hear_one_filter_and_say_nothing() -> None:
    home = Home("aws", boto3.Session(region_name="cn-north-1"), "cn-north-1", "123456789012", "s")
    document = policy_document(home, "listen-1", "a/+/#")
    arn = "arn:aws-cn:iot:cn-north-1:123456789012"
    assert {found["Action"]: found["Resource"] for found in document["Statement"]} == {
        "iot:Connect": [f"{arn}:client/listen-1"],
        "iot:Subscribe": [f"{arn}:topicfilter/a/+/#"],
        "iot:Receive": [f"{arn}:topic/a/*/*", f"{arn}:topic/a/*"],
    }
    assert topics("#") == ["*"]
    assert fault("*") is None


def test_the_certificate_is_short_lived_and_its_id_known() -> None:
    now = datetime(2026, 1, 2, 3, tzinfo=UTC)
    made = issue(now, now + timedelta(hours=1))
    read = x509.load_pem_x509_certificate(made.pem.encode())
    assert made.certificate_id == hashlib.sha256(read.public_bytes(Encoding.DER)).hexdigest()
    assert read.not_valid_after_utc == now + timedelta(hours=1)
    assert read.not_valid_before_utc < now
    assert "PRIVATE KEY" not in repr(made)


class Iot:
    """AWS IoT as far as removing goes, with the conflicts that it has for a while after
    DetachPolicy.
    """

    class exceptions:  # noqa: N801 - as a boto3 client has it
        class ResourceNotFoundException(Exception): ...  # noqa: N818

        class DeleteConflictException(Exception): ...  # noqa: N818

    def __init__(self, policies: dict[str, str], certificates: Mapping[str, list[str]]) -> None:
        self.policies, self.certificates = policies, dict(certificates)
        self.conflicts = 2

    def get_paginator(self, _name: str) -> Any:
        pages = [{"policies": [{"policyName": name} for name in self.policies]}]
        return type("Pages", (), {"paginate": lambda _: pages})()

    def _there(self, name: str, where: Mapping[str, Any]) -> None:
        if name not in where:
            raise self.exceptions.ResourceNotFoundException

    def get_policy(self, *, policyName: str) -> Any:  # noqa: N803
        self._there(policyName, self.policies)
        return {"policyDocument": self.policies[policyName]}

    def list_targets_for_policy(self, *, policyName: str) -> Any:  # noqa: N803
        return {
            "targets": [
                f"cert/{name}" for name, held in self.certificates.items() if policyName in held
            ]
        }

    def detach_policy(self, *, policyName: str, target: str) -> None:  # noqa: N803
        self.certificates[target.removeprefix("cert/")].remove(policyName)

    def update_certificate(self, *, certificateId: str, newStatus: str) -> None:  # noqa: N803
        self._there(certificateId, self.certificates)
        assert newStatus == "INACTIVE"

    def delete_certificate(self, *, certificateId: str) -> None:  # noqa: N803
        assert self.certificates[certificateId] == []
        del self.certificates[certificateId]

    def delete_policy(self, *, policyName: str) -> None:  # noqa: N803
        self._there(policyName, self.policies)
        self.conflicts -= 1
        if self.conflicts >= 0:
            raise self.exceptions.DeleteConflictException
        del self.policies[policyName]


POLICY = "s-listen-20260102T030405Z-0a1b2c3d"
DOCUMENT = json.dumps({"Statement": [{"Resource": ["arn:aws:iot:r:1:client/listen-c0ffee"]}]})


@pytest.mark.parametrize("certificates", [{}, {"c0ffee": []}, {"c0ffee": [POLICY]}])
def test_removing_takes_up_wherever_a_kill_left_it(
    certificates: Mapping[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr(listen_identity, "CONFLICT_PAUSE", 0)
    iot = Iot({POLICY: DOCUMENT}, {**certificates, "other": []})
    home = Home("aws", None, "r", "1", "s")  # type: ignore[arg-type]
    monkeypatch.setattr(Home, "client", lambda *_: iot)
    # when
    remove(home, POLICY)
    remove(home, POLICY)
    # then
    assert (iot.policies, iot.certificates) == ({}, {"other": []})


def test_what_is_a_leftover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    soon = f"{datetime.now(UTC) + timedelta(hours=1):%Y%m%dT%H%M%SZ}"
    names = {
        kind: f"s-listen-{soon}-{number:08x}"
        for number, kind in enumerate(("here", "killed", "elsewhere"))
    }
    others = (
        "s-device",
        "s-listen-x",
        f"s-listen-listen-{soon}-00000000",
        f"t-listen-{soon}-00000000",
    )
    iot = Iot(dict.fromkeys([POLICY, *names.values(), *others], DOCUMENT), {})
    monkeypatch.setattr(Home, "client", lambda *_: iot)
    paths = Paths(directory=tmp_path)
    paths.listening.mkdir()
    (paths.listening / names["here"]).write_text(
        json.dumps({"pid": os.getpid(), "born": birth(os.getpid())})
    )
    (paths.listening / names["killed"]).write_text(
        json.dumps({"pid": os.getpid(), "born": "before"})
    )
    # when
    found = leftovers(paths, Home("aws", None, "r", "1", "s"))  # type: ignore[arg-type]
    # then
    assert [left.policy for left in found] == [POLICY, names["killed"]]


def test_a_packet_with_everything() -> None:
    packet = Packet.of(
        mqtt5.PublishPacket(
            topic="a/b",
            payload=b'{"x": ":smile: [bold]"}',
            qos=mqtt5.QoS.AT_LEAST_ONCE,
            retain=True,
            content_type="application/json",
            response_topic="a/c",
            correlation_data_bytes=b"\x00\x01",
            user_properties=[mqtt5.UserProperty("k", "v"), mqtt5.UserProperty("k", "w")],
        )
    )
    found = packet.data()
    assert datetime.fromisoformat(found.pop("time")) == packet.at.replace(
        microsecond=packet.at.microsecond // 1000 * 1000
    )
    assert found == {
        "topic": "a/b",
        "qos": 1,
        "retain": True,
        "payload": {"x": ":smile: [bold]"},
        "content_type": "application/json",
        "response_topic": "a/c",
        "correlation_data_base64": "AAE=",
        "user_properties": [{"name": "k", "value": "v"}, {"name": "k", "value": "w"}],
    }
    shown = message_views.packet_text(packet).plain
    assert "a/b qos=1 content_type=application/json response_topic=a/c" in shown
    assert '\n{\n  "x": ":smile: [bold]"\n}' in shown


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"", {"payload": ""}),
        (b"text", {"payload": "text"}),
        (b"\xff", {"payload_base64": "/w=="}),
        (b"1", {"payload": 1}),
    ],
)
def test_payloads(payload: bytes, told: Mapping[str, Any]) -> None:
    assert Packet("t", payload, 0).data().items() >= told.items()


def test_sigterm_is_orderly_and_does_not_disturb_tidying_up() -> None:
    tidied = False

    def work() -> None:
        nonlocal tidied
        with orderly_end():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                with undisturbed():
                    signal.raise_signal(signal.SIGTERM)
                    signal.raise_signal(signal.SIGINT)
                    tidied = True

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit, match="143"):
        work()
    assert (tidied, signal.getsignal(signal.SIGTERM)) == (True, before)
