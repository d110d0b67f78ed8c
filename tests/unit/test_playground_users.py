"""Users of the HTTP API: what becomes of half a user, and whose requests are served from the stack's account."""

import asyncio
import string
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from playground.errors import UserError
from playground.local.emulator_process import names_its_target, serving
from playground.users import Users, api_url, new_password


class MemoryPool:
    """A user pool that may refuse one operation."""

    def __init__(self, refuses: str = "", code: str = "Broken") -> None:
        self.users: dict[str, Any] = {}
        self.refuses, self.code = refuses, code

    def _done(self, operation: str, pool: str) -> None:
        assert pool == "UserPoolId"  # the output's name stands for its value
        if operation == self.refuses:
            raise ClientError({"Error": {"Code": self.code, "Message": "said so"}}, operation)

    def admin_create_user(self, UserPoolId: str, Username: str, MessageAction: str) -> None:  # noqa: N803
        assert MessageAction == "SUPPRESS"  # nobody gets an e-mail
        self._done("create", UserPoolId)
        self.users[Username] = {}

    def admin_set_user_password(self, UserPoolId: str, Username: str, Password: str, Permanent: bool) -> None:  # noqa: N803, FBT001
        self._done("password", UserPoolId)
        assert Permanent
        self.users[Username]["password"] = Password

    def admin_add_user_to_group(self, UserPoolId: str, Username: str, GroupName: str) -> None:  # noqa: N803
        self._done("group", UserPoolId)
        self.users[Username]["group"] = GroupName

    def admin_delete_user(self, UserPoolId: str, Username: str) -> None:  # noqa: N803
        self._done("delete", UserPoolId)
        del self.users[Username]

    def list_users(self, UserPoolId: str, Limit: int) -> Any:  # noqa: N803
        self._done("list", UserPoolId)
        return {"Users": list(self.users)[:Limit]}


def users_of(pool: MemoryPool) -> Users:
    home: Any = SimpleNamespace(client=lambda _: pool, output=lambda name: name)
    return Users(home)


def test_the_first_user_is_made_once() -> None:
    # given
    pool = MemoryPool()
    # when
    password = users_of(pool).first()
    # then
    assert pool.users == {"admin": {"password": password, "group": "admins"}}
    assert users_of(pool).first() is None


@pytest.mark.parametrize("refuses", ["password", "group"])
def test_half_a_user_is_none(refuses: str) -> None:
    pool = MemoryPool(refuses)
    with pytest.raises(ClientError):
        users_of(pool).add("ann", "viewers")
    assert pool.users == {}


def test_what_the_pool_refuses_is_told_in_a_sentence() -> None:
    for refuses, code, sentence in (
        ("create", "UsernameExistsException", "ann exists already"),
        ("password", "InvalidPasswordException", "The password is refused: said so"),
    ):
        with pytest.raises(UserError, match=sentence):
            users_of(MemoryPool(refuses, code)).add("ann", "viewers")
    with pytest.raises(UserError, match="There is no user ann"):
        users_of(MemoryPool("delete", "UserNotFoundException")).remove("ann")
    with pytest.raises(UserError, match="no group"):
        users_of(MemoryPool()).add("ann", "owners")


def test_a_password_has_what_the_policy_asks_for() -> None:
    made = {new_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        assert len(password) == 20
        for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits):
            assert set(password) & set(kind)


def test_where_the_api_is_in_either_home() -> None:
    def home(endpoint: str | None, url: str) -> Any:
        return SimpleNamespace(endpoint=endpoint, output=lambda _: url)

    aws = "https://a1b2c3.execute-api.eu-west-1.amazonaws.com"
    assert api_url(home(None, aws)) == aws
    local = home("http://127.0.0.1:4566", "http://a1b2c3.execute-api.localhost:4566")
    assert api_url(local) == "http://127.0.0.1:4566/_aws/execute-api/a1b2c3/$default"


SIGNED = (b"authorization", b"AWS4-HMAC-SHA256 Credential=111122223333/...")
SIGN_IN = (b"x-amz-target", b"AWSCognitoIdentityProviderService.InitiateAuth")


@pytest.mark.parametrize(
    ("kind", "path", "headers", "ours"),
    [
        ("http", "/_aws/execute-api/a1b2c3/$default/v1/devices", [], True),
        ("http", "/_aws/execute-api/a1b2c3/$default/v1/devices", [(b"authorization", b"Bearer x")], True),
        ("http", "/", [SIGN_IN], True),
        ("http", "/", [SIGN_IN, SIGNED], False),
        ("http", "/", [(b"x-amz-target", b"DynamoDB_20120810.Scan")], False),
        ("http", "/bucket/object", [], False),
        ("websocket", "/mqtt", [], False),
        ("lifespan", "", [], False),
    ],
)
def test_only_what_names_its_target_is_served_from_the_stacks_account(
    kind: str,
    path: str,
    headers: list[tuple[bytes, bytes]],
    ours: bool,  # noqa: FBT001
) -> None:
    # given
    scope = {"type": kind, "path": path, "headers": headers}
    happened: list[str] = []

    async def application(_scope: Any, _receive: Any, _send: Any) -> None:
        happened.append("served")

    choose: Callable[[], None] = lambda: happened.append("chosen")  # noqa: E731
    # when
    asyncio.run(serving(application, choose)(scope, application, application))  # type: ignore[arg-type]
    # then
    assert names_its_target(scope) == ours
    assert happened == (["chosen", "served"] if ours else ["served"])
