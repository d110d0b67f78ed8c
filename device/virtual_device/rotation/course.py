"""The course of a rotation: state and event in, state and effects out. No files, no clock, no MQTT.

Every `on_...`, `begin` and `cancel` takes the state and gives the next one with the effects to
carry out, in order. What has to hold at every moment, and after a crash at any, is the table in
docs/contracts.md, "Certificates".
"""

import logging
from dataclasses import dataclass, replace
from enum import Enum

from virtual_device.base.errors import DeviceError
from virtual_device.base.jsonvalue import JsonObject
from virtual_device.connection.transport import Failure
from virtual_device.core.effects import Log
from virtual_device.rotation.rotation import Rotation
from virtual_device.rotation.rotation_effects import (
    Ask,
    AskAgain,
    Effects,
    Failed,
    Forget,
    Keep,
    MakeKey,
    PauseAsking,
    Progress,
    PutInForce,
    StopAsking,
    StopWaiting,
    Subscribe,
    Succeeded,
    Try,
    Unsubscribe,
    Wait,
)
from virtual_device.state.config import Identity
from virtual_device.state.keys import Request

MAX_TRIES = 6
"""So often the device asks for a certificate, and for its end when it has given it up, before it
tells the job that it has failed. It goes on to ask for the end."""

GRACE_SECONDS = 30.0
"""After a start, an unfinished change whose job doesn't come back within this time is given up."""

LONELY_SECONDS = 120.0
"""A device that can't connect for so long with an identity that isn't confirmed tries the one
before."""

FALL_BACK_SECONDS = 60.0

PAUSE_SECONDS = 0.5
"""Before the old connection is left: what is on its way, the job's report for one, arrives."""


class Phase(Enum):
    """What it waits for. The values of the first steps are the job's `step`."""

    IDLE = "nothing"
    JOB = "its job"
    KEY = "key"
    CREATE = "certificate"
    TRIAL = "trial"
    CONFIRM = "confirm"
    FALL_BACK = "fall-back"
    ABANDON = "abandon"


@dataclass(frozen=True, slots=True)
class State:
    """All that is known of it. The state of a device that changes nothing is `IDLE`."""

    phase: Phase = Phase.IDLE
    rotation: Rotation | None = None
    """What is kept of it."""
    in_force: str = ""
    """The certificate that the device would start with, once that may be the new one."""
    job_id: str = ""
    """Whose key is being made."""
    trial_seconds: float = FALL_BACK_SECONDS
    failure: tuple[str, str] | None = None
    """Why it has failed or is falling back, code and reason; not told to the job yet."""

    @property
    def new_is_in_force(self) -> bool:
        """Whether the device would start with the new identity."""
        new = self.rotation.new if self.rotation is not None else None
        return new is not None and new.certificate_id == self.in_force

    @property
    def previous(self) -> Identity | None:
        """The identity to go back to."""
        return self.rotation.previous if self.rotation is not None else None


IDLE = State()
Step = tuple[State, Effects]


def start(rotation: Rotation | None, in_force: str) -> Step:
    """The device is switched on with what it has kept, and would start with this certificate."""
    state = State(rotation=rotation, in_force=in_force)
    if rotation is None:
        return IDLE, ()
    if state.new_is_in_force:
        return replace(state, phase=Phase.CONFIRM), (Wait(LONELY_SECONDS),)
    return replace(state, phase=Phase.ABANDON if rotation.abandoned else Phase.JOB), ()


def begin(state: State, job_id: str, trial_seconds: float) -> Step:
    """A job wants it, or comes back to it."""
    state = replace(state, trial_seconds=trial_seconds)
    if state.rotation is not None and state.rotation.job_id == job_id:
        return _go_on(state, state.rotation)
    if state.phase in {Phase.TRIAL, Phase.CONFIRM, Phase.FALL_BACK}:
        return state, (Failed("BUSY", "the previous change is not complete yet"),)
    # What another job has left behind goes with the first request of this one.
    state = replace(state, phase=Phase.KEY, failure=None, job_id=job_id)
    return state, (StopAsking(), StopWaiting(), _progress(state), MakeKey(job_id))


def cancel(state: State) -> Step:
    """The job is gone. Past the trial it is completed: the shortest way to one certificate."""
    if state.phase in {Phase.KEY, Phase.CREATE}:
        return _give_up(state, "CANCELED", "the job was cancelled")
    return state, ()


def on_ready(state: State) -> Step:
    """There is a connection: ask again what was not answered."""
    if state.phase is Phase.JOB:
        return state, (Wait(GRACE_SECONDS),)
    return _ask(state)


def on_disconnected(state: State) -> Step:
    """No answer comes any more."""
    lonely = (Wait(LONELY_SECONDS),) if state.phase is Phase.CONFIRM else ()
    return state, (StopWaiting(), PauseAsking(), *lonely)


