"""Functions' workers that are copies of a loaded process: no difference to those that are started
anew.
"""

import ast
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from playground.home.paths import PROJECT
from playground.local import warming
from playground.local.fork_server import is_there
from playground.local.forks import MOST_SERVERS, PR_SET_CHILD_SUBREAPER, ROOM_BYTES
from playground.local.worker_forks import LAYERS, PROGRAM, Worker, WorkerForks, of_all
from playground.local.worker_server import MODULES, SERVICES

pytestmark = pytest.mark.processes

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="copies are made on Linux alone"
)
thorough = pytest.mark.thorough

STARTED: list[Any] = []
BASE = {"PATH": os.environ["PATH"], "TZ": "UTC"}
OWN = {"AWS_ACCESS_KEY_ID": "ASIAOWN", "AWS_SECRET_ACCESS_KEY": "own", "AWS_REGION": "eu-west-1"}
LOOK = """
    import gc, json, os, resource, signal, sys, threading

    sys.stdin.readline()  # as the emulator's program begins
    json.dump({
        "arguments": [sys.argv, sys.orig_argv, __name__, __package__ or None, __file__],
        "path": sys.path,
        "flags": str(sys.flags).replace("safe_path=True", "safe_path=False"),
        "environment": sorted(os.environ.items()),
        "directory": os.getcwd(),
        "group": os.getpgid(0) == os.getpgid(os.getppid()),
        "session": os.getsid(0) == os.getsid(os.getppid()),
        "parent": os.getppid(),
        "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "wakeup": signal.set_wakeup_fd(-1),
        "limits": [resource.getrlimit(number) for number in range(10)],
        "mask": os.umask(0o22),
        "files": [os.readlink(f"/proc/self/fd/{number}").partition(":")[0] for number in range(3)],
        "others": sorted(number for number in os.listdir("/proc/self/fd") if int(number) > 2)[:-1],
        "streams": [
            [stream.name, stream.encoding, stream.errors, stream.write_through,
             stream.line_buffering, stream.isatty(), stream.seekable()]
            for stream in (sys.stdin, sys.stdout, sys.stderr)
        ],
        "threads": threading.active_count(),
        "collected": gc.isenabled(),
    }, sys.stdout)
"""
WAIT = "import sys; print('here', flush=True); sys.stdin.readline()"
CLIENTS = """
    import json, os, sys
    import boto3, botocore.session
    from botocore.loaders import JSONFileLoader

    assert boto3.DEFAULT_SESSION is None
    client = boto3.client("iot")
    given = client._request_signer._credentials
    again = boto3.Session().client("iot")
    print(json.dumps({
        "key": given.access_key,
        "region": client.meta.region_name,
        "operations": len(client.meta.service_model.operation_names),
        "apart": client.meta.service_model._service_description
            is not again.meta.service_model._service_description,
    }))
"""


def package(folder: Path, **modules: str) -> Path:
    """A package of functions, unpacked for good, with these modules."""
    made = folder / "lambda-packages" / f"of{time.monotonic_ns()}"
    made.mkdir(parents=True)
    for name, text in modules.items():
        (made / f"{name}.py").write_text(textwrap.dedent(text))
    return made


