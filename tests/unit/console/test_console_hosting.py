"""The hosted console: nothing of it without the parameter, and as strict as the one served here."""

import json
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from playground.errors import ConsoleError
from playground.home.paths import PROJECT, Paths
from playground.web import uploading
from playground.web.building import Builder
from playground.web.guarding import Guard
from tests.unit.template import TEMPLATE

RESOURCES = {
    name: resource for name, resource in TEMPLATE["Resources"].items() if "Console" in name
}


def test_there_is_nothing_of_it_unless_it_is_asked_for() -> None:
    assert TEMPLATE["Parameters"]["ConsoleHosting"]["Default"] == "none"
    assert len(RESOURCES) == 6
    assert {one["Condition"] for one in RESOURCES.values()} == {"HostsConsole"}
    outputs = [one for name, one in TEMPLATE["Outputs"].items() if name.startswith("Console")]
    assert {one["Condition"] for one in outputs} == {"HostsConsole"}


def test_cloudfront_sends_the_headers_that_the_server_sends() -> None:
    told = RESOURCES["ConsoleHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    policy = told["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    hosted = (
        "wss://*.iot.${AWS::Region}.${AWS::URLSuffix} "
        "https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}"
    )
    served = Guard(1, hosted).headers
    custom = {one["Header"]: one["Value"] for one in told["CustomHeadersConfig"]["Items"]}

    assert policy["Fn::Sub"] == served["Content-Security-Policy"]
    assert custom.items() <= served.items()
    assert served.keys() - custom.keys() == {
        "Content-Security-Policy",
        "X-Content-Type-Options",
        "Referrer-Policy",
        "X-Frame-Options",
    }
    assert told["SecurityHeadersConfig"].keys() >= {
        "ContentTypeOptions",
        "FrameOptions",
        "ReferrerPolicy",
        "StrictTransportSecurity",
    }


def test_only_this_distribution_reads_the_bucket() -> None:
    statements = RESOURCES["ConsoleBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (allowed,) = [one for one in statements if one["Effect"] == "Allow"]

    assert allowed["Action"] == "s3:GetObject"
    assert allowed["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert allowed["Condition"]["StringEquals"]["aws:SourceArn"]["Fn::Sub"].endswith(
        ":distribution/${ConsoleDistribution}"
    )
    blocked = RESOURCES["ConsoleBucket"]["Properties"]["PublicAccessBlockConfiguration"]
    assert all(blocked.values())


def test_the_pages_own_paths_lead_to_it_and_the_apis_do_not() -> None:
    given = RESOURCES["ConsoleDistribution"]["Properties"]["DistributionConfig"]
    (api,) = given["CacheBehaviors"]

    assert (api["PathPattern"], api["TargetOriginId"]) == ("/v1/*", "api")
    assert "FunctionAssociations" not in api
    assert "CustomErrorResponses" not in given
    assert given["DefaultCacheBehavior"]["FunctionAssociations"]


@pytest.fixture
def home() -> Iterator[Any]:
    # Of its own: other tests of the process have the same account.
    bucket = f"console-{secrets.token_hex(8)}"
    with mock_aws():
        session = boto3.Session("a", "b", region_name="eu-west-1")
        s3 = session.client("s3")
        s3.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        outputs = {
            "ConsoleBucketName": bucket,
            "ConsoleUrl": "https://d1.cloudfront.net",
            "UserPoolClientId": "client",
        }
        yield SimpleNamespace(
            kind="aws",
            region="eu-west-1",
            stack_name="mine",
            profile="private",
            endpoint=None,
            outputs=outputs,
            output=outputs.__getitem__,
            client=lambda service: (
                s3
                if service == "s3"
                else SimpleNamespace(describe_endpoint=lambda **_: {"endpointAddress": "x"})
            ),
        )


@pytest.fixture
def built(page: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Builder, "build", lambda _: "digest")
    monkeypatch.setattr(Builder, "folder", page)
    monkeypatch.setattr(Builder, "lock", page.parent / "lock")
    return page


@pytest.mark.usefixtures("built")
def test_the_page_is_uploaded_with_its_types_and_nothing_hidden(home: Any) -> None:
    url = uploading.upload(Paths(PROJECT), home)

    s3, bucket = home.client("s3"), home.outputs["ConsoleBucketName"]
    found = {
        one["Key"]: s3.get_object(Bucket=bucket, Key=one["Key"])
        for one in s3.list_objects_v2(Bucket=bucket)["Contents"]
    }
    assert url == "https://d1.cloudfront.net"
    assert {key: (one["ContentType"], one["CacheControl"]) for key, one in found.items()} == {
        "index.html": ("text/html; charset=utf-8", "no-cache"),
        "config.json": ("application/json", "no-cache"),
        "favicon.svg": ("image/svg+xml", "no-cache"),
        "assets/font-1.woff2": ("font/woff2", "public, max-age=31536000, immutable"),
        "assets/index-1a2b.js": (
            "text/javascript; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
    }
    config = json.loads(found["config.json"]["Body"].read())
    assert (config["signIn"], config["home"], config["awsCliPrefix"]) == (
        "cognito",
        "aws",
        "AWS_REGION=eu-west-1 ",
    )
    assert "private" not in json.dumps(config)


@pytest.mark.usefixtures("built")
def test_what_an_open_page_may_ask_for_stays_a_week(
    home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3, bucket = home.client("s3"), home.outputs["ConsoleBucketName"]
    s3.put_object(Bucket=bucket, Key="assets/before.js", Body=b"x")
    uploading.upload(Paths(PROJECT), home)
    young = {one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    monkeypatch.setattr(uploading, "KEPT", timedelta(seconds=-5))
    uploading.upload(Paths(PROJECT), home)
    old = {one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}

    assert young - old == {"assets/before.js"}


def test_a_stack_that_hosts_none_is_told_how(home: Any) -> None:
    del home.outputs["ConsoleBucketName"]

    with pytest.raises(ConsoleError, match="make deploy CONSOLE=cloudfront"):
        uploading.upload(Paths(PROJECT), home)
