"""How many files a process may have open: each connection is one."""

import resource

MOST = 1 << 20
"""Where the system names no limit; macOS has one all the same, OPEN_MAX."""

OPEN_MAX = 10_240
"""setrlimit(2) of macOS, COMPATIBILITY."""


def raise_limit() -> int:
    """Let this process, and all that it starts, have as many as are allowed; gives their number."""
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
