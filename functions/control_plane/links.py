"""Links: a switch drives a bulb, or does so no longer. LinkDevices does it, whose role may write
policies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import DeviceBusy, InvalidInput, ThingNotFound
from common.linking import LinkDevices
from control_plane.problem import FieldError, conflict, not_found
from control_plane.request import Answer, Request

if TYPE_CHECKING:
    from control_plane.routes import Act


@dataclass(frozen=True)
class Links:
    """What the API does with links."""

    function: LinkDevices

    def acts(self) -> "Mapping[str, Act]":
        """By operation id of the OpenAPI document."""
        return {"linkDevices": self.link, "unlinkDevices": self.unlink}

    def link(self, request: Request) -> Answer:
        """The switch drives the target. Raises Problem 404 or 409."""
        return self._ask("link", request)

    def unlink(self, request: Request) -> Answer:
        """The switch drives the target no longer. Raises Problem 404 or 409."""
        return self._ask("unlink", request)

    def _ask(self, action: str, request: Request) -> Answer:
        switch, target = request.parameters["thingName"], request.parameters["target"]
        try:
            targets = self.function.ask(action, switch, target)
        except InvalidInput as error:
            # The names are as the document wants them: it is the devices that can't be linked, or
            # can't be any more.
            raise conflict(str(error), FieldError(error.field, error.rule)) from error
        except ThingNotFound as error:
            raise not_found(str(error)) from error
        except DeviceBusy as error:
            raise conflict(str(error)) from error
        return Answer(200, {"thingName": switch, "targets": targets})
