"""`create --own`: a device that is not virtual joins."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from common.identifiers import NOWHERE
from playground.base.signals import undisturbed
from playground.devices.authorities import Authorities
from playground.devices.executions import Execution, Outcome
from playground.devices.history import Step
from playground.devices.own import PLACEHOLDER, Pack
from playground.devices.workflows import PROVISION, Workflow
from playground.errors import UsageError
from playground.line import typed
from playground.line.context import Context
from playground.line.signing import is_signed_here
from playground.show import views
from playground.show.views import live_steps, note

AWAITED = "AwaitOwner"
"""The state that waits for a device that is not virtual."""
GOES_ON = "The workflow waits a day for the device; `playground list` shows whether it has come."
Followed = Iterator[tuple[Sequence[Step], Outcome | None]]


@dataclass(frozen=True)
class Joining:
    """Where the files of a device of one's own go, where its request is, and whether to wait."""

    out: Path | None
    csr: Path | None
    wait: bool


def own_request(request: dict[str, Any], count: int) -> dict[str, Any]:
    """The input of a device that is not virtual, but for its signing request. Raises UsageError."""
    if "thingName" not in request or count > 1:
        raise UsageError("--own needs a NAME, and is for one device.")
    if "hosting" in request:
        raise UsageError("--hosting is for a virtual device: leave it out with --own.")
    by_its_key = {} if "method" in request or "identity" in request else {"method": "csr"}
    return {**by_its_key, **request, "hosting": NOWHERE}


def join(given: Context, request: dict[str, Any], joining: Joining) -> None:
    """Provision a device that is not virtual, write its files, and wait until it has connected.

    What fails or is interrupted before the files are complete is undone, here and in the cloud.
    Raises WorkflowError when the workflow fails; then none of the files is left.
    """
    name, signed_here = str(request["thingName"]), is_signed_here(request)
    typed.wish_of(request if signed_here else {**request, "csr": PLACEHOLDER})
    home, pack = given.home_to_change(), Pack(joining.out or Path(name), name)
    workflow, begun = Workflow(home, PROVISION), None
    try:
        csr, chain = pack.begin(joining.csr), None
        if signed_here:
            _, chain = Authorities(home, given.paths).ready().sign(csr, name)
        wish = typed.wish_of(request if signed_here else {**request, "csr": csr})
        begun = workflow.start(wish)
        following = workflow.follow(begun, wish)
        outcome = _until_awaited(following)
        if outcome is None:
            pack.complete(home, given.paths.root, chain)
    except BaseException:
        with undisturbed():
            pack.undo()
            if begun is not None:
                _take_back(begun)
        raise
    if outcome is None:
        note(f"Its files are in {pack.folder}; commands to paste are in its README.md.")
        if joining.wait:
            outcome = _connected(following, name)
    if outcome is not None and outcome.status != "SUCCEEDED":
        pack.undo()
    found = {"thingName": name} if outcome is None else dict(outcome.require())
    found["folder"] = str(pack.folder)
    given.output.show(found, views.outcome_table(found))


def _take_back(begun: Execution) -> None:
    try:
        begun.stop("its files could not be written")
    except (BotoCoreError, ClientError):
        note(f"What was made so far may be there still: {begun.arn} goes on.")


def _until_awaited(following: Followed) -> Outcome | None:
    """Show the steps until the workflow waits for the device; its outcome when it has ended."""
    with live_steps() as show_steps:
        for steps, outcome in following:
            show_steps(steps)
            awaited = any(step.name == AWAITED and step.started for step in steps)
            if outcome is not None or awaited:
                return outcome
    return None


def _connected(following: Followed, name: str) -> Outcome | None:
    with views.goes_on(GOES_ON), views.progress() as report:
        report.step(f"Waiting for {name} to connect")
        return next((outcome for _, outcome in following if outcome is not None), None)
