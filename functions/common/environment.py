"""Settings that the template hands to a function."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


class MissingEnvironmentError(RuntimeError):
    """A variable that template.yaml must set is not there."""


@dataclass(frozen=True)
class Environment:
    """Variables by name: those of the process, or a test's own."""

    variables: Mapping[str, str]

    def required(self, name: str) -> str:
        """The value of variable `name`.

        Raises MissingEnvironmentError at start, with the variable's name, rather than somewhere
        later with a KeyError.
        """
        value = self.variables.get(name, "")
        if not value:
            raise MissingEnvironmentError(
                f"environment variable {name} is not set; template.yaml declares it"
            )
        return value

    def optional(self, name: str) -> str:
        """The value of variable `name`; empty when the template leaves it so."""
        return self.variables.get(name, "")


environment = Environment(os.environ)
