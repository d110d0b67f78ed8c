"""Texts of others, as a sentence takes them."""

MOST = 300
"""Characters."""


def shown(value: object, most: int = MOST) -> str:
    """Cut, and without what a terminal would stumble over."""
    text = str(value)
    kept = text if len(text) <= most else text[:most] + "..."
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in kept)


def ended(text: str) -> str:
    """With a full stop."""
    return text if text.endswith((".", "!", "?", "...")) else f"{text}."