def on_time(state: State) -> Step:
    """What was waited for with `Wait` has not come."""
    match state.phase:
        case Phase.JOB:
            return _give_up(state, "JOB_GONE", "its job did not come again")
        case Phase.CONFIRM:
            return _fall_back(state, "LONELY", f"no connection for {LONELY_SECONDS:.0f} s")
        case _:
            return _ask(state)


def on_made(state: State, job_id: str, made: Request | BaseException) -> Step:
    """There is a key, or why there is none."""
    if state.phase is not Phase.KEY or state.job_id != job_id:
        return state, ()
    if isinstance(made, BaseException):
        return _end(replace(state, failure=("NO_KEY", f"no key could be made: {made}")))
    # Kept before anything is asked: what comes of the request is told apart after a crash.
    return _keep(state, Rotation(job_id, made.private_key, made.csr))


def on_kept(state: State, trouble: str | None) -> Step:
    """What `Keep` named is kept, or why it is not."""
    if state.phase is Phase.ABANDON:
        state, asked = _ask(state)
        if trouble is None:
            return state, asked
        return state, (Log(logging.WARNING, "rotation not kept", {"reason": trouble}), *asked)
    if trouble is not None:
        return _give_up(state, "NOT_KEPT", trouble)
    if state.rotation is not None and state.rotation.new is not None:
        return _try(state, state.rotation.new)
    return _subscribe(state)


def on_subscribed(state: State, failure: Failure | None) -> Step:
    """The answers can be heard, or can't."""
    if state.phase is not Phase.CREATE:
        return state, ()
    if failure is None:
        return _ask(state)
    if failure.refused:
        why = f"can't subscribe to the answers: {failure.reason}"
        return _end(replace(state, failure=("NOT_ALLOWED", why)))
    return state, ()


def on_silence(state: State, tries: int) -> Step:
    """So many times nobody has answered."""
    if tries >= MAX_TRIES and state.phase is Phase.CREATE:
        return _give_up(
            state, "NO_ANSWER", f"asked {tries} times for a certificate without an answer"
        )
    if tries >= MAX_TRIES and state.phase is Phase.ABANDON:
        state, told = _tell_failure(state)
        return state, (AskAgain(), *told)
    return state, (AskAgain(),)


def on_answer(
    state: State,
    content: JsonObject,
    in_force: Identity | DeviceError,
    *,
    accepted: bool,
) -> Step:
    """The cloud has answered what was asked last.

    `in_force` is the identity that the device would start with, or why that can't be read.
    """
    return _on_accepted(state, content, in_force) if accepted else _on_rejected(state, content)


def on_tried(state: State, identity: Identity, trouble: str | None) -> Step:
    """The device is connected with this identity, or why it is not."""
    if state.phase is Phase.TRIAL:
        if trouble is not None:
            return _give_up(state, "TRIAL_FAILED", trouble)
        return state, (PutInForce(identity),)
    if state.phase is Phase.FALL_BACK and identity == state.previous:
        return _on_fallen_back(state, in_vain=trouble is not None)
    return _ask(state)


def on_put_in_force(state: State, identity: Identity, trouble: str | None) -> Step:
    """The device would start with this identity, or why it would not."""
    if state.phase is Phase.TRIAL:
        if trouble is not None:
            return _fall_back(state, "NOT_KEPT", trouble)
        state = replace(state, phase=Phase.CONFIRM, in_force=identity.certificate_id)
        state, asked = _ask(state)
        return state, (_progress(state), *asked)
    if trouble is not None:
        log = Log(logging.WARNING, "can't store the previous certificate", {"reason": trouble})
        return state, (log, Wait(LONELY_SECONDS))
    return _end(state)


# --- key and request


def _go_on(state: State, rotation: Rotation) -> Step:
    if state.phase is Phase.ABANDON:
        interrupted = ("INTERRUPTED", "it was abandoned before the device was switched off")
        return replace(state, failure=state.failure or interrupted), ()
    if state.phase is not Phase.JOB:
        return state, (_progress(state),)  # on its way already
    if rotation.new is not None:
        return _try(state, rotation.new)
    state, effects = _subscribe(state)
    return state, (StopWaiting(), *effects)


def _subscribe(state: State) -> Step:
    state = replace(state, phase=Phase.CREATE)
    return state, (_progress(state), Subscribe())


def _ask(state: State) -> Step:
    """What the phase is about."""
    rotation = state.rotation
    if rotation is None:
        return state, (StopWaiting(),)
    match state.phase:
        case Phase.CREATE:
            return state, (StopWaiting(), Ask("create", rotation.job_id, {"csr": rotation.csr}))
        case Phase.ABANDON:
            return state, (StopWaiting(), Ask("abandon", rotation.job_id))
        case Phase.CONFIRM if rotation.new is not None:
            confirmed = {"certificateId": rotation.new.certificate_id}
            return state, (StopWaiting(), Ask("confirm", rotation.job_id, confirmed))
        case _:
            return state, (StopWaiting(),)


