"""What happens around a workflow rather than in one call: aborts, races, names that are taken,
stores that are gone.
"""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from botocore.exceptions import ClientError

from proofs.fault_matrix.cells import MAY_BE_MADE, Place
from proofs.fault_matrix.phases import Phase
from proofs.fault_matrix.remains import (
    AT_REST,
    CONFINED,
    DEVICES,
    HALF_STOPPED,
    NOTHING,
    STOPPED,
    WHOLE,
)
from proofs.fault_matrix.rules import Fault, Rule
from proofs.fault_matrix.stage import Stage, error_of

# Less than a function waits for an answer (read_timeout in functions/common/clients.py), so that it
# waits through.
HELD_SECONDS = 3.0
STRUCK_LIMIT = 60.0
SAMPLE = 2
# Long enough for what an event starts, when an execution was aborted. What stays is for the sweep.
SETTLED_LIMIT = 10.0

Act = Callable[[Stage, str], str]


@dataclass(frozen=True)
class Scenario:
    """Something that happens to the device of one name. `act` gives how it ended, and raises
    AssertionError.
    """

    what: str
    where: str
    act: Act
    ends: Sequence[str] = (WHOLE, NOTHING)
    """The verdicts that are right."""
    alone: bool = False
    """Whether it comes when all others have been played: what it changes is the whole stack's."""

    def __str__(self) -> str:
        return f"{self.what}{f', {self.where}' if self.where else ''}"


@dataclass(frozen=True)
class Outcome:
    """What became of a scenario."""

    scenario: Scenario
    end: str
    thing: str
    verdict: str
    finally_left: str
    seconds: float

    @property
    def wrong(self) -> str:
        """Why this is not as it should be; empty when it is."""
        if self.finally_left != NOTHING:
            return f"{self.finally_left}, having ended {self.end}"
        # What was swept besides a device is not part of it; where there was none, nothing is left
        # of what was swept.
        left = next((kind for kind in DEVICES if self.verdict.startswith(kind)), NOTHING)
        return "" if left in self.scenario.ends else f"left: {left}, having ended {self.end}"


def play(stage: Stage, scenario: Scenario, thing: str) -> Outcome:
    """Have it happen; then remove what there is, and see that nothing stays."""
    begun = time.monotonic()
    end = scenario.act(stage, thing)
    verdict = stage.settled(thing, scenario.ends, SETTLED_LIMIT)
    last = verdict
    if verdict in DEVICES:
        stage.deprovision(thing)
        last = stage.settled(thing, [NOTHING])
    return Outcome(scenario, end, thing, verdict, last, time.monotonic() - begun)


def scenarios(found: Sequence[Place]) -> list[Scenario]:
    """All there are, those in a state for the last change that each state makes."""
    made = [
        *last_changes(found, Phase.PROVISIONING),
        *last_changes(found, Phase.OWN_KEY),
        *last_changes(found, Phase.HOSTED),
    ]
    confining = [*last_changes(found, Phase.QUARANTINE), *last_changes(found, Phase.RELEASE)]
    changed = [
        *confining,
        *last_changes(found, Phase.RESTART),
        *last_changes(found, Phase.STOP),
        *last_changes(found, Phase.HOSTED_RESTART),
    ]
    removed = (Phase.DEPROVISIONING, Phase.HOSTED_DEPROVISIONING)
    removing = [p for p in found if p.phase in removed and p.changes]
    return [
        Scenario("the device never connects", "", _never_connects, (NOTHING,)),
        Scenario("two executions with one thing name, at once", "", _two_at_once, (WHOLE,)),
        Scenario("one execution name, started twice", "", _one_name_twice, (WHOLE,)),
        Scenario("the name belongs to another device", "", _taken, (WHOLE,)),
        Scenario("the thing exists and belongs to somebody else", "", _foreign, (NOTHING,)),
        Scenario("deleted twice, one after the other", "", _deleted_twice, (NOTHING,)),
        Scenario("deleted twice, at once", "", _deleted_twice_at_once, (NOTHING,)),
        Scenario("the bucket is gone", "provisioning", partial(_gone, calls="s3:*"), (NOTHING,)),
        Scenario(
            "the bucket is gone",
            "deprovisioning",
            partial(_gone_before_deletion, calls="s3:*"),
            (NOTHING,),
        ),
        Scenario(
            "the table is gone", "provisioning", partial(_gone, calls="dynamodb:*"), (NOTHING,)
        ),
        *(
            Scenario("aborted from outside", str(p), partial(_aborted, place=p), (NOTHING,))
            for p in made
        ),
        *(
            Scenario(
                "aborted, and the call comes later still",
                str(p),
                partial(_aborted, place=p, late=True),
                (NOTHING,),
            )
            for p in made
        ),
        *(
            Scenario(
                f"{what}, {p.phase.value}",
                str(p),
                partial(_aborted, place=p, late=late),
                _ends(p.phase),
            )
            for what, late in (
                ("aborted from outside", False),
                ("aborted, and the call comes later still", True),
            )
            for p in changed
        ),
        *(
            Scenario(
                f"deleted while it changes, {p.phase.value}",
                str(p),
                partial(_deleted_meanwhile, place=p),
                (NOTHING,),
            )
            for p in changed
        ),
        *(
            Scenario(
                "deleted while it is created", str(p), partial(_deleted_while_created, place=p)
            )
            for p in made
        ),
        *(
            Scenario(
                "created while it is deleted", str(p), partial(_created_while_deleted, place=p)
            )
            for p in removing
        ),
    ]


