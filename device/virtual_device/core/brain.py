"""What a device does about what happens to it: state in, state and effects out. No MQTT, no clock,
no files.

Every `on_...` takes the state and gives the next one with the effects to carry out, in order. While
`get` is under way the shadow is unknown and deltas are only counted: the answer holds all that they
say. From then on the state mirrors `desired` and `reported`, so that a delta, which may hold a part
of an object only, can be applied.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from virtual_device.base.clock import Now, timestamp
from virtual_device.base.jsonvalue import Json, JsonObject, encode, same
from virtual_device.connection import topics
from virtual_device.core.effects import (
    Cycle,
    Effect,
    Effects,
    GetShadow,
    Log,
    Publish,
    Save,
    SetDebug,
    UpdateShadow,
)
from virtual_device.shadow import settings as table
from virtual_device.shadow import shadow
from virtual_device.shadow.setting_rules import number_of
from virtual_device.shadow.settings import Act, Refusal
from virtual_device.telemetry import telemetry
from virtual_device.telemetry.messages import MessageModel
from virtual_device.telemetry.pace import REAL, Pace
from virtual_device.telemetry.thing import Thing

FIRST_MESSAGE_WAIT = 5.0
"""Seconds after connecting when telemetry starts at the latest, even if the shadow doesn't
answer.
"""


@dataclass(frozen=True, slots=True)
class Mirror:
    """What the device knows of its shadow."""

    known: bool = False
    """Whether `desired` is complete: the document was read on this connection."""
    newest: int = 0
    """The newest version heard of; what is older is ignored."""
    behind: bool = False
    """Whether the last document was older than `newest`."""
    desired: JsonObject = field(default_factory=dict)
    reported: JsonObject = field(default_factory=dict)
    reported_version: int = 0
    in_flight: JsonObject | None = None
    """The patch of `reported` that is on its way; there is never more than one."""


class Turn(NamedTuple):
    """How far the device is with one of its model's messages."""

    due: float
    """When the next one is due, monotonic seconds."""
    sequence: int = 0
    """How many were sent."""


@dataclass(frozen=True, slots=True)
class State:
    """All that a device has in mind."""

    settings: JsonObject
    remembers: bool
    """Whether `settings` come from a memory and not from the defaults."""
    facts: JsonObject = field(default_factory=dict)
    """What is reported beside the settings: the keys are `shadow.FACTS`."""
    refused: Mapping[str, Refusal] = field(default_factory=dict)
    mirror: Mirror = field(default_factory=Mirror)
    connected: bool = False
    turns: tuple[Turn, ...] = ()
    """One for each message of the model, from the first connection on."""
    pace: Pace = REAL
    """The clock of its telemetry."""

    @property
    def sequence(self) -> int:
        """How many of the first message were sent."""
        return self.turns[0].sequence if self.turns else 0

    @property
    def due(self) -> float | None:
        """When the next telemetry is due, monotonic seconds."""
        turns = self.turns
        if len(turns) == 1:
            return turns[0].due
        return min(turn.due for turn in turns) if turns else None


Step = tuple[State, Effects]


def start(thing: Thing, remembered: JsonObject | None, facts: JsonObject | None = None) -> State:
    """The state of a device that has just been switched on, with what it remembers from before, if
    anything.
    """
    if remembered is None:
        return State(table.defaults(thing), remembers=False, facts=facts or {})
    return State(table.adopt(thing, remembered), remembers=True, facts=facts or {})


def restart(state: State) -> State:
    """The state of a device that was off for a moment: it knows its settings, and counts its
    messages anew.
    """
    return replace(state, turns=(), connected=False, mirror=Mirror())


def event(thing: Thing, name: str, wall: float, more: JsonObject | None = None) -> Publish:
    """The event `name`, with `more` fields, to be published or to be left as the last will."""
    content: dict[str, Json] = {
        "event": name,
        "thingName": thing.name,
        "deviceType": thing.device_type,
        "timestamp": timestamp(wall),
        **(more or {}),
    }
    return Publish(topics.event(thing.name, name), encode(content))


def on_connected(thing: Thing, state: State, now: Now) -> Step:
    """There is a connection. The version starts anew: a shadow that was deleted long ago restarts
    at 1.
    """
    greeting = () if in_quarantine(state) else (event(thing, "online", now.wall),)
    state = _paced(state, now)
    turns = tuple(Turn(max(turn.due, now.mono), turn.sequence) for turn in state.turns)
    turns = turns or _first_turns(thing, now.mono + FIRST_MESSAGE_WAIT)
    mirror = replace(state.mirror, known=False, newest=0, behind=False, in_flight=None)
    return replace(state, connected=True, turns=turns, mirror=mirror), greeting


def on_disconnected(state: State) -> State:
    """There is none any more; telemetry that falls due meanwhile is left out, not queued."""
    return replace(state, connected=False, mirror=replace(state.mirror, in_flight=None))


