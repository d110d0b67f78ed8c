"""The commands for the HTTP API: its users, a token for it, its URL."""

import sys
from dataclasses import asdict
from typing import Annotated, Literal

import typer
from rich.text import Text

from playground.cli_context import context
from playground.errors import UsageError
from playground.users import FIRST_USER, Users, api_url
from playground.views import headed_table, moment, note

app = typer.Typer()
user = typer.Typer(help="Who may use the HTTP API.", no_args_is_help=True)
app.add_typer(user, name="user")

UserName = Annotated[str, typer.Argument(metavar="NAME")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@user.command()
def add(
    ctx: typer.Context,
    name: UserName,
    group: Annotated[
        Literal["admins", "viewers"], typer.Option(help="admins may do everything, viewers look.")
    ] = "viewers",
) -> None:
    """Make a user, and print the password once."""
    given = context(ctx)
    password = Users(given.home()).add(name, group)
    given.output.show({"name": name, "group": group, "password": password}, password_text(name, password))


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
    """Remove a user; a token that they have is good for an hour at most."""
    Users(context(ctx).home()).remove(name)
    note(f"{name} is gone.")


@user.command()
def password(ctx: typer.Context, name: UserName, from_stdin: FromStdin = False) -> None:  # noqa: FBT002
    """Set a new password."""
    users = Users(context(ctx).home())
    users.set_password(name, _read_password(f"New password of {name}", from_stdin=from_stdin, confirm=True))
    note(f"{name} has a new password.")


@app.command()
def token(
    ctx: typer.Context,
    name: Annotated[str, typer.Option("--user", help="Who signs in.")] = FIRST_USER,
    password: Annotated[str | None, typer.Option(envvar="PLAYGROUND_PASSWORD", hidden=True)] = None,
    from_stdin: FromStdin = False,  # noqa: FBT002
) -> None:
    """Print an access token for the HTTP API, good for an hour; PLAYGROUND_PASSWORD answers the question."""
    given = context(ctx)
    users = Users(given.home())
    known = password if password and not from_stdin else _read_password(f"Password of {name}", from_stdin=from_stdin)
    found = users.access_token(name, known)
    given.output.show({"token": found}, found)


@app.command()
def api(ctx: typer.Context) -> None:
    """Print the URL of the HTTP API."""
    given = context(ctx)
    url = api_url(given.home())
    given.output.show({"url": url}, url)


def password_text(name: str, password: str) -> str:
    """What to tell of a user that has just been made."""
    return (
        f"{name} has the password {password}\n"
        f"It is kept nowhere: `playground user password {name}` sets another one, `playground token` asks for it."
    )


def _read_password(question: str, *, from_stdin: bool, confirm: bool = False) -> str:
    if from_stdin:
        return typer.get_text_stream("stdin").readline().rstrip("\n")
    if not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask for the password at: use --password-stdin.")
    return str(typer.prompt(question, hide_input=True, confirmation_prompt=confirm, err=True))
