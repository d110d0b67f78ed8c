"""Waiting for something to read. `select.select` takes no descriptor from 1,024 on, and with as
many devices the emulator has more: one for each connection.
"""

import selectors


def readable(descriptor: int, seconds: float) -> bool:
    """Whether there is something to read from it, or its other end is closed, within so many
    seconds.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(seconds))
