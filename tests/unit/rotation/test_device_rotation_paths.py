"""rotate-cert: every path, with a crash at every point, ends with one valid certificate."""

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.unit.rotation.walk import OLD, CrashError, World
from virtual_device.rotation.course import IDLE, Phase

few = st.integers(0, 6)


class Walk(RuleBasedStateMachine):
    """Whatever can happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.jobs = 0

    @precondition(lambda self: self.world.cloud.job is None and self.jobs < 2)
    @rule()
    def a_job_is_made(self) -> None:
        self.jobs += 1
        self.world.cloud.job = f"job-{self.jobs}"

    @precondition(lambda self: self.world.cloud.job is not None and self.world.connected)
    @rule()
    def the_job_arrives(self) -> None:
        self.happens(self.world.begin)

    @precondition(lambda self: self.world.cloud.job is not None)
    @rule(heard=st.booleans())
    def the_job_is_cancelled(self, heard: bool) -> None:  # noqa: FBT001
        if heard and self.world.connected:
            self.happens(self.world.cancel)
        else:
            self.world.cloud.job = None

    @precondition(lambda self: self.world.keys)
    @rule()
    def a_key_is_made(self) -> None:
        self.happens(self.world.make_key)

    @precondition(lambda self: self.world.subscribing)
    @rule()
    def the_answers_are_subscribed_to(self) -> None:
        self.happens(self.world.subscribe)

    @precondition(lambda self: self.world.asking is not None and self.world.connected)
    @rule(answered=st.booleans())
    def the_cloud_is_asked(self, answered: bool) -> None:  # noqa: FBT001
        self.happens(lambda: self.world.ask(answered=answered))

    @precondition(lambda self: self.world.asking is not None)
    @rule()
    def nobody_answers(self) -> None:
        self.happens(self.world.be_silent)

    @precondition(lambda self: self.world.waits)
    @rule()
    def time_passes(self) -> None:
        self.happens(self.world.let_time_pass)

    @precondition(lambda self: self.world.trial is not None)
    @rule(reachable=st.booleans())
    def the_trial_ends(self, reachable: bool) -> None:  # noqa: FBT001
        self.happens(lambda: self.world.end_trial(reachable=reachable))

    @precondition(lambda self: self.world.connected)
    @rule()
    def the_connection_breaks(self) -> None:
        self.happens(self.world.disconnect)

    @precondition(lambda self: not self.world.connected and self.world.trial is None)
    @rule()
    def it_connects(self) -> None:
        self.happens(self.world.connect)

    @rule()
    def it_is_switched_off_and_on(self) -> None:
        self.happens(self.world.switch_off_and_on)

    @rule(effects=few)
    def it_will_be_switched_off(self, effects: int) -> None:
        self.world.effects = effects

    @rule(writes=few)
    def a_function_will_be_killed(self, writes: int) -> None:
        self.world.cloud.writes = writes

    @rule()
    def the_disk_fills_or_not(self) -> None:
        self.world.full = not self.world.full

    def happens(self, event: Callable[[], None]) -> None:
        try:
            event()
        except CrashError:
            self.world.switch_off_and_on()
        self.world.check()

    def teardown(self) -> None:
        self.world.settle()


@pytest.mark.thorough
def test_every_path_ends_with_one_certificate() -> None:
    several = settings(max_examples=300, stateful_step_count=40, deadline=None)
    run_state_machine_as_test(Walk, settings=several)


def test_what_could_not_be_removed_is_ended_by_the_next_start() -> None:
    # given a change that is given up, and a disk that is full when that is done
    world = World()
    world.cloud.job = "job-1"
    world.begin()
    world.make_key()
    world.subscribe()
    world.cloud.job = None
    world.ask()
    world.full = True
    world.ask()
    assert (world.asked, world.state) == (["create", "abandon"], IDLE)
    assert world.rotation is not None
    assert world.rotation.abandoned
    # when it is switched on again, and there is room
    world.settle()
    # then
    assert world.asked == ["create", "abandon", "abandon"]
    assert world.identity == OLD


def rotate(*crashes: int, killed: int | None = None, job: bool = True) -> World:
    """A rotation that is cut off: before the effects with these numbers, counted from the start or
    the crash before, and in the cloud after so many writes. Without `job`, it is gone after that.
    """
    world = World()
    world.cloud.job, world.cloud.writes = "job", killed
    for crash in crashes:
        world.effects = crash
        try:
            world.go_on()
        except CrashError:
            world.switch_off_and_on()
            world.check()
    if not job:
        world.cloud.job = None
    return world


def all_effects() -> int:
    world = rotate()
    world.settle()
    assert world.told == {"job": "SUCCEEDED"}
    assert world.asked == ["create", "confirm"]
    return world.performed


EFFECTS = all_effects()
WRITES = 6


@pytest.mark.thorough
@pytest.mark.parametrize("job", [True, False])
@pytest.mark.parametrize("first", range(EFFECTS))
def test_switched_off_before_any_effect_and_any_after_that(
    first: int,
    job: bool,  # noqa: FBT001
) -> None:
    for second in range(EFFECTS):
        world = rotate(first, second, job=job)
        world.settle()
        if job:
            assert world.told == {"job": "SUCCEEDED"}


@pytest.mark.parametrize("job", [True, False])
@pytest.mark.parametrize("first", range(EFFECTS))
def test_switched_off_before_any_effect_and_the_cloud_cut_off(
    first: int,
    job: bool,  # noqa: FBT001
) -> None:
    for killed in range(WRITES):
        world = rotate(first, killed=killed, job=job)
        world.settle()
        if job:
            assert world.told == {"job": "SUCCEEDED"}


def reached(event: str) -> World:
    """A rotation as far as this row of the table in docs/contracts.md."""
    world = World()
    world.cloud.job = "job"
    world.begin()
    world.make_key()
    if event == "the key is kept":
        return world
    world.subscribe()
    kills = {"made, not written down": 1, "written down, not put to use": 2}
    if event in kills:
        world.cloud.writes = kills[event]
        world.ask()
        return world
    world.ask(answered=event != "the answer is lost")
    if event in {"the answer is lost", "the certificate is kept"}:
        return world
    if event == "the trial fails":
        world.end_trial(reachable=False)
        world.connect()
        return world
    world.end_trial()
    if event == "in force on the device":
        return world
    world.cloud.writes = 1 if event == "promoted" else None
    world.ask(answered=False)
    return world


OLD_ONLY, BOTH, NEW_ONLY = {"old"}, {"old", "new-1"}, {"new-1"}
TABLE = {
    # cut off after: valid then, certificate after a start with the job, and without it
    "the key is kept": (OLD_ONLY, "new-1", "old"),
    "made, not written down": (OLD_ONLY, "new-2", "old"),
    "written down, not put to use": (OLD_ONLY, "new-1", "old"),
    "the answer is lost": (BOTH, "new-1", "old"),
    "the certificate is kept": (BOTH, "new-1", "old"),
    "the trial fails": (BOTH, "old", "old"),
    "in force on the device": (BOTH, "new-1", "new-1"),
    "promoted": (BOTH, "new-1", "new-1"),
    "the old one is deleted": (NEW_ONLY, "new-1", "new-1"),
}


@pytest.mark.parametrize("job", [True, False])
@pytest.mark.parametrize("event", TABLE)
def test_the_table_of_the_contract(event: str, job: bool) -> None:  # noqa: FBT001
    valid, with_job, without_job = TABLE[event]
    # given
    world = reached(event)
    assert world.cloud.valid == valid
    # when
    world.switch_off_and_on()
    if not job:
        world.cloud.job = None
    world.settle()
    # then
    assert world.cloud.in_force == (with_job if job else without_job)
    if job:
        assert (world.told["job"] == "SUCCEEDED") == (with_job != "old")


def test_no_connection_with_the_new_one_leads_back_to_the_old() -> None:
    world = reached("in force on the device")
    world.disconnect()
    assert world.waits
    world.let_time_pass()
    world.end_trial()
    assert world.state.phase is Phase.ABANDON
    world.settle()
    assert (world.cloud.valid, world.told) == (OLD_ONLY, {"job": "LONELY"})


def test_when_the_cloud_holds_on_to_the_new_one_it_is_confirmed() -> None:
    world = reached("promoted")
    world.disconnect()
    assert world.waits
    world.let_time_pass()
    world.end_trial()
    assert world.uses == OLD
    world.settle()
    assert (world.cloud.valid, world.told) == (NEW_ONLY, {"job": "SUCCEEDED"})
    assert world.asked == ["create", "confirm", "abandon", "confirm"]
