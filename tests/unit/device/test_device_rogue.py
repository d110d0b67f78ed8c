"""A rogue: its schedule, which a seed makes, and each misbehaviour, which has an end."""

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.doubles.surroundings import Device
from virtual_device import capabilities
from virtual_device.base.errors import StateUnusableError
from virtual_device.connection.transport import Failure, Message
from virtual_device.core.effects import Cycle
from virtual_device.rogue.expired import make_expired
from virtual_device.rogue.misbehaviour import Step, chosen, schedule
from virtual_device.rogue.misdeeds import ATTEMPTS, FLOOD_MESSAGES, FLOOD_SECONDS, TABLE
from virtual_device.rogue.rogue import RogueBehaviour
from virtual_device.shadow import settings
from virtual_device.shadow.settings import ALL_MISBEHAVIOURS, MISBEHAVIOURS
from virtual_device.telemetry.thing import DEVICE_TYPES, Thing

ROGUE = Thing("dev-ROGUE", "rogue")
some_names = st.lists(st.sampled_from(MISBEHAVIOURS), min_size=1, unique=True)


def steps(seed: int, names: Any, period: float, count: int) -> list[Step]:
    return list(itertools.islice(schedule(seed, names, period), count))


class Loose:
    """A rogue that is connected; `turn` is a change of its settings."""

    def __init__(self) -> None:
        self.device = Device(ROGUE)
        self.rogue = RogueBehaviour(self.device)
        self.rogue.on_ready()

    def turn(self, **changes: Any) -> None:
        before = self.device.settings
        self.device.settings = {**before, **changes}
        self.rogue.on_settings(before)

    def do(self, name: str, **changes: Any) -> None:
        """Have it misbehave in this way now."""
        self.turn(misbehave=[name], **changes)
        self.device.timers[-1].fire()

    def told(self) -> list[object]:
        return [
            fields["misbehaviour"]
            for message, fields in self.device.told
            if message == "misbehaving"
        ]

    def topics(self) -> list[str]:
        return [sent.topic for sent in self.device.sent]


@pytest.fixture
def loose() -> Loose:
    return Loose()


# --- the schedule


@given(seed=st.integers(0, 2**31 - 1), names=some_names, period=st.integers(1, 3600))
def test_a_schedule_is_the_same_each_time_and_gives_everybody_a_turn(
    seed: int, names: list[str], period: int
) -> None:
    first = steps(seed, names, period, 3 * len(names))
    assert first == steps(seed, names, period, 3 * len(names))
    assert Counter(step.name for step in first) == dict.fromkeys(names, 3)
    assert all(0.5 * period <= step.after <= 1.5 * period for step in first)


def test_a_schedule_is_the_same_on_every_machine() -> None:
    assert [step.name for step in steps(1, MISBEHAVIOURS, 10, 8)] == [
        "stranger", "oversized", "flood", "foreign-shadow", "clone", "forbidden-topic", "tamper",
        "expired-certificate",
    ]  # fmt: skip


def test_another_seed_gives_another_schedule() -> None:
    assert len({tuple(steps(seed, MISBEHAVIOURS, 10, 8)) for seed in range(20)}) == 20


def test_no_names_no_steps() -> None:
    assert steps(1, [], 10, 3) == []


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (ALL_MISBEHAVIOURS, MISBEHAVIOURS),
        ([], []),
        (["tamper", "flood"], ["flood", "tamper"]),
        (None, ()),
    ],
)
def test_what_is_chosen(value: Any, names: Any) -> None:
    assert chosen(value) == names


def test_every_name_has_its_row() -> None:
    assert tuple(row.name for row in TABLE) == MISBEHAVIOURS


