"""Waiting for something to read, whichever number its descriptor has."""

import fcntl
import os
import resource
from collections.abc import Iterator

import pytest

from playground.base.readable import readable

MANY = 1100
"""More than `select.select` takes (FD_SETSIZE)."""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Its end for reading has a great number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= MANY:
        pytest.skip("this system allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, MANY + 16), hard))
    reading, writing = os.pipe()
    great = fcntl.fcntl(reading, fcntl.F_DUPFD, MANY)
    os.close(reading)
    yield great, writing
    for one in (great, writing):
        try:
            os.close(one)
        except OSError:
            continue
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_there_is_nothing_until_something_is_written(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    assert reading >= MANY
    assert not readable(reading, 0.0)
    os.write(writing, b"x")
    assert readable(reading, 0.0)


def test_a_closed_end_is_something_to_read(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    os.close(writing)
    assert readable(reading, 0.0)
    assert os.read(reading, 1) == b""
