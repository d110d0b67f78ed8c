"""Settings that the template hands to a function."""

import os


class MissingEnvironmentError(RuntimeError):
    """A variable that template.yaml must set is not there."""


def required(name: str) -> str:
    """The value of environment variable `name`.

    Raises MissingEnvironmentError at start, with the variable's name, rather than somewhere later
    with a KeyError.
    """
    value = os.environ.get(name, "")
    if not value:
        raise MissingEnvironmentError(
            f"environment variable {name} is not set; template.yaml declares it"
        )
    return value


def optional(name: str) -> str:
    """The value of environment variable `name`; empty when the template leaves it so."""
    return os.environ.get(name, "")
