"""A device that asks for a certificate for its own key, with its claim: what it is answered."""

import asyncio
import json
from typing import Any

import pytest
from cryptography import x509

from tests.device.pki import elliptic, signing_request
from tests.gaps.filled import ACCOUNT, REGION, call, fill
from tests.gaps.modules import service

TOPIC = "$aws/certificates/create-from-csr/json"
FIELDS = {"certificateId", "certificatePem", "certificateOwnershipToken"}


def asked(payload: bytes) -> tuple[str, dict[str, Any]]:
    """The answer of the emulator's broker to a message on the topic."""
    iot = service("iot")
    operation, template = iot._parse_fleet_provisioning_topic(TOPIC)
    reply = iot._fleet_provisioning_reply(ACCOUNT, REGION, operation, template, payload, {})
    verdict, content = asyncio.run(reply)
    return verdict, content


def status_of(certificate_id: str) -> str | None:
    found = call("iot", "iot", "ListCertificates").body["certificates"]
    statuses = {certificate["certificateId"]: certificate["status"] for certificate in found}
    return statuses.get(certificate_id)


def request_for(csr: Any) -> bytes:
    return json.dumps({"certificateSigningRequest": csr}).encode()


def test_the_emulator_still_has_no_answer() -> None:
    """When this fails the emulator has learned it: away with the gap."""
    assert service("iot")._parse_fleet_provisioning_topic(TOPIC) is None


def test_a_certificate_is_made_for_the_key_of_the_request() -> None:
    # given
    fill("claim_by_csr")
    key = elliptic()
    # when
    verdict, content = asked(request_for(signing_request("lamp", key)))
    # then: no key is in the answer
    assert (verdict, set(content)) == ("accepted", FIELDS)
    made = x509.load_pem_x509_certificate(content["certificatePem"].encode())
    assert made.public_key() == key.public_key()
    # and the certificate waits, for its token alone
    assert status_of(content["certificateId"]) == "PENDING_ACTIVATION"
    (token,) = service("iot")._ownership_tokens._data.items()
    assert token[0] == (ACCOUNT, REGION, content["certificateOwnershipToken"])
    assert token[1]["certificateId"] == content["certificateId"]


def test_the_same_request_again_makes_another_certificate() -> None:
    fill("claim_by_csr")
    request = request_for(signing_request("lamp"))
    (_, first), (_, second) = asked(request), asked(request)
    assert first["certificateId"] != second["certificateId"]
    assert first["certificateOwnershipToken"] != second["certificateOwnershipToken"]


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", "InvalidPayload"),
        (b"\xff", "InvalidPayload"),
        (b"[]", "InvalidPayload"),
        (b"{}", "InvalidRequest"),
        (request_for("no request"), "InvalidRequest"),
        (request_for(7), "InvalidRequest"),
        (request_for(signing_request("lamp").replace("\nMI", "\nAA", 1)), "InvalidRequest"),
    ],
    ids=["nothing", "no text", "a list", "no request", "no PEM", "a number", "no PKCS #10"],
)
def test_what_is_no_request_is_refused_and_makes_nothing(payload: bytes, error: str) -> None:
    fill("claim_by_csr")
    verdict, content = asked(payload)
    assert (verdict, content["statusCode"], content["errorCode"]) == ("rejected", 400, error)
    assert content["errorMessage"]
    assert call("iot", "iot", "ListCertificates").body["certificates"] == []


def test_one_that_nobody_uses_goes_with_its_token() -> None:
    # given
    fill("unclaimed_certificates", "claim_by_csr")
    _, unused = asked(request_for(signing_request("lamp")))
    (token,) = service("iot")._ownership_tokens._data.values()
    _, young = asked(request_for(signing_request("spot")))
    # when
    token["expiration"] = 0
    # then
    assert status_of(unused["certificateId"]) is None
    assert status_of(young["certificateId"]) == "PENDING_ACTIVATION"


def test_the_other_topics_are_answered_as_before() -> None:
    fill("claim_by_csr")
    iot = service("iot")
    assert iot._parse_fleet_provisioning_topic("$aws/certificates/create/json") == ("create", None)
    reply = iot._fleet_provisioning_reply(ACCOUNT, REGION, "create", None, b"{}", {})
    verdict, content = asyncio.run(reply)
    assert (verdict, "PRIVATE KEY" in content["privateKey"]) == ("accepted", True)
