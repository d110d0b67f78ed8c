"""What a command prints: the same data as a table, as JSON or as text, all of it or what a JMESPath
query takes of it.

Data goes to stdout, words go to stderr. docs/contracts.md, "Command output", has the names of the
fields.
"""

import json
import math
import sys
from dataclasses import dataclass
from typing import Any, Literal

import jmespath
from jmespath.exceptions import JMESPathError
from rich.console import RenderableType
from rich.text import Text

from playground.base.plain import plain
from playground.errors import QueryError
from playground.show import views
from playground.show.harmless import escaped, harmless
from playground.show.output_text import text_lines

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
        except RecursionError as error:
            raise QueryError(
                "--query is no JMESPath that can be read: it is nested too deeply."
            ) from error

    def of(self, data: Any) -> Any:
        """What the expression takes of the data. Raises QueryError when a function gets what it
        cannot take.
        """
        try:
            found = self.parsed.search(data)
        except (JMESPathError, ValueError, RecursionError) as error:
            raise QueryError(f"--query {self.expression!r}: {error}.") from error
        # A literal in a query, and to_number(), take what is no JSON.
        if not _is_finite(found):
            raise QueryError(
                f"--query {self.expression!r} gives NaN or an infinity, which is no JSON."
            )
        return found


@dataclass(frozen=True)
class Output:
    """How this call prints."""

    form: Form = "table"
    query: Query | None = None

    def show(self, data: Any, view: RenderableType | None = None) -> None:
        """Print a command's data. `view` is how a person sees all of it; without one, words have
        said it already.
        """
        if self.form == "table" and self.query is None:
            if view is not None:
                views.out.print(_as_it_is(view))
            return
        self._print(self._asked(data), indent=2)

    def stream(self, data: Any, view: RenderableType) -> None:
        """Print one of many, on one line of JSON; one for which the query gives null is left
        out.
        """
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
        lines = (
            [_document(found, indent)] if self.form == "json" else map(harmless, text_lines(found))
        )
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()


def _is_finite(found: Any) -> bool:
    if isinstance(found, dict | list):
        return all(map(_is_finite, found.values() if isinstance(found, dict) else found))
    return not isinstance(found, float) or math.isfinite(found)


def _document(found: Any, indent: int | None) -> str:
    """JSON with letters where stdout takes them, else with escapes, which mean the same to whoever
    reads JSON.
    """
    text = json.dumps(found, indent=indent, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(found, indent=indent)
    return escaped(text)


def _as_it_is(view: RenderableType) -> RenderableType:
    """Rich would see markup and emoji in a string."""
    return Text(view) if isinstance(view, str) else view
