"""Sign in, renew, sign out: what a browser gets, and what it never does."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from playground.web import codes, sessions
from playground.web.cognito import RefusedError, Tokens
from playground.web.sessions import Sessions
from tests.unit.console.stage import KEY, Stage


def ask(stage: Stage, body: Any, cookie: str | None = None) -> Any:
    return stage.ask("POST", "/session", body, {"Cookie": cookie})


def test_a_code_signs_the_consoles_own_user_in(stage: Stage) -> None:
    answer = ask(stage, {"code": codes.make(KEY)})

    assert answer.status == 200
    assert answer.json.keys() == {"accessToken", "expiresAt", "username", "group"}
    assert (answer.json["username"], answer.json["group"]) == ("console", "admins")
    left = datetime.fromisoformat(answer.json["expiresAt"]) - datetime.now(UTC)
    assert 3500 < left.total_seconds() <= 3600
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_cookie_is_for_this_servers_sessions_alone(stage: Stage) -> None:
    (cookie,) = ask(stage, {"code": codes.make(KEY)}).cookies

    name, _, rest = cookie.partition("=")
    attributes = {part.strip().lower() for part in rest.split(";")[1:]}
    assert name == f"playground_{stage.port}"
    assert {"httponly", "samesite=strict", "path=/session", "max-age=43200"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)


def test_a_code_works_once(stage: Stage) -> None:
    code = codes.make(KEY)

    assert [ask(stage, {"code": code}).status for _ in range(2)] == [200, 401]


def test_a_code_of_another_key_is_refused_with_what_to_do(stage: Stage) -> None:
    answer = ask(stage, {"code": codes.make(bytes(32))})

    assert (answer.status, answer.cookies) == (401, ())
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "playground console" in answer.json["detail"]
    assert not stage.pool.asked


def test_the_cookie_renews(stage: Stage) -> None:
    cookie = stage.sign_in()
    answers = [ask(stage, {}, cookie) for _ in range(2)]

    assert [one.status for one in answers] == [200, 200]
    assert len({one.json["accessToken"] for one in answers}) == 2
    assert [flow for _, flow in stage.pool.asked] == [
        "USER_PASSWORD_AUTH",
        "REFRESH_TOKEN_AUTH",
        "REFRESH_TOKEN_AUTH",
    ]


def test_pages_that_renew_at_once_ask_the_user_pool_once(stage: Stage) -> None:
    # given a user pool that takes its time
    cookie = stage.sign_in()
    stage.pool.pause = 0.5
    # when
    with ThreadPoolExecutor(5) as pages:
        answers = list(pages.map(lambda _: ask(stage, {}, cookie), range(5)))
    # then
    assert len({one.json["accessToken"] for one in answers}) == 1
    assert [flow for _, flow in stage.pool.asked] == ["USER_PASSWORD_AUTH", "REFRESH_TOKEN_AUTH"]


def test_the_consoles_own_user_comes_back_when_the_refresh_token_has_ended(stage: Stage) -> None:
    cookie = stage.sign_in()
    stage.pool.refresh.clear()

    assert ask(stage, {}, cookie).status == 200
    assert ask(stage, {}, cookie).status == 200
    assert [flow for _, flow in stage.pool.asked][1:] == [
        "REFRESH_TOKEN_AUTH",
        "USER_PASSWORD_AUTH",
        "REFRESH_TOKEN_AUTH",
    ]


def test_anybody_elses_session_ends_with_their_refresh_token(stage: Stage) -> None:
    cookie = stage.sign_in({"username": "ann", "password": "Pass-1"})
    assert ask(stage, {}, cookie).json["group"] == "viewers"
    stage.pool.refresh.clear()
    refused = ask(stage, {}, cookie)
    asked = len(stage.pool.asked)

    assert (refused.status, ask(stage, {}, cookie).status) == (401, 401)
    assert "sign in again" in refused.json["detail"]
    assert len(stage.pool.asked) == asked


def test_a_wrong_password_is_told_in_plain_words(stage: Stage) -> None:
    answer = ask(stage, {"username": "ann", "password": "wrong"})

    assert (answer.status, answer.cookies) == (401, ())
    assert answer.json["detail"] == "The user name or the password is wrong."


def test_a_user_that_is_not_there_is_told_the_same(stage: Stage) -> None:
    wrong = ask(stage, {"username": "ann", "password": "wrong"})
    nobody = ask(stage, {"username": "nobody", "password": "wrong"})

    assert (wrong.status, wrong.body) == (nobody.status, nobody.body)


def test_passwords_can_not_be_tried_by_the_hundred(stage: Stage) -> None:
    tried = [ask(stage, {"username": "ann", "password": str(n)}) for n in range(12)]
    right = ask(stage, {"username": "ann", "password": "Pass-1"})

    assert [one.status for one in tried] == [401] * 10 + [429] * 2
    assert (right.status, len(stage.pool.asked)) == (429, 10)
    assert 0 < int(right.headers["Retry-After"]) <= 60
    assert ask(stage, {"code": codes.make(KEY)}).status == 200


def test_a_user_without_a_password_of_their_own_is_told_so(stage: Stage) -> None:
    stage.pool.says = (200, b'{"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s"}')
    answer = ask(stage, {"username": "ann", "password": "Pass-1"})

    assert answer.status == 401
    assert "playground user password" in answer.json["detail"]


@pytest.mark.parametrize(
    "says",
    [
        (500, b""),
        (200, b"no json"),
        (200, json.dumps({"AuthenticationResult": {"AccessToken": "no.token.x"}}).encode()),
        (400, b'{"__type": "TooManyRequestsException"}'),
        (200, b"[" * 100_000),
    ],
)
def test_a_user_pool_that_is_not_well_ends_no_session(
    stage: Stage, says: tuple[int, bytes]
) -> None:
    cookie = stage.sign_in()
    stage.pool.says = says
    refused = ask(stage, {}, cookie)
    stage.pool.says = None

    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    assert ask(stage, {}, cookie).status == 200


def test_signing_out_ends_cookie_and_refresh_token(stage: Stage) -> None:
    cookie = stage.sign_in()
    out = stage.ask("DELETE", "/session", headers={"Cookie": cookie})

    assert (out.status, stage.pool.refresh) == (204, {})
    assert f'playground_{stage.port}=""' in out.cookies[0]
    assert "Max-Age=0" in out.cookies[0]
    assert ask(stage, {}, cookie).status == 401


def test_a_new_sign_in_ends_the_one_before(stage: Stage) -> None:
    before = stage.sign_in()
    answer = ask(stage, {"username": "ann", "password": "Pass-1"}, before)

    assert answer.status == 200
    assert answer.cookies[0].partition(";")[0] != before
    assert ask(stage, {}, before).status == 401


@pytest.mark.parametrize("cookie", [None, "playground_1=x", "playground={port}", "{name}=guess"])
def test_without_a_session_there_is_no_token(stage: Stage, cookie: str | None) -> None:
    name = f"playground_{stage.port}"
    given = cookie.format(port=stage.port, name=name) if cookie else None
    answer = ask(stage, {}, given)

    assert (answer.status, answer.json["title"]) == (401, "Not signed in")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{", 400),
        (b'{"code": 1}', 400),
        (b'{"code": "a", "username": "b"}', 400),
        (b'{"username": "ann"}', 400),
        (b'{"username": "ann", "password": null}', 400),
        (b'{"code": "a", "code": "b"}', 400),
        (b'{"username": "' + b"a" * 5000 + b'", "password": "x"}', 413),
    ],
)
def test_what_is_no_sign_in_is_refused(stage: Stage, body: bytes, status: int) -> None:
    answer = stage.ask("POST", "/session", body, {"Content-Type": "application/json"})

    assert (answer.status, stage.pool.asked) == (status, [])


def test_a_form_of_another_page_could_not_say_json(stage: Stage) -> None:
    answer = stage.ask("POST", "/session", b"{}", {"Content-Type": "text/plain"})

    assert answer.status == 415


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_a_session_can_be_begun_and_ended_only(stage: Stage, method: str) -> None:
    answer = stage.ask(method, "/session", headers={"Origin": stage.origin})

    assert answer.status == 405 or answer.body.startswith(b"<!doctype html>")
    assert b"accessToken" not in answer.body


def test_a_session_that_nobody_renews_is_over_after_twelve_hours_and_there_are_not_too_many() -> (
    None
):
    async def look() -> None:
        now = [0.0]
        known = Sessions(MemorySignIn(), "console", "Own-1", lambda: now[0])  # type: ignore[arg-type]
        first, _ = await known.begin_own()
        now[0] += sessions.LIFE - 1
        await known.renew(first)
        now[0] += sessions.LIFE - 1
        await known.renew(first)
        now[0] += sessions.LIFE + 1
        with pytest.raises(RefusedError):
            await known.renew(first)
        for _ in range(sessions.MOST + 10):
            now[0] += 1
            await known.begin_own()
        assert len(known._known) == sessions.MOST

    asyncio.run(look())


class MemorySignIn:
    """Lets everybody in."""

    async def by_password(self, username: str, password: str) -> Any:
        return Tokens(f"{username} {password}", "refresh", 0, username, "admins")

    async def by_refresh(self, token: str) -> Any:
        return Tokens(f"from {token}", None, 0, "console", "admins")


def test_no_secret_is_in_the_text_of_an_object() -> None:
    known = Sessions(MemorySignIn(), "console", "Own-1")  # type: ignore[arg-type]
    asyncio.run(known.begin_own())
    shown = repr(known) + repr(known._known)

    assert "Own-1" not in shown
    assert "refresh'" not in shown