def some_scenarios(found: Sequence[Place], seed: int) -> list[Scenario]:
    """All, but of those that happen in many places a few, drawn by the seed."""
    draw = random.Random(seed)  # noqa: S311 - a sample, no secret
    kinds: dict[str, list[Scenario]] = {}
    for scenario in scenarios(found):
        kinds.setdefault(scenario.what, []).append(scenario)
    return [
        one
        for many in kinds.values()
        for one in draw.sample(sorted(many, key=str), min(len(many), SAMPLE))
    ]


def last_changes(found: Sequence[Place], phase: Phase) -> list[Place]:
    """The last change that each state makes."""
    sure = (p for p in found if p.state != "Presence" and p.call not in MAY_BE_MADE)
    last = {p.state: p for p in sure if p.phase is phase and p.changes}
    return list(last.values())


def _ends(phase: Phase) -> Sequence[str]:
    """What may be left of a device whose change was aborted."""
    by_phase: dict[Phase, Sequence[str]] = {
        Phase.RESTART: (WHOLE, STOPPED),
        Phase.HOSTED_RESTART: (WHOLE, STOPPED),
        Phase.STOP: (WHOLE, STOPPED, HALF_STOPPED, AT_REST),
    }
    return by_phase.get(phase, (WHOLE, CONFINED))


def _never_connects(stage: Stage, thing: str) -> str:
    with stage.proxy.rule(Rule(Fault.DENIED, thing, call="s3:GetObject")) as refused:
        end = stage.provision(thing)
    assert refused.hits, "the device fetched its config after all"
    return said(stage, end.arn)


def _two_at_once(stage: Stage, thing: str) -> str:
    arns = [stage.start_provisioning(thing) for _ in range(2)]
    ends = [stage.ended(arn) for arn in arns]
    assert sorted(end.status for end in ends) == ["FAILED", "SUCCEEDED"], ends
    return " / ".join(sorted(said(stage, arn) for arn in arns))


def _one_name_twice(stage: Stage, thing: str) -> str:
    arn = stage.start_provisioning(thing, name=thing)
    try:
        stage.start_provisioning(thing, name=thing)
        second = "the same execution"
    except ClientError as error:
        second = error_of(error)
    stage.ended(arn)
    return f"{said(stage, arn)} / {second}"


def _taken(stage: Stage, thing: str) -> str:
    stage.provision(thing)
    second = stage.provision(thing)
    assert second.error == "ThingExists", second
    return said(stage, second.arn)


def _foreign(stage: Stage, thing: str) -> str:
    iot, data = stage.cloud.client("iot"), stage.cloud.client("iot-data")
    iot.create_thing(thingName=thing, attributePayload={"attributes": {"owner": "somebody"}})
    arn = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    iot.attach_thing_principal(thingName=thing, principal=arn)
    data.update_thing_shadow(thingName=thing, payload=b'{"state": {"desired": {"theirs": true}}}')
    end = stage.provision(thing)
    assert end.error == "ThingExists", end
    assert iot.describe_thing(thingName=thing)["attributes"] == {"owner": "somebody"}
    assert iot.list_thing_principals(thingName=thing)["principals"] == [arn]
    assert b"theirs" in data.get_thing_shadow(thingName=thing)["payload"].read()
    certificate = arn.rpartition("/")[2]
    assert (
        iot.describe_certificate(certificateId=certificate)["certificateDescription"]["status"]
        == "ACTIVE"
    )
    data.delete_thing_shadow(thingName=thing)
    iot.detach_thing_principal(thingName=thing, principal=arn)
    iot.update_certificate(certificateId=certificate, newStatus="INACTIVE")
    iot.delete_certificate(certificateId=certificate)
    iot.delete_thing(thingName=thing)
    return said(stage, end.arn)


