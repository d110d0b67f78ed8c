"""What a command prints: the same data as a table, as JSON or as text, all of it or what a JMESPath query takes of it.

Data goes to stdout, words go to stderr. docs/contracts.md, "Command output", has the names of the fields.
"""

import base64
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import jmespath
from jmespath.exceptions import JMESPathError
from rich.console import RenderableType
from rich.text import Text

from playground import views
from playground.errors import QueryError
from playground.harmless import escaped, harmless
from playground.output_text import text_lines

Form = Literal["table", "json", "text"]


@dataclass(frozen=True)
class Query:
    """A JMESPath expression that has been read."""

    expression: str
    parsed: Any

    @classmethod
    def read(cls, expression: str) -> "Query":
        """Raises QueryError, on one line."""
        try:
            return cls(expression, jmespath.compile(expression))
        except JMESPathError as error:
            reason = str(error).splitlines()[0].rstrip(":")
            raise QueryError(f"--query {expression!r} is no JMESPath: {reason}.") from error

    def of(self, data: Any) -> Any:
        """What the expression takes of the data. Raises QueryError when a function gets what it cannot take."""
        try:
            return self.parsed.search(data)
        except JMESPathError as error:
            raise QueryError(f"--query {self.expression!r}: {error}.") from error


@dataclass(frozen=True)
class Output:
    """How this call prints."""

    form: Form = "table"
    query: Query | None = None

    def show(self, data: Any, view: RenderableType | None = None) -> None:
        """Print a command's data. `view` is how a person sees all of it; without one, words have said it already."""
        if self.form == "table" and self.query is None:
            if view is not None:
                views.out.print(_as_it_is(view))
            return
        self._print(self._asked(data), indent=2)

    def stream(self, data: Any, view: RenderableType) -> None:
        """Print one of many, on one line of JSON; one for which the query gives null is left out."""
        if self.form == "table" and self.query is None:
            views.out.print(_as_it_is(view))
            return
        asked = self._asked(data)
        if asked is not None or self.query is None:
            self._print(asked, indent=None)

    def _asked(self, data: Any) -> Any:
        found = plain(data)
        return self.query.of(found) if self.query else found

    def _print(self, found: Any, indent: int | None) -> None:
        if self.form == "table":
            if found != []:
                views.out.print(views.anything(found))
            return
        if self.form == "json":
            lines = iter([escaped(json.dumps(found, indent=indent, ensure_ascii=False))])
        else:
            lines = map(harmless, text_lines(found))
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()


def _as_it_is(view: RenderableType) -> RenderableType:
    """Rich would see markup and emoji in a string."""
    return Text(view) if isinstance(view, str) else view


def plain(value: Any) -> Any:
    """The same as JSON has it: numbers for DynamoDB's decimals, ISO 8601 for times, base64 for bytes."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    return value if value is None or isinstance(value, str | int | float) else str(value)