def on_document(thing: Thing, state: State, document: shadow.Document, now: Now) -> Step:
    """`get` was answered: reconcile with all of it.

    An answer that was overtaken by a newer delta is asked for again, once: a second one that is
    older means that the version began anew, or that someone made it up, and to ask on would go on
    for ever.
    """
    if document.version < state.mirror.newest and not state.mirror.behind:
        behind = replace(state, mirror=replace(state.mirror, behind=True))
        return behind, (_stale("document", document.version, state), GetShadow())
    own = shadow.own_part(document.reported)
    recalled: Effects = ()
    if not state.remembers:
        # A device that lost its memory goes on with what it last reported, so that "once per value"
        # holds.
        state = replace(state, settings=table.adopt(thing, own), remembers=True)
        recalled = (SetDebug(on=state.settings["debug"] == "on"),)
    mirror = replace(
        state.mirror,
        known=True,
        newest=document.version,
        behind=False,
        desired=document.desired,
        reported=own,
        reported_version=document.version,
    )
    turns = tuple(turn if turn.sequence else Turn(now.mono) for turn in state.turns)
    state = replace(state, mirror=mirror, turns=turns or _first_turns(thing, now.mono))
    state, effects = _settle(thing, state, now)
    return state, recalled + effects


def on_missing(thing: Thing, state: State, now: Now) -> Step:
    """There is no shadow (404): the first update makes one."""
    return on_document(thing, state, shadow.Document(state.mirror.newest, {}, {}), now)


def on_delta(thing: Thing, state: State, delta: shadow.Delta, now: Now) -> Step:
    """`desired` differs from `reported`."""
    mirror = state.mirror
    if delta.version < mirror.newest:
        return state, (_stale("delta", delta.version, state),)
    if not mirror.known:
        return replace(state, mirror=replace(mirror, newest=delta.version)), (GetShadow(),)
    desired = shadow.merge(mirror.desired, delta.state)
    state = replace(state, mirror=replace(mirror, newest=delta.version, desired=desired))
    return _settle(thing, state, now, differing=delta)


def on_update_accepted(state: State, version: int) -> Step:
    """The shadow holds what was reported last; what changed meanwhile is reported next."""
    mirror = state.mirror
    reported = shadow.merge(mirror.reported, mirror.in_flight or {})
    mirror = replace(mirror, reported=reported, reported_version=version, in_flight=None)
    return _report(replace(state, mirror=mirror))


def on_update_failed(state: State) -> State:
    """The update was refused or lost. What is to be reported is worked out again at the next
    document or delta.
    """
    return replace(state, mirror=replace(state.mirror, in_flight=None))


def on_foreign_update(state: State, update: shadow.Update) -> Step:
    """Someone else's update was accepted. Its delta tells the rest, but not what was removed or
    mended.
    """
    if update.version < state.mirror.newest or not update.needs_whole_document(state.refused):
        return state, ()
    return replace(state, mirror=replace(state.mirror, known=False, newest=update.version)), (
        GetShadow(),
    )


def on_fact(state: State, key: str, value: Json) -> Step:
    """Something that the device reports of itself has changed; None takes it back."""
    return _report(replace(state, facts={**state.facts, key: value}))


def on_deleted(state: State) -> Step:
    """The shadow was deleted. It isn't made again unasked: most often the thing is about to be
    deleted too.
    """
    return replace(state, mirror=Mirror(), refused={}), (Log(logging.INFO, "shadow deleted"),)


def on_time(thing: Thing, state: State, now: Now) -> Step:
    """Time has passed: send what telemetry is due."""
    due = state.due
    if not state.connected or due is None or now.mono < due:
        return state, ()
    messages, quiet = telemetry.messages_of(thing), in_quarantine(state)
    turns: list[Turn] = []
    sent: list[Effect] = []
    for number, (turn, model) in enumerate(zip(state.turns, messages, strict=True)):
        if now.mono < turn.due:
            turns.append(turn)
            continue
        message = None if quiet else _telemetry(thing, state, number, now)
        interval = state.pace.seconds(_interval(state, model))
        following = turn.due + interval
        if following <= now.mono or quiet:  # what was missed is not made up for
            following = now.mono + interval
        turns.append(Turn(following, turn.sequence + (message is not None)))
        sent += [message] if message else []
    return _with_turns(state, tuple(turns)), tuple(sent)


def _with_turns(state: State, turns: tuple[Turn, ...]) -> State:
    """`replace` takes longer than all else about a message."""
    return State(
        state.settings,
        state.remembers,
        state.facts,
        state.refused,
        state.mirror,
        state.connected,
        turns,
        state.pace,
    )


def _telemetry(thing: Thing, state: State, number: int, now: Now) -> Publish | None:
    """The message of this number, if it has anything to say. The settings `topic` and `payload` are
    about the first one.
    """
    settings = state.settings
    if number == 0 and settings["payload"] is not None:
        return Publish(_topic(thing, state, number), encode(settings["payload"]))
    sequence = state.turns[number].sequence
    payload = telemetry.payload(thing, settings, state.pace.wall(now), sequence, number)
    return None if payload is None else Publish(_topic(thing, state, number), payload)


