"""Where a device asks, where it does not, and that it asks nobody before it knows."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.unit.doubles.image_server import ImageServer, image_server
from virtual_device.base.errors import (
    EnvironmentIncompleteError,
    PlaceRefusedError,
    UrlUnreachableError,
)
from virtual_device.firmware.image_source import ImageError, Source
from virtual_device.state.config import Environment
from virtual_device.web.fetch import fetch
from virtual_device.web.sources import NOWHERE, Sources
from virtual_device.web.upload import upload

AWS = Sources.read(
    "https://images.s3.eu-west-1.amazonaws.com https://s3.eu-west-1.amazonaws.com/images/"
)


@contextmanager
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Whom the process has looked up or connected to."""
    found: list[Any] = []

    def look_up(*address: Any, **_: Any) -> list[Any]:
        found.append(address)
        raise OSError("nobody is asked in this test")

    with monkeypatch.context() as patch:
        patch.setattr("socket.getaddrinfo", look_up)
        patch.setattr("socket.create_connection", look_up)
        yield found


@pytest.mark.parametrize(
    "url",
    [
        "https://images.s3.eu-west-1.amazonaws.com/firmware/1.json?X-Amz-Signature=S",
        "https://images.s3.eu-west-1.amazonaws.com:443/firmware/1.json",
        "HTTPS://IMAGES.S3.EU-WEST-1.AMAZONAWS.COM/firmware/1.json",
        "https://s3.eu-west-1.amazonaws.com/images/firmware/1.json",
    ],
)
def test_the_stacks_own_buckets_are_asked(url: str) -> None:
    assert AWS.allow(url)


@pytest.mark.parametrize(
    "url",
    [
        # what only the device can reach, in every way to write it
        "http://169.254.169.254/latest/meta-data/",
        "http://169.254.170.2/v2/credentials",
        "http://[fd00:ec2::254]/latest/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fe80::1%25eth0]/",
        "http://2852039166/",
        "http://0xA9FEA9FE/",
        "http://0251.0376.0251.0376/",
        "http://169.254.43518/",
        "http://127.0.0.1:4566/",
        "http://127.1/",
        "http://0/",
        "http://localhost:8080/",
        "http://[::1]:8080/",
        "http://metadata.google.internal/",
        # what looks like the bucket
        "http://images.s3.eu-west-1.amazonaws.com/firmware/1.json",
        "https://images.s3.eu-west-1.amazonaws.com:8443/firmware/1.json",
        "https://images.s3.eu-west-1.amazonaws.com./firmware/1.json",
        "https://images.s3.eu-west-1.amazonaws.com.evil.example/",
        "https://images.s3.eu-west-1.amazonaws.com@169.254.169.254/",
        "https://169.254.169.254@images.s3.eu-west-1.amazonaws.com/",
        "https://images.s3.eu-west-1.amazonaws.com:443@169.254.169.254/",
        "https://images.s3.eu-west-1.amazonaws.com\\@169.254.169.254/",
        "https://evil.example/?https://images.s3.eu-west-1.amazonaws.com/",
        "https://evil.example\\.images.s3.eu-west-1.amazonaws.com/",
        "https:/images.s3.eu-west-1.amazonaws.com/",
        "https:images.s3.eu-west-1.amazonaws.com/",
        "https:///images.s3.eu-west-1.amazonaws.com/",
        "https://images.s3.eu-west-1.amazonaws.com:0/",
        "https://images.s3.eu-west-1.amazonaws.com:99999/",
        "https://\u0131mages.s3.eu-west-1.amazonaws.com/",
        "https://images\u3002s3.eu-west-1.amazonaws.com/",
        "https://images.s3.eu-west-1.amazonaws.com\n/",
        " https://images.s3.eu-west-1.amazonaws.com/",
        # somebody else's bucket on the host that all share
        "https://s3.eu-west-1.amazonaws.com/other/firmware/1.json",
        "https://s3.eu-west-1.amazonaws.com/images-of-others/1.json",
        "https://s3.eu-west-1.amazonaws.com/images/../other/1.json",
        "https://s3.eu-west-1.amazonaws.com/images/%2E%2e/other/1.json",
        "https://s3.eu-west-1.amazonaws.com/images/..%2fother/1.json",
        # what is no web at all
        "ftp://images.s3.eu-west-1.amazonaws.com/x",
        "data:,x",
        "",
    ],
)
def test_no_other_place_is_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not AWS.allow(url)
    if url.startswith(("http:", "https:")):
        with asked(monkeypatch) as hosts, pytest.raises(PlaceRefusedError) as refused:
            fetch(url, "firmware image", AWS)
        assert hosts == []
        assert "FETCH_FROM" in str(refused.value)
        with asked(monkeypatch) as hosts, pytest.raises(PlaceRefusedError):
            upload(url, "REQUEST", AWS)
        assert hosts == []


