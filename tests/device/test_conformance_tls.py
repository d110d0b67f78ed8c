"""AWS IoT Core Device Advisor, TLS: cases 1 to 6."""

import json
from pathlib import Path

import pytest

from tests.device import mqtt5
from tests.device.hosted import Hosted, hosted
from tests.device.pki import CertificateAuthority, KeyPair, rsa_2048
from tests.device.scripted_broker import ScriptedBroker
from tests.device.trials import Trials

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(400)]

LARGEST_MESSAGE = 128 * 1024
"""Bytes of a payload (AWS IoT Core message broker quotas); eight TLS records of the maximum size of
16 KiB.
"""

LARGEST_RECORD = 16 * 1024

RECOMMENDED = {0xC02B, 0xC02F, 0xC02C, 0xC030}
"""ECDHE with ECDSA or RSA, AES-GCM (AWS IoT Core developer guide, Device Advisor: recommended
cipher suites).
"""

SUPPORTED = RECOMMENDED | {
    0x1301,
    0x1302,
    0x1303,
    0xC023,
    0xC027,
    0xC024,
    0xC028,
    0xC009,
    0xC013,
    0xC00A,
    0xC014,
}
SUPPORTED |= {0x9C, 0x9D, 0x3C, 0x3D, 0x2F, 0x35}
"""TLS 1.3; ECDHE with AES-CBC; RSA with AES (the same, "Transport security in AWS IoT Core")."""

SIGNALS = {0x00FF}
"""TLS_EMPTY_RENEGOTIATION_INFO_SCSV is no cipher suite (RFC 5746)."""


def test_case_01_connects_over_tls(scripted: ScriptedBroker, host: Hosted) -> None:
    # When a device is started
    host.add("dev-1", scripted)
    # Then the handshake comes to its end with both sides' certificates checked, and MQTT follows
    scripted.wait_until(lambda: scripted.of("dev-1"))
    assert [visit.tls for visit in scripted.visits] == [None]
    host.wait_for_log("dev-1", "connected")


def test_case_02_takes_tls_records_of_the_maximum_size(
    scripted: ScriptedBroker, host: Hosted
) -> None:
    host.add("dev-2", scripted)
    scripted.wait_for_reported("dev-2", time=60)
    # When the longest message comes that there is, with a setting in it
    delta = json.dumps({"version": 1_000, "state": {"time": 77}}).encode()
    payload = delta + b" " * (LARGEST_MESSAGE - len(delta))
    packet_id = scripted.deliver("dev-2", "$aws/things/dev-2/shadow/update/delta", payload)
    # Then all of it has arrived: it is acknowledged, and understood
    scripted.wait_until(lambda: mqtt5.Puback(packet_id) in scripted.of("dev-2")[0].packets)
    scripted.wait_for_reported("dev-2", time=77)


def test_case_03_offers_the_recommended_cipher_suites_only(
    scripted: ScriptedBroker, host: Hosted
) -> None:
    host.add("dev-3", scripted)
    scripted.wait_until(lambda: scripted.of("dev-3"))
    # Then the ClientHello held all recommended suites, and none that AWS IoT doesn't support
    offered = set(scripted.visits[0].offered)
    assert offered >= RECOMMENDED
    assert offered - SIGNALS <= SUPPORTED


@pytest.mark.parametrize("keys", ["ec", "rsa"])
def test_case_04_takes_a_large_server_certificate(tmp_path: Path, keys: str) -> None:
    # Given a server whose certificates, its own with many names and an intermediate one, need more
    # than one TLS record
    authority = (
        CertificateAuthority("Root", rsa_2048) if keys == "rsa" else CertificateAuthority("Root")
    )
    between = authority.below("Intermediate")
    leaf = between.server(
        "localhost", [f"{number:04}.a-name-of-some-length.example.com" for number in range(500)]
    )
    server = KeyPair(leaf.certificate + between.pem, leaf.private_key)
    assert len(server.certificate) * 3 / 4 > LARGEST_RECORD
    with ScriptedBroker(authority, server) as broker, hosted(tmp_path, authority) as host:
        # When a device that trusts the root connects
        host.add("dev-4", broker)
        # Then it is connected
        broker.wait_for_reported("dev-4", time=60)


def test_case_05_closes_on_an_unrecognised_ca(tried: Trials) -> None:
    """s2n waits 10 to 30 s before it ends a failed handshake, on purpose ("blinding")."""
    # Given a server whose certificate comes from a CA that the device doesn't trust; then it has
    # closed, and said why
    assert "TLS" in tried.host.wait_for_log("dev-stranger", "cannot connect")[0]["reason"]
    tried.stranger.wait_until(lambda: tried.stranger.visits[0].tls)
    assert all(not visit.packets for visit in tried.stranger.visits)
    assert tried.host.said("dev-stranger", "connected") == []


def test_case_06_closes_on_a_wrong_server_name(tried: Trials) -> None:
    # Given a server whose certificate is from the right CA but for another name; then the device
    # has closed
    assert "TLS" in tried.host.wait_for_log("dev-impostor", "cannot connect")[0]["reason"]
    tried.impostor.wait_until(lambda: tried.impostor.visits[0].tls)
    assert all(not visit.packets for visit in tried.impostor.visits)
    assert tried.host.said("dev-impostor", "connected") == []
