"""Bring the local cloud up, take it down, forget it, and say what runs. Everything can be called
twice.
"""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from playground.base.processes import start_detached, stop, tail
from playground.base.reporting import Reporter
from playground.errors import AgentError, EmulatorError, PlaygroundError, SecretError
from playground.home import folder, running
from playground.home.homes import local_home
from playground.home.paths import DIR_VARIABLE, Paths
from playground.home.shellenv import exports, process_env
from playground.home.state import GATEWAY_PORT, MQTT_PORT, LocalState, locked, recall, secret_of
from playground.images.images import Images
from playground.images.push import Push
from playground.images.source import pack
from playground.local import concurrency, console, deployed, emulator, ports, stack, temporary
from playground.local.decisions import Rules
from playground.local.generations import Generations, UnreadableError, running_marker
from playground.local.kept import Kept, ask, clock
from playground.local.mending import Mending
from playground.local.runner import stop_leftovers

AGENT_LIMIT = 30.0


def up(paths: Paths, options: "UpOptions", report: Reporter) -> LocalState:
    """Emulator, stack and agent, started or brought up to date.

    Raises PlaygroundError; what it started is then stopped.
    """
    paths.make()  # before the lock, which stands beside it: somebody else's folder gets none
    with locked(paths, lambda: report.step("Waiting for another `playground` command to finish")):
        paths.make()
        tools = stack.toolbox(paths)
        before = _recalled(paths, report)
        state = _planned(before, options)
        with (
            _undone_on_failure(paths, before),
            console.begun(paths, state, later=options.console_later) as page,
        ):
            if not before.up:
                state = _start_emulator(paths, state, report)
            state = _build(paths, state, tools, report)
            if not before.up:
                emulator.wait_ready(paths, state)
                emulator.save_ca(paths, state)
            state = _deploy(paths, state, tools, report)
            ask(state, secret_of(paths), "POST", "warm")
            state = _bring_devices_back(paths, state, report, fresh=not before.up)
            state = console.started(paths, state, page, report)
        # A device that can't be built is no reason to take the cloud down again.
        return _push(paths, state, report)


def _recalled(paths: Paths, report: Reporter) -> LocalState:
    """What runs, with whatever there is to say of it and of the folder."""
    found = recall(paths)
    for sentence in (*folder.close_to_others(paths.home), *found.said):
        report.step(sentence)
    return found.state


@dataclass(frozen=True)
class UpOptions:
    """What the caller asks for; None is "as before"."""

    port: int | None = None
    mqtt_port: int | None = None
    stack_name: str | None = None
    console_port: int | None = None
    """0: no console."""
    console_later: bool = False
    """Do not wait for its page: `console.finish` does."""


def _planned(before: LocalState, options: UpOptions) -> LocalState:
    state = replace(
        before,
        port=ports.choose(options.port, ports.PORT_VARIABLE, before.port or GATEWAY_PORT),
        mqtt_port=ports.choose(
            options.mqtt_port, ports.MQTT_PORT_VARIABLE, before.mqtt_port or MQTT_PORT
        ),
        console_port=ports.choose(
            options.console_port, ports.CONSOLE_PORT_VARIABLE, before.console_port, least=0
        ),
        stack_name=options.stack_name or before.stack_name,
    )
    if before.up and (state.port, state.mqtt_port) != (before.port, before.mqtt_port):
        raise PlaygroundError(
            f"The local cloud is up on ports {before.port} and {before.mqtt_port}: run "
            "`playground down` first."
        )
    if state.console_port not in (0, before.console_port):
        # One that was asked for now. The usual one is another console's, perhaps, and no reason to
        # have no cloud: see `console.started`.
        ports.require_free(state.console_port, "--console-port")
    return state


@contextmanager
def _undone_on_failure(paths: Paths, before: LocalState) -> Iterator[None]:
    try:
        yield
    except BaseException:  # Ctrl-C too must not leave half a cloud
        if not before.up:
            _stop(paths, LocalState.load(paths))
        raise


