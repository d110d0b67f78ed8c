"""A page, and the server that serves it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.console.stage import Stage, on_stage


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """As `vite build` leaves it, and what must not be served."""
    found = tmp_path / "dist"
    (found / "assets").mkdir(parents=True)
    (found / ".vite").mkdir()
    (found / "index.html").write_text("<!doctype html><title>Console</title>" + " " * 2000)
    (found / "assets" / "index-1a2b.js").write_text("export const answer = 42;\n" * 400)
    (found / "assets" / "font-1.woff2").write_bytes(b"wOF2" + bytes(64))
    (found / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (found / ".vite" / "manifest.json").write_text("{}")
    (found / ".built-from").write_text("digest")
    (tmp_path / "secret").write_text("secret")
    (found / "assets" / "way-out.js").symlink_to(tmp_path / "secret")
    return found


@pytest.fixture
def stage(page: Path) -> Iterator[Stage]:
    """Server, user pool, API."""
    with on_stage(page) as running:
        yield running
