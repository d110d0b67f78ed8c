"""A shell that was led home: whatever its user has set, what starts there calls this machine
alone.
"""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest

from playground.home.paths import PROJECT, Paths
from playground.home.shellenv import (
    HARMLESS,
    LEADS_AWAY,
    exports,
    lay_out,
    no_proxy,
    process_env,
    shell_text,
    strays,
)
from playground.home.state import LocalState
from playground.local import emulator

pytestmark = pytest.mark.processes

STRANGERS = PROJECT / "tests" / "strangers"
EVERY_SERVICE = STRANGERS / "every_service.py"
MODULES = PROJECT / ".venvs/emulator/lib"
OTHER_NAMES = (
    "apigateway", "appconfigdata", "cloudwatch", "cognito-identity", "cognito-idp", "docdb",
    "dynamodbstreams", "elb",
    "elbv2", "es", "events", "kafka", "lambda", "logs", "neptune", "health",
    "resourcegroupstaggingapi", "ses", "sesv2",
    "waf", "waf-regional",
)  # fmt: skip
"""Where the emulator's module is not called as the SDK's service, and what the CLI's version 1
calls elsewhere.
"""

HOSTILE_CONFIG = """[default]
region = xx-nowhere-1
endpoint_url = https://all.stranger.example
ignore_configured_endpoint_urls = true
use_fips_endpoint = true
use_dualstack_endpoint = true
ca_bundle = /nowhere/ca.pem
role_arn = arn:aws:iam::000000000000:role/other
credential_process = /nowhere/login
services = elsewhere
[services elsewhere]
sqs =
  endpoint_url = https://sqs.stranger.example
"""


@pytest.fixture(scope="module")
def services() -> list[str]:
    """What the emulator has, by the SDK's names."""
    known = set(boto3.Session().get_available_services())
    modules = {
        path.stem.replace("_", "-")
        for path in MODULES.glob("python3.*/site-packages/ministack/services/*")
    }
    found = sorted(modules & known | set(OTHER_NAMES))
    assert len(found) > 70
    return found


@pytest.fixture
def hostile(tmp_path: Path) -> dict[str, str]:
    """A user whose every setting leads elsewhere."""
    files = tmp_path / "home" / ".aws"
    files.mkdir(parents=True)
    (files / "config").write_text(HOSTILE_CONFIG)
    (files / "credentials").write_text(
        "[default]\naws_access_key_id = OTHER\naws_secret_access_key = other\n"
    )
    settings = dict.fromkeys(LEADS_AWAY, "true") | {
        "AWS_CONFIG_FILE": str(files / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(files / "credentials"),
        "AWS_ENDPOINT_URL": "https://all.stranger.example",
        "AWS_ENDPOINT_URL_SQS": "https://sqs.stranger.example",
        "AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb.stranger.example",
        "AWS_ENDPOINT_URL_IOT_DATA_PLANE": "https://iot.stranger.example",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://metadata.stranger.example",
        "AWS_WHAT_COMES_NEXT_YEAR": "https://next.stranger.example",
        "SAM_CLI_DEPLOY_REGION": "xx-nowhere-1",
        **dict.fromkeys(
            ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"),
            "http://proxy.stranger.example:3128",
        ),
        "NO_PROXY": "internal.example",
        "no_proxy": "other.example",
    }
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), **settings}


@pytest.fixture
def cloud() -> Iterator[tuple[int, list[str]]]:
    """A port of this machine where all that comes is refused; and what was asked, by host."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            asked.append(self.headers.get("Host", ""))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(400)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = answer  # noqa: N815 - as http.server calls them

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port, asked
        server.shutdown()
        thread.join()


@pytest.fixture
def led(tmp_path: Path, hostile: dict[str, str], cloud: tuple[int, list[str]]) -> dict[str, str]:
    """Such a shell's environment, with a look at whom its Python programs call."""
    paths = Paths(directory=tmp_path / ".playground")
    lay_out(paths)
    environment = process_env(exports(paths, LocalState(port=cloud[0]), "s", hostile), hostile)
    return environment | {"STRANGERS": str(tmp_path / "strangers"), "PYTHONPATH": str(STRANGERS)}


def called(environment: Mapping[str, str], *arguments: str) -> tuple[int, list[str]]:
    """How many calls were made, and the strangers that were asked."""
    noted = Path(environment["STRANGERS"])
    noted.write_text("")
    done = subprocess.run(
        [sys.executable, str(EVERY_SERVICE), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1]), sorted(set(noted.read_text().split()))


@pytest.mark.thorough
@pytest.mark.parametrize("way", ["boto3", "cli"])
def test_a_call_of_every_service_stays_on_this_machine(
    led: dict[str, str], cloud: tuple[int, list[str]], services: list[str], way: str
) -> None:
    count, strangers = called(led, way, *services)
    assert strangers == []
    assert count >= len(services)
    assert (
        len(cloud[1]) >= len(services) * 3 / 4
    )  # some operations take no made-up input, and call nobody
    assert {host.partition(":")[0] for host in cloud[1]} == {"127.0.0.1"}


@pytest.mark.thorough
def test_who_is_not_led_home_is_noticed(
    led: dict[str, str], hostile: dict[str, str], cloud: tuple[int, list[str]]
) -> None:
    # given the CLI's version 1 without the words that our `aws` says to it, and a shell that was
    # led nowhere
    assert called(led, "bare", "sqs") == (1, ["proxy.stranger.example"])
    lost = led | {"AWS_ENDPOINT_URL_SNS": "https://sns.stranger.example"}
    assert called(lost, "boto3", "sns")[1] != []