def _start_emulator(paths: Paths, state: LocalState, report: Reporter) -> LocalState:
    # An agent that outlived its emulator knows tasks which the new one has marked as stopped.
    _stop(paths, state)
    if state.emulator is not None and not _is_younger(paths):
        # It died: what it knows may be seconds old, and older than its stack.
        state = replace(state, deployed="")
    ports.require_free(state.port, "--port")
    ports.require_free(state.mqtt_port, "--mqtt-port", host="0.0.0.0")  # noqa: S104 - where the emulator binds it  # nosec B104
    report.step(f"Starting the emulator on port {state.port} (MQTT {state.mqtt_port})")
    state = replace(state, agent=None, console=None, emulator=emulator.start(paths, state))
    state.save(paths)
    return state


def _is_younger(paths: Paths) -> bool:
    """Whether whatever the emulator finds is younger than what `up` noted last, the deployed stack
    for one.
    """
    kept = Generations(paths.emulator / "generations")
    try:
        moments = [kept.manifest(number).at.timestamp() for number in kept.numbers()]
        return bool(moments) and min(moments) > paths.state.stat().st_mtime
    except (UnreadableError, OSError):
        return False


def _build(paths: Paths, state: LocalState, tools: stack.Toolbox, report: Reporter) -> LocalState:
    wanted = stack.sources_hash(paths, tools.runtime)
    if state.built == wanted and (paths.build / "template.yaml").exists():
        return state
    report.step("Building the stack (sam build)")
    replace(state, built="").save(paths)
    stack.build(paths, state, tools, report.line)
    state = replace(state, built=wanted)
    state.save(paths)
    return state


def _deploy(paths: Paths, state: LocalState, tools: stack.Toolbox, report: Reporter) -> LocalState:
    wanted = f"{state.built}:{state.stack_name}:{state.port}"
    standing = deployed.fingerprint(state, secret_of(paths))
    if state.deployed == wanted and standing and standing == state.standing:
        return state
    report.step("Deploying the stack (sam deploy)")
    replace(state, deployed="").save(paths)
    stack.deploy(paths, state, tools, report.line)
    concurrency.limit(state, secret_of(paths))
    state = replace(state, deployed=wanted, standing=deployed.fingerprint(state, secret_of(paths)))
    state.save(paths)
    return state


def _bring_devices_back(
    paths: Paths, state: LocalState, report: Reporter, *, fresh: bool
) -> LocalState:
    """Put right what was interrupted, and start the agent, which starts the devices.

    An `up` that was killed before it came to that is made up for.
    """
    kept = ask(state, secret_of(paths), "GET", "kept")
    runs = state.agent is not None and state.agent.alive()
    if runs or (kept is not None and kept.mended) or (kept is None and not fresh):
        return _start_agent(paths, state, report)
    if kept is None:
        raise EmulatorError(
            f"The emulator did not answer what it has saved; see {paths.logs / 'emulator.log'}."
        )
    mending = Mending(local_home(paths, state), paths, kept)
    for sentence in mending.before_agent():
        report.step(sentence)
    ask(state, secret_of(paths), "POST", "mended")
    state = _start_agent(paths, state, report)
    for sentence in mending.after_agent():
        report.step(sentence)
    return state


def _start_agent(paths: Paths, state: LocalState, report: Reporter) -> LocalState:
    if state.agent is not None and state.agent.alive():
        return state
    report.step("Starting the task agent")
    paths.agent_ready.unlink(missing_ok=True)
    log = paths.logs / "agent.log"
    env = process_env(exports(paths, state, secret_of(paths))) | {DIR_VARIABLE: str(paths.home)}
    agent = start_detached(
        [sys.executable, "-m", "playground.local.agent"], log=log, env=env, cwd=paths.root
    )
    state = replace(state, agent=agent)
    state.save(paths)
    deadline = time.monotonic() + AGENT_LIMIT
    while not paths.agent_ready.exists():
        if not agent.alive() or time.monotonic() > deadline:
            raise AgentError(f"The task agent did not start ({log}):\n{tail(log)}")
        time.sleep(0.02)
    return state


def _push(paths: Paths, state: LocalState, report: Reporter) -> LocalState:
    """See to it that there is an image, and that it is made of device/ as it stands, if that has
    changed.

    What somebody else has made current since is left alone. Raises ImageError.
    """
    home = local_home(paths, state)
    wanted = pack(paths.root / "device").sha256
    if state.pushed == wanted and Images(home).current() is not None:
        return state
    report.step("Building the device image")
    Push(paths, home, report.line).run()
    state = replace(state, pushed=wanted)
    state.save(paths)
    return state


