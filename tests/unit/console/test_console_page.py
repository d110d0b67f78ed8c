"""The page's files: what is served, how it is packed and kept, and what never is."""

import gzip
from pathlib import Path

import pytest

from playground.web.page import NoPageError, Page, takes_gzip
from tests.unit.console.stage import CONFIG, LIVE, Stage


def test_files_are_packed_and_kept_for_good(stage: Stage) -> None:
    answer = stage.ask("GET", "/assets/index-1a2b.js", headers={"Accept-Encoding": "gzip, br"})

    assert gzip.decompress(answer.body).startswith(b"export const answer")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_who_takes_no_gzip_gets_the_same_text(stage: Stage) -> None:
    answer = stage.ask("GET", "/assets/index-1a2b.js", headers={"Accept-Encoding": "gzip;q=0"})

    assert answer.body == b"export const answer = 42;\n" * 400
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/", "/devices", "/devices/lamp:1-a_b", "/executions/x", "/learn", "/devices/a%20b"]
)
def test_the_pages_own_paths_are_the_page(stage: Stage, path: str) -> None:
    answer = stage.ask("GET", path)

    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.body.startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    "path",
    [
        "/assets/gone.js",
        "/.built-from",
        "/.vite/manifest.json",
        "/assets/way-out.js",
        "/../secret",
        "/assets/../../secret",
        "/%2e%2e/secret",
        "/assets/%2e%2e%2f%2e%2e%2fsecret",
        "//etc/passwd.txt",
        "/..%5csecret",
    ],
)
def test_nothing_else_is_served(stage: Stage, path: str) -> None:
    answer = stage.ask("GET", path)

    assert answer.status in (404, 200)
    assert answer.status == 404 or answer.body.startswith(b"<!doctype html>")
    assert b"secret" not in answer.body
    assert b"digest" not in answer.body


def test_a_page_that_is_known_is_not_sent_again(stage: Stage) -> None:
    tag = stage.ask("GET", "/").headers["ETag"]
    answer = stage.ask("GET", "/devices", headers={"If-None-Match": tag})

    assert (answer.status, answer.body) == (304, b"")


def test_the_page_stays_that_of_one_build(stage: Stage) -> None:
    (stage.page / "index.html").write_text("half of another one")
    (stage.page / "assets" / "index-1a2b.js").unlink()

    assert stage.ask("GET", "/").body.startswith(b"<!doctype html>")
    assert stage.ask("GET", "/assets/index-1a2b.js").status == 200


def test_the_configuration_is_told(stage: Stage) -> None:
    answer = stage.ask("GET", "/config.json")

    assert (answer.json, answer.headers["Cache-Control"]) == (CONFIG, "no-cache")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/assets/index-1a2b.js"),
        ("GET", "/gone.js"),
        ("GET", "/config.json"),
        ("POST", "/session"),
        ("GET", "/v1/echo"),
        ("PUT", "/session"),
        ("GET", "/v1/../x"),
    ],
)
def test_every_answer_has_the_same_strict_headers(stage: Stage, method: str, path: str) -> None:
    headers = stage.ask(method, path).headers

    policy = dict(
        part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self' data:",
        "connect-src": f"'self' {LIVE}",
        "manifest-src": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert not any(name.startswith("Access-Control") for name in headers)
    assert "Server" not in headers


def test_a_folder_without_a_page_is_none(tmp_path: Path) -> None:
    with pytest.raises(NoPageError):
        Page.load(tmp_path)


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("*", True),
        ("GZIP", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("identity", False),
    ],
)
def test_who_takes_gzip(accepted: str, taken: object) -> None:
    assert takes_gzip(accepted) is taken
