"""What is under way when a fault strikes: which workflow, on a device of which past, and what is
right in the end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from proofs.fault_matrix.remains import (
    AT_REST,
    BACK,
    CONFINED,
    HALF_STOPPED,
    KEPT,
    MOVED,
    NOTHING,
    STOPPED,
    WHOLE,
)
from tests.mocks import WORKFLOWS, definition, identity_for, task_states

# Of tests/mocks.py: the last state fails, so there is as much to undo as there can be.
UNDONE = "RecordStatusFails"
RESTART_UNDONE = "FinishRestartFails"
OWN_DEVICE_UNDONE = "AwaitOwnerFails"


class Phase(Enum):
    """What is under way when the fault strikes."""

    PROVISIONING = "provisioning"
    COMPENSATION = "provisioning that is undone"
    DEPROVISIONING = "deprovisioning"
    OWN_KEY = "provisioning of a device that makes its own key"
    QUARANTINE = "quarantine"
    RELEASE = "release"
    RESTART = "restart"
    STOP = "stop"
    RESTART_UNDOING = "restart that is undone"
    HOSTED = "provisioning on a host"
    HOSTED_RESTART = "restart on a host"
    HOSTED_UNDOING = "restart on a host that is undone"
    HOSTED_DEPROVISIONING = "deprovisioning on a host"
    HOSTED_COMPENSATION = "provisioning on a host that is undone"
    CLAIMED = "provisioning with a claim"
    CLAIMED_COMPENSATION = "provisioning with a claim that is undone"
    OWN_DEVICE = "provisioning of a device that is not virtual, undone"
    ROLL = "roll"
    ROLL_PUT_BACK = "roll that puts a device back"


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
    makes_good: Mapping[str, Phase] = field(default_factory=dict)
    """What need not be made anew: by this phase, without a fault, it becomes again what the phase
    before leaves.
    """
    in_turn: bool = False
    """Whether the faults of one call strike one device, one after the other: it is there whatever
    becomes of each.
    """
    patience: float = 30.0
    """Seconds until a device that is still there has come to rest."""
    told: Sequence[str] = ()
    """Of an execution that fails, although all has gone as it should: what it says then."""
    entered_again: frozenset[str] = frozenset()
    """States that are entered more than once, each time with calls of their own."""

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
ROLL = "RollDevicesStateMachineArn"
SHARED = {"hosting": "shared"}
CLAIM = identity_for("CreateClaim")
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
        makes_good={STOPPED: Phase.RESTART},
        in_turn=True,
    ),
    Phase.STOP: Course(
        RESTART,
        AT_REST,
        [WHOLE, STOPPED, HALF_STOPPED, AT_REST],
        given={"once": True, "stop": True},
        before=[Phase.PROVISIONING],
        makes_good=dict.fromkeys((STOPPED, HALF_STOPPED, AT_REST), Phase.RESTART),
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
    Phase.HOSTED: Course(PROVISION, WHOLE, [NOTHING], given=SHARED),
    Phase.HOSTED_RESTART: Course(
        RESTART,
        WHOLE,
        [WHOLE, STOPPED],
        given={"once": True},
        before=[Phase.HOSTED],
        makes_good={STOPPED: Phase.HOSTED_RESTART},
        in_turn=True,
    ),
    Phase.HOSTED_UNDOING: Course(
        RESTART,
        STOPPED,
        [STOPPED],
        given={"once": True},
        case=RESTART_UNDONE,
        before=[Phase.HOSTED],
        patience=5.0,
    ),
    Phase.HOSTED_DEPROVISIONING: Course(
        DEPROVISION, NOTHING, [NOTHING, WHOLE], before=[Phase.HOSTED]
    ),
    Phase.HOSTED_COMPENSATION: Course(PROVISION, NOTHING, [NOTHING], given=SHARED, case=UNDONE),
    # A claim of its own: one that devices share stays for the next one.
    # Who makes the key is between device and AWS IoT: the functions call the same for `claim-csr`.
    Phase.CLAIMED: Course(PROVISION, WHOLE, [NOTHING], given=CLAIM),
    Phase.CLAIMED_COMPENSATION: Course(PROVISION, NOTHING, [NOTHING], given=CLAIM, case=UNDONE),
    # Nobody connects it, so that it ends undone.
    Phase.OWN_DEVICE: Course(
        PROVISION, NOTHING, [NOTHING], given=identity_for("AwaitOwner"), case=OWN_DEVICE_UNDONE
    ),
    # It fails before the restart, and nothing was touched, or after it.
    Phase.ROLL: Course(
        ROLL,
        MOVED,
        [KEPT, MOVED],
        before=[Phase.PROVISIONING],
        makes_good={STOPPED: Phase.RESTART},
        in_turn=True,
        entered_again=frozenset({"NextDevice"}),
    ),
    # The image does not come up. One that could not be put back has no task, and `playground
    # restart` starts it once the tag stands for an image that works.
    Phase.ROLL_PUT_BACK: Course(
        ROLL,
        BACK,
        [STOPPED],
        before=[Phase.PROVISIONING],
        makes_good={STOPPED: Phase.RESTART},
        in_turn=True,
        told=[
            "{thing} did not come up with {target} (restart failed: ",
            "It runs {previous} again, and so will new tasks.",
        ],
    ),
}
# Those that the tests draw a sample of; `make faults` tries them all.
SAMPLED = (Phase.PROVISIONING, Phase.COMPENSATION, Phase.DEPROVISIONING)
# Those of a device that is restarted.
RESTARTS = (Phase.RESTART, Phase.STOP, Phase.RESTART_UNDOING)
# Those of a device that has a seat on a host, and what the same is called of one with a task: what
# the two have in common is tried there.
ON_HOSTS = {
    Phase.HOSTED: (Phase.PROVISIONING, Phase.OWN_KEY),
    Phase.HOSTED_RESTART: (Phase.RESTART,),
    Phase.HOSTED_UNDOING: (Phase.RESTART_UNDOING,),
    Phase.HOSTED_DEPROVISIONING: (Phase.DEPROVISIONING,),
    Phase.HOSTED_COMPENSATION: (Phase.COMPENSATION,),
}
# Those that come by another way, each tried with what no way before it has.
OTHER_WAYS = (Phase.CLAIMED, Phase.CLAIMED_COMPENSATION, Phase.OWN_DEVICE)
# Those that may end without a task.
RESTARTING = (*RESTARTS, Phase.HOSTED_RESTART, Phase.HOSTED_UNDOING)
# Those of a device that is rolled. The lock of rolls and the tag are the whole stack's: one cell
# after the other, when all others have been tried.
ROLLS = (Phase.ROLL, Phase.ROLL_PUT_BACK)
# Those whose execution fails in any case.
UNDOINGS = (
    Phase.COMPENSATION,
    Phase.RESTART_UNDOING,
    Phase.HOSTED_UNDOING,
    Phase.HOSTED_COMPENSATION,
    Phase.CLAIMED_COMPENSATION,
    Phase.OWN_DEVICE,
)
