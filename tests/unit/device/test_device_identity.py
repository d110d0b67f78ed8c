"""Config, identity and the state directory."""

import json
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from awscrt import io
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from virtual_device.base.errors import (
    ConfigInvalidError,
    EnvironmentIncompleteError,
    NothingToHostError,
    StateCorruptError,
    StateUnusableError,
    UrlRefusedError,
    UrlUnreachableError,
)
from virtual_device.state import enrol
from virtual_device.state.config import AMAZON_ROOT_CAS, Config, Environment, Identity
from virtual_device.state.store import Store
from virtual_device.web.fetch import ATTEMPTS, fetch
from virtual_device.web.sources import NOWHERE, Sources

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nSECRET==\n-----END PRIVATE KEY-----\n"
IDENTITY = {"certificateId": "0" * 64, "certificatePem": CERTIFICATE, "privateKey": KEY}
CONFIG: dict[str, Any] = {
    "version": 1,
    "thingName": "dev-TEST",
    "deviceType": "bulb",
    "endpoint": "broker.example",
    "port": 8883,
    "identityUrl": "https://bucket.example/identity.json?signature=SIGNED",
    "attributes": {"room": "kitchen"},
}
OWN_FILES = Sources(files=True)
CONFIG_URL = "https://bucket.example/config.json?signature=SIGNED"


