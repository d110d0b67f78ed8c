"""Bring the local cloud up, take it down, forget it, and say what runs. Everything can be called twice."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from playground.device_source import pack
from playground.errors import AgentError, PlaygroundError
from playground.homes import local_home
from playground.images import Images
from playground.local import concurrency, emulator, ports, stack
from playground.local.agent import ready_file
from playground.local.decisions import Rules
from playground.local.runner import stop_leftovers
from playground.local.state import GATEWAY_PORT, MQTT_PORT, LocalState, locked, secret_of
from playground.paths import Paths
from playground.processes import start_detached, stop, tail
from playground.push import Push
from playground.shellenv import exports, process_env

AGENT_LIMIT = 30.0

Step = Callable[[str], None]


@dataclass(frozen=True)
class Reporter:
    """Where progress goes: `step` begins a part of the work, `line` is output within it."""

    step: Step
    line: Step


def up(paths: Paths, options: "UpOptions", report: Reporter) -> LocalState:
    """Emulator, stack and agent, started or brought up to date.

    Raises PlaygroundError; what it started is then stopped.
    """
    with locked(paths, lambda: report.step("Waiting for another `playground` command to finish")):
        paths.make()
        tools = stack.toolbox(paths)
        before = LocalState.load(paths)
        state = _planned(before, options)
        with _undone_on_failure(paths, before):
            if not before.up:
                state = _start_emulator(paths, state, report)
            state = _build(paths, state, tools, report)
            if not before.up:
                emulator.wait_ready(paths, state)
                emulator.save_ca(paths, state)
            state = _deploy(paths, state, tools, report)
            state = _start_agent(paths, state, report)
        # A device that can't be built is no reason to take the cloud down again.
        return _push(paths, state, report)


@dataclass(frozen=True)
class UpOptions:
    """What the caller asks for; None is "as before"."""

    port: int | None = None
    mqtt_port: int | None = None
    stack_name: str | None = None


def _planned(before: LocalState, options: UpOptions) -> LocalState:
    state = replace(
        before,
        port=ports.choose(options.port, ports.PORT_VARIABLE, before.port or GATEWAY_PORT),
        mqtt_port=ports.choose(options.mqtt_port, ports.MQTT_PORT_VARIABLE, before.mqtt_port or MQTT_PORT),
        stack_name=options.stack_name or before.stack_name,
    )
    if before.up and (state.port, state.mqtt_port) != (before.port, before.mqtt_port):
        raise PlaygroundError(
            f"The local cloud is up on ports {before.port} and {before.mqtt_port}: run `playground down` first."
        )
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
    if state.emulator is not None:
        # It died: what it knows is as old as its last clean stop, and so may its stack be.
        state = replace(state, deployed="")
    ports.require_free(state.port, "--port")
    ports.require_free(state.mqtt_port, "--mqtt-port", host="0.0.0.0")  # noqa: S104 - where the emulator binds it  # nosec B104
    report.step(f"Starting the emulator on port {state.port} (MQTT {state.mqtt_port})")
    state = replace(state, agent=None, emulator=emulator.start(paths, state))
    state.save(paths)
    return state


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
    if state.deployed == wanted and _stands(state, secret_of(paths)):
        return state
    report.step("Deploying the stack (sam deploy)")
    replace(state, deployed="").save(paths)
    stack.deploy(paths, state, tools, report.line)
    concurrency.limit(state, secret_of(paths))
    state = replace(state, deployed=wanted)
    state.save(paths)
    return state


def _stands(state: LocalState, secret: str) -> bool:
    status = stack.stack_status(state, secret) or ""
    return status.endswith("_COMPLETE") and "DELETE" not in status and "ROLLBACK" not in status


def _start_agent(paths: Paths, state: LocalState, report: Reporter) -> LocalState:
    if state.agent is not None and state.agent.alive():
        return state
    report.step("Starting the task agent")
    ready_file(paths).unlink(missing_ok=True)
    log = paths.logs / "agent.log"
    env = process_env(exports(paths, state, secret_of(paths)))
    agent = start_detached([sys.executable, "-m", "playground.local.agent"], log=log, env=env, cwd=paths.root)
    state = replace(state, agent=agent)
    state.save(paths)
    deadline = time.monotonic() + AGENT_LIMIT
    while not ready_file(paths).exists():
        if not agent.alive() or time.monotonic() > deadline:
            raise AgentError(f"The task agent did not start ({log}):\n{tail(log)}")
        time.sleep(0.02)
    return state


def _push(paths: Paths, state: LocalState, report: Reporter) -> LocalState:
    """See to it that there is an image, and that it is made of device/ as it stands, if that has changed.

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


def down(paths: Paths, report: Reporter) -> bool:
    """Stop agent, devices and emulator, in this order; what they know stays. False when nothing was up."""
    with locked(paths, lambda: report.step("Waiting for another `playground` command to finish")):
        state = LocalState.load(paths)
        was_up = state.up or (state.agent is not None and state.agent.alive())
        if was_up:
            report.step("Stopping the devices and the emulator")
        _stop(paths, state)
        return was_up


def forget_stack(paths: Paths) -> None:
    """The stack is gone: stop its task agent and the devices, and have the next `up` deploy it anew."""
    with locked(paths, lambda: None):
        state = LocalState.load(paths)
        rules = Rules()
        if state.agent is not None:
            stop(state.agent, limit=rules.stop_limit * 2)
        stop_leftovers(paths, rules.stop_limit)
        replace(state, agent=None, deployed="").save(paths)


def reset(paths: Paths, report: Reporter) -> None:
    """Take the local cloud down and remove everything it remembers."""
    down(paths, report)
    with locked(paths, lambda: report.step("Waiting for another `playground` command to finish")):
        shutil.rmtree(paths.home, ignore_errors=True)


def _stop(paths: Paths, state: LocalState) -> None:
    rules = Rules()
    if state.agent is not None:
        stop(state.agent, limit=rules.stop_limit * 2)
    stop_leftovers(paths, rules.stop_limit)
    if state.emulator is not None:
        stop(state.emulator, limit=emulator.STOP_LIMIT)
    if state.agent is not None or state.emulator is not None:
        replace(state, agent=None, emulator=None).save(paths)
