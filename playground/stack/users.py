"""Users of the HTTP API: they stand in the stack's Cognito user pool and sign in with a password,
in either home.
"""

import re
import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from playground.errors import UnknownUserError, UserError
from playground.home.homes import Home

GROUPS = ("admins", "viewers")
FIRST_USER = "admin"
CONSOLE_USER = "console"
"""Whom the console on this machine signs in as; its password is known to the console alone."""

# AdminCreateUser: [\p{L}\p{M}\p{S}\p{N}\p{P}]+; the emulator takes anything.
USER_NAME = re.compile(r"\S{1,128}")

# The password policy of the user pool asks for these; 20 characters of 62 are 119 bits.
PASSWORD_LENGTH = 20
_KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits)


@dataclass(frozen=True)
class User:
    """A user, and what they may do: `admins` everything, `viewers` look."""

    name: str
    groups: tuple[str, ...]
    enabled: bool
    created_at: str


@dataclass(frozen=True)
class Users:
    """The users of one stack."""

    home: Home

    def add(self, name: str, group: str) -> str:
        """Make a user; gives the password, which is stored by Cognito alone. Raises UserError."""
        if not USER_NAME.fullmatch(name):
            raise UserError(f"{name!r} is no user name: it has 1 to 128 characters and no space.")
        if group not in GROUPS:
            raise UserError(f"{group} is no group: there are {' and '.join(GROUPS)}.")
        with _told(name):
            self._cognito.admin_create_user(
                UserPoolId=self._pool, Username=name, MessageAction="SUPPRESS"
            )
        password = new_password()
        try:
            self.set_password(name, password)
            self._cognito.admin_add_user_to_group(
                UserPoolId=self._pool, Username=name, GroupName=group
            )
        except BaseException:  # half a user is none
            self.remove(name)
            raise
        return password

    def first(self) -> str | None:
        """Make the first user when there is none; gives its password, None when there are users
        already.
        """
        found = self._cognito.list_users(UserPoolId=self._pool, Limit=2)["Users"]
        if any(user["Username"] != CONSOLE_USER for user in found):
            return None
        return self.add(FIRST_USER, "admins")

    def renew(self, name: str, group: str) -> str:
        """Make a user, or give the one that there is another password; gives the password."""
        try:
            self._cognito.admin_create_user(
                UserPoolId=self._pool, Username=name, MessageAction="SUPPRESS"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "UsernameExistsException":
                raise
        password = new_password()
        self.set_password(name, password)
        self._cognito.admin_add_user_to_group(UserPoolId=self._pool, Username=name, GroupName=group)
        return password

    def all(self) -> list[User]:
        """Every user, by name."""
        pages = self._cognito.get_paginator("list_users").paginate(UserPoolId=self._pool)
        found = [self._user(user) for page in pages for user in page["Users"]]
        return sorted(found, key=lambda user: user.name)

    def remove(self, name: str) -> None:
        """Remove a user; a token that they have is good until it runs out. Raises UserError."""
        with _told(name):
            self._cognito.admin_delete_user(UserPoolId=self._pool, Username=name)

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password. Raises UserError, also for one that the pool's policy
        refuses.
        """
        with _told(name):
            self._cognito.admin_set_user_password(
                UserPoolId=self._pool, Username=name, Password=password, Permanent=True
            )

    def access_token(self, name: str, password: str) -> str:
        """Sign in, as any program does without AWS credentials; the token is good for an hour.
        Raises UserError.
        """
        with _told(name):
            answer = self._cognito.initiate_auth(
                AuthFlow="USER_PASSWORD_AUTH",
                ClientId=self.home.output("UserPoolClientId"),
                AuthParameters={"USERNAME": name, "PASSWORD": password},
            )
        if "AuthenticationResult" not in answer:
            raise UserError(
                f"{name} can't sign in yet: `playground user password {name}` sets a password."
            )
        return str(answer["AuthenticationResult"]["AccessToken"])

    @cached_property
    def _cognito(self) -> Any:
        return self.home.client("cognito-idp")

    @cached_property
    def _pool(self) -> str:
        return self.home.output("UserPoolId")

    def _user(self, user: Any) -> User:
        groups = self._cognito.admin_list_groups_for_user(
            UserPoolId=self._pool, Username=user["Username"]
        )["Groups"]
        names = tuple(sorted(group["GroupName"] for group in groups))
        return User(
            user["Username"],
            names,
            user["Enabled"],
            user["UserCreateDate"].isoformat(timespec="seconds"),
        )


def api_url(home: Home) -> str:
    """Where the HTTP API answers. The emulator's own name for it is not found by every program's
    resolver.
    """
    url = home.output("ApiUrl")
    if home.endpoint is None:
        return url
    api_id = url.partition("://")[2].partition(".")[0]
    return f"{home.endpoint}/_aws/execute-api/{api_id}/$default"


def new_password() -> str:
    """Letters and digits, at least one of each kind."""
    while True:
        found = "".join(secrets.choice("".join(_KINDS)) for _ in range(PASSWORD_LENGTH))
        if all(set(found) & set(kind) for kind in _KINDS):
            return found


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        sentence = _SENTENCES.get(code)
        if sentence is None:
            raise
        kind = UnknownUserError if code == "UserNotFoundException" else UserError
        raise kind(sentence.format(name=name, said=error.response["Error"]["Message"])) from error


_SENTENCES = {
    "UsernameExistsException": (
        "{name} exists already: `playground user password {name}` sets a new password."
    ),
    "UserNotFoundException": (
        "There is no user {name}: `playground user list` has those that there are."
    ),
    "NotAuthorizedException": "{name} could not sign in: {said}",
    "InvalidPasswordException": "The password is refused: {said}",
    "InvalidParameterException": "{name}: {said}",
}