class Bucket:
    """What the URLs lead to, and which were asked for."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = {CONFIG_URL: CONFIG, CONFIG["identityUrl"]: IDENTITY}
        self.asked: list[str] = []

    def fetch(self, url: str, what: str, _sources: Sources) -> bytes:
        self.asked.append(url)
        if url not in self.content:
            raise UrlRefusedError(f"the URL of the {what} was refused (HTTP 403)")
        return json.dumps(self.content[url]).encode()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def test_urls_are_read_once(store: Store, bucket: Bucket) -> None:
    first = enrol.from_url(CONFIG_URL, store, NOWHERE, bucket.fetch)
    again = enrol.from_url(CONFIG_URL, store, NOWHERE, bucket.fetch)
    assert bucket.asked == [CONFIG_URL, CONFIG["identityUrl"]]
    assert first == again
    assert first[0].identity.private_key == KEY
    assert enrol.from_url(None, store, NOWHERE, bucket.fetch) == first


def test_a_new_url_that_is_refused_does_no_harm_to_the_one_that_is_kept(
    store: Store, bucket: Bucket
) -> None:
    first = enrol.from_url(CONFIG_URL, store, NOWHERE, bucket.fetch)
    assert enrol.from_url("https://bucket.example/expired", store, NOWHERE, bucket.fetch) == first


def test_a_new_url_brings_a_new_identity(store: Store, bucket: Bucket) -> None:
    enrol.from_url(CONFIG_URL, store, NOWHERE, bucket.fetch)
    bucket.content["https://new"] = {**CONFIG, "identityUrl": "https://new-identity"}
    bucket.content["https://new-identity"] = {**IDENTITY, "certificateId": "1" * 64}
    assert (
        enrol.from_url("https://new", store, NOWHERE, bucket.fetch)[0].identity.certificate_id
        == "1" * 64
    )


def test_an_expired_url_and_nothing_kept_is_an_error(store: Store, bucket: Bucket) -> None:
    with pytest.raises(UrlRefusedError):
        enrol.from_url("https://expired", store, NOWHERE, bucket.fetch)
    with pytest.raises(NothingToHostError):
        enrol.from_url(None, store, NOWHERE, bucket.fetch)


def test_files_are_private_and_hold_no_url(store: Store, bucket: Bucket, tmp_path: Path) -> None:
    enrol.from_url(CONFIG_URL, store, NOWHERE, bucket.fetch)
    store.save_settings("dev-TEST", {"time": 5})
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    files = list((tmp_path / "state" / "dev-TEST").iterdir())
    assert {file.name for file in files} == {"identity.json", "settings.json"}
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "SIGNED" not in file.read_text()


def test_an_open_file_is_closed(store: Store, bucket: Bucket, tmp_path: Path) -> None:
    enrol.from_url(CONFIG_URL, store, NOWHERE, bucket.fetch)
    file = tmp_path / "state" / "dev-TEST" / "identity.json"
    file.chmod(0o644)
    store.load("dev-TEST")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def _cut(text: str) -> str:
    return text[: len(text) // 2]


@pytest.mark.parametrize(
    "damage", [_cut, lambda _: "", lambda _: "[]", lambda text: text.replace("END PRIV", "")]
)
def test_a_damaged_identity_is_never_half_used(
    store: Store, bucket: Bucket, tmp_path: Path, damage: Callable[[str], str]
) -> None:
    # Given a damaged identity file
    enrol.from_url(CONFIG_URL, store, NOWHERE, bucket.fetch)
    file = tmp_path / "state" / "dev-TEST" / "identity.json"
    file.write_text(damage(file.read_text()))
    # Then it is said, and nothing leaks
    with pytest.raises(StateCorruptError, match="damaged") as caught:
        store.load("dev-TEST")
    assert "SECRET" not in str(caught.value)
    with pytest.raises(StateCorruptError):
        enrol.from_url(None, store, NOWHERE, bucket.fetch)
    # And with a URL that still works the device is whole again
    assert enrol.from_url(CONFIG_URL, store, NOWHERE, bucket.fetch)[0].identity.private_key == KEY
    assert store.load("dev-TEST") is not None


def test_a_failed_write_leaves_the_old_identity_but_no_old_settings(
    store: Store, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = enrol.from_url(CONFIG_URL, store, NOWHERE, bucket.fetch)[0]
    store.save_settings("dev-TEST", {"time": 5})

    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fdopen", fail)
    with pytest.raises(StateUnusableError, match="no space left"):
        store.save(replace(kept, config_source="another"))
    with pytest.raises(StateUnusableError, match="no space left"):
        store.save_settings("dev-TEST", {"time": 6})
    assert store.load("dev-TEST") == kept
    assert store.load_settings("dev-TEST") is None
    assert [file.name for file in (tmp_path / "state" / "dev-TEST").iterdir()] == ["identity.json"]


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"thingName": "../etc"},
        {"thingName": ""},
        {"deviceType": "toaster"},
        {"endpoint": None},
        {"port": "8883"},
        {"port": True},
        {"port": 0},
        {"identityUrl": None},
        {"attributes": []},
    ],
)
def test_a_bad_config_is_named(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigInvalidError, match=next(iter(change))):
        Config.from_bytes(json.dumps({**CONFIG, **change}).encode())


def test_secrets_are_not_shown() -> None:
    identity = Identity.from_bytes(json.dumps(IDENTITY).encode())
    assert "SECRET" not in repr(identity)
    assert "SIGNED" not in repr(Config.from_bytes(json.dumps(CONFIG).encode()))


def test_the_environment_says_what_is_missing() -> None:
    with pytest.raises(EnvironmentIncompleteError, match="STATE_DIR"):
        Environment.from_variables({})
    with pytest.raises(EnvironmentIncompleteError, match="IOT_PORT"):
        Environment.from_variables({"STATE_DIR": "/x", "IOT_PORT": "99999"})
    for floor in ("0", "301", "1.5", "-1", "nan", "9" * 5000):
        with pytest.raises(EnvironmentIncompleteError, match="METRICS_FLOOR"):
            Environment.from_variables({"STATE_DIR": "/x", "METRICS_FLOOR": floor})
    marked = {"STATE_DIR": "\ufeff/x\r", "IOT_ENDPOINT": "localhost\r\n", "METRICS_FLOOR": "5\r"}
    environment = Environment.from_variables(marked)
    assert (str(environment.state_dir), environment.endpoint, environment.metrics_floor) == (
        "/x",
        "localhost",
        5,
    )
    environment = Environment.from_variables(
        {"STATE_DIR": "/x", "IOT_ENDPOINT": "localhost", "IOT_PORT": "18883"}
    )
    assert (environment.endpoint, environment.port) == ("localhost", 18883)
    assert environment.ca_file == AMAZON_ROOT_CAS
    assert environment.read_ca().startswith(b"-----BEGIN CERTIFICATE-----")


def test_what_is_out_of_reach_is_asked_again_with_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    delays: list[float] = []
    asked: list[str] = []

    def unreachable(url: str, *_: object) -> bytes:
        asked.append(url)
        raise UrlUnreachableError("no")

    monkeypatch.setattr("virtual_device.web.fetch._get", unreachable)
    with pytest.raises(UrlUnreachableError):
        fetch("https://x", "config document", Sources.read("https://x"), delays.append)
    assert len(asked) == ATTEMPTS
    assert len(delays) == ATTEMPTS - 1
    assert all(0 <= delay <= 8 for delay in delays)


def test_a_file_url_is_read(tmp_path: Path) -> None:
    path = tmp_path / "with space.json"
    path.write_bytes(b"{}")
    assert fetch(path.as_uri(), "config document", OWN_FILES) == b"{}"
    with pytest.raises(UrlRefusedError):
        fetch((tmp_path / "none").as_uri(), "config document", OWN_FILES)
    with pytest.raises(ConfigInvalidError):
        fetch("ftp://x", "config document", OWN_FILES)


def test_what_a_killed_process_was_writing_is_removed_at_the_next_start(
    store: Store, tmp_path: Path
) -> None:
    store.save_settings("dev-TEST", {"time": 5})
    (tmp_path / "state" / "dev-TEST" / ".rotation.json.abc12_34").write_text("half a key")
    (tmp_path / "state" / "dev-TEST" / ".package.json.swp").write_text("somebody's own")
    assert Store(tmp_path / "state").load_settings("dev-TEST") == {"time": 5}
    left = {file.name for file in (tmp_path / "state" / "dev-TEST").iterdir()}
    assert left == {"settings.json", ".package.json.swp"}


def test_names_that_differ_in_case_alone_have_directories_of_their_own(tmp_path: Path) -> None:
    # given
    store = Store(tmp_path)
    for name in ("Pump", "pump", "PUMP"):
        store.save_settings(name, {"name": name})
        store.save_document(name, "identity.json", {})
    # when
    again = Store(tmp_path)
    # then: also for a file system that folds case, and whoever comes first
    assert len({path.name.casefold() for path in tmp_path.iterdir()}) == 3
    assert set(again.stored()) == {"Pump", "pump", "PUMP"}
    for name in ("PUMP", "pump", "Pump"):
        assert again.load_settings(name) == {"name": name}
    # and one that goes takes no other's place
    shutil.rmtree(tmp_path / "Pump")
    assert Store(tmp_path).load_settings("pump") == {"name": "pump"}


# https://www.amazontrust.com/repository/: SHA-256 of the subject public key information
ROOTS = {
    "Amazon Root CA 1": "fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
    "Amazon Root CA 2": "7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
    "Amazon Root CA 3": "36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
    "Amazon Root CA 4": "f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
    "Starfield Services Root Certificate Authority - G2": (
        "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92"
    ),
}


# Starfield's has the serial number 0, which a newer rule forbids; TLS libraries take it.
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_device_trusts_the_five_roots_of_amazon_trust_services_and_no_other() -> None:
    # given
    trusted = x509.load_pem_x509_certificates(AMAZON_ROOT_CAS.read_bytes())
    # then
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert {
        str(one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value): sha256(
            one.public_key().public_bytes(*form)
        ).hexdigest()
        for one in trusted
    } == ROOTS
    for one in trusted:
        one.verify_directly_issued_by(one)
    # and the TLS library takes them
    io.ClientTlsContext(_with_ca(AMAZON_ROOT_CAS.read_bytes()))


def _with_ca(ca: bytes) -> io.TlsContextOptions:
    options = io.TlsContextOptions()
    options.override_default_trust_store(ca)
    return options
