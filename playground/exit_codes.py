"""What the command says to a script by its exit code; docs/cli.md has the table."""

DONE = 0
FAILED = 1
"""What was asked for did not come about, or not all of it; also: the device or AWS refused it, or
did not answer.
"""

USAGE = 2
"""The command line is wrong; nothing was tried. Click's own code for it."""

NO_HOME = 3
"""There is nothing to ask: no local cloud is up, no valid AWS credentials or region, no such
stack.
"""

NOT_FOUND = 4
"""There is no device, fleet, job, model or user of that name."""

BUG = 70
"""An error that nobody foresaw (EX_SOFTWARE of sysexits.h)."""

STOPPED = 99
"""A stop of the fleet's file has ended the run."""

INTERRUPTED = 130
"""Ctrl-C: 128 and the number of SIGINT, as shells count."""

BROKEN_PIPE = 141
"""Whoever read the output has gone: 128 and the number of SIGPIPE."""

TERMINATED = 143
"""128 and the number of SIGTERM."""