def _deleted_twice(stage: Stage, thing: str) -> str:
    stage.provision(thing)
    ends = [stage.deprovision(thing) for _ in range(2)]
    assert [end.status for end in ends] == ["SUCCEEDED"] * 2, ends
    return "SUCCEEDED / SUCCEEDED"


def _deleted_twice_at_once(stage: Stage, thing: str) -> str:
    stage.provision(thing)
    with ThreadPoolExecutor(2) as pool:
        arns = list(pool.map(stage.start_deprovisioning, [thing, thing]))
    for arn in arns:
        stage.ended(arn)
    return " / ".join(sorted(said(stage, arn) for arn in arns))


def _gone(stage: Stage, thing: str, *, calls: str) -> str:
    with stage.proxy.rule(Rule(Fault.GONE, thing, call=calls)) as gone:
        end = stage.provision(thing)
    assert end.status == "FAILED"
    assert gone.hits
    return said(stage, end.arn)


def _gone_before_deletion(stage: Stage, thing: str, *, calls: str) -> str:
    stage.provision(thing)
    # With the bucket its objects go.
    stage.cloud.client("s3").delete_object(
        Bucket=stage.cloud.home.output("ConfigBucketName"), Key=f"devices/{thing}/config.json"
    )
    with stage.proxy.rule(Rule(Fault.GONE, thing, call=calls)):
        end = stage.deprovision(thing)
    return said(stage, end.arn)


def _aborted(stage: Stage, thing: str, *, place: Place, late: bool = False) -> str:
    with ExitStack() as stack:
        stage.prepare(place.phase, thing)
        rule = stack.enter_context(stage.proxy.rule(_held(place, thing)))
        arn = stage.start(place.phase, thing)
        if not wait_until_held(rule, place):
            # The device was faster than the function, which had nothing more to write then.
            if place.phase in (Phase.PROVISIONING, Phase.OWN_KEY, Phase.HOSTED):
                stage.ended(stage.start_deprovisioning(thing))
            return f"{said(stage, arn)} (never called)"
        stage.abort(arn)
        if late:
            # Whoever cleans up has had time to, and the function, which nobody can stop, goes on
            # only now.
            time.sleep(HELD_SECONDS)
    return said(stage, arn)


def _deleted_while_created(stage: Stage, thing: str, *, place: Place) -> str:
    with stage.proxy.rule(_held(place, thing)) as rule:
        creating = stage.start(place.phase, thing)
        wait_until_held(rule, place)
        deleting = stage.start_deprovisioning(thing)
        time.sleep(HELD_SECONDS)
    return _both(stage, creating, deleting)


def _deleted_meanwhile(stage: Stage, thing: str, *, place: Place) -> str:
    stage.prepare(place.phase, thing)
    with stage.proxy.rule(_held(place, thing)) as rule:
        changing = stage.start(place.phase, thing)
        wait_until_held(rule, place)
        deleting = stage.start_deprovisioning(thing)
        time.sleep(HELD_SECONDS)
    for arn in (changing, deleting):
        stage.ended(arn)
    return f"changed: {said(stage, changing)} / deleted: {said(stage, deleting)}"


def _created_while_deleted(stage: Stage, thing: str, *, place: Place) -> str:
    stage.prepare(place.phase, thing)
    with stage.proxy.rule(_held(place, thing)) as rule:
        deleting = stage.start_deprovisioning(thing)
        wait_until_held(rule, place)
        creating = stage.start_provisioning(thing)
        time.sleep(HELD_SECONDS)
    return _both(stage, creating, deleting)


def _both(stage: Stage, creating: str, deleting: str) -> str:
    for arn in (creating, deleting):
        stage.ended(arn)
    return f"created: {said(stage, creating)} / deleted: {said(stage, deleting)}"


def _held(place: Place, thing: str) -> Rule:
    return Rule(Fault.HELD, thing, place.state, place.call, place.occurrence)


def wait_until_held(rule: Rule, place: Place) -> bool:
    """Whether the call was made: a second one of its name need not be, as the device has it."""
    struck = rule.struck.wait(STRUCK_LIMIT)
    assert struck or place.may_be_missing, f"{rule.call} was never called"
    return struck


def said(stage: Stage, arn: str) -> str:
    """How the execution ends."""
    end = stage.ended(arn)
    return f"{end.status} {end.error}".strip()
