"""Commands that a message tells somebody to run, as a shell takes them."""

import shlex


def command_line(command: str, *words: str) -> str:
    """`playground COMMAND WORDS`. Thing names may begin with a dash: then -- stands before them."""
    dashes = ["--"] if any(word.startswith("-") for word in words) else []
    return shlex.join(["playground", *command.split(), *dashes, *words])
