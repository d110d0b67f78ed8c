"""A signed URL for live messages: for one client id and these topics, and the token unsigned."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from botocore.credentials import Credentials

from control_plane.caller import Caller
from control_plane.live import Live, covered, filters, signed
from control_plane.request import Request

KEYS = Credentials("AKIDEXAMPLE", "secret", "a/token+with=signs")
BASE = "arn:aws:iot:eu-west-1:123456789012:"


def test_the_signature_is_that_of_signature_version_4_and_leaves_the_token_out() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""
    url = urlsplit(signed("wss://a-ats.iot.eu-west-1.amazonaws.com", "eu-west-1", KEYS))
    given = dict(parse_qsl(url.query))
    assert (url.scheme, url.path) == ("wss", "/mqtt")
    assert url.query.endswith(f"&X-Amz-Security-Token={quote('a/token+with=signs', safe='')}")
    token = given.pop("X-Amz-Security-Token")
    assert token == KEYS.token
    signature = given.pop("X-Amz-Signature")
    day = given["X-Amz-Date"][:8]
    scope = f"{day}/eu-west-1/iotdevicegateway/aws4_request"
    assert given["X-Amz-Credential"] == f"AKIDEXAMPLE/{scope}"
    assert given["X-Amz-Expires"] == "900"
    query = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sorted(given.items()))
    canonical = "\n".join(
        ["GET", "/mqtt", query, f"host:{url.netloc}\n", "host", hashlib.sha256(b"").hexdigest()]
    )
    text = "\n".join(
        ["AWS4-HMAC-SHA256", given["X-Amz-Date"], scope,
         hashlib.sha256(canonical.encode()).hexdigest()]
    )  # fmt: skip
    key = b"AWS4secret"
    for part in (day, "eu-west-1", "iotdevicegateway", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    assert signature == hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class Sts:
    """Remembers what it was asked for."""

    asked: Any = None

    def assume_role(self, **asked: Any) -> Any:
        self.asked = asked
        found = {"AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T"}
        return {"Credentials": {**found, "Expiration": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)}}


class Iot:
    def describe_endpoint(self, **_: Any) -> Any:
        return {"endpointAddress": "a-ats.iot.eu-west-1.amazonaws.com"}


def go(body: dict[str, Any], endpoint: str = "") -> tuple[Any, Any]:
    sts: Any = Sts()
    iot: Any = Iot()
    live = Live(sts, iot, "arn:role", BASE, "eu-west-1", endpoint, lambda: "7")
    caller = Caller("ann", "sub", frozenset({"viewers"}))
    return live.go(Request(caller, {}, body)).body, sts.asked


def test_a_session_may_connect_as_one_client_and_listen_to_what_it_asked_for() -> None:
    told, asked = go({"thingName": "lamp"})
    assert told["clientId"] == "console-7"
    assert told["expiresAt"] == "2026-01-02T03:04:05.000Z"
    assert told["url"].startswith("wss://a-ats.iot.eu-west-1.amazonaws.com/mqtt?")
    assert (asked["RoleArn"], asked["DurationSeconds"]) == ("arn:role", 900)
    statements = json.loads(asked["Policy"])["Statement"]
    topics = [f"{BASE}topic*/{covered(one)}" for one in filters("lamp")]
    assert [(one["Action"], one["Resource"]) for one in statements] == [
        ("iot:Connect", [f"{BASE}client/console-7"]),
        (["iot:Subscribe", "iot:Receive"], topics),
    ]
    assert f"{BASE}topic*/dt/playground/lamp/*" in topics
    assert len(asked["Policy"]) <= 2048


def test_a_whole_stack_and_an_endpoint_of_its_own() -> None:
    told, asked = go({}, "ws://iot.test:4566")
    assert told["url"].startswith("ws://iot.test:4566/mqtt?")
    assert told["topicFilters"] == filters(None)
    assert len(asked["Policy"]) <= 2048
    long, asked = go({"thingName": "n" * 128})
    assert len(long["topicFilters"]) == len(told["topicFilters"])
    assert len(asked["Policy"]) <= 2048
    assert len(told["topicFilters"]) <= 8, "one SUBSCRIBE packet takes eight"


def test_the_wildcards_of_mqtt_are_those_of_a_policy() -> None:
    assert covered("$aws/things/+/shadow/#") == "$aws/things/*/shadow/*"
