"""What is under way when a fault strikes: which workflow, on a device of which past, and what is
right in the end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from proofs.fault_matrix.remains import CONFINED, NOTHING, STOPPED, WHOLE
from tests.mocks import WORKFLOWS, definition, task_states

# Of tests/mocks.py: the last state fails, so there is as much to undo as there can be.
UNDONE = "RecordStatusFails"
RESTART_UNDONE = "FinishRestartFails"


class Phase(Enum):
    """What is under way when the fault strikes."""

    PROVISIONING = "provisioning"
    COMPENSATION = "provisioning that is undone"
    DEPROVISIONING = "deprovisioning"
    OWN_KEY = "provisioning of a device that makes its own key"
    QUARANTINE = "quarantine"
    RELEASE = "release"
    RESTART = "restart"
    RESTART_UNDOING = "restart that is undone"


@dataclass(frozen=True)
class Course:
    """How a phase goes: `before` are the phases that its device has behind it, without a fault."""

    machine: str
    """The workflow's output of the stack."""
    done: str
    """What there is when the execution has succeeded."""
    failed: Sequence[str]
    """What there may be when it has failed."""
    given: Mapping[str, Any] = field(default_factory=dict)
    case: str = ""
    before: Sequence[Phase] = ()
    makes_good: Sequence[str] = ()
    """What this very phase, without a fault, brings back to what the phase before leaves."""
    in_turn: bool = False
    """Whether the faults of one call strike one device, one after the other: it is there whatever
    becomes of each.
    """
    patience: float = 30.0
    """Seconds until a device that is still there has come to rest."""

    @property
    def states(self) -> set[str]:
        """The states of the workflow that have a function."""
        name = self.machine.removesuffix("StateMachineArn")
        workflow = next(
            file for file in WORKFLOWS.values() if file.replace("_", "") == name.lower()
        )
        return set(task_states(definition(workflow)["States"]))


PROVISION, DEPROVISION = "ProvisionDeviceStateMachineArn", "DeprovisionDeviceStateMachineArn"
RESTART = "RestartDeviceStateMachineArn"
COURSES = {
    Phase.PROVISIONING: Course(PROVISION, WHOLE, [NOTHING]),
    Phase.COMPENSATION: Course(PROVISION, NOTHING, [NOTHING], case=UNDONE),
    # One that did not get to remove anything has left the device as it was.
    Phase.DEPROVISIONING: Course(
        DEPROVISION, NOTHING, [NOTHING, WHOLE], before=[Phase.PROVISIONING]
    ),
    Phase.OWN_KEY: Course(PROVISION, WHOLE, [NOTHING], given={"identity": "csr"}),
    Phase.QUARANTINE: Course(
        "QuarantineDeviceStateMachineArn",
        CONFINED,
        [WHOLE],
        given={"reason": "the fault matrix"},
        before=[Phase.PROVISIONING],
        in_turn=True,
    ),
    Phase.RELEASE: Course(
        "ReleaseDeviceStateMachineArn",
        WHOLE,
        [CONFINED],
        before=[Phase.PROVISIONING, Phase.QUARANTINE],
        in_turn=True,
        patience=120.0,  # a device that was changing its certificate gives that up by itself
    ),
    # Once, for otherwise it is tried again until the device is given up.
    Phase.RESTART: Course(
        RESTART,
        WHOLE,
        [WHOLE, STOPPED],
        given={"once": True},
        before=[Phase.PROVISIONING],
        makes_good=[STOPPED],
        in_turn=True,
    ),
    Phase.RESTART_UNDOING: Course(
        RESTART,
        STOPPED,
        [STOPPED],
        given={"once": True},
        case=RESTART_UNDONE,
        before=[Phase.PROVISIONING],
        patience=5.0,  # what UndoRestart could not undo is for the sweep
    ),
}
# Those that the tests draw a sample of; `make faults` tries them all.
SAMPLED = (Phase.PROVISIONING, Phase.COMPENSATION, Phase.DEPROVISIONING)
# Those of a device that is restarted.
RESTARTS = (Phase.RESTART, Phase.RESTART_UNDOING)
# Those whose execution fails in any case.
UNDOINGS = (Phase.COMPENSATION, Phase.RESTART_UNDOING)
