"""The console of the local cloud: its page is built while the stack is deployed, and its server is
started when there is something to see.

The cloud does without: what is wrong with the console is said in a sentence, and `up` goes on.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256

from playground.base.processes import stop as stop_process
from playground.base.reporting import Reporter
from playground.errors import ConsoleError, PortTakenError
from playground.home import running
from playground.home.homes import local_home
from playground.home.paths import Paths
from playground.home.state import HOST, LocalState, locked, one_at_a_time
from playground.local import ports
from playground.web import codes, starting
from playground.web.building import Builder, Building, building


@dataclass(frozen=True)
class Later:
    """The page is built by a process of its own; the console is started by whoever waits for it."""


@contextmanager
def begun(
    paths: Paths, state: LocalState, *, later: bool = False
) -> Iterator[Building | Later | None]:
    """Build the page beside what the block does; None when there is to be no console. With
    `later`, a page that is out of date is built beside what comes after the block, too.
    """
    builder = Builder(paths)
    if not state.console_port or not builder.sources.is_dir():
        yield None
        return
    if later and not builder.up_to_date():
        builder.build_beside()
        try:
            yield Later()
        except BaseException:
            end_builds(paths)
            raise
        return
    with building(builder) as page:
        yield page


def finish(paths: Paths, report: Reporter) -> None:
    """Start the console that `begun` has left for later, as soon as there is its page."""
    # Not within the cloud's lock: `down`, which ends such a build, must not wait for it.
    with one_at_a_time(Builder(paths).lock):
        pass
    with locked(paths, lambda: None):
        state = LocalState.load(paths)
        if state.up and state.console_url is None:
            with begun(paths, state) as page:
                started(paths, state, page, report)


class Finishing:
    """`finish` beside something else. Its thread is not waited for by a command that ends early:
    that wait would be as long as the build, and deaf to Ctrl-C.
    """

    def __init__(self, paths: Paths) -> None:
        self._said: list[str] = []
        self._outcome: Future[None] = Future()
        threading.Thread(target=self._run, args=(paths,), daemon=True).start()

    def wait(self, report: Reporter) -> None:
        """Until the console runs, or has said why it does not."""
        report.step("Waiting for the console")
        self._outcome.result()
        for text in self._said:
            report.step(text)

    def _run(self, paths: Paths) -> None:
        try:
            finish(paths, Reporter(step=self._said.append, line=self._said.append))
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            self._outcome.set_exception(error)
        else:
            self._outcome.set_result(None)


def started(
    paths: Paths, state: LocalState, page: Building | Later | None, report: Reporter
) -> LocalState:
    """Wait for the page, and start the server, or another one when it serves something else."""
    if page is None or isinstance(page, Later):
        return _stopped(paths, state)
    if not page.done:
        report.step("Building the console")
    try:
        digest = page.result()
    except ConsoleError as error:
        report.step(f"{error} The rest is up.")
        digest = Builder(paths).built()
        if not digest:
            return _stopped(paths, state)
    wanted = _served(state, digest)
    if state.console is not None and state.console.alive() and state.served == wanted:
        return state
    state = _stopped(paths, state)
    try:
        ports.require_free(state.console_port, "--console-port")
        report.step(f"Starting the console at http://{HOST}:{state.console_port}")
        return _started(paths, state, wanted)
    except (ConsoleError, PortTakenError) as error:
        report.step(f"There is no console. {error}")
        return state


def stop(paths: Paths, state: LocalState, there: running.Running) -> None:
    """Stop the server; its key is worth nothing from then on, and goes if it can."""
    running.stop_all(state.console, there.consoles, limit=starting.STOP_LIMIT)
    for file in (paths.console_key, paths.console_open):
        with suppress(OSError):
            file.unlink()


def end_builds(paths: Paths) -> None:
    """Stop whoever builds the page beside a demo."""
    running.stop_all(None, running.find(paths).builders, limit=starting.STOP_LIMIT)


def _started(paths: Paths, state: LocalState, wanted: str) -> LocalState:
    key = codes.new_key()
    settings = starting.settings_for(
        paths, local_home(paths, state), state.console_port, key, state.emulator
    )
    process = starting.start(paths, settings)
    state = replace(state, console=process, served=wanted)
    try:
        starting.keep_key(paths, key)
        state.save(paths)
    except BaseException:
        stop_process(process, limit=starting.STOP_LIMIT)
        raise
    return state


def _stopped(paths: Paths, state: LocalState) -> LocalState:
    if state.console is None:
        return state
    stop(paths, state, running.Running())
    state = replace(state, console=None, served="")
    state.save(paths)
    return state


def _served(state: LocalState, digest: str) -> str:
    """All that the server was told at its start depends on these."""
    parts = (
        digest,
        state.deployed,
        state.standing,
        state.stack_name,
        str(state.console_port),
        str(state.emulator),
    )
    return sha256("\0".join(parts).encode()).hexdigest()
