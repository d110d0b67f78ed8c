"""Who may ask: the page itself, by the machine's own names."""

import pytest

from playground.web import codes
from tests.unit.console.stage import KEY, Stage


@pytest.mark.parametrize("path", ["/", "/config.json", "/v1/echo", "/session"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", ""]
)
def test_by_any_other_name_nothing_answers(stage: Stage, path: str, host: str) -> None:
    answer = stage.ask("GET", path, headers={"Host": host.format(port=stage.port)})

    assert answer.status in (400, 403)
    assert not stage.api.asked


def test_both_names_of_this_machine_are_its_own(stage: Stage) -> None:
    host = f"localhost:{stage.port}"
    page = stage.ask("GET", "/", headers={"Host": host})
    session = stage.ask(
        "POST",
        "/session",
        {"code": codes.make(KEY)},
        {"Host": host, "Origin": f"http://{host}"},
    )

    assert (page.status, session.status) == (200, 200)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "https://127.0.0.1:{port}",
        "http://localhost:{port}",
        "http://127.0.0.1:{port}.evil.example",
        "",
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/session"), ("DELETE", "/session"), ("GET", "/v1/echo"), ("POST", "/v1/echo")],
)
def test_a_page_of_another_origin_gets_nothing(
    stage: Stage, method: str, path: str, origin: str
) -> None:
    # given somebody who is signed in, with a code that is good
    cookie = stage.sign_in()
    before = len(stage.pool.asked)
    # when
    answer = stage.ask(
        method,
        path,
        {"code": codes.make(KEY)},
        {"Origin": origin.format(port=stage.port), "Cookie": cookie},
    )
    # then
    assert (answer.status, answer.cookies) == (403, ())
    assert b"accessToken" not in answer.body
    assert (len(stage.pool.asked), stage.api.asked) == (before, [])


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_session_is_for_a_page_and_a_page_says_its_origin(stage: Stage, method: str) -> None:
    answer = stage.ask(method, "/session", {}, {"Origin": None})

    assert answer.status == 403


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (
            "/assets/index-1a2b.js",
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
            403,
        ),
        ("/config.json", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
        ("/v1/echo", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
        (
            "/",
            {
                "Sec-Fetch-Site": "cross-site",
                "Sec-Fetch-Mode": "navigate",
                "Sec-Fetch-Dest": "document",
            },
            200,
        ),
        (
            "/",
            {
                "Sec-Fetch-Site": "cross-site",
                "Sec-Fetch-Mode": "navigate",
                "Sec-Fetch-Dest": "iframe",
            },
            403,
        ),
        ("/", {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, 200),
    ],
)
def test_a_link_may_lead_to_the_page_and_nothing_else_of_it_is_anothers(
    stage: Stage, path: str, headers: dict[str, str], status: int
) -> None:
    assert stage.ask("GET", path, headers=headers).status == status


@pytest.mark.parametrize("path", ["/v1/devices", "/session", "/config.json"])
def test_no_preflight_is_granted(stage: Stage, path: str) -> None:
    answer = stage.ask(
        "OPTIONS",
        path,
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    )

    assert answer.status == 403
    assert not any(name.startswith("Access-Control") for name in answer.headers)
