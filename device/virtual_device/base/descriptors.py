"""How many files this process may have open (each connection is one), and what a lack of them
means.
"""

import errno
import resource

from virtual_device.base.errors import DescriptorsLackingError

SPARE = 64
"""For everything but connections: what is read and written, downloads, awscrt's own."""

SIDE_CONNECTIONS = 8
"""One more for so many devices: a new identity is tried beside the old connection."""

MOST = 1 << 20
"""Where the system names no limit; macOS has one all the same, OPEN_MAX."""

OPEN_MAX = 10_240
"""setrlimit(2) of macOS, COMPATIBILITY."""

PASSING = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR, errno.EIO, errno.ESTALE}
)
"""Errors that say nothing about the file itself: another try may well succeed."""


def needed(devices: int) -> int:
    """So many descriptors for so many devices."""
    return devices + devices // SIDE_CONNECTIONS + SPARE


def require(devices: int) -> None:
    """Raise the limit as far as is allowed. Raises `DescriptorsLackingError` when it does not
    do.
    """
    limit = _raise_limit()
    if needed(devices) > limit:
        raise DescriptorsLackingError(
            f"{devices} devices need {needed(devices)} file descriptors, and this "
            f"process may have {limit}: raise "
            "the hard limit (`ulimit -Hn`; LimitNOFILE of systemd, nofile in "
            "limits.conf), or host fewer here"
        )


def _raise_limit() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else hard
    for limit in (wanted, min(wanted, OPEN_MAX)):
        if soft != resource.RLIM_INFINITY and soft < limit:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            except (OSError, ValueError):
                continue
            return limit
    return MOST if soft == resource.RLIM_INFINITY else soft
