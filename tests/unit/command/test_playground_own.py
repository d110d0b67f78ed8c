"""The files of a device that is not virtual: its key stays in the folder, and what fails leaves
none of them.
"""

import ast
import json
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from playground.devices import own
from playground.devices.executions import Outcome
from playground.devices.history import Step
from playground.devices.own import Pack
from playground.errors import InputFileError, UsageError, WorkflowError
from playground.home.homes import Home
from playground.home.paths import PROJECT
from playground.line import joining
from playground.line.context import Context
from playground.line.joining import Joining, join, own_request

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
CODE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def home(endpoint: str = "localhost:18883", ca_file: Path | None = None) -> Home:
    """One that answers what a pack asks for."""
    described = {"certificateDescription": {"certificatePem": CERTIFICATE}}
    iot = SimpleNamespace(
        describe_certificate=lambda certificateId: described,  # noqa: N803, ARG005
        describe_endpoint=lambda endpointType: {"endpointAddress": endpoint},  # noqa: N803, ARG005
    )
    return cast("Home", SimpleNamespace(client=lambda _: iot, ca_file=ca_file))


@pytest.fixture(autouse=True)
def catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row of any device."""
    rows = SimpleNamespace(row=lambda _: {"certificate_id": "c-1"})
    monkeypatch.setattr(own, "Devices", lambda _: rows)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_request_is_for_the_key_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "lamp"
    # when
    csr = x509.load_pem_x509_csr(Pack(folder, "lamp").begin(None).encode())
    # then
    key = load_pem_private_key((folder / "private.key").read_bytes(), None)
    assert csr.is_signature_valid
    assert csr.public_key() == key.public_key()
    assert mode(folder / "private.key") == 0o600
    assert [path.name for path in folder.iterdir()] == ["private.key"]


def test_the_files_are_what_a_client_needs(tmp_path: Path) -> None:
    # given
    ca = tmp_path / "ca"
    ca.write_text("CA\n")
    pack = Pack(tmp_path / "lamp", "lamp")
    pack.begin(None)
    # when
    pack.complete(home(ca_file=ca), PROJECT)
    # then
    texts = {path.name: path.read_text() for path in pack.folder.iterdir()}
    assert set(texts) == {"private.key", "certificate.pem", "ca.pem", "config.json", "README.md"}
    assert (texts["certificate.pem"], texts["ca.pem"]) == (CERTIFICATE, "CA\n")
    config = json.loads(texts["config.json"])
    assert (config["endpoint"], config["port"], config["clientId"]) == ("localhost", 18883, "lamp")
    assert config["topics"]["shadowDelta"] == "$aws/things/lamp/shadow/update/delta"
    assert "-h localhost -p 18883" in texts["README.md"]
    assert "@" not in re.sub(r"\S+@\S+\.\w+", "", texts["README.md"])


def test_on_aws_it_trusts_amazon_s_authorities(tmp_path: Path) -> None:
    pack = Pack(tmp_path / "lamp", "lamp")
    pack.begin(None)
    # when
    pack.complete(home("a1-ats.iot.eu-west-1.amazonaws.com"), PROJECT)
    # then
    config = json.loads((pack.folder / "config.json").read_text())
    assert (config["endpoint"], config["port"]) == ("a1-ats.iot.eu-west-1.amazonaws.com", 8883)
    assert (pack.folder / "ca.pem").read_text().count("BEGIN CERTIFICATE") >= 4


def test_a_request_of_its_own_brings_no_key(tmp_path: Path) -> None:
    # given
    csr = own.make_request("lamp")[1]
    (tmp_path / "lamp.csr").write_text(csr)
    pack = Pack(tmp_path / "lamp", "lamp")
    # when
    assert pack.begin(tmp_path / "lamp.csr") == csr
    pack.complete(home(), PROJECT)
    # then
    assert not (pack.folder / "private.key").exists()


@pytest.mark.parametrize("content", [CERTIFICATE, "x", "é", "-----BEGIN CERTIFICATE REQUEST-----"])
def test_a_file_that_is_no_request(tmp_path: Path, content: str) -> None:
    (tmp_path / "lamp.csr").write_text(content)
    with pytest.raises(InputFileError, match=r"lamp\.csr: must be a certificate signing request"):
        Pack(tmp_path / "lamp", "lamp").begin(tmp_path / "lamp.csr")
    assert not (tmp_path / "lamp").exists()


@pytest.mark.parametrize("name", own.FILES)
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match=f"has a {name} already: give another --out"):
        Pack(tmp_path, "lamp").begin(None)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_folder_that_can_t_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"lamp can't be written: Not a directory"):
        Pack(tmp_path / "file" / "lamp", "lamp").begin(None)


def test_what_failed_leaves_only_what_was_there(tmp_path: Path) -> None:
    # given
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    packs = [Pack(tmp_path / "full", "lamp"), Pack(tmp_path / "empty", "lamp")]
    # when
    for pack in packs:
        pack.begin(None)
        pack.complete(home(), PROJECT)
        pack.undo()
    # then
    assert [path.name for path in tmp_path.rglob("*")] == ["full", "mine"]


@pytest.mark.parametrize(
    ("asked", "count", "rule"),
    [
        ({}, 1, "--own needs a NAME"),
        ({"thingName": "lamp"}, 2, "--own needs a NAME, and is for one device"),
        ({"thingName": "lamp", "hosting": "task"}, 1, "--hosting is for a virtual device"),
    ],
)
def test_what_does_not_go_together(asked: dict[str, Any], count: int, rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        own_request(asked, count)


class Provisioning:
    """An execution that comes to the state which waits, and then goes on as it is told to."""

    def __init__(self, *later: Outcome | Exception | None) -> None:
        self.later, self.stopped = later, 0
        self.arn = "arn:one"

    def stop(self, _cause: str) -> None:
        self.stopped += 1

    def start(self, _request: Any) -> "Provisioning":
        return self

    def follow(self, _execution: Any, _request: Any) -> Iterator[tuple[list[Step], Any]]:
        yield [Step("AwaitOwner", "running", datetime.now(UTC))], None
        for one in self.later:
            if isinstance(one, Exception):
                raise one
            yield [], one


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Provisioning], Path]:
    """`create gate --own`, in such a cloud; gives the folder."""
    ca = tmp_path / "ca"
    ca.write_text("CA\n")
    given = SimpleNamespace(
        home_to_change=lambda: home(ca_file=ca),
        paths=SimpleNamespace(root=PROJECT),
        output=SimpleNamespace(show=lambda *_: None),
    )

    def create(provisioning: Provisioning) -> Path:
        monkeypatch.setattr(joining, "Workflow", lambda *_: provisioning)
        folder = tmp_path / "gate"
        asked = {"thingName": "gate", "hosting": "none"}
        with suppress(WorkflowError, UsageError, ConnectionError):
            join(cast("Context", given), asked, Joining(folder, None, wait=True))
        return folder

    return create


def test_files_stay_when_it_has_connected_and_when_nobody_knows(
    begin: Callable[[Provisioning], Path],
) -> None:
    for end in (Outcome("SUCCEEDED", 1.0, {"thingName": "gate"}), ConnectionError("the cloud")):
        provisioning = Provisioning(None, end)
        # when
        folder = begin(provisioning)
        # then
        assert {path.name for path in folder.iterdir()} == set(own.FILES)
        assert not provisioning.stopped
        shutil.rmtree(folder)


def test_files_go_with_what_they_are_for(begin: Callable[[Provisioning], Path]) -> None:
    provisioning = Provisioning(Outcome("FAILED", 1.0, {}, "OwnershipLost"))
    assert not begin(provisioning).exists()
    assert not provisioning.stopped


def test_what_could_not_be_written_is_undone_in_the_cloud_too(
    begin: Callable[[Provisioning], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # given: a disk that is full when the last file is written
    def full(*_: Any) -> str:
        raise OSError(28, "No space left on device")

    provisioning = Provisioning()
    monkeypatch.setattr(Pack, "complete", full)
    # when
    with pytest.raises(OSError, match="No space"):
        begin(provisioning)
    # then
    assert provisioning.stopped == 1
    assert not (tmp_path / "gate").exists()


def test_the_programs_to_paste_can_be_read_by_their_languages() -> None:
    text = own.commands_of("lamp", "localhost", 8883)
    blocks = CODE.findall(text)
    assert [language for language, _ in blocks] == [
        *["sh"] * 4, *["python"] * 3, "javascript", "c",
    ]  # fmt: skip
    for language, code in blocks:
        if language == "python":
            ast.parse(code)
