"""What happens beside a call."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def before_call(client: Any, operation: str, act: Callable[[], object]) -> Iterator[None]:
    """Within the block, `act` happens once, before the first such call."""
    name = f"before-call.{client.meta.service_model.service_id.hyphenize()}.{operation}"
    acted: list[bool] = []

    def first(**_: Any) -> None:
        if not acted:
            acted.append(True)
            act()

    client.meta.events.register_first(name, first)
    try:
        yield
        assert acted, operation
    finally:
        client.meta.events.unregister(name, first)