def worker(forks: WorkerForks, code: Path, program: str, **environment: str) -> Any:
    """Started as the emulator starts one."""
    own = code.parents[1] / f"ministack-lambda-{time.monotonic_ns()}"
    own.mkdir()
    (own / "code").symlink_to(code, target_is_directory=True)
    (own / PROGRAM).write_text(textwrap.dedent(program))
    process = forks.popen(
        [sys.executable, str(own / PROGRAM)],
        cwd=str(own / "code"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
        env={**BASE, **OWN, **environment},
    )
    STARTED.append(process)
    return process


def said(process: Any) -> str:
    """All that it says until it ends."""
    text: str = process.stdout.read()
    complaints: str = process.stderr.read()
    process.wait(20)
    return text + complaints


def let_go(process: Any) -> None:
    """Close what it is talked to by."""
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()


def gone(process: psutil.Process) -> bool:
    """Whether it has ended, and somebody has waited for it."""
    return not process.is_running()


def until(look: Callable[[], bool], limit: float = 20) -> None:
    """Wait for it."""
    deadline = time.monotonic() + limit
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture(autouse=True)
def _orphans() -> Iterator[None]:
    """What ends as an orphan after the test is again nobody's, and nothing is left."""
    yield
    for process in STARTED:
        let_go(process)
        process.kill()
        process.wait()
    STARTED.clear()
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@pytest.fixture
def forks() -> Iterator[WorkerForks]:
    """Whose first worker of a package is a copy already."""
    made = WorkerForks(BASE)
    with made.expecting_more():
        yield made
    made.close()


@linux
@thorough
def test_a_copy_is_as_a_process_that_was_started(tmp_path: Path) -> None:
    # given
    forks, code = WorkerForks(BASE), package(tmp_path)
    found = []
    # when: the first of a package is started anew
    for kind in (subprocess.Popen, Worker):
        process = worker(forks, code, LOOK, MARK="1")
        process.stdin.write("begin\n")
        assert isinstance(process, kind)
        own = re.compile(r"ministack-lambda-\d+")
        found.append(json.loads(own.sub("OWN", said(process))))
    forks.close()
    # then
    assert found[1] == found[0]
    assert found[1]["parent"] == os.getpid()
    assert found[1]["directory"] == str(code)
    assert found[1]["others"] == []
    assert dict(found[1]["environment"]).items() >= {**BASE, **OWN, "MARK": "1"}.items()


@linux
def test_a_worker_has_its_own_variables_and_credentials_alone(
    forks: WorkerForks, tmp_path: Path
) -> None:
    # given
    code, look = package(tmp_path), "import json, os; print(json.dumps(dict(os.environ)))"
    # when
    first = json.loads(said(worker(forks, code, look, TABLE="one", AWS_SESSION_TOKEN="first")))
    second = json.loads(said(worker(forks, code, look, TABLE="two", AWS_ACCESS_KEY_ID="ASIATWO")))
    # then
    assert first.keys() ^ {*BASE, *OWN, "TABLE", "AWS_SESSION_TOKEN"} <= {"LC_CTYPE"}
    assert second.keys() ^ {*BASE, *OWN, "TABLE"} <= {"LC_CTYPE"}
    assert (second["TABLE"], second["AWS_ACCESS_KEY_ID"]) == ("two", "ASIATWO")


@linux
def test_its_clients_are_made_of_its_own_credentials_and_of_files_of_their_own(
    forks: WorkerForks, tmp_path: Path
) -> None:
    process = worker(forks, package(tmp_path), CLIENTS, AWS_DEFAULT_REGION="eu-west-1")
    assert isinstance(process, Worker)
    found = json.loads(said(process))
    operations = found.pop("operations")
    assert found == {"key": "ASIAOWN", "region": "eu-west-1", "apart": True}
    assert operations > 200


@linux
@thorough
def test_copies_do_not_share_their_chances(forks: WorkerForks, tmp_path: Path) -> None:
    code = package(tmp_path)
    chances = "import os, random, secrets, ssl, uuid; print(random.random(), uuid.uuid4(), "
    chances += "secrets.token_hex(), ssl.RAND_bytes(8).hex())"
    found = [said(worker(forks, code, chances)).split() for _ in range(2)]
    assert len({chance for chances in found for chance in chances}) == 8


@linux
@thorough
def test_the_system_shows_it_as_what_it_is(forks: WorkerForks, tmp_path: Path) -> None:
    process = worker(forks, package(tmp_path), WAIT, MARK="1")
    assert process.stdout.readline() == "here\n"
    seen = psutil.Process(process.pid)
    assert [part for part in seen.cmdline() if part] == process.args
    assert seen.environ() == {**BASE, **OWN, "MARK": "1"}
    assert seen.ppid() == os.getpid()
    process.stdin.close()
    assert process.wait(20) == 0


@linux
def test_it_is_waited_for_asked_to_end_and_killed(forks: WorkerForks, tmp_path: Path) -> None:
    code = package(tmp_path)
    stubborn = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAIT}"
    process = worker(forks, code, stubborn)
    process.stdout.readline()
    assert (process.poll(), process.returncode) == (None, None)
    process.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.1)
    process.kill()
    assert process.wait(timeout=20) == -signal.SIGKILL == process.returncode == process.poll()
    process.kill()  # nobody's by now
    asked = worker(forks, code, WAIT)
    asked.stdout.readline()
    asked.terminate()
    assert asked.wait(20) == -signal.SIGTERM


