"""Ports, state, homes and exports of the local cloud."""

import os
import socket
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from playground.base.processes import ProcessId, birth
from playground.errors import NotUpError, PlaygroundError, PortTakenError
from playground.home.homes import find_home, local_session
from playground.home.paths import DIR_VARIABLE, Paths
from playground.home.shellenv import exports, shell_text
from playground.home.state import ACCOUNT, LocalState, secret_of
from playground.local import emulator, ports
from playground.local.runner import base_environment


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


@pytest.fixture
def myself() -> ProcessId:
    """A process that is alive for sure."""
    return ProcessId(os.getpid(), birth(os.getpid()) or "")


def test_port_of_option_then_environment_then_last_time() -> None:
    assert ports.choose(1, "P", 3, {"P": "2"}) == 1
    assert ports.choose(None, "P", 3, {"P": "2"}) == 2
    assert ports.choose(None, "P", 3, {}) == 3


@pytest.mark.parametrize("text", ["x", "0", "65536", "-1"])
def test_port_that_is_none(text: str) -> None:
    with pytest.raises(PlaygroundError, match="is not a TCP port"):
        ports.choose(None, "P", 3, {"P": text})


def test_taken_port_says_which_option_helps() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"Port {port} .*`playground up --mqtt-port PORT`"):
            ports.require_free(port, "--mqtt-port")
    ports.require_free(port, "--mqtt-port")


@pytest.mark.parametrize("free", ["--port", "--mqtt-port"])
def test_a_program_at_another_address_that_localhost_means_is_told_of(free: str) -> None:
    with socket.socket(socket.AF_INET6) as other:
        other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            other.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no ::1")
        other.listen()
        port = other.getsockname()[1]
        expected = (
            "another program listens at ::1, which localhost may mean too: "
            ".*`playground up "
            f"{free} PORT`"
        )
        for host in ("127.0.0.1", "0.0.0.0"):  # noqa: S104
            with pytest.raises(PortTakenError, match=expected):
                ports.require_free(port, free, host)
    ports.require_free(port, free)


def test_a_machine_without_ipv6_has_its_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET6, 0, 0, "", ("2001:db8::1", 1, 0, 0)),
        (socket.AF_INET, 0, 0, "", ("127.0.0.1", 1)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ports.require_free(port, "--port")


def test_nothing_local_is_handed_out_by_a_name_that_may_mean_another_program(paths: Paths) -> None:
    assert exports(paths, LocalState(), "s", {})["IOT_ENDPOINT"] == "127.0.0.1"
    assert base_environment(paths, LocalState())["IOT_ENDPOINT"] == "127.0.0.1"
    assert LocalState(port=1).endpoint == "http://127.0.0.1:1"


def test_a_shell_means_the_same_folder_wherever_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(DIR_VARIABLE, "cloud")
    paths = Paths.here()
    assert exports(paths, LocalState(), "s", {})[DIR_VARIABLE] == str(tmp_path / "cloud")
    assert emulator.environment(paths, LocalState(), "s", {})[DIR_VARIABLE] == str(
        tmp_path / "cloud"
    )
    assert DIR_VARIABLE not in exports(Paths(tmp_path), LocalState(), "s", {})


def test_state_comes_back(paths: Paths, myself: ProcessId) -> None:
    state = LocalState(port=1, emulator=myself, built="x")
    state.save(paths)
    assert LocalState.load(paths) == state
    assert state.up


def test_a_process_id_that_was_given_again_is_not_ours(myself: ProcessId) -> None:
    assert myself.alive()
    assert not replace(myself, born="another time").alive()
    assert not ProcessId(0, "").alive()


def test_secret_is_made_once_and_private(paths: Paths) -> None:
    secret = secret_of(paths)
    assert secret_of(paths) == secret
    assert paths.secret.stat().st_mode & 0o777 == 0o600
    assert paths.home.stat().st_mode & 0o777 == 0o700


def test_what_holds_keys_is_private_in_a_folder_that_was_there_before(tmp_path: Path) -> None:
    # given
    home = tmp_path / "open"
    home.mkdir(mode=0o755)
    # when
    paths = Paths(directory=home)
    paths.make()
    kept = emulator.environment(paths, LocalState(), "secret", {})
    # then
    for folder in (
        kept["STATE_DIR"],
        kept["S3_DATA_DIR"],
        kept["TMPDIR"],
        paths.devices / "a",
        paths.logs / "a",
    ):
        within = Path(folder).relative_to(home).parts[0]
        assert (home / within).stat().st_mode & 0o777 == 0o700, folder


def test_home_is_local_when_it_is_up(paths: Paths, myself: ProcessId) -> None:
    LocalState(port=24566, emulator=myself).save(paths)
    home = find_home(paths)
    assert (home.kind, home.label) == ("local", "local cloud at http://127.0.0.1:24566")


def test_local_home_that_is_down(paths: Paths) -> None:
    with pytest.raises(NotUpError, match="run `playground up`"):
        find_home(paths, choice="local")


def test_local_session_asks_no_proxy_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    # given a server that answers every call with an error of its own
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = threading.Thread(target=_answer_404, args=(server,), daemon=True)
        answer.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        client = local_session("s").client("s3", endpoint_url=url)
        # then that is the error, and not one of the proxy
        with pytest.raises(ClientError, match="404"):
            client.head_bucket(Bucket="any")
        answer.join(5)


def _answer_404(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )


def test_local_session_ignores_the_users_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[default]\nregion = xx-nowhere-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    session = local_session("s")
    assert session.client("sts", endpoint_url="http://127.0.0.1:1").meta.region_name == "us-east-1"
    credentials = session.get_credentials()
    assert credentials is not None
    assert (credentials.access_key, credentials.token) == (ACCOUNT, None)
    assert isinstance(session, boto3.Session)


def test_exports_work_in_a_shell(paths: Paths) -> None:
    variables = exports(
        paths, LocalState(port=24566, mqtt_port=28883), "s'e c", {"PATH": "/usr/bin:/bin"}
    )
    shown = '"$AWS_ENDPOINT_URL|$AWS_SECRET_ACCESS_KEY|$IOT_PORT|${AWS_PROFILE-none}|$PATH"'
    script = f"{shell_text(variables)}\necho {shown}"
    answer = subprocess.run(
        ["/bin/sh", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"AWS_PROFILE": "p"},
    )
    assert (
        answer.stdout.strip()
        == f"http://127.0.0.1:24566|s'e c|28883|none|{paths.root}/.venvs/bin:/usr/bin:/bin"
    )


def test_exports_twice_leave_path_and_proxies_alone(paths: Paths) -> None:
    once = exports(paths, LocalState(), "s", {"PATH": "/bin", "NO_PROXY": "internal"})
    assert exports(paths, LocalState(), "s", once) == once
    assert once["NO_PROXY"] == "internal,127.0.0.1,localhost"


def test_emulator_gets_nothing_of_the_users_aws_settings(paths: Paths) -> None:
    env = emulator.environment(
        paths, LocalState(port=1, mqtt_port=2), "s", {"AWS_PROFILE": "p", "HOME": "/h"}
    )
    assert env["HOME"] == "/h"
    assert "AWS_PROFILE" not in env
    assert (env["AUTH"], env["BIND_HOST"], env["GATEWAY_PORT"], env["IOT_MTLS_PORT"]) == (
        "true",
        "127.0.0.1",
        "1",
        "2",
    )
    assert not Path(env["DOCKER_HOST"].removeprefix("unix://")).exists()
