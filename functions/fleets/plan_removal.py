"""PlanRemoval: which devices of a fleet are to be removed: all, or what one execution has made.

The second undoes an execution that provisions a fleet and has failed, or was stopped.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.clients import session, transient_faults_named
from common.environment import Environment, environment
from common.errors import InvalidInput
from common.executions import Executions
from common.fleet_wish import checked_fleet_name
from common.jsonvalues import told
from common.observability import Handler, about, logger, observed
from fleets import wiring
from fleets.lists import Lists
from fleets.members import Catalog, Member, member
from fleets.register import REMOVING, Register

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session

# Longer than a function of fleets runs (Timeout in the template).
OUTLIVES_SECONDS = 35

NOTHING, WAIT, REMOVE, SETTLE = "NOTHING", "WAIT", "REMOVE", "SETTLE"


@dataclass(frozen=True)
class RemovalRequest:
    """The fleet to remove, or the execution to undo; and the execution that does it."""

    execution_arn: str
    name: str | None = None
    undone: str | None = None
    stopped_ms: int | None = None
    """When the execution that is to be undone has ended, in milliseconds since 1970, if that is
    known.
    """

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "RemovalRequest":
        """From `{"input": {name} or {executionArn, ...}, "execution": <execution ARN>}`; raises
        InvalidInput.

        `executionArn` is where EventBridge has it: its event has other fields beside it.
        """
        asked, me = event["input"], event["execution"]
        if not isinstance(asked, dict):
            raise InvalidInput("input", 'must be a JSON object such as {"name": "office"}')
        if "executionArn" in asked:
            undone = asked["executionArn"]
            if not isinstance(undone, str):
                raise InvalidInput("executionArn", f"must be an ARN, got {told(undone)}")
            stopped = asked.get("stopDate")
            return cls(me, undone=undone, stopped_ms=stopped if type(stopped) is int else None)
        for field in sorted(asked.keys() - {"name"}):
            raise InvalidInput(field, "is not a field of this workflow; it knows name")
        return cls(me, name=checked_fleet_name(asked.get("name")))


@dataclass(frozen=True)
class Planner:
    """Plans removals."""

    register: Register
    catalog: Catalog
    executions: Executions
    lists_of: Callable[[str], Lists]

    def plan(self, request: RemovalRequest) -> dict[str, Any]:
        """Take the fleet and write down who leaves. Repeatable.

        Gives `{verdict, name, leaving, leavingKey}`: NOTHING to undo, WAIT for functions or for
        devices that are still being made, REMOVE some, or SETTLE where none is left. Raises
        FleetBusy and FleetNotFound.
        """
        name = request.name or self._name_of(request)
        if name is None:
            return _answer(NOTHING, "")
        if _may_have_functions(request):
            return _answer(WAIT, name)
        self.register.take(name, request.execution_arn, REMOVING, instead_of=request.undone)
        lists = self.lists_of(name)
        chosen = [one for one in lists.members() if _is_meant(one, request)]
        own = self.catalog.own(chosen)
        leaving = [one for one in chosen if one.thing_name in own]
        if self._is_being_made(leaving, own):
            return _answer(WAIT, name)
        verdict = REMOVE if leaving else SETTLE
        key = lists.put_leaving(leaving, self.catalog)
        return _answer(verdict, name, len(leaving), key)

    def _name_of(self, request: RemovalRequest) -> str | None:
        """Of the fleet that the other execution holds, or that this one has taken over from it."""
        for holder in (request.undone, request.execution_arn):
            found = None if holder is None else self.register.held_by(holder)
            if found is not None:
                return str(found["fleet_name"])
        return None

    def _is_being_made(self, leaving: list[Member], own: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether an execution still works on one of them: what it makes would be left over."""
        return any(
            self.executions.running(self.catalog.arn(one), own[one.thing_name].get("created_at"))
            for one in leaving
            if own[one.thing_name]["status"] == "PROVISIONING"
        )


def _may_have_functions(request: RemovalRequest) -> bool:
    """Whether a function of the execution that was stopped may still write what is to be removed:
    nobody can stop a function.
    """
    if request.stopped_ms is None:
        return False
    return time.time() * 1000 - request.stopped_ms < OUTLIVES_SECONDS * 1000


def _is_meant(one: Member, request: RemovalRequest) -> bool:
    return request.undone is None or one == member(one.thing_name, request.undone)


def _answer(verdict: str, name: str, leaving: int = 0, key: str = "") -> dict[str, Any]:
    return {"verdict": verdict, "name": name, "leaving": leaving, "leavingKey": key}


def build(environment: Environment, session: "Session") -> Handler[dict[str, Any]]:
    """State PlanRemoval. Gives `{verdict, name, leaving, leavingKey}`."""
    register = wiring.register(environment, session)
    planner = Planner(
        register,
        wiring.catalog(environment, session),
        register.executions,
        wiring.lists_of(environment, session),
    )

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        request = RemovalRequest.from_event(event)
        about(fleet_name=request.name or "")
        with transient_faults_named():
            planned = planner.plan(request)
        about(fleet_name=planned["name"])
        logger.info("removal planned", verdict=planned["verdict"], leaving=planned["leaving"])
        return planned

    return handler


handler = observed(build(environment, session))