# --- the settings


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("misbehave", "all"),
        ("misbehave", ["flood", "tamper"]),
        ("misbehave", []),
        ("seed", 0),
        ("period", 3600),
        ("victim", "dev-B"),
    ],
)
def test_a_valid_setting(key: str, value: Any) -> None:
    outcome = settings.apply(ROGUE, settings.defaults(ROGUE), {key: value})
    assert (outcome.settings[key], outcome.refused) == (value, {})


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("misbehave", "some", "must be all or an array of forbidden-topic"),
        ("misbehave", ["flood", "rudeness"], "must be all or an array of forbidden-topic"),
        ("misbehave", [["flood"]], "must be all or an array of forbidden-topic"),
        ("misbehave", ["flood", "flood"], "must not hold one of them twice"),
        ("seed", -1, "must be an integer from 0 to 2147483647"),
        ("seed", 1.5, "must be an integer from 0 to 2147483647"),
        ("period", 0, "must be an integer from 1 to 3600"),
        ("victim", "a/b", "must be a thing name"),
        ("victim", "dev-ROGUE", "must not name the device itself"),
    ],
)
def test_a_bad_setting_is_refused(key: str, value: Any, reason: str) -> None:
    outcome = settings.apply(ROGUE, settings.defaults(ROGUE), {key: value})
    assert outcome.refused[key].reason.startswith(reason)
    assert outcome.settings == settings.defaults(ROGUE)


def test_others_have_neither_the_settings_nor_the_capability() -> None:
    for device_type in set(DEVICE_TYPES) - {"rogue"}:
        thing = Thing("dev-OTHER", device_type)
        assert settings.apply(
            thing, settings.defaults(thing), {"misbehave": "all"}
        ).refused.keys() == {"misbehave"}
        assert not any(
            isinstance(one, RogueBehaviour) for one in capabilities.of_device(Device(thing))
        )
    assert any(isinstance(one, RogueBehaviour) for one in capabilities.of_device(Device(ROGUE)))


# --- when


def test_a_rogue_behaves_until_it_is_told_not_to(loose: Loose) -> None:
    loose.turn(time=5, seed=7)
    assert loose.device.timers == []
    assert loose.device.sent == []


def test_it_follows_its_schedule(loose: Loose) -> None:
    loose.turn(misbehave="all", seed=3, period=20)
    expected = steps(3, MISBEHAVIOURS, 20, 10)
    for step in expected:
        planned = loose.device.timers[-1]
        assert planned.seconds == step.after
        planned.fire()
    assert loose.told() == [step.name for step in expected]


def test_a_process_without_a_memory_learns_of_its_schedule_from_the_shadow(loose: Loose) -> None:
    """Nothing is reported anew, for a process before has: so nobody says that it has changed."""
    # when
    loose.device.settings = {**loose.device.settings, "misbehave": ["tamper"]}
    loose.rogue.on_shadow()
    # then
    planned = loose.device.timers[-1]
    # when: with a later connection, on which nothing is new
    loose.rogue.on_shadow()
    # then
    assert loose.device.timers[-1] is planned
    planned.fire()
    assert loose.told() == ["tamper"]


def test_it_waits_for_a_connection_and_goes_on_where_it_was(loose: Loose) -> None:
    # given
    loose.turn(misbehave=["tamper"])
    planned = loose.device.timers[-1]
    # when
    loose.rogue.on_disconnected()
    planned.fire()
    # then
    assert loose.told() == []
    loose.rogue.on_ready()
    assert loose.device.timers[-1].seconds == planned.seconds
    loose.device.timers[-1].fire()
    assert loose.told() == ["tamper"]


def test_it_stops_when_it_is_told_to(loose: Loose) -> None:
    loose.turn(misbehave=["stranger"])
    loose.device.timers[-1].fire()
    loose.turn(misbehave=[])
    for timer in loose.device.timers:
        timer.fire()
    assert loose.told() == ["stranger"]
    assert loose.device.beside[0].calls == ["start", "stop"]


def test_another_setting_does_not_begin_the_schedule_anew(loose: Loose) -> None:
    loose.turn(misbehave=["tamper"])
    planned = loose.device.timers[-1]
    loose.turn(time=9)
    assert loose.device.timers[-1] is planned
    assert planned.call is not None


# --- what


def test_forbidden_topic(loose: Loose) -> None:
    loose.do("forbidden-topic")
    topic = "playground/forbidden/dev-ROGUE/telemetry"
    assert loose.topics() == [topic] * ATTEMPTS
    assert loose.device.unasked == [topic]


def test_a_flood_has_a_number_and_an_end(loose: Loose) -> None:
    loose.do("flood")
    bursts = [timer for timer in loose.device.timers if timer.seconds < FLOOD_SECONDS]
    for timer in bursts:
        timer.fire()
    assert loose.topics() == ["dt/playground/dev-ROGUE/telemetry"] * FLOOD_MESSAGES


