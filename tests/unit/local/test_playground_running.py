"""What runs is asked of the system, whatever has become of state and secret."""

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from playground import exit_codes
from playground.base import processes
from playground.base.processes import ProcessId, birth
from playground.base.reporting import Reporter
from playground.errors import NotUpError, SecretError
from playground.home import running
from playground.home.homes import find_home
from playground.home.paths import DIR_VARIABLE, Paths
from playground.home.shellenv import exports, process_env
from playground.home.state import LocalState, read, recall, secret_of
from playground.line.app import app
from playground.local import cloud, emulator
from playground.local.runner import base_environment, stop_leftovers

pytestmark = pytest.mark.processes

PORT, MQTT_PORT = 24566, 28883
# Stands in for a part of the cloud: it has the part's name and environment, and does nothing.
STAND_IN = "import sys, time; print('ready', flush=True); time.sleep(60)"
SILENT = Reporter(step=lambda _text: None, line=lambda _text: None)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(directory=tmp_path / "home")
    found.make()
    secret_of(found)
    return found


@pytest.fixture
def parts(paths: Paths, tmp_path: Path) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """An emulator, an agent and a device of the folder; a device and an emulator that are not."""
    state = LocalState(port=PORT, mqtt_port=MQTT_PORT, stack_name="mine")
    secret = secret_of(paths)
    agent = process_env(exports(paths, state, secret)) | {DIR_VARIABLE: str(paths.home)}
    device = base_environment(paths, state)
    other = Paths(directory=tmp_path / "other")
    wanted = {
        "emulator": (running.EMULATOR, emulator.environment(paths, state, secret)),
        "agent": (running.AGENT, agent),
        "device": (running.DEVICE, device | {"STATE_DIR": str(paths.devices / "task")}),
        "own device": (running.DEVICE, device | {"STATE_DIR": str(tmp_path / "mine")}),
        "other emulator": (running.EMULATOR, emulator.environment(other, state, secret)),
    }
    started = {}
    for name, (module, environment) in wanted.items():
        # As `python -m`: the name is where a module's stands.
        command = [sys.executable, "-c", STAND_IN, "-m", module]
        started[name] = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
    for process in started.values():
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


def run(paths: Paths, *command: str) -> Any:
    return CliRunner().invoke(app, [*command], env={DIR_VARIABLE: str(paths.home), "NO_COLOR": "1"})


