"""The quarantine and the release of a device, state by state as the two workflows call the
functions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quarantine import (
    claim_quarantine,
    drop_connection,
    isolate_device,
    mark_shadow,
    notify_security,
    renew_identity,
    settle_quarantine,
    undo_quarantine,
)
from tests.unit.doubles.iot import RegisteredCertificate
from tests.unit.doubles.topics import MemoryTopics
from tests.unit.restarting import THING, World
from tests.unit.stack import QUARANTINE, RELEASE

EXTRA = "playground-of-somebody"
NEXT = "arn:aws:iot:eu-west-1:123456789012:cert/" + "f" * 64
REASON = "publishes where it must not"
OF_NO_MATTER = ("updated_at", "released_by", "undone")


@dataclass
class Confinement:
    """One execution of one of the two; `run` goes through its states, each attempt of a function a
    call.
    """

    world: World
    topics: MemoryTopics
    asked: Mapping[str, Any]
    arn: str
    states: tuple[str, ...]
    data: dict[str, Any] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    def run(self, until: str = "") -> "Confinement":
        """All states to this one, as long as there is something to do."""
        for name in self.states[len(self.done) :]:
            self.step(name)
            if self.data["claim"]["verdict"] == "NOTHING" or name == until:
                break
        return self

    def step(self, name: str) -> None:
        """One state."""
        getattr(self, f"_{name}")()
        self.done.append(name)

    def undo(self) -> bool:
        """What the workflow does when a state has failed."""
        undone: bool = self.world.call(undo_quarantine, input=dict(self.asked), execution=self.arn)[
            "undone"
        ]
        return undone

    def die(self, status: str = "ABORTED") -> bool:
        """What the rule does when the execution has ended without a word."""
        return bool(self.world.call(undo_quarantine, **ended(self, status))["undone"])

    @property
    def status(self) -> str:
        """What the last state said."""
        said: str = self.data["settled"]["status"]
        return said

    def _claim(self) -> None:
        purpose = "quarantine" if "reason" in self.asked else "release"
        self.data["claim"] = self.world.call(
            claim_quarantine, purpose=purpose, input=dict(self.asked), execution=self.arn
        )

    def _isolate(self) -> None:
        self.world.call(isolate_device, purpose="quarantine", thingName=THING, execution=self.arn)

    def _renew(self) -> None:
        claim = self.data["claim"]
        asked = {"certificateId": claim["certificateId"], "force": claim["force"]}
        for _ in range(3):
            if self.world.call(renew_identity, thingName=THING, execution=self.arn, **asked)[
                "renewed"
            ]:
                return
            replace_certificate(self.world)
        raise AssertionError("it is never renewed")

    def _readmit(self) -> None:
        self.world.call(isolate_device, purpose="readmit", thingName=THING, execution=self.arn)

    def _shadow(self) -> None:
        self.world.call(mark_shadow, thingName=THING, execution=self.arn)

    def _drop(self) -> None:
        self.data["dropped"] = self.world.call(drop_connection, thingName=THING, execution=self.arn)

    def _settle(self) -> None:
        self.data["settled"] = self.world.call(
            settle_quarantine, thingName=THING, execution=self.arn
        )

    def _notify(self) -> None:
        claim = self.data["claim"]
        event = "QUARANTINED" if "reason" in self.asked else "RELEASED"
        self.world.call(
            notify_security,
            thingName=THING,
            execution=self.arn,
            event=event,
            reason=claim["reason"],
            input=dict(self.asked),
        )


def purpose_of(module: Any, execution: str) -> str:
    """What the workflow tells a function that serves both."""
    if execution != RELEASE:
        return "quarantine"
    return "release" if module is claim_quarantine else "readmit"


def quarantine(
    world: World, topics: MemoryTopics, arn: str = QUARANTINE, **more: Any
) -> Confinement:
    """An execution that confines the device."""
    states = ("claim", "isolate", "shadow", "drop", "settle", "notify")
    return Confinement(world, topics, {"thingName": THING, "reason": REASON, **more}, arn, states)


def release(world: World, topics: MemoryTopics, arn: str = RELEASE, **more: Any) -> Confinement:
    """One that lets it out."""
    states = ("claim", "renew", "readmit", "shadow", "settle", "notify")
    return Confinement(world, topics, {"thingName": THING, **more}, arn, states)


def ended(confinement: Confinement, status: str) -> dict[str, Any]:
    """Step Functions' event."""
    import json  # noqa: PLC0415

    return {
        "source": "aws.states",
        "detail": {
            "executionArn": confinement.arn,
            "stateMachineArn": confinement.arn.replace(":execution:", ":stateMachine:").rpartition(
                ":"
            )[0],
            "status": status,
            "input": json.dumps(dict(confinement.asked)),
        },
    }


def replace_certificate(world: World, policies: Mapping[str, Any] | None = None) -> None:
    """What the device and the functions of its rotation do: another certificate, under the
    quarantine policy.
    """
    row, iot = world.row, world.iot
    if row["certificate_arn"] == NEXT:
        return
    old = row["certificate_arn"]
    iot.certificates[NEXT] = RegisteredCertificate("", policies={"playground-quarantine"})
    iot.things[THING].principals = {NEXT}
    iot.certificates.pop(old, None)
    world.set(certificate_arn=NEXT, certificate_id=NEXT.rpartition("/")[2])


def picture(world: World) -> dict[str, Any]:
    """What a quarantine changes, in every service."""
    return {
        "policies": {arn: set(found.policies) for arn, found in world.iot.certificates.items()},
        "groups": set(world.iot.things[THING].groups),
        "desired": dict(world.shadows.desired[THING]),
        "row": {
            name: value
            for name, value in world.row.items()
            if name not in ("updated_at", "released_by", "undone")
        },
        "jobs": set(world.iot.jobs),
    }


def is_confined(world: World) -> None:
    """In every respect."""
    assert world.row["status"] == "QUARANTINED"
    assert all(
        found.policies == {"playground-quarantine"} for found in world.iot.certificates.values()
    )
    assert world.iot.things[THING].groups == {"playground-devices", "playground-quarantine"}
    assert world.shadows.desired[THING]["quarantine"] is True
    assert not world.row.keys() & {"quarantining", "releasing", "readmitting"}


def is_free(world: World, arn: str, status: str = "ONLINE") -> None:
    """In every respect, with what it had."""
    assert world.row["status"] == status
    assert {name: found.policies for name, found in world.iot.certificates.items()} == {
        arn: {"playground-device", EXTRA}
    }
    assert world.iot.things[THING].groups == {"playground-devices"}
    assert "quarantine" not in world.shadows.desired[THING]
    assert not [
        name
        for name in world.row
        if "quarantin" in name or "releasing" in name or name == "readmitting"
    ]
    assert not world.iot.jobs