@dataclass(frozen=True)
class Down:
    """How `down` went: whether there was anything, and what is not kept, in a sentence."""

    was_up: bool
    lost: str = ""


def down(paths: Paths, report: Reporter) -> Down:
    """Write the state, stop console, agent, devices and emulator; what they know stays."""
    if not folder.is_ours(paths.home):
        return Down(was_up=False)
    with locked(paths, lambda: report.step("Waiting for another `playground` command to finish")):
        state = _recalled(paths, report)
        console.end_builds(paths)
        was_up = state.up or any(
            one is not None and one.alive() for one in (state.agent, state.console)
        )
        if not was_up:
            _stop(paths, state)
            return Down(was_up=False)
        report.step("Saving the state")
        with _staying_on_failure(paths, state):
            kept = _tell_keeper(paths, state, "leave") if state.up else None
            report.step("Stopping the devices and the emulator")
            _stop(paths, state)
        return Down(was_up=True, lost=_lost(paths, kept))


@contextmanager
def _staying_on_failure(paths: Paths, state: LocalState) -> Iterator[None]:
    try:
        yield
    except (
        BaseException
    ):  # Ctrl-C: the rules, which are silent by now, are to hear of devices again
        _tell_keeper(paths, state, "stay")
        raise


def _tell_keeper(paths: Paths, state: LocalState, what: str) -> Kept | None:
    """None too when nobody can sign: the emulator writes its state when it ends, and ends all the
    same.
    """
    try:
        return ask(state, secret_of(paths), "POST", what)
    except SecretError:
        return None


def _lost(paths: Paths, kept: Kept | None) -> str:
    """What the next `up` will not find; the emulator has ended, and has written once more if it
    could.
    """
    newest = Generations(paths.emulator / "generations").newest()
    if not running_marker(paths.emulator).exists():
        left_out = ", ".join(sorted(newest.left_out)) if newest else ""
        return f"The emulator can't save the state of {left_out}: it is lost." if left_out else ""
    if newest is None:
        return "Nothing in the local cloud could be saved: everything in it is lost."
    if kept is not None and not kept.error:
        return ""  # Written before the devices left; only that they left is not.
    why = f" ({kept.error})" if kept else ""
    return f"The state could not be saved{why}: changes after {clock(newest.at)} are lost."


def forget_stack(paths: Paths) -> None:
    """The stack is gone: stop its task agent and the devices, and have the next `up` deploy it
    anew.
    """
    with locked(paths, lambda: None):
        state = LocalState.load(paths)
        rules = Rules()
        if state.agent is not None:
            stop(state.agent, limit=rules.stop_limit * 2)
        stop_leftovers(paths, rules.goodbye)
        console.stop(paths, state, running.find(paths))
        replace(state, agent=None, console=None, deployed="").save(paths)


def reset(paths: Paths, report: Reporter) -> folder.Forgotten:
    """Take the local cloud down and remove everything it remembers; gives what is still there.

    Raises FolderError when the folder is somebody else's.
    """
    folder.require_ours(paths.home)
    down(paths, report)
    with locked(paths, lambda: report.step("Waiting for another `playground` command to finish")):
        return folder.forget(paths.home)


def _stop(paths: Paths, state: LocalState) -> None:
    """All at once: the emulator has written what there is, and hears no more of what devices do."""
    there = running.find(paths)
    with ThreadPoolExecutor(3) as pool:
        stopping = [
            pool.submit(stop_some, paths, state, there)
            for stop_some in (_stop_devices, _stop_emulator, console.stop)
        ]
    for one in stopping:
        one.result()
    temporary.clear(paths)
    if (state.agent, state.emulator, state.console) != (None, None, None):
        replace(state, agent=None, emulator=None, console=None).save(paths)


def _stop_devices(paths: Paths, state: LocalState, there: running.Running) -> None:
    rules = Rules()
    running.stop_all(state.agent, there.agents, limit=rules.stop_limit * 2)
    stop_leftovers(paths, rules.goodbye)


def _stop_emulator(paths: Paths, state: LocalState, there: running.Running) -> None:
    if state.emulator is None and not there.emulators:
        return
    running.stop_all(state.emulator, there.emulators, limit=emulator.STOP_LIMIT)
    # A child of its that still writes: whoever comes next is to find it done.
    with Generations(paths.emulator / "generations").held():
        pass