def test_oversized_and_tidied_up(loose: Loose) -> None:
    loose.do("oversized")
    message, shadow = loose.device.sent
    assert 120_000 < len(message.payload) < 128 * 1024 - 256
    assert shadow.topic == "$aws/things/dev-ROGUE/shadow/update"
    assert len(shadow.payload) > 8192
    shadow.done(None)
    assert loose.device.sent[-1].content == {"state": {"reported": {"filler": None}}}


def test_tamper(loose: Loose) -> None:
    loose.do("tamper")
    assert loose.topics() == ["evt/playground/dev-ROGUE/tamper"]
    assert loose.device.sent[0].content["detail"] == "case opened by a rogue"


@pytest.mark.parametrize("victim", ["dev-VICTIM", None])
def test_foreign_shadow(loose: Loose, victim: str | None) -> None:
    loose.do("foreign-shadow", victim=victim, seed=4)
    name = victim or loose.rogue.victim
    assert loose.topics() == [f"$aws/things/{name}/shadow/update"] * ATTEMPTS
    assert name.startswith("dev-")


def test_a_made_up_victim_is_the_same_for_one_seed(loose: Loose) -> None:
    assert loose.rogue.victim == Loose().rogue.victim
    loose.turn(seed=12)
    assert loose.rogue.victim != Loose().rogue.victim


def test_a_stranger_is_refused_three_times(loose: Loose) -> None:
    # given
    loose.do("stranger", victim="dev-VICTIM")
    (side,) = loose.device.beside
    assert (side.client_id, side.identity) == ("dev-VICTIM", None)
    # when
    for _ in range(ATTEMPTS):
        assert side.calls == ["start"]
        side.listener.on_connect_failed("NOT_AUTHORIZED (135)")
    side.listener.on_stopped()
    # then
    assert side.calls == ["start", "stop", "discard"]
    assert loose.device.cycles == []


def test_a_clone_is_thrown_out_twice_and_leaves_the_device_a_session_of_its_own(
    loose: Loose,
) -> None:
    loose.do("clone")
    (side,) = loose.device.beside
    assert (side.client_id, side.identity) == (None, None)
    for _ in range(2):
        side.listener.on_connected(session_present=False)
        side.listener.on_message(Message("t", b""))
        side.listener.on_disconnected("SESSION_TAKEN_OVER (142)")
    side.listener.on_stopped()
    side.listener.on_stopped()
    assert side.calls == ["start", "stop", "discard"]
    assert loose.device.cycles == [Cycle(clean=True)]


def test_a_side_connection_that_nobody_refuses_ends_by_itself(loose: Loose) -> None:
    loose.do("stranger")
    (side,) = loose.device.beside
    limit = next(timer for timer in loose.device.timers if timer.seconds == 8.0)
    limit.fire()
    side.listener.on_connect_failed("too late to matter")
    assert side.calls == ["start", "stop"]


def test_an_expired_certificate_of_its_own_making(loose: Loose) -> None:
    loose.do("expired-certificate")
    assert loose.device.beside == []
    loose.device.works[0]()
    (side,) = loose.device.beside
    assert side.client_id is None
    assert side.identity is not None
    certificate = x509.load_pem_x509_certificate(side.identity.certificate.encode())
    ended = certificate.not_valid_after_utc
    assert timedelta(hours=23) < datetime.now(UTC) - ended < timedelta(hours=25)
    assert certificate.not_valid_before_utc < ended


def test_each_expired_certificate_has_a_key_of_its_own() -> None:
    assert make_expired("dev-ROGUE").private_key != make_expired("dev-ROGUE").private_key


def test_what_cannot_be_done_is_told_and_the_schedule_goes_on(loose: Loose) -> None:
    loose.device.no_way = StateUnusableError("no identity is kept")
    loose.do("clone")
    assert loose.device.told[-1] == ("cannot misbehave", {"reason": "no identity is kept"})
    assert loose.device.timers[-1].call is not None


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_refusals_are_taken_in_silence(loose: Loose, name: str) -> None:
    """A rogue neither reports nor repeats what was refused."""
    loose.do(name)
    known = len(loose.device.sent)
    for sent in list(loose.device.sent):
        sent.done(Failure("NOT_AUTHORIZED (135)", refused=True, code=135))
    assert len(loose.device.sent) <= known + 1
    assert loose.device.facts == {}
