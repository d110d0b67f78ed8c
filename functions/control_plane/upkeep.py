"""Restart, stop, quarantine and release: workflows of a device that is there, which its user
starts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.identifiers import NOWHERE
from control_plane.machines import QUARANTINE, RELEASE, RESTART, Machines
from control_plane.present import living
from control_plane.problem import conflict
from control_plane.request import Answer, Request
from control_plane.started import accepted
from devices.catalog import Catalog

if TYPE_CHECKING:
    from control_plane.routes import Act


@dataclass(frozen=True)
class Upkeep:
    """What the API starts for a device that is there. Whatever else has the device meanwhile is
    the workflow's business: it waits, or its execution fails with DeviceBusy.
    """

    catalog: Catalog
    machines: Machines

    def acts(self) -> "Mapping[str, Act]":
        """By operation id of the OpenAPI document."""
        return {
            "restartDevice": self.restart,
            "stopDevice": self.stop,
            "quarantineDevice": self.quarantine,
            "releaseDevice": self.release,
        }

    def restart(self, request: Request) -> Answer:
        """A new task and a new certificate. Raises Problem 404, and 409 when it is not virtual."""
        self._must_have_a_task(request)
        return self._start(RESTART, request, {})

    def stop(self, request: Request) -> Answer:
        """No task any more, until it is restarted. Raises Problem 404, and 409 when it is not
        virtual.
        """
        self._must_have_a_task(request)
        return self._start(RESTART, request, {"stop": True})

    def quarantine(self, request: Request) -> Answer:
        """Confine it, for the reason of the body. Raises Problem 404."""
        return self._start(QUARANTINE, request, {"reason": request.body["reason"]})

    def release(self, request: Request) -> Answer:
        """Let it out; by force also when it is offline. Raises Problem 404."""
        forced = request.parameters.get("force") == "true"
        return self._start(RELEASE, request, {"force": True} if forced else {})

    def _must_have_a_task(self, request: Request) -> None:
        thing_name = request.parameters["thingName"]
        if living(self.catalog, thing_name).get("hosting") == NOWHERE:
            raise conflict(f"{thing_name} is not virtual: it has no task, and its owner runs it")

    def _start(self, workflow: str, request: Request, more: Mapping[str, Any]) -> Answer:
        thing_name = request.parameters["thingName"]
        living(self.catalog, thing_name)
        name = self.machines.start(workflow, json.dumps({"thingName": thing_name, **more}))
        return accepted(thing_name, workflow, name, f"../../executions/{name}")
