"""The table of purposes: what a device is held for, and who may take it from whom.

A device's row is the lock on it. Whoever works on the device writes its name, the ARN of its
execution as a rule, into the attribute of its purpose, on condition that the row allows it; every
later write is conditional on the name still being there. Conditions, refusals, the search for holds
of the dead and docs/holding.md are made from this table. A new purpose is a row of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from common.errors import (
    DeviceBusy,
    OwnershipLost,
    PlaygroundError,
    QuarantineLost,
    RestartLost,
    RollUnderWay,
)


class Purpose(StrEnum):
    """What a device is held for."""

    PROVISION = "provision"
    DEPROVISION = "deprovision"
    RESTART = "restart"
    QUARANTINE = "quarantine"
    RELEASE = "release"
    READMIT = "readmit"
    LINK = "link"
    ROTATE = "rotate"
    ROLL = "roll"


class State(StrEnum):
    """What the status of a row says, and `given_up_at`."""

    FREE = "FREE"
    """No row, or `FAILED` or `TERMINATED` without `given_up_at`: the name is anybody's."""
    PROVISIONING = "PROVISIONING"
    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    QUARANTINED = "QUARANTINED"
    GIVEN_UP = "GIVEN_UP"
    """`FAILED` or `STOPPED`, with `given_up_at`."""


class Life(StrEnum):
    """By what a holder is known to be dead, should it not have let go."""

    EXECUTION = "the execution has ended"
    WITHIN = "nobody holds it for what this is a part of"
    TIME = "its time is up"
    JOB = "the job has ended"


@dataclass(frozen=True)
class Rule:
    """One row of the table. The four sets of purposes tell all of them apart."""

    attribute: str
    """Where the holder's name stands: in the device's row, for a roll in the item `roll`."""
    doing: str
    """What is said of a device that is held for it."""
    moves: Mapping[State, tuple[State, ...]]
    """The states in which a device may be taken for it, and those it brings the device to."""
    held_in: frozenset[State]
    """The states of a device that is held for it."""
    waits_for: frozenset[Purpose]
    """Whoever holds the device for one of these keeps it: the taker is refused."""
    inherits: frozenset[Purpose]
    """From these it takes over once the holder is dead, and waits for it until then."""
    takes_over: frozenset[Purpose]
    """From these it takes the device at once: whatever the holder writes then is refused."""
    beside: frozenset[Purpose]
    """These go on beside it, or around it."""
    life: Life
    lost: type[PlaygroundError]
    """What a holder's late write raises."""
    busy: type[PlaygroundError] = DeviceBusy
    """What is raised for who is refused."""
    again: str = "by another execution"
    """What is added when a device is wanted for what it is held for."""
    needs: tuple[str, ...] = ()
    """Attributes of the row without which there is nothing to take."""
    undoable: bool = False
    """Whoever undoes it forbids its late writes by `undone` (holding/undone.py)."""
    named_at: str = "updated_at"
    """The attribute that tells when the holder was at work last."""

    @property
    def takes_in(self) -> frozenset[State]:
        """The states of a device that may be taken for it."""
        return frozenset(self.moves)


P, S = Purpose, State
THERE = frozenset({S.PROVISIONING, S.ONLINE, S.OFFLINE, S.QUARANTINED, S.GIVEN_UP})
CONNECTABLE = frozenset({S.ONLINE, S.OFFLINE})


def _those(*purposes: Purpose) -> frozenset[Purpose]:
    return frozenset(purposes)


