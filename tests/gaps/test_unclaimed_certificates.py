"""A certificate that a device has got with its claim and not used: what becomes of it."""

import asyncio
from typing import Any

from tests.gaps.filled import ACCOUNT, REGION, call, fill


def made() -> tuple[dict[str, Any], Any]:
    """One, and the emulator's record of its token."""
    from ministack.services import iot

    verdict, content = asyncio.run(iot._fleet_create_keys_and_certificate(ACCOUNT, REGION))
    assert verdict == "accepted"
    (token,) = (
        token
        for token in iot._ownership_tokens._data.values()
        if token["certificateId"] == content["certificateId"]
    )
    return content, token


def listed() -> set[str]:
    found = call("iot", "iot", "ListCertificates").body["certificates"]
    return {certificate["certificateId"] for certificate in found}


def test_the_emulator_still_keeps_a_certificate_whose_token_has_expired() -> None:
    """When this fails the emulator has learned it: away with the gap."""
    content, token = made()
    token["expiration"] = 0
    made()
    assert content["certificateId"] in listed()


def test_a_certificate_goes_with_its_token_unless_it_is_used() -> None:
    # given
    fill("unclaimed_certificates")
    (unused, first), (used, second), (young, _) = made(), made(), made()
    call("iot", "iot", "UpdateCertificate", certificateId=used["certificateId"], newStatus="ACTIVE")
    assert len(listed()) >= 3
    # when
    first["expiration"] = second["expiration"] = 0
    # then
    found = listed()
    assert unused["certificateId"] not in found
    assert {used["certificateId"], young["certificateId"]} <= found
