"""The commands for the HTTP API: its users, a token for it, its URL."""

from dataclasses import asdict
from typing import Annotated, Literal

import typer
from rich.text import Text

from playground.errors import UsageError
from playground.home.consent import is_asked_at_a_terminal
from playground.home.homes import Home
from playground.line import typed
from playground.line.context import context
from playground.show.views import headed_table, moment, note, say
from playground.stack.users import FIRST_USER, Users, api_url

app = typer.Typer()
user = typer.Typer(help="Who may use the HTTP API.", no_args_is_help=True)
app.add_typer(user, name="user")

UserName = Annotated[str, typer.Argument(metavar="NAME")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


@user.command()
def add(
    ctx: typer.Context,
    name: UserName,
    group: Annotated[
        Literal["admins", "viewers"],
        typer.Option(help="admins may do everything, viewers may only read."),
    ] = "viewers",
) -> None:
    """Make a user, and print the password once."""
    given = context(ctx)
    password = Users(given.home_to_change()).add(name, group)
    given.output.show(
        {"name": name, "group": group, "password": password}, password_text(name, password)
    )


@user.command("list")
def list_users(ctx: typer.Context) -> None:
    """List the users."""
    given = context(ctx)
    users = Users(given.home()).all()
    shown = headed_table("NAME", "GROUPS", "ENABLED", "CREATED")
    for one in users:
        enabled = "yes" if one.enabled else "no"
        shown.add_row(Text(one.name), " ".join(one.groups), enabled, moment(one.created_at))
    given.output.show({"users": [asdict(one) for one in users]}, shown)


@user.command()
def remove(ctx: typer.Context, name: UserName) -> None:
    """Remove a user; a token that they already have stays valid for an hour at most."""
    Users(context(ctx).home_to_change()).remove(name)
    note(f"{name} is gone.")


@user.command()
def password(ctx: typer.Context, name: UserName, from_stdin: FromStdin = False) -> None:  # noqa: FBT002
    """Set a new password."""
    users = Users(context(ctx).home_to_change())
    users.set_password(
        name, _read_password(f"New password of {name}", from_stdin=from_stdin, confirm=True)
    )
    note(f"{name} has a new password.")


@app.command()
def token(
    ctx: typer.Context,
    name: Annotated[str, typer.Option("--user", help="Who signs in.")] = FIRST_USER,
    password: Annotated[str | None, typer.Option(envvar="PLAYGROUND_PASSWORD", hidden=True)] = None,
    from_stdin: FromStdin = False,  # noqa: FBT002
) -> None:
    """Print an access token for the HTTP API, good for an hour; PLAYGROUND_PASSWORD answers the
    question.
    """
    given = context(ctx)
    users = Users(given.home())
    known = "" if from_stdin else typed.without_marks(password or "")
    known = known or _read_password(f"Password of {name}", from_stdin=from_stdin)
    found = users.access_token(name, known)
    given.output.show({"token": found}, found)


@app.command()
def api(ctx: typer.Context) -> None:
    """Print the URL of the HTTP API."""
    given = context(ctx)
    url = api_url(given.home())
    given.output.show({"url": url}, url)


def tell_first_user(home: Home) -> None:
    """Make the first user where there is none, and tell the password: last of all, or it scrolls
    away."""
    password = Users(home).first()
    if password:
        say(
            "\nThe HTTP API (docs/api.md) has its first user now, an administrator.\n"
            f"{password_text(FIRST_USER, password)}"
        )


def password_text(name: str, password: str) -> str:
    """What to tell of a user that has just been made."""
    return f"The password of {name} is {password}\n{only_now(name)}"


def only_now(name: str) -> str:
    """What a password is for, and what to do without it."""
    return (
        "Write it down: it is shown only now, and `playground token` asks for it. "
        f"`playground user password {name}` sets a new one."
    )


def _read_password(question: str, *, from_stdin: bool, confirm: bool = False) -> str:
    if from_stdin:
        return typed.secret_line(
            typer.get_binary_stream("stdin").readline(typed.MAX_SECRET_BYTES + 4)
        )
    if not is_asked_at_a_terminal():
        raise UsageError("There is no terminal to ask for the password at: use --password-stdin.")
    return str(typer.prompt(question, hide_input=True, confirmation_prompt=confirm, err=True))
