"""The way to the HTTP API: what passes, what does not, and what a page hears when the API is not
well.
"""

import http.client
import socket
import threading
from pathlib import Path

import pytest

from playground.web.proxy import MOST_BYTES, stays_below
from tests.ports import free_port
from tests.unit.console.stage import Stage, on_stage

BEARER = {"Authorization": "Bearer abc"}


def test_a_request_passes_as_it_is(stage: Stage) -> None:
    # when
    stage.ask(
        "PATCH",
        "/v1/devices/a%3Ab/echo?wait=5&x=%2F%20y",
        {"desired": {"time": None}},
        {**BEARER, "Idempotency-Key": '"one"', "Accept": "application/json"},
    )
    # then
    (asked,) = stage.api.asked
    assert asked["method"] == "PATCH"
    assert asked["path"] == (
        "/_aws/execute-api/abc/$default/v1/devices/a%3Ab/echo?wait=5&x=%2F%20y"
    )
    assert asked["body"] == '{"desired": {"time": null}}'
    headers = asked["headers"]
    assert headers["authorization"] == "Bearer abc"
    assert headers["idempotency-key"] == '"one"'
    assert headers["content-type"] == "application/json"


def test_what_concerns_page_and_server_alone_does_not_pass(stage: Stage) -> None:
    cookie = stage.sign_in()
    stage.ask("POST", "/v1/echo", {}, {"Cookie": cookie, "X-Forwarded-For": "1.2.3.4"})

    headers = stage.api.asked[0]["headers"]
    assert (
        not {"cookie", "origin", "x-forwarded-for", "referer", "accept-encoding"} & headers.keys()
    )
    assert headers["host"].startswith("127.0.0.1:")
    assert headers["host"] != f"127.0.0.1:{stage.port}"


def test_an_answer_passes_with_the_headers_that_say_something(stage: Stage) -> None:
    answer = stage.ask("GET", "/v1/echo", headers=BEARER)

    assert (answer.status, answer.json["method"]) == (409, "GET")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Location"] == "/v1/executions/one"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.cookies == ()
    assert "Playground-Api" not in answer.headers
    assert not {"Server", "Access-Control-Allow-Origin"} & answer.headers.keys()


def test_an_answer_without_a_body_is_one(stage: Stage) -> None:
    empty = stage.ask("DELETE", "/v1/empty", headers=BEARER)
    after = stage.ask("HEAD", "/v1/echo", headers=BEARER)

    assert (empty.status, empty.body) == (204, b"")
    assert after.body == b""


def test_a_redirect_is_the_browsers_to_follow(stage: Stage) -> None:
    answer = stage.ask("GET", "/v1/redirect")

    assert (answer.status, len(stage.api.asked)) == (302, 1)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../_ministack/reset",
        "/v1/%2e%2e/%2e%2e/x",
        "/v1/a/..%2f..%2fx",
        "/v1/.%2e/x",
        "/v1/..%5cx",
        "/v1/./x",
    ],
)
def test_no_path_leads_out_of_the_api(stage: Stage, path: str) -> None:
    answer = stage.ask("GET", path, headers=BEARER)

    assert not [one for one in stage.api.asked if "$default/v1/" not in one["path"]]
    assert answer.status == 404 or answer.body.startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("/v1/devices", True),
        ("/v1/devices/..a", True),
        ("/v1/", True),
        ("/v1", False),
        ("/v2/x", False),
        ("/v1/a/../b", False),
        ("/v1/%2E%2E/b", False),
    ],
)
def test_which_paths_are_the_apis(path: str, below: object) -> None:
    assert stays_below(path) is below


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_get_no_further(stage: Stage, method: str) -> None:
    answer = stage.ask(method, "/v1/devices")

    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]
    assert not stage.api.asked


def test_too_large_a_request_is_refused(stage: Stage) -> None:
    small = stage.ask("POST", "/v1/echo", b"x" * MOST_BYTES)
    large = stage.ask("POST", "/v1/echo", b"x" * (MOST_BYTES + 1))

    assert (small.status, large.status) == (409, 413)
    assert large.json["type"] == "urn:iot-playground:problem:too-large"
    assert len(stage.api.asked) == 1


def test_an_answer_comes_as_it_is_made(stage: Stage) -> None:
    # given an API that has said half of it
    connection = http.client.HTTPConnection("127.0.0.1", stage.port, timeout=10)
    connection.request("GET", "/v1/held")
    response = connection.getresponse()
    # then
    assert response.read(3) == b"[1,"
    # when
    stage.api.release.set()
    assert response.read() == b"2]"
    connection.close()


def test_half_an_answer_is_not_taken_for_a_whole_one(stage: Stage) -> None:
    with pytest.raises((http.client.HTTPException, OSError)):
        stage.ask("GET", "/v1/broken")


@pytest.mark.parametrize("path", ["/v1/silent"])
def test_an_api_that_hangs_up_is_away(stage: Stage, path: str) -> None:
    answer = stage.ask("POST", path, {})

    assert (answer.status, answer.json["type"]) == (502, "urn:iot-playground:problem:api-away")
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Playground-Api"] == "away"


def test_an_api_that_is_not_there_is_told_and_found_again(page: Path) -> None:
    port = free_port()
    with on_stage(page, api=f"http://127.0.0.1:{port}") as stage:
        answer = stage.ask("GET", "/v1/devices")
        assert (answer.status, answer.json["status"]) == (502, 502)
        with socket.create_server(("127.0.0.1", port)) as server:

            def say() -> None:
                connection, _ = server.accept()
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                connection.close()

            thread = threading.Thread(target=say)
            thread.start()
            assert stage.ask("GET", "/v1/devices").status == 200
            thread.join()


def test_requests_are_answered_beside_one_another(stage: Stage) -> None:
    # given one that takes its time
    connection = http.client.HTTPConnection("127.0.0.1", stage.port, timeout=10)
    connection.request("GET", "/v1/held")
    connection.getresponse().read(1)
    # when
    answers = [stage.ask("GET", path).status for path in ("/v1/echo", "/", "/config.json")]
    # then
    assert answers == [409, 200, 200]
    stage.api.release.set()
    connection.close()