@linux
@thorough
@pytest.mark.parametrize(
    ("program", "code", "text"),
    [
        ("import sys; sys.exit(2)", 2, ""),
        ("import os; os._exit(3)", 3, ""),
        ("import atexit; atexit.register(print, 'bye')", 0, "bye"),
        ("raise OSError('broken')", 1, "OSError: broken"),
        ("import sys; sys.stdout.write('unflushed')", 0, "unflushed"),
        ("from threading import Timer; Timer(0.1, print, ['waited for']).start()", 0, "waited for"),
    ],
)
def test_how_it_ends(
    forks: WorkerForks, tmp_path: Path, program: str, code: int, text: str
) -> None:
    process = worker(forks, package(tmp_path), program)
    assert isinstance(process, Worker)
    assert text in said(process)
    assert process.poll() == code


@linux
def test_one_that_nobody_remembers_ends_and_is_waited_for(
    forks: WorkerForks, tmp_path: Path
) -> None:
    """As the emulator forgets one that has not answered: the end of its input is its own."""
    # given
    code = package(tmp_path)
    process = worker(forks, code, WAIT)
    other = worker(forks, code, WAIT)
    seen = psutil.Process(process.pid)
    # when
    let_go(process)
    until(lambda: seen.status() == psutil.STATUS_ZOMBIE)
    worker(forks, code, WAIT)
    # then
    assert gone(seen)
    assert other.poll() is None


@linux
def test_new_code_has_another_server_and_the_old_one_goes_with_its_folder(
    forks: WorkerForks, tmp_path: Path
) -> None:
    # given
    program = "import sys; sys.path.insert(0, '.'); import own; print(own.VALUE)"
    old, new = package(tmp_path, own="VALUE = 1"), package(tmp_path, own="VALUE = 2")
    assert said(worker(forks, old, program)) == "1\n"
    # when
    assert said(worker(forks, new, program)) == "2\n"
    assert forks._servers.keys() == {old, new}
    old.rename(tmp_path / "away")
    forks._prepare(package(tmp_path))
    # then
    assert old not in forks._servers
    assert len(forks._servers) <= MOST_SERVERS


@linux
@thorough
@pytest.mark.parametrize(
    ("variables", "copied"),
    [
        ({}, True),
        ({"MARK": "x" * 5000}, True),
        ({"MARK": "x" * ROOM_BYTES}, False),
        ({LAYERS: "/somewhere"}, False),
        ({"TZ": "Europe/Berlin"}, False),
        ({"PYTHONHASHSEED": "1"}, False),
        ({"HOME": "/nowhere"}, False),  # botocore's, when it is imported
        ({"POWERTOOLS_DEBUG": "1"}, False),  # Powertools', when it is imported
        ({"POWERTOOLS_LOG_LEVEL": "DEBUG"}, True),
    ],
)
def test_what_was_loaded_in_another_environment_is_not_copied(
    forks: WorkerForks, tmp_path: Path, variables: dict[str, str], *, copied: bool
) -> None:
    program = "import os; print(len(os.environ.get('MARK', '')))"
    process = worker(forks, package(tmp_path), program, **variables)
    assert isinstance(process, Worker) is copied
    assert said(process) == f"{len(variables.get('MARK', ''))}\n"


@linux
@thorough
@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("aws_lambda_powertools", "import os; os.environ['MARK'] = '1'", "has set variables"),
        (
            "aws_lambda_powertools",
            "from threading import Event, Thread; Thread(target=Event().wait, daemon=True).start()",
            "started 1 threads",
        ),
        ("aws_lambda_powertools", "raise OSError('broken')", "broken"),
        ("aws_lambda_powertools", "import os; os._exit(0)", "it has ended"),
        ("socket", "", "modules of its own that are called socket"),
    ],
)
def test_a_package_that_can_not_be_shared_is_not_tried_again(
    forks: WorkerForks,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    text: str,
    why: str,
) -> None:
    code = package(tmp_path, **{name: text})
    for _ in range(2):
        process = worker(forks, code, "print('there')")
        assert not isinstance(process, Worker)
        assert said(process) == "there\n"
    assert not forks._servers
    (line,) = [message for message in caplog.messages if "one by one" in message]
    assert why in line


@linux
def test_what_a_module_reads_when_it_is_loaded_decides(forks: WorkerForks, tmp_path: Path) -> None:
    code = package(tmp_path, aws_lambda_powertools="import os; LEVEL = os.environ.get('LEVEL')")
    program = """
        import sys; sys.path.insert(0, ".")
        import aws_lambda_powertools; print(aws_lambda_powertools.LEVEL)
    """
    quiet, loud = worker(forks, code, program), worker(forks, code, program, LEVEL="DEBUG")
    assert (isinstance(quiet, Worker), isinstance(loud, Worker)) == (True, False)
    assert (said(quiet), said(loud)) == ("None\n", "DEBUG\n")