# In the order in which an obstacle is told, and in which the dead are looked for.
RULES: Mapping[Purpose, Rule] = {
    P.DEPROVISION: Rule(
        attribute="deprovisioning",
        doing="is being deleted",
        moves=dict.fromkeys(THERE, (S.FREE,)),
        held_in=THERE,
        waits_for=_those(),
        inherits=_those(P.DEPROVISION),
        takes_over=_those(P.PROVISION, P.RESTART, P.QUARANTINE, P.RELEASE, P.READMIT, P.ROTATE),
        # Links are ended by LinkDevices, which holds the switch for it.
        beside=_those(P.LINK, P.ROLL),
        life=Life.EXECUTION,
        lost=DeviceBusy,
    ),
    P.RESTART: Rule(
        attribute="restarting",
        doing="is being restarted",
        # Without a task it is not connected. After repeated restarts in a row it has failed, or
        # somebody wants it stopped.
        moves={
            S.ONLINE: (S.OFFLINE,),
            S.OFFLINE: (S.GIVEN_UP,),
            S.QUARANTINED: (S.GIVEN_UP,),
            S.GIVEN_UP: (S.OFFLINE, S.QUARANTINED),
        },
        held_in=frozenset({S.ONLINE, S.OFFLINE, S.QUARANTINED}),
        waits_for=_those(P.DEPROVISION, P.QUARANTINE, P.READMIT, P.PROVISION),
        inherits=_those(P.RESTART),
        # It makes a new certificate itself.
        takes_over=_those(P.ROTATE),
        # A release by force restarts the device, and a roll does.
        beside=_those(P.RELEASE, P.LINK, P.ROLL),
        life=Life.EXECUTION,
        lost=RestartLost,
        again="already",
        undoable=True,
    ),
    P.QUARANTINE: Rule(
        attribute="quarantining",
        doing="is being put into quarantine",
        moves={S.ONLINE: (S.QUARANTINED,), S.OFFLINE: (S.QUARANTINED,), S.QUARANTINED: ()},
        held_in=frozenset({S.QUARANTINED}),
        waits_for=_those(P.DEPROVISION, P.RESTART, P.READMIT, P.RELEASE, P.PROVISION),
        inherits=_those(P.QUARANTINE),
        takes_over=_those(),
        beside=_those(P.LINK, P.ROTATE, P.ROLL),
        life=Life.EXECUTION,
        lost=QuarantineLost,
        undoable=True,
    ),
    P.READMIT: Rule(
        # The last part of a release, and of the undoing of a quarantine: certificates get back
        # what they had. True, no name: whoever holds the device for the whole has this too.
        attribute="readmitting",
        doing="is being released from quarantine",
        moves={S.QUARANTINED: (S.ONLINE, S.OFFLINE), S.GIVEN_UP: ()},
        held_in=frozenset({S.QUARANTINED, S.GIVEN_UP}),
        waits_for=_those(P.DEPROVISION, P.RESTART, P.PROVISION),
        inherits=_those(),
        takes_over=_those(),
        # It may be said again.
        beside=_those(P.READMIT, P.QUARANTINE, P.RELEASE, P.LINK, P.ROTATE, P.ROLL),
        life=Life.WITHIN,
        lost=QuarantineLost,
    ),
    P.RELEASE: Rule(
        attribute="releasing",
        doing="is being released",
        moves={S.QUARANTINED: (S.ONLINE, S.OFFLINE), S.GIVEN_UP: ()},
        held_in=frozenset({S.QUARANTINED, S.GIVEN_UP}),
        waits_for=_those(P.DEPROVISION, P.QUARANTINE, P.RESTART, P.PROVISION),
        inherits=_those(P.RELEASE, P.READMIT),
        takes_over=_those(),
        # The device changes its certificate itself, which the release waits for.
        beside=_those(P.LINK, P.ROTATE, P.ROLL),
        life=Life.EXECUTION,
        lost=QuarantineLost,
        needs=("quarantined_at",),
        undoable=True,
    ),
    P.PROVISION: Rule(
        # That stays when all is done: `conditions.present` tells how it is known who is at it yet.
        attribute="execution_arn",
        doing="is being provisioned",
        moves={S.FREE: (S.PROVISIONING,)},
        held_in=frozenset({S.PROVISIONING, S.ONLINE, S.OFFLINE}),
        # Whoever holds a device keeps its name from being free.
        waits_for=_those(
            P.PROVISION,
            P.DEPROVISION,
            P.RESTART,
            P.QUARANTINE,
            P.RELEASE,
            P.READMIT,
            P.ROTATE,
        ),
        inherits=_those(),
        takes_over=_those(),
        beside=_those(P.LINK, P.ROLL),
        life=Life.EXECUTION,
        lost=OwnershipLost,
    ),
    P.LINK: Rule(
        # "<until> <request id>", of a function and no execution. To end links a switch is held in
        # any state; the table is about making one, for which both devices have to be there.
        attribute="linking",
        doing="has its links changed",
        moves=dict.fromkeys(CONNECTABLE, ()),
        held_in=THERE | {S.FREE},
        waits_for=_those(P.DEPROVISION, P.RESTART, P.QUARANTINE, P.RELEASE, P.READMIT),
        inherits=_those(P.LINK),
        takes_over=_those(),
        beside=_those(P.PROVISION, P.ROTATE, P.ROLL),
        life=Life.TIME,
        lost=DeviceBusy,
    ),
    P.ROTATE: Rule(
        # The job that the device carries out. What is written goes by the certificate in force.
        attribute="next_certificate_job",
        doing="changes its certificate",
        moves=dict.fromkeys(THERE - {S.GIVEN_UP}, ()),
        held_in=THERE,
        waits_for=_those(P.DEPROVISION, P.RESTART),
        inherits=_those(),
        # A job's successor goes when another job asks for one.
        takes_over=_those(P.ROTATE),
        beside=_those(P.PROVISION, P.QUARANTINE, P.RELEASE, P.READMIT, P.LINK, P.ROLL),
        life=Life.JOB,
        lost=DeviceBusy,
    ),
    P.ROLL: Rule(
        # Of all devices, in an item of its own (rolling/lock.py); it moves one after the other by
        # restarts, and passes over those that it finds at work.
        attribute="holder",
        doing="is being moved to another image",
        moves=dict.fromkeys(CONNECTABLE, ()),
        held_in=frozenset(),
        waits_for=_those(
            P.DEPROVISION,
            P.RESTART,
            P.PROVISION,
            P.QUARANTINE,
            P.RELEASE,
            P.READMIT,
        ),
        inherits=_those(P.ROLL),
        takes_over=_those(),
        beside=_those(P.LINK, P.ROTATE),
        life=Life.EXECUTION,
        lost=RollUnderWay,
        busy=RollUnderWay,
        named_at="since",
    ),
}

BY_PRESENCE: Mapping[State, tuple[State, ...]] = {
    S.PROVISIONING: (S.ONLINE, S.OFFLINE),
    S.ONLINE: (S.OFFLINE,),
    S.OFFLINE: (S.ONLINE,),
}
"""What nobody need hold a device for: its connections are written down as they come and go."""

CONFINING = (P.QUARANTINE, P.RELEASE)
"""What the states that both workflows have hold the device for."""
