"""Generations of the emulator's state: written whole or not there, whatever happens meanwhile."""

import errno
import hashlib
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from playground.local import generations as module
from playground.local.generations import Contents, Generations, UnreadableError

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BODY = b"a body" * 1000


@pytest.fixture
def kept(tmp_path: Path) -> Generations:
    return Generations(tmp_path / "generations")


def contents(text: str, *bodies: bytes) -> Contents:
    blobs = {hashlib.sha256(body).hexdigest(): body for body in bodies}
    return Contents({"services.json": text.encode()}, blobs)


def texts(kept: Generations) -> list[str]:
    """What can be read, the newest first."""
    found = []
    for number in kept.numbers():
        kept.read(number)
        found.append((kept.path(number) / "services.json").read_text())
    return found


def leftovers(kept: Generations) -> list[str]:
    return sorted(
        path.name
        for path in kept.folder.iterdir()
        if path.name.startswith(".") and path.name != ".lock"
    )


def test_a_generation_comes_back_with_its_moment_and_its_blobs(kept: Generations) -> None:
    # when
    made = kept.write(contents("one", BODY), AT)
    # then
    assert made is not None
    found = kept.read(made.number)
    assert (found, found.at) == (made, AT)
    assert [kept.blob(digest).read_bytes() for digest in found.blobs] == [BODY]


def test_where_nothing_has_changed_nothing_is_written(kept: Generations) -> None:
    # given
    kept.write(contents("one", BODY), AT)
    before = sorted(kept.folder.rglob("*"))
    # when
    again = kept.write(contents("one", BODY), datetime.now(UTC))
    # then
    assert again is None
    assert sorted(kept.folder.rglob("*")) == before


def test_the_one_before_stays_and_older_ones_go_with_what_only_they_need(kept: Generations) -> None:
    # when
    for text in ("one", "two", "three"):
        kept.write(contents(text, BODY, text.encode()), AT)
    # then
    assert texts(kept) == ["three", "two"]
    blobs = {path.read_bytes() for path in (kept.folder / "blobs").iterdir()}
    assert blobs == {BODY, b"two", b"three"}
    assert leftovers(kept) == []


def test_what_is_kept_is_the_users_alone(kept: Generations) -> None:
    kept.write(contents("one", BODY), AT)
    for path in kept.folder.rglob("*"):
        if path.name != ".lock":
            assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("name", ["services.json", "manifest.json"])
def test_a_file_that_was_cut_in_half_is_seen(kept: Generations, name: str) -> None:
    # given
    kept.write(contents("the one before"), AT)
    kept.write(contents("the newest of all"), AT)
    file = kept.path(2) / name
    # when
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    # then
    with pytest.raises(UnreadableError, match=f"{name} (is damaged|can't be read)"):
        kept.read(2)
    assert kept.read(1).number == 1
    # and it is put aside, where the next one does not count it
    kept.set_aside(2)
    assert texts(kept) == ["the one before"]
    kept.write(contents("the next"), AT)
    assert texts(kept) == ["the next", "the one before"]


def test_a_blob_that_is_gone_or_damaged_is_seen(kept: Generations) -> None:
    made = kept.write(contents("one", BODY), AT)
    assert made is not None
    blob = kept.blob(next(iter(made.blobs)))
    blob.write_bytes(BODY[:-1])
    with pytest.raises(UnreadableError, match="is damaged"):
        kept.read(made.number)
    blob.unlink()
    with pytest.raises(UnreadableError, match="can't be read"):
        kept.read(made.number)


def test_a_manifest_of_a_later_format_is_left_alone(kept: Generations) -> None:
    kept.write(contents("one"), AT)
    manifest = kept.path(1) / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(UnreadableError, match="format 2, not 1"):
        kept.read(1)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk, as it were, that is full after so many bytes of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("bodies", [(), (b"x" * 4096,)])
def test_on_a_full_disk_the_old_one_stays_and_nothing_half_written(
    kept: Generations, bodies: tuple[bytes]
) -> None:
    # given
    kept.write(contents("one", BODY), AT)
    # when
    with files_of_at_most(2048), pytest.raises(OSError) as caught:  # noqa: PT011 - whatever the system says
        kept.write(contents("two" * 2000, *bodies), AT)
    # then
    assert caught.value.errno in (errno.EFBIG, errno.ENOSPC)
    assert texts(kept) == ["one"]
    assert [path.read_bytes() for path in (kept.folder / "blobs").iterdir()] == [BODY]
    # and with room again it goes on
    kept.write(contents("two"), AT)
    assert texts(kept) == ["two", "one"]


class Killed(BaseException):
    """The process ends here."""


def dying_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process end before the file system's call of that number."""
    left = step

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def one(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return call(*arguments, **named)

        return one

    for name in ("mkdir", "rename", "unlink"):
        monkeypatch.setattr(Path, name, counted(getattr(Path, name)))
    monkeypatch.setattr(module, "_write_durably", counted(module._write_durably))
    monkeypatch.setattr(shutil, "rmtree", counted(shutil.rmtree))


def test_killed_before_any_step_the_old_or_the_new_one_is_there_whole(kept: Generations) -> None:
    for text in ("one", "two"):
        kept.write(contents(text, text.encode() * 3000), AT)
    seen = set()
    for step in range(40):
        before = texts(kept)[0]
        # when
        with pytest.MonkeyPatch.context() as patch:
            dying_at(step, patch)
            try:
                kept.write(contents(f"at step {step}", f"body {step}".encode() * 3000), AT)
            except Killed:
                seen.add(step)
        # then
        readable = texts(kept)
        assert 1 <= len(readable) <= 3, step
        assert readable[0] in (before, f"at step {step}")
    # and without a kill all of it is cleared away
    assert len(seen) >= 8, "the steps were not met"
    kept.write(contents("the last"), AT)
    assert len(texts(kept)) == 2
    assert leftovers(kept) == []
