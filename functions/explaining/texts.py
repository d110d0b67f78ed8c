"""Texts of others, as a sentence takes them."""

from common.jsonvalues import clipped

MOST = 300
"""Characters."""


def shown(value: object, most: int = MOST) -> str:
    """Cut, and without what a terminal would stumble over."""
    return clipped(str(value), most)


def ended(text: str) -> str:
    """With a full stop."""
    return text if text.endswith((".", "!", "?", "...")) else f"{text}."