def _topic(thing: Thing, state: State, number: int) -> str:
    chosen, message = str(state.settings["topic"]), telemetry.messages_of(thing)[number]
    if number == 0 and (message.usual or chosen != topics.telemetry(thing.name)):
        return chosen
    return topics.telemetry_below(thing.name, message.below(thing.name))


def in_quarantine(state: State) -> bool:
    """Whether the cloud has confined the device: it says nothing then but to its shadow and its
    jobs.
    """
    return state.settings.get("quarantine") is True


def on_first_lost(state: State, now: Now) -> State:
    """The first message of a new life did not arrive: it is sent again, on the next connection at
    once.
    """
    return replace(state, turns=tuple(Turn(now.mono + FIRST_MESSAGE_WAIT) for _ in state.turns))


def _first_turns(thing: Thing, due: float) -> tuple[Turn, ...]:
    return tuple(Turn(due) for _ in telemetry.messages_of(thing))


def _interval(state: State, message: MessageModel) -> float:
    if message.every is not None:
        return message.every
    return float(number_of(state.settings["time"]))


def _settle(thing: Thing, state: State, now: Now, differing: shadow.Delta | None = None) -> Step:
    """Bring the settings to `desired`, then `reported` to the settings."""
    before = state
    outcome = table.apply(thing, state.settings, state.mirror.desired)
    state = _paced(replace(state, settings=outcome.settings, refused=outcome.refused), now)
    if differing is not None:
        state = _report_again(state, differing)
    state, report = _report(state)
    saved = () if same(dict(before.settings), dict(state.settings)) else (Save(state.settings),)
    state, acts = _act(thing, state, outcome.acts, now)
    return state, (*_news(thing, before, state), *saved, *report, *acts)


def _paced(state: State, now: Now) -> State:
    """With the clock of its telemetry as fast as the setting says."""
    wanted = state.settings.get("speed")
    speed = 1 if wanted is None else number_of(wanted)
    if speed == state.pace.speed:
        return state
    pace = state.pace.at(speed, now)
    turns = tuple(Turn(pace.due(due, state.pace, now), count) for due, count in state.turns)
    return replace(state, pace=pace, turns=turns)


def _report_again(state: State, delta: shadow.Delta) -> State:
    """Forget what we reported of keys that differ though we run with the desired value.

    Someone else has written to `reported`. A delta of the very version of our last update says
    nothing new, and reporting again would go on for ever if the service holds a number in another
    form than we.
    """
    mirror = state.mirror
    if delta.version <= mirror.reported_version:
        return state
    reported = {key: value for key, value in mirror.reported.items() if key not in delta.state}
    return replace(state, mirror=replace(mirror, reported=reported))


def _report(state: State) -> Step:
    mirror = state.mirror
    if mirror.in_flight is not None or not mirror.known:
        return state, ()
    wanted = shadow.reported({**state.settings, **state.facts}, state.refused, mirror.desired)
    patch = shadow.difference(mirror.reported, wanted)
    if not patch:
        return state, ()
    return replace(state, mirror=replace(mirror, in_flight=patch)), (UpdateShadow(patch),)


def _act(thing: Thing, state: State, acts: tuple[Act, ...], now: Now) -> Step:
    effects: list[Effect] = []
    for act in acts:
        match act:
            case Act.SEND_NOW:
                state = replace(state, turns=_sent_now(thing, state, now))
            case Act.SET_LOG_LEVEL:
                effects.append(SetDebug(on=state.settings["debug"] == "on"))
            case Act.DROP_CONNECTION | Act.CLEAN_RECONNECT:
                effects.append(Cycle(clean=act is Act.CLEAN_RECONNECT))
    return state, tuple(effects)


def _sent_now(thing: Thing, state: State, now: Now) -> tuple[Turn, ...]:
    """Those that the setting `time` is about are due at once."""
    return tuple(
        turn if message.every is not None else Turn(now.mono, turn.sequence)
        for turn, message in zip(state.turns, telemetry.messages_of(thing), strict=True)
    )


def _news(thing: Thing, before: State, state: State) -> Effects:
    changed: dict[str, Json] = {
        key: value
        for key, value in state.settings.items()
        if not same(value, before.settings.get(key))
    }
    refused = {
        key: refusal.reason for key, refusal in state.refused.items() if key not in before.refused
    }
    news: list[Effect] = []
    if changed:
        logged = table.logged(thing.device_type, changed)
        news.append(Log(logging.INFO, "settings changed", {"settings": logged}))
    if refused:
        news.append(Log(logging.WARNING, "settings refused", {"rejected": refused}))
    return tuple(news)


def _stale(what: str, version: int, state: State) -> Log:
    return Log(
        logging.DEBUG, f"older {what} ignored", {"version": version, "newest": state.mirror.newest}
    )
