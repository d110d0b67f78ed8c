"""The emulator's own modules, each test with fresh ones: as they are, until it fills a gap."""

import sys
from asyncio import sslproto
from collections.abc import Iterator

import pytest

from playground.home.paths import Paths
from playground.local import gaps

# After all that is here already: only what this environment lacks comes from the emulator's, above
# all `ministack`.
SITE_PACKAGES = next(
    Paths().tool("emulator", "python").parents[1].glob("lib/python*/site-packages")
)
OURS = (
    "ministack",
    "playground.local.gaps.",
    *map("playground.local.{}".format, ("snapshot", "loading", "writers")),
)


def _forget() -> None:
    for name in [name for name in sys.modules if name.startswith(OURS)]:
        del sys.modules[name]
    for name in gaps.names():  # `from playground.local.gaps import ...` looks there first
        vars(gaps).pop(name, None)


@pytest.fixture(autouse=True)
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test imports of the emulator, and of our gaps, is loaded anew and forgotten
    afterwards.

    Import both inside the test.
    """
    monkeypatch.setattr(sys, "path", [*sys.path, str(SITE_PACKAGES)])
    # A gap may change what is Python's own.
    monkeypatch.setattr(sslproto.SSLProtocol, "max_size", sslproto.SSLProtocol.max_size)
    _forget()
    yield
    _forget()