def test_all_that_may_lead_away_is_removed_and_what_does_no_harm_stays(
    tmp_path: Path, hostile: dict[str, str]
) -> None:
    # given
    environ = (
        hostile | dict.fromkeys(HARMLESS, "mine") | {"EDITOR": "vi", "SAM_CLI_BETA_FEATURES": "1"}
    )
    variables = exports(Paths(tmp_path), LocalState(), "s", environ)
    # when
    left = process_env(variables, environ)
    # then
    settings = {name for name in left if name.startswith(("AWS_", "BOTO_", "SAM_CLI_"))}
    assert settings - variables.keys() == HARMLESS | {"SAM_CLI_BETA_FEATURES"}
    assert "stranger" not in "".join(
        value for name, value in left.items() if "PROXY" not in name.upper()
    )
    assert {"AWS_ENDPOINT_URL_SQS", "AWS_WHAT_COMES_NEXT_YEAR", "BOTO_CONFIG"} <= set(
        strays(variables, environ)
    )
    # and in a shell that evaluates it
    script = f"{shell_text(variables, environ)}\nenv -0"
    shown = subprocess.run(
        ["/bin/sh", "-c", script], env=environ, capture_output=True, text=True, check=True
    ).stdout
    pairs = dict(line.partition("=")[::2] for line in shown.split("\0") if line)
    assert {name: pairs[name] for name in left} == left
    assert not pairs.keys() & set(strays(variables, environ))


def test_a_name_that_no_shell_can_unset_breaks_nothing(tmp_path: Path) -> None:
    environ = {
        "AWS_ODD-NAME": "x",
        "AWS_\u00e9": "x",
        "AWS_; touch /tmp/x": "x",
        "PATH": "/bin:/usr/bin",
    }
    text = shell_text(exports(Paths(tmp_path), LocalState(), "s", environ), environ)
    assert (
        subprocess.run(["/bin/sh", "-euc", text], env={}, capture_output=True, check=True).stderr
        == b""
    )


def test_this_machine_is_never_behind_a_proxy() -> None:
    assert no_proxy({}) == "127.0.0.1,localhost"
    assert no_proxy({"NO_PROXY": "a, localhost", "no_proxy": "b,a"}) == "a,localhost,b,127.0.0.1"
    once = no_proxy({"NO_PROXY": "a"})
    assert no_proxy({"NO_PROXY": once, "no_proxy": once}) == once


def test_functions_on_this_machine_read_nothing_of_the_users(
    tmp_path: Path, hostile: dict[str, str]
) -> None:
    env = emulator.environment(Paths(directory=tmp_path), LocalState(), "s", hostile)
    assert (env["AWS_CONFIG_FILE"], env["AWS_SHARED_CREDENTIALS_FILE"]) == (os.devnull, os.devnull)
    assert "BOTO_CONFIG" not in env
    assert not [name for name in env if name.startswith("AWS_ENDPOINT")]
    assert (
        env["no_proxy"] == env["NO_PROXY"] == "internal.example,other.example,127.0.0.1,localhost"
    )


@pytest.fixture
def bin_folders(tmp_path: Path) -> Callable[[str], Path]:
    """Makes folders with an `aws` that says who it is and what it was told."""

    def make(name: str, script: str = 'echo "$(basename "$(dirname "$0")"):" "$@"') -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "aws").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "aws").chmod(0o755)
        return folder

    return make


def aws(path: list[Path], *arguments: str, endpoint: str | None = "http://127.0.0.1:4566") -> str:
    """What `aws` in a shell with this PATH says."""
    environment = {"PATH": ":".join(map(str, [*path, "/usr/bin", "/bin"]))}
    environment |= {"AWS_ENDPOINT_URL": endpoint} if endpoint else {}
    command = [shutil.which("aws", path=environment["PATH"]) or "", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_users_own_aws_comes_before_ours(
    tmp_path: Path, bin_folders: Callable[..., Path]
) -> None:
    # given ours, as it is on the PATH, and that of another checkout
    for checkout in ("one", "two"):
        bin_folders(f"{checkout}/.venvs/app/bin", 'echo ours: "$@"')
        (tmp_path / checkout / ".venvs/bin").mkdir()
        (tmp_path / checkout / ".venvs/bin/aws").symlink_to(PROJECT / "playground" / "aws.sh")
    ours, other = (tmp_path / name / ".venvs/bin" for name in ("one", "two"))
    led = "--endpoint-url http://127.0.0.1:4566"
    # then ours serves where there is none, or none that runs
    assert aws([ours], "sqs", "list-queues") == f"ours: {led} sqs list-queues"
    broken = bin_folders("manager/shims", "exit 127")
    assert aws([ours, other, broken], "sts", "x y") == f"ours: {led} sts x y"
    # and else the user's own, with the endpoint unless it is said already, or there is none
    users = bin_folders("users")
    assert aws([ours, other, users], "sqs", "list-queues") == f"users: {led} sqs list-queues"
    assert (
        aws([ours, users], "s3", "ls", "--endpoint-url=http://x")
        == "users: s3 ls --endpoint-url=http://x"
    )
    assert aws([ours, users], "s3", "ls", endpoint=None) == "users: s3 ls"
    assert aws([ours, bin_folders("asdf/shims")], "--version") == f"shims: {led} --version"