def test_a_fragment_is_not_taken_for_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a URL that some readers take for the second host's
    url = "https://images.s3.eu-west-1.amazonaws.com#@169.254.169.254/"
    # when
    with asked(monkeypatch) as hosts, pytest.raises(UrlUnreachableError):
        fetch(url, "firmware image", AWS, sleep=lambda _: None)
    # then
    assert {host[0] for host in hosts} == {"images.s3.eu-west-1.amazonaws.com"}


def test_without_a_word_of_the_owner_nobody_is_asked() -> None:
    assert not NOWHERE.allow("https://images.s3.eu-west-1.amazonaws.com/")
    with pytest.raises(PlaceRefusedError, match="not read from a file"):
        fetch("file:///etc/passwd", "identity document", NOWHERE)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_leads_nowhere_else(status: int) -> None:
    # given a bucket that sends whoever asks on to another server
    with image_server() as bucket, image_server() as other:
        bucket.moved = (status, other.url("/latest/meta-data/"))
        # when
        with pytest.raises(PlaceRefusedError, match=r"not fetched from 127\.0\.0\.1"):
            fetch(bucket.url(), "firmware image", bucket.sources)
        # then
        assert (len(bucket.asked), other.asked) == (1, [])


def test_a_redirect_within_what_is_allowed_is_followed() -> None:
    with image_server() as bucket, image_server() as regional:
        bucket.moved, regional.content = (307, regional.url("/image")), b"image"
        both = Sources.read(f"{bucket.url('/')} {regional.url('/')}")
        assert fetch(bucket.url(), "firmware image", both) == b"image"


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1%2", "::", "::ffff:169.254.1.1"])
def test_an_allowed_name_that_stands_for_a_link_local_address_is_not_asked(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a name server that somebody else has a say in
    connected: list[Any] = []
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    answer = [(family, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: answer)
    monkeypatch.setattr("socket.create_connection", lambda *given, **_: connected.append(given))
    # when
    with pytest.raises(PlaceRefusedError, match="an address that no bucket has"):
        fetch("https://images.s3.eu-west-1.amazonaws.com/1.json", "firmware image", AWS)
    # then
    assert connected == []


def test_a_job_that_names_another_place_fails_with_its_reason(server: ImageServer) -> None:
    source = Source("2.0.0", 1, "0" * 64, server.url(), AWS)
    with pytest.raises(
        ImageError, match=r"not fetched from 127\.0\.0\.1: this device asks only"
    ) as refused:
        source.obtain()
    assert (refused.value.code, server.asked) == ("PLACE_REFUSED", [])


def test_the_owner_says_it_in_the_environment() -> None:
    given = {"STATE_DIR": "/x", "FETCH_FROM": "https://files.example/fw/ http://10.0.0.7:8000"}
    given["CONFIG_FILE_URL"] = "https://config.example/devices/a.json?X-Amz-Signature=S"
    found = Environment.from_variables(given).sources
    for url in ("https://files.example/fw/1", "http://10.0.0.7:8000/x", "https://config.example/b"):
        assert found.allow(url), url
    assert not found.allow("https://files.example/other")
    assert not found.files
    with pytest.raises(
        EnvironmentIncompleteError, match=r"FETCH_FROM: 'files\.example' is no http"
    ):
        Environment.from_variables({**given, "FETCH_FROM": "files.example"})


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with image_server() as found:
        yield found
