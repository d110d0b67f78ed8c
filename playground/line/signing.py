"""`create --method jitr`: the workflow waits for the device, and the device for a certificate of
its owner's authority.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from common.identifiers import JITR, made_up_name
from playground.devices.authorities import Authorities
from playground.devices.certifying import PAUSE_SECONDS, Certifying
from playground.devices.executions import Outcome
from playground.devices.history import Step
from playground.devices.workflows import PROVISION, Workflow
from playground.home.homes import Home
from playground.line.context import Context
from playground.show import views
from playground.show.views import live_steps, note

GOES_ON = (
    "The workflow waits five minutes for the device, whose request nobody signs any more: "
    "`playground authority sign NAME` does."
)


Followed = Iterator[tuple[Sequence[Step], Outcome | None]]


def is_signed_here(request: Mapping[str, Any]) -> bool:
    """Whether the input asks for a device that an authority of one's own signs for."""
    return JITR in {request.get("method"), request.get("identity")}


def run_signed(given: Context, home: Home, request: Mapping[str, Any]) -> None:
    """Run the execution, show its steps, and sign the device's request meanwhile. Raises
    WorkflowError when it fails, AuthorityError for a request that can't be signed.
    """
    signer, workflow = Authorities(home, given.paths).ready(), Workflow(home, PROVISION)
    with views.goes_on(GOES_ON), live_steps() as show_steps:
        begun = workflow.start(request)
        name = str(request.get("thingName") or made_up_name(begun.arn))
        following = workflow.follow(begun, request)
        found = _signed_meanwhile(Certifying(home, signer, name), following, show_steps)
    told = found.require()
    given.output.show(told, views.outcome_table(told))
    note(f"{found.seconds:.2f} s")


def _signed_meanwhile(
    certifying: Certifying, following: Followed, show_steps: Callable[[Sequence[Step]], None]
) -> Outcome:
    signed, looked_at = False, 0.0
    for steps, outcome in following:
        show_steps(steps)
        if outcome is not None:
            return outcome
        if not signed and time.monotonic() - looked_at > PAUSE_SECONDS:
            looked_at = time.monotonic()
            signed = certifying.look()
    raise AssertionError("an execution is followed to its end")