DAMAGES = {
    "deleted": None,
    "empty": "",
    "cut short": '{"port": 24566, "mqtt_port": 28883, "emul',
    "no object": "[1]",
    "too deep": "[" * 60_000,
    "no text": "\udcff\udcfe",
    "another version's": '{"schema": 7, "endpoints": {"aws": "x"}}',
    "of wrong types": '{"port": "many", "mqtt_port": true, "emulator": 7, '
    '"agent": {"pid": "1"}, "built": 1}',
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_runs_is_found_whatever_has_become_of_the_state(
    paths: Paths, parts: dict[str, subprocess.Popen[str]], damage: str
) -> None:
    # given
    text = DAMAGES[damage]
    if text is not None:
        paths.state.write_bytes(text.encode(errors="surrogateescape"))
    # then
    state = LocalState.load(paths)
    assert state.up
    assert (state.port, state.mqtt_port, state.stack_name) == (PORT, MQTT_PORT, "mine")
    assert state.emulator is not None
    assert state.agent is not None
    assert (state.emulator.pid, state.agent.pid) == (parts["emulator"].pid, parts["agent"].pid)
    assert find_home(paths).endpoint == f"http://127.0.0.1:{PORT}"
    # and it is said
    said = " ".join(recall(paths).said)
    assert f"the emulator (process {state.emulator.pid}) on ports {PORT} and {MQTT_PORT}" in said
    assert "devices: 1" in said
    assert ("damaged" in said) is (damage not in {"deleted", "another version's"})


@pytest.mark.parametrize("command", ["down", "reset"])
def test_down_and_reset_end_what_runs_and_nothing_else(
    paths: Paths, parts: dict[str, subprocess.Popen[str]], command: str
) -> None:
    # given
    paths.state.write_text('{"port": 24')
    # when
    done = run(paths, command, *(["--yes"] if command == "reset" else []))
    # then
    assert done.exit_code == 0, done.output
    ended = {name for name, process in parts.items() if process.poll() is not None}
    assert ended == {"emulator", "agent", "device"}
    assert paths.home.exists() is (command == "down")
    assert "It was not up" not in done.output


def test_status_says_what_it_has_found(
    paths: Paths, parts: dict[str, subprocess.Popen[str]]
) -> None:
    paths.state.write_text("")
    parts["emulator"].kill()
    parts["emulator"].wait()
    found = run(paths, "status", "--output", "json")
    assert "is damaged" in found.stderr
    assert f"the task agent (process {parts['agent'].pid})" in found.stderr.replace("\n", " ")
    assert json.loads(found.stdout)["agent"]


def test_a_second_emulator_is_told_of(
    paths: Paths, parts: dict[str, subprocess.Popen[str]]
) -> None:
    second = subprocess.Popen(
        [sys.executable, "-c", STAND_IN, "-m", running.EMULATOR],
        env=emulator.environment(paths, LocalState(port=1), "s"),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert second.stdout is not None
        second.stdout.readline()
        assert any("2 emulators run on" in sentence for sentence in recall(paths).said)
        assert cloud.down(paths, SILENT)
        assert second.poll() is not None
    finally:
        second.kill()
        second.communicate()


def test_a_copy_of_a_process_is_no_second_one(paths: Paths) -> None:
    """The emulator writes its state in a fork of its own."""
    fork = "import os, time; os.fork(); print('ready', flush=True); time.sleep(60)"
    environment = emulator.environment(paths, LocalState(), "s")
    command = [sys.executable, "-c", fork, "-m", running.EMULATOR]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            assert [process.stdout.readline() for _ in range(2)] == ["ready\n"] * 2
            assert [one.process.pid for one in running.find(paths).emulators] == [process.pid]
            # and none when it is killed, though the copy goes on
            process.kill()
            process.wait()
            assert running.find(paths).emulators == []
        finally:
            os.killpg(process.pid, 9)


def test_devices_of_an_agent_that_was_killed_are_found(paths: Paths) -> None:
    # given an agent, which leads a session, and a device in it
    device = base_environment(paths, LocalState(mqtt_port=MQTT_PORT)) | {
        "STATE_DIR": str(paths.devices / "task")
    }
    program = (
        "import json, os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {STAND_IN!r}, '-m', "
        f"'virtual_device'], env={device!r})\n"
        "time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as agent:
        assert agent.stdout is not None
        assert agent.stdout.readline() == "ready\n"
        # when
        agent.kill()
        agent.wait()
        # then
        assert len(running.find(paths).devices) == 1
        assert stop_leftovers(paths, limit=5) == 1
        assert running.find(paths).devices == []


def test_what_a_state_says_is_taken_value_by_value(paths: Paths) -> None:
    paths.state.write_text(
        '{"port": 1, "mqtt_port": 70000, "built": "x", "from a later version": true}'
    )
    state, problem = read(paths.state)
    assert state == LocalState(port=1, built="x")
    assert "(mqtt_port)" in problem


def test_a_state_that_can_not_be_opened_is_not_gone(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    LocalState(port=1).save(paths)
    for code in (errno.EMFILE, errno.EIO, errno.EACCES):

        def fail(path: Path, code: int = code) -> bytes:
            raise OSError(code, os.strerror(code), str(path))

        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_bytes", fail)
            if code == errno.EACCES:
                assert "can't be read (Permission denied)" in read(paths.state)[1]
            else:
                with pytest.raises(OSError, match=r"home/state\.json"):
                    read(paths.state)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EIO])
def test_a_process_that_can_not_be_looked_at_is_not_gone(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(path: Path) -> str:
        raise OSError(code, os.strerror(code), str(path))

    myself = ProcessId(os.getpid(), birth(os.getpid()) or "")
    monkeypatch.setattr(Path, "read_text", fail)
    monkeypatch.setattr(processes, "Path", Path)
    with pytest.raises(OSError, match=os.strerror(code)):
        myself.alive()


@pytest.mark.parametrize(
    ("text", "word"), [("", "empty"), (" \n", "empty"), ("half", "damaged"), ("\0" * 40, "damaged")]
)
def test_a_secret_that_is_none_is_one_sentence(paths: Paths, text: str, word: str) -> None:
    paths.secret.write_text(text)
    with pytest.raises(SecretError, match=f"is {word}, and .* without it. Remove the file"):
        secret_of(paths)
    assert paths.secret.read_text() == text
    # and the way out leads out
    paths.secret.unlink()
    assert secret_of(paths)


def test_an_editors_line_end_is_no_damage(paths: Paths) -> None:
    secret = secret_of(paths)
    paths.secret.write_text(f"{secret}\r\n")
    assert secret_of(paths) == secret


def test_a_damaged_secret_is_no_bug(paths: Paths, parts: dict[str, subprocess.Popen[str]]) -> None:
    paths.secret.write_text("")
    done = run(paths, "list")
    assert done.exit_code == exit_codes.FAILED
    assert "Remove the file" in done.output.replace("\n", " ")
    assert "bug" not in done.output


def test_a_secret_that_is_gone_is_the_running_emulators(
    paths: Paths, parts: dict[str, subprocess.Popen[str]]
) -> None:
    secret = secret_of(paths)
    paths.secret.unlink()
    assert secret_of(paths) == secret
    assert paths.secret.stat().st_mode & 0o777 == 0o600


def test_a_dead_cloud_is_down(paths: Paths) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    born = ProcessId(gone.pid, birth(gone.pid) or "")
    gone.wait()
    LocalState(emulator=born, port=1).save(paths)
    assert not LocalState.load(paths).up
    with pytest.raises(NotUpError):
        find_home(paths, choice="local")
    assert recall(paths).said == ()


def test_looking_is_quick(paths: Paths) -> None:
    """Commands look at every process when nothing is up."""
    running.find(paths)
    began = time.process_time()
    running.find(paths)
    assert time.process_time() - began < 1.0


def test_the_state_of_the_commit_before_is_read(paths: Paths) -> None:
    state = replace(LocalState(port=3, built="b"), emulator=ProcessId(1, "never"))
    paths.state.write_text(json.dumps(asdict(state)))
    assert read(paths.state) == (state, "")


@pytest.mark.parametrize("text", ["", "half"])
def test_what_runs_is_told_and_ended_without_a_secret(
    paths: Paths, parts: dict[str, subprocess.Popen[str]], text: str
) -> None:
    paths.secret.write_text(text)
    found = run(paths, "status", "--output", "json")
    assert json.loads(found.stdout)["up"]
    assert "Remove the file" in found.stderr.replace("\n", " ")
    assert run(paths, "down").exit_code == 0
    assert parts["emulator"].poll() is not None