# --- answers


def _on_accepted(state: State, content: JsonObject, in_force: Identity | DeviceError) -> Step:
    match state.phase:
        case Phase.CREATE:
            return _on_certificate(state, content, in_force)
        case Phase.CONFIRM:
            fields = {"certificateId": content.get("certificateId")}
            state, effects = _end(state)
            return state, (Log(logging.INFO, "certificate replaced", fields), *effects)
        case Phase.ABANDON if state.previous is not None:
            # The new certificate is gone, or never was.
            return state, (PutInForce(state.previous),)
        case Phase.ABANDON:
            return _end(state)
        case _:
            return state, ()


def _on_rejected(state: State, content: JsonObject) -> Step:
    code, reason = str(content.get("code")), str(content.get("reason"))
    match state.phase:
        case Phase.CREATE:
            return _give_up(state, code, reason)
        case Phase.CONFIRM:
            return _fall_back(state, code, reason)
        case Phase.ABANDON:
            return _on_not_abandoned(state)
        case _:
            return state, ()


# --- the trial


def _on_certificate(state: State, content: JsonObject, in_force: Identity | DeviceError) -> Step:
    rotation = state.rotation
    if rotation is None or content.get("csrSha256") != rotation.csr_digest:
        return state, ()  # the answer to a request whose key is lost
    if isinstance(in_force, DeviceError):
        return _give_up(state, "UNUSABLE", str(in_force))
    certificate_id, pem = str(content.get("certificateId")), str(content.get("certificatePem"))
    try:
        found = rotation.with_certificate(certificate_id, pem, in_force)
    except DeviceError as error:
        return _give_up(state, "UNUSABLE", str(error))
    return _keep(state, found)


def _try(state: State, identity: Identity) -> Step:
    state = replace(state, phase=Phase.TRIAL)
    progress = _progress(state, certificateId=identity.certificate_id)
    trial = Try(identity, state.trial_seconds, PAUSE_SECONDS)
    return state, (StopWaiting(), StopAsking(), progress, trial)


# --- the way back


def _fall_back(state: State, code: str, reason: str) -> Step:
    """The new identity is of no use: is the one before? In force again when the cloud agrees."""
    said = "new certificate not confirmed, trying the one before"
    log = Log(logging.WARNING, said, {"code": code, "reason": reason})
    effects: Effects = (StopWaiting(), StopAsking(), log)
    previous = state.previous
    if previous is None:
        return state, effects
    state = replace(state, phase=Phase.FALL_BACK, failure=(code, reason))
    return state, (*effects, Try(previous, FALL_BACK_SECONDS))


def _on_fallen_back(state: State, *, in_vain: bool) -> Step:
    code, reason = state.failure or ("LONELY", "")
    if not in_vain or not state.new_is_in_force:
        return _give_up(state, code, reason)
    if code == "LONELY":
        return replace(state, phase=Phase.CONFIRM, failure=None), (Wait(LONELY_SECONDS),)
    return _end(state)


def _give_up(state: State, code: str, reason: str) -> Step:
    """The cloud is to remove what it has made; only then the job has failed."""
    state = replace(state, phase=Phase.ABANDON, failure=(code, reason))
    fields = {"code": code, "reason": reason}
    log = Log(logging.WARNING, "change of certificate abandoned", fields)
    if state.rotation is None:
        state, effects = _end(state)
        return state, (log, *effects)
    state, kept = _keep(state, replace(state.rotation, abandoned=True))
    return state, (StopWaiting(), log, *kept)


def _on_not_abandoned(state: State) -> Step:
    """The cloud knows nothing to give up, or it holds on to the new certificate."""
    new = state.rotation.new if state.rotation is not None else None
    if new is None or not state.new_is_in_force:
        return _end(state)
    state = replace(state, phase=Phase.CONFIRM, failure=None)
    return state, (StopAsking(), Try(new, FALL_BACK_SECONDS))


# --- the end


def _end(state: State) -> Step:
    effects: Effects = (StopWaiting(), StopAsking(), Forget())
    if state.phase is not Phase.KEY:
        effects = (*effects, Unsubscribe())
    if state.failure is not None:
        return IDLE, (*effects, Failed(*state.failure))
    if state.phase is Phase.CONFIRM and state.new_is_in_force:
        return IDLE, (*effects, Succeeded(state.in_force))
    return IDLE, effects


def _tell_failure(state: State) -> Step:
    told = (Failed(*state.failure),) if state.failure is not None else ()
    return replace(state, failure=None), told


def _keep(state: State, rotation: Rotation) -> Step:
    return replace(state, rotation=rotation), (Keep(rotation),)


def _progress(state: State, **details: str) -> Progress:
    return Progress({"step": state.phase.value, **details})
