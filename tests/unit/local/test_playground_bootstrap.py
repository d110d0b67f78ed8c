"""Making the environments: which Python, and when there is nothing to do."""

import ast
import ensurepip
import errno
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from playground import bootstrap, installers
from playground.home.paths import PROJECT
from tests.device.pki import CertificateAuthority


def fake_python(folder: Path, name: str, version: str) -> Path:
    """A program that answers like an interpreter of this version."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def old_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script itself runs on Python 3.8."""
    monkeypatch.setattr(sys, "version_info", (3, 8, 1, "final", 0))


def test_python_of_the_environment_comes_first(tmp_path: Path) -> None:
    chosen = fake_python(tmp_path, "mine", "3.12.4")
    assert bootstrap.find_python({"PYTHON": str(chosen)}) == (str(chosen), (3, 12, 4))


@pytest.mark.parametrize(
    ("name", "version", "says"), [("old", "3.9.1", "is Python 3.9"), ("odd", "no", "does not run")]
)
def test_unfit_python_of_the_environment_is_said(
    tmp_path: Path, name: str, version: str, says: str
) -> None:
    with pytest.raises(bootstrap.BootstrapError, match=says):
        bootstrap.find_python({"PYTHON": str(fake_python(tmp_path, name, version))})


@pytest.mark.processes
@pytest.mark.usefixtures("old_interpreter")
def test_newest_working_python_on_the_path(tmp_path: Path) -> None:
    fake_python(tmp_path, "python3.11", "3.11.2")
    newer = fake_python(tmp_path, "python3.13", "3.13.0")
    # A version manager's shim for a version that is not installed.
    (tmp_path / "python3.14").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "python3.14").chmod(0o755)
    assert bootstrap.find_python({"PATH": str(tmp_path)}) == (str(newer), (3, 13, 0))


@pytest.mark.usefixtures("old_interpreter")
def test_no_python_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        bootstrap.BootstrapError, match=r"needs Python 3\.11 or later and found 3\.8: install"
    ):
        bootstrap.find_python({"PATH": str(tmp_path)})


def test_old_pythons_can_parse_it() -> None:
    for module in (bootstrap, installers):
        ast.parse(Path(str(module.__file__)).read_text(), feature_version=(3, 6))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with one lock file."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "sam.txt").write_text("a==1")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENVS", tmp_path / ".venvs")
    return tmp_path


def test_stamp_changes_with_lock_and_interpreter(project: Path) -> None:
    stamp = bootstrap.stamp_of("sam", "/usr/bin/python3", (3, 12, 1))
    assert stamp == bootstrap.stamp_of("sam", "/usr/bin/python3", (3, 12, 1))
    assert stamp != bootstrap.stamp_of("sam", "/usr/bin/python3", (3, 12, 2))
    (project / "requirements" / "sam.txt").write_text("a==2")
    assert stamp != bootstrap.stamp_of("sam", "/usr/bin/python3", (3, 12, 1))


def test_stamped_environment_is_left_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(bootstrap, "find_python", lambda _environ: ("/usr/bin/python3", (3, 12, 1)))

    def fake_make(name: str, _python: str) -> None:
        made.append(name)
        (project / ".venvs" / name).mkdir()

    monkeypatch.setattr(bootstrap, "make", fake_make)
    (project / "requirements" / "uv.txt").write_text("uv==1")
    bootstrap.bootstrap(["sam"])
    bootstrap.bootstrap(["sam"])
    assert made == ["uv", "sam"]


def test_interrupted_environment_is_made_again(project: Path) -> None:
    (project / ".venvs" / "sam").mkdir(parents=True)
    assert not bootstrap.is_made("sam", bootstrap.stamp_of("sam", "/usr/bin/python3", (3, 12, 1)))


def pip_of(environment: Path) -> str:
    """What the environment's own pip says of itself, as `sam build` calls it."""
    command = [str(environment / "bin" / "python"), "-I", "-m", "pip", "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.thorough
@pytest.mark.processes
def test_pip_is_the_one_that_python_brings(project: Path) -> None:
    # when
    (project / ".venvs").mkdir()
    bootstrap.make_with_pip(project / ".venvs" / "uv", sys.executable)
    # then it was unpacked, not installed
    assert pip_of(project / ".venvs" / "uv").startswith(f"pip {ensurepip.version()} from ")
    assert not (project / ".venvs" / "uv" / "bin" / "pip").exists()


@pytest.mark.thorough
@pytest.mark.processes
def test_a_python_that_keeps_its_pip_elsewhere_installs_it_its_own_way(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    (project / ".venvs").mkdir()
    monkeypatch.setattr(bootstrap, "PIP_PROGRAM", "raise SystemExit('no such file')")
    # when
    bootstrap.make_with_pip(project / ".venvs" / "uv", sys.executable)
    # then
    assert pip_of(project / ".venvs" / "uv").startswith(f"pip {ensurepip.version()} from ")


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (
            "The virtual environment was not created because ensurepip is not available.",
            "install the package python3-venv",
        ),
        (
            "error: Failed to fetch: `x`\n  Caused by: dns error",
            "index did not answer while installing app",
        ),
        (
            "error: Failed to fetch: `x`\n  Caused by: error sending request\n  Caused "
            "by: invalid peer certificate: "
            "UnknownIssuer",
            "certificate is not trusted while installing app",
        ),
        (
            "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] self-signed'",
            "global.cert FILE",
        ),
        (
            "certificate verify failed: certificate is not yet valid",
            "is this machine's clock right?",
        ),
        (
            "invalid peer certificate: certificate not valid yet: CertNotValidYet",
            "is this machine's clock right?",
        ),
        ("first\nhash mismatch", "Installing app failed: hash mismatch"),
    ],
)
def test_failed_install_is_one_sentence(output: str, says: str) -> None:
    sentence = installers.explain("app", output, ".venvs/app.log")
    assert says in sentence
    assert "\n" not in sentence


