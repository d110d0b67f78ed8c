"""Users of the HTTP API: what becomes of half a user, their passwords, and where the API is."""

import string
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from playground.errors import UserError
from playground.stack.users import CONSOLE_USER, Users, api_url, new_password


class MemoryPool:
    """A user pool that may refuse one operation."""

    def __init__(self, refuses: str = "", code: str = "Broken") -> None:
        self.users: dict[str, Any] = {}
        self.refuses, self.code = refuses, code

    def _done(self, operation: str, pool: str) -> None:
        assert pool == "UserPoolId"  # the output's name stands for its value
        if operation == self.refuses:
            raise ClientError({"Error": {"Code": self.code, "Message": "said so"}}, operation)

    def admin_create_user(self, UserPoolId: str, Username: str, MessageAction: str) -> None:
        assert MessageAction == "SUPPRESS"  # nobody gets an e-mail
        self._done("create", UserPoolId)
        if Username in self.users:
            raise ClientError({"Error": {"Code": "UsernameExistsException"}}, "create")
        self.users[Username] = {}

    def admin_set_user_password(
        self,
        UserPoolId: str,
        Username: str,
        Password: str,
        Permanent: bool,  # noqa: FBT001
    ) -> None:
        self._done("password", UserPoolId)
        assert Permanent
        self.users[Username]["password"] = Password

    def admin_add_user_to_group(self, UserPoolId: str, Username: str, GroupName: str) -> None:
        self._done("group", UserPoolId)
        self.users[Username]["group"] = GroupName

    def admin_delete_user(self, UserPoolId: str, Username: str) -> None:
        self._done("delete", UserPoolId)
        del self.users[Username]

    def list_users(self, UserPoolId: str, Limit: int) -> Any:
        self._done("list", UserPoolId)
        return {"Users": [{"Username": name} for name in list(self.users)[:Limit]]}


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


def test_the_consoles_own_user_is_not_the_first_one() -> None:
    # given
    pool = MemoryPool()
    of_console = users_of(pool).renew(CONSOLE_USER, "admins")
    # when
    password = users_of(pool).first()
    # then
    assert pool.users == {
        "console": {"password": of_console, "group": "admins"},
        "admin": {"password": password, "group": "admins"},
    }


def test_the_consoles_own_user_gets_another_password_each_time() -> None:
    # given
    pool = MemoryPool()
    before = users_of(pool).renew(CONSOLE_USER, "admins")
    # when
    after = users_of(pool).renew(CONSOLE_USER, "admins")
    # then
    assert pool.users == {"console": {"password": after, "group": "admins"}}
    assert before != after


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
