"""What happened to a device and why, and what its policies allow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import InvalidInput, ThingNotFound
from common.row import Row
from control_plane.problem import FieldError, invalid, not_found
from control_plane.request import Answer, Request
from explaining.asked import Asked
from explaining.explained import explained
from explaining.timeline import DEFAULT, Timeline
from explaining.why import Sources

if TYPE_CHECKING:
    from control_plane.routes import Act


@dataclass(frozen=True)
class Explaining:
    """What the API tells; every answer only reads."""

    sources: Sources

    def acts(self) -> "Mapping[str, Act]":
        """By operation id of the OpenAPI document."""
        return {"readTimeline": self.timeline, "askWhy": self.why, "explainPolicy": self.explain}

    def timeline(self, request: Request) -> Answer:
        """A page of what happened. Raises Problem 400 or 404."""
        asked = request.parameters
        try:
            page = Timeline(self.sources).page(
                asked["thingName"], asked.get("limit", DEFAULT), asked.get("nextToken")
            )
        except ThingNotFound as error:
            raise not_found(str(error)) from error
        except InvalidInput as error:
            raise invalid(FieldError(error.field, error.rule)) from error
        return Answer(200, page.as_dict())

    def why(self, request: Request) -> Answer:
        """What is wrong with a device. Raises Problem 404."""
        try:
            return Answer(200, self.sources.why(request.parameters["thingName"]).as_dict())
        except ThingNotFound as error:
            raise not_found(str(error)) from error

    def explain(self, request: Request) -> Answer:
        """What the policies of a device decide. Raises Problem 400 or 404."""
        body = request.body
        try:
            asked = Asked(body["action"], body["resource"])
        except InvalidInput as error:
            raise invalid(FieldError(f"/{error.field}", error.rule)) from error
        row = self._row(body["thingName"])
        return Answer(200, explained(row["thing_name"], self.sources.principal(row), asked))

    def _row(self, thing_name: str) -> Row:
        try:
            return self.sources.row(thing_name)
        except ThingNotFound as error:
            raise not_found(str(error)) from error
