"""Where objects are kept: no two keys in one file, whatever a file system makes of their names."""

import unicodedata
from pathlib import Path

import pytest

from tests.gaps.filled import ACCOUNT, fill, in_scope

PAIRS = [
    ("devices/Pump/config.json", "devices/pump/config.json"),
    ("devices/caf\u00e9/x", "devices/cafe\u0301/x"),
    ("A", "%41"),
    ("x" * 300 + "A", "x" * 300 + "a"),
    ("devices/Pump", "devices/Pump/config.json"),
]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the emulator keeps them."""
    from ministack.services import s3

    monkeypatch.setattr(s3, "DATA_DIR", str(tmp_path))
    in_scope()
    return tmp_path


def as_folded(path: object) -> str:
    """How a file system sees a name that folds case and forms of letters."""
    return unicodedata.normalize("NFD", str(path)).casefold()


def same_file(one: str, other: str) -> bool:
    """Whether such a file system has one file for both keys."""
    from ministack.services import s3

    first, second = (s3._object_disk_path("bucket", key) for key in (one, other))
    return as_folded(first) == as_folded(second)


def test_the_emulator_still_has_one_file_for_both(places: Path) -> None:
    """When this fails the emulator has learned it: away with the gap."""
    assert same_file(*PAIRS[0])


def test_no_two_keys_share_a_file(places: Path) -> None:
    fill("object_files")
    assert [pair for pair in PAIRS if same_file(*pair)] == []


def test_what_is_written_is_read_again_after_a_restart(places: Path) -> None:
    # given
    fill("object_files")
    from ministack.services import s3

    record = {"body": b"one", "etag": "e", "size": 3}
    for number, key in enumerate(key for pair in PAIRS[:2] for key in pair):
        s3._persist_object("bucket", key, {**record, "body": str(number).encode()})
    # when
    found = {
        key: Path(path).read_bytes()
        for path, key in s3._persisted_key_files(str(places / ACCOUNT / "bucket"), sidecars=False)
    }
    # then
    assert found == {
        key: str(n).encode() for n, key in enumerate(key for pair in PAIRS[:2] for key in pair)
    }


def test_what_an_older_version_has_kept_stays_where_it_is(places: Path) -> None:
    # given
    from ministack.services import s3

    key, record = "devices/Pump/config.json", {"etag": "e", "size": 3}
    s3._persist_object("bucket", key, {**record, "body": b"old"})
    before = s3._object_disk_path("bucket", key)
    fill("object_files")
    # when
    s3._persist_object("bucket", key, {**record, "body": b"new"})
    # then: in one place, and the newest
    assert s3._object_disk_path("bucket", key) == before
    found = list(s3._persisted_key_files(str(places / ACCOUNT / "bucket"), sidecars=False))
    assert [(Path(path).read_bytes(), name) for path, name in found] == [(b"new", key)]