def test_only_packaging_counts_in_pyproject() -> None:
    text = "[project]\nname = 'x'\n[tool.ruff]\nline-length = 1\n[build-system]\nrequires = []\n"
    assert bootstrap.packaging(text) == bootstrap.packaging(
        text.replace("length = 1", "length = 2")
    )
    assert bootstrap.packaging(text) != bootstrap.packaging(text.replace("'x'", "'y'"))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A package index with nothing in it, as a company has it; and the file of the company's own
    authority.
    """
    authority, inside = CertificateAuthority("A company"), tmp_path / "index"
    pair = authority.server()
    (tmp_path / "server.pem").write_text(pair.certificate + pair.private_key)
    (tmp_path / "company.pem").write_text(authority.pem)
    (inside / "simple").mkdir(parents=True)

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(inside))

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Who does not trust us hangs up."""

    with Server(("127.0.0.1", 0), Quiet) as server:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tmp_path / "server.pem")
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"https://localhost:{server.server_port}/simple", tmp_path / "company.pem"
        server.shutdown()
        thread.join()


@pytest.mark.thorough
@pytest.mark.processes
def test_a_companys_authority_that_pip_knows_is_told_to_uv(
    project: Path, index: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given the real uv, and an index with a certificate of the company's own authority
    url, authority = index
    (project / ".venvs").mkdir()
    (project / ".venvs" / "uv").symlink_to(PROJECT / ".venvs" / "uv")
    target = str(project / "target")
    uv = str(project / ".venvs" / "uv" / "bin" / "uv")
    command = [
        uv,
        "pip",
        "install",
        "--no-config",
        "--no-cache",
        "--target",
        target,
        "--index-url",
        url,
        "nothing-1",
    ]
    for name in (
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "PIP_CERT",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in (
        "UV_INDEX",
        "UV_DEFAULT_INDEX",
        "UV_EXTRA_INDEX_URL",
        "UV_FIND_LINKS",
        "UV_OFFLINE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    # when nobody knows that authority
    with pytest.raises(
        bootstrap.CertificateError, match="certificate is not trusted while installing app"
    ):
        bootstrap.run("app", command)
    # and when pip does, then uv gets through, to an index that has no such package
    monkeypatch.setenv("PIP_CERT", str(authority))
    with pytest.raises(bootstrap.BootstrapError) as refused:
        bootstrap.run("app", command)
    assert not isinstance(refused.value, bootstrap.CertificateError)
    assert "nothing-1 was not found" in (project / ".venvs" / "app.log").read_text()


def test_what_the_user_tells_uv_goes_before_what_pip_knows() -> None:
    settings = {"cert": "/pip.pem", "trusted-host": "a\nb", "proxy": "http://p:1", "index-url": "x"}
    told = {"SSL_CERT_FILE": "/pip.pem", "UV_INSECURE_HOST": "a b", "HTTPS_PROXY": "http://p:1"}
    assert installers.for_uv(settings, {}) == told
    assert installers.for_uv(settings, {"SSL_CERT_FILE": "/mine", "https_proxy": "http://q:1"}) == {
        "UV_INSECURE_HOST": "a b"
    }
    assert installers.for_uv({}, {"REQUESTS_CA_BUNDLE": "/r.pem"}) == {"SSL_CERT_FILE": "/r.pem"}
    assert installers.for_uv({}, {"REQUESTS_CA_BUNDLE": "/r.pem", "SSL_CERT_FILE": "/s.pem"}) == {}


def test_what_is_no_environment_is_not_removed(project: Path) -> None:
    # given something of the user's where an environment is to be
    theirs = project / ".venvs" / "sam" / "notes.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    with pytest.raises(
        bootstrap.BootstrapError,
        match=r"\.venvs/sam is no environment of Python: move it elsewhere",
    ):
        bootstrap.remove_environment(theirs.parent)
    assert theirs.read_text() == "mine"


def test_an_environment_goes_whatever_an_interruption_has_left(project: Path) -> None:
    target = project / ".venvs" / "sam"
    for left in (target, target.with_name("sam.gone")):
        (left / "lib").mkdir(parents=True)
    (target / "pyvenv.cfg").write_text("")
    bootstrap.remove_environment(target)
    assert list(target.parent.iterdir()) == []
    bootstrap.remove_environment(target)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EACCES, errno.EIO])
def test_a_stamp_that_can_not_be_read_is_not_gone(
    project: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Taken for that, the environment would be made anew, and the local cloud be stopped for it."""

    def fail(path: Path) -> str:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(Path, "read_text", fail)
    with pytest.raises(OSError, match=os.strerror(code)):
        bootstrap.is_made("sam", "stamp")


@pytest.mark.parametrize(
    ("has_it_all", "asked"), [(True, ["--offline"]), (False, ["--offline", ""])]
)
def test_the_index_is_asked_only_for_what_is_not_here(
    project: Path,
    has_it_all: bool,  # noqa: FBT001
    asked: list[str],
) -> None:
    # given an installer that notes how it is called
    (project / ".venvs").mkdir()
    noted, installer = project / "noted", project / "installer"
    status = "" if has_it_all else '[ "$2" != --offline ] || exit 1'
    installer.write_text(f'#!/bin/sh\necho "$2" >> "{noted}"\n{status}\n')
    installer.chmod(0o755)
    # when
    bootstrap.install("app", [str(installer), "install"])
    # then
    assert noted.read_text().splitlines() == asked
