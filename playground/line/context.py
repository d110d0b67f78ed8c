"""What all commands have: the global options, the home that they lead to, and where their data
goes.
"""

from dataclasses import dataclass, field
from typing import Annotated

import typer

from playground.errors import UsageError
from playground.home.consent import Consent
from playground.home.homes import Choice, Home, Login, find_home
from playground.home.paths import Paths
from playground.home.sessions import Session
from playground.home.state import LocalState
from playground.line import completing
from playground.line.options import given_options
from playground.show.output import Form, Output, Query
from playground.show.views import note


@dataclass(frozen=True)
class Context:
    """The global options."""

    choice: Choice
    stack_name: str | None
    paths: Paths
    login: Login = field(default_factory=Login)
    output: Output = field(default_factory=Output)
    debug: bool = False

    def home_to_change(self) -> Home:
        """The same for a command that changes or removes something there.

        An AWS account has to be meant, and is named each time.
        """
        home = self._found()
        self._name(home, each_time=home.kind == "aws")
        if home.kind == "aws" and self.choice != "aws" and not self.login.explicit:
            Consent(self.paths).require(home)
        return home

    def home(self) -> Home:
        """The home in use, which is said on stderr once a session. Raises PlaygroundError."""
        home = self._found()
        self._name(home)
        return home

    def _name(self, home: Home, *, each_time: bool = False) -> None:
        if Session.here().hears_first(self.paths, home.label) or each_time or self.debug:
            note(home.label)

    def _found(self) -> Home:
        choice = self.choice
        if self.login.explicit:
            if choice == "local":
                raise UsageError(
                    "--profile and --region are for AWS: leave them out, or leave out --home local."
                )
            if choice == "auto" and LocalState.load(self.paths).up:
                note("A local cloud is up; --profile or --region means AWS.")
            choice = "aws"
        home = find_home(self.paths, self.stack_name, choice, self.login)
        if self.debug:
            home.session.events.register("before-call", _tell_call)
        return home


def context(ctx: typer.Context) -> Context:
    """The global options of this call."""
    given = given_options(ctx)
    form: Form = given.get("output", "table")
    query: Query | None = given.get("query")
    return Context(
        given.get("home", "auto"),
        given.get("stack"),
        Paths.here(),
        Login(given.get("profile"), given.get("region")),
        Output(form, query),
        bool(given.get("debug")),
    )


def _tell_call(model: object, **_: object) -> None:
    """Name, not arguments: those may be secret."""
    note(f"{getattr(model, 'service_model').service_name} {getattr(model, 'name')}")  # noqa: B009 - botocore has no types for it


Name = Annotated[
    str, typer.Argument(help="Thing name.", metavar="NAME", autocompletion=completing.thing_names)
]
Names = Annotated[
    list[str],
    typer.Argument(help="Thing names.", metavar="NAME", autocompletion=completing.thing_names),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Wide = Annotated[bool, typer.Option("--wide", help="All of it, also what seldom matters.")]
