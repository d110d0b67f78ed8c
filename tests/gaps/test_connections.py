"""Who gets in, how large a message may be, and where one connects to."""

import asyncio
import json
import ssl
from typing import Any

import pytest

from tests.gaps.filled import ACCOUNT, REGION, call, fill, in_scope

TOPIC = b"\x00\x01t"
LARGEST = 128 * 1024


def published(size: int, *, version: int) -> tuple[bool, str, list[bytes]]:
    """What becomes of a client that publishes so much: whether it stays, the reason if not, and
    what it is told.
    """
    from ministack.services import iot

    in_scope()
    sent: list[bytes] = []

    async def play() -> tuple[bool, str]:
        async def send(message: dict[str, Any]) -> None:
            sent.append(message.get("bytes", b""))

        session = iot._WSSession(send, ACCOUNT, REGION)
        session.protocol_version = version
        head = TOPIC + b"\x00\x07" + (b"\x00" if version == 5 else b"")
        stays = await session.handle_packet(iot.PKT_PUBLISH, 0x02, head + b"x" * size)
        return stays, session.disconnect_reason()

    stays, reason = asyncio.run(play())
    return stays, reason, sent


def test_the_emulator_still_takes_more_and_lets_anybody_in() -> None:
    """When this fails the emulator has learned one: away with that gap."""
    assert published(LARGEST + 1, version=4)[0] is True
    assert (
        call("iot-data", "iot_data", "Publish", topic="t", payload=b"x" * (LARGEST + 1)).status
        == 200
    )
    from ministack.services import iot

    assert iot._mtls_build_ssl_context().verify_mode == ssl.CERT_OPTIONAL
    endpoint = call("iot", "iot", "DescribeEndpoint", endpointType="iot:Data-ATS").body[
        "endpointAddress"
    ]
    assert not endpoint.startswith("localhost")


@pytest.mark.parametrize("version", [4, 5])
def test_a_payload_has_128_kb_at_most(version: int) -> None:
    # given
    fill("payload_size")
    # then
    stays, _, told = published(LARGEST, version=version)
    assert (stays, told[0][:1]) == (True, b"\x40")
    stays, reason, told = published(LARGEST + 1, version=version)
    assert (stays, reason, told) == (
        False,
        "CLIENT_ERROR",
        [b"\xe0\x02\x95\x00"] if version == 5 else [],
    )


def test_so_has_one_that_comes_by_http() -> None:
    fill("payload_size")
    assert call("iot-data", "iot_data", "Publish", topic="t", payload=b"x" * LARGEST).status == 200
    refused = call("iot-data", "iot_data", "Publish", topic="t", payload=b"x" * (LARGEST + 1))
    assert (refused.status, refused.error) == (413, "RequestEntityTooLargeException")


def test_the_handshake_ends_without_a_certificate() -> None:
    """Shown on the wire by `e2e/test_access.py`."""
    fill("client_certificates")
    from ministack.services import iot

    assert iot._mtls_build_ssl_context().verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize(("port", "address"), [("8883", "localhost"), ("5051", "localhost:5051")])
def test_the_endpoint_is_where_mqtt_is(
    port: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setenv("IOT_MTLS_PORT", port)
    fill("mqtt_endpoint")
    # then
    found = call("iot", "iot", "DescribeEndpoint", endpointType="iot:Data-ATS")
    assert found.body == {"endpointAddress": address}
    assert (
        call("iot", "iot", "DescribeEndpoint", endpointType="iot:Data").error
        == "InvalidRequestException"
    )


ROLE = f"arn:aws:iam::{ACCOUNT}:role/download"
URL = "${aws:iot:s3-presigned-url:https://s3.amazonaws.com/bucket/firmware/1}"
CONDITIONS: dict[str, Any] = {
    "none": {},
    "this account": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    "this account's jobs": {"ArnLike": {"aws:SourceArn": f"arn:aws:iot:{REGION}:{ACCOUNT}:job/*"}},
    "another account": {"StringEquals": {"aws:SourceAccount": "999999999999"}},
    "another region's jobs": {"ArnLike": {"aws:SourceArn": f"arn:aws:iot:eu-west-1:{ACCOUNT}:*"}},
}


def is_signed(condition: Any) -> bool:
    """Whether a job's document has a signed URL in it, when the role's trust policy has this
    condition.
    """
    from ministack import app
    from ministack.services import iam, iot

    in_scope()
    app.AUTH = True
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "iot.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    policy = {
        "Version": "2012-10-17",
        "Statement": [{**statement, **({"Condition": condition} if condition else {})}],
    }
    iam._roles["download"] = {"Arn": ROLE, "AssumeRolePolicyDocument": json.dumps(policy)}
    job = {
        "jobArn": f"arn:aws:iot:{REGION}:{ACCOUNT}:job/one",
        "document": json.dumps({"url": URL}),
        "presignedUrlConfig": {"roleArn": ROLE, "expiresInSec": 60},
    }
    return "X-Amz-Signature" in iot._jobs_presigned_document(job)


def test_the_emulator_still_signs_whatever_the_trust_policys_conditions_are() -> None:
    """When this fails the emulator has learned it: away with the gap."""
    assert {name: is_signed(condition) for name, condition in CONDITIONS.items()} == dict.fromkeys(
        CONDITIONS, True
    )


def test_a_url_is_signed_where_the_trust_policy_allows_it() -> None:
    fill("trust_conditions")
    signed = {name for name, condition in CONDITIONS.items() if is_signed(condition)}
    assert signed == {"none", "this account", "this account's jobs"}