@linux
@thorough
def test_after_the_end_of_the_server_there_is_another_one(
    forks: WorkerForks, tmp_path: Path
) -> None:
    # given
    code = package(tmp_path)
    before = worker(forks, code, WAIT)
    server = forks._servers[code].process
    # when
    server.kill()
    server.wait()
    # then
    anew = worker(forks, code, "")
    assert not isinstance(anew, Worker)
    said(anew)
    assert isinstance(worker(forks, code, WAIT), Worker)
    assert before.poll() is None


@linux
@thorough
def test_nobody_waits_for_long_until_a_server_is_ready(
    forks: WorkerForks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr("playground.local.worker_forks.LOADING_LIMIT", 0.1)
    code = package(tmp_path, aws_lambda_powertools="import time; time.sleep(2)")
    # when
    anew = worker(forks, code, "print('there')")
    # then
    assert not isinstance(anew, Worker)
    assert said(anew) == "there\n"
    until(lambda: isinstance(worker(forks, code, WAIT), Worker))


@linux
def test_nothing_is_left_when_the_emulator_is_killed(tmp_path: Path) -> None:
    # given
    code = package(tmp_path)
    text = f"""
        import sys
        sys.path[:0] = {[str(PROJECT)]!r}
        from pathlib import Path
        from playground.local.worker_forks import WorkerForks
        from tests.unit.local.test_playground_workers import BASE, WAIT, worker
        forks = WorkerForks(BASE)
        with forks.expecting_more():
            workers = [worker(forks, Path({str(code)!r}), WAIT) for _ in range(3)]
        for one in workers:
            one.stdout.readline()
        print("here", flush=True)
        sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as emulator:
        assert emulator.stdout is not None
        assert emulator.stdout.readline() == "here\n"
        left = psutil.Process(emulator.pid).children(recursive=True)
        assert len(left) == 4
        # when
        emulator.kill()
    # then
    until(lambda: not any(map(alive, left)))


def alive(process: psutil.Process) -> bool:
    """Whether it does something; init may be slow to wait for it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@linux
def test_the_only_worker_of_a_package_has_no_server(tmp_path: Path) -> None:
    forks, code = WorkerForks(BASE), package(tmp_path)
    first = worker(forks, code, "")
    assert not isinstance(first, Worker)
    said(first)
    assert not forks._servers


@pytest.mark.parametrize(
    "change",
    [
        {"args": [sys.executable, "-c", ""]},
        {"args": ["/bin/echo", f"/{PROGRAM}"]},
        {"cwd": "/"},
    ],
)
def test_what_is_no_worker_is_never_copied(tmp_path: Path, change: dict[str, Any]) -> None:
    """A bootstrap of its own, say, or code that somebody may change."""
    forks, program = WorkerForks(BASE, possible=True), tmp_path / PROGRAM
    program.write_text("")
    options = {"args": [sys.executable, str(program)], "cwd": str(tmp_path), "env": BASE, **change}
    with forks.expecting_more(), forks.popen(**options, stdout=subprocess.DEVNULL) as process:
        assert isinstance(process, subprocess.Popen)
    assert not forks._servers


def test_elsewhere_all_are_started_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.local.forks.sys.platform", "darwin")
    forks = WorkerForks(BASE)
    with forks.expecting_more():
        process = worker(forks, package(tmp_path), "print('there')")
    assert isinstance(process, subprocess.Popen)
    assert said(process) == "there\n"
    assert not forks._servers


def test_a_server_has_no_credentials() -> None:
    environ = {"AWS_SECRET_ACCESS_KEY": "x", "AWS_CONFIG_FILE": "/dev/null", "HOME": "/root"}
    assert of_all(environ) == {"HOME": "/root"}


def sources() -> list[ast.AST]:
    return [ast.parse(path.read_text()) for path in (PROJECT / "functions").rglob("*.py")]


def test_the_clients_that_functions_make_are_those_whose_models_are_held() -> None:
    named = {
        node.args[0].value
        for tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("client", "resource")
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert named == set(SERVICES)


def test_modules_that_are_loaded_are_there() -> None:
    assert [name for name in MODULES if not is_there(name)] == []


def test_the_functions_of_a_new_device_are_the_stack_s() -> None:
    template = (PROJECT / "template.yaml").read_text()
    assert [name for name in warming.FIRST if f"\n  {name}Function:\n" not in template] == []
    names = ["other-TakeTurnFunction-1", "mine-TakeTurnFunction-2", "mine-CreateThingFunction-3"]
    assert warming.chosen(names, "mine") == names[:0:-1]
