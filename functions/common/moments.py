"""How times are written: in the catalog, in answers and in messages."""

from datetime import UTC, datetime


def as_text(at: datetime) -> str:
    """ISO 8601, UTC, milliseconds: of two such texts the later time is the greater one."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def of_milliseconds(at_ms: int) -> str:
    """The text of a time in milliseconds since 1970."""
    return as_text(datetime.fromtimestamp(at_ms / 1000, UTC))


def now() -> str:
    """The time as the catalog writes it."""
    return as_text(datetime.now(UTC))


def milliseconds(at: str) -> int:
    """Since 1970, of a time as the catalog writes it. Raises ValueError."""
    return int(datetime.fromisoformat(at).timestamp() * 1000)


def logged_milliseconds(said: object, otherwise: int) -> int:
    """Since 1970, of a time as AWS IoT's log has it, `2017-08-10 15:37:23.476`, which is UTC;
    `otherwise` of anything else.
    """
    try:
        return int(datetime.fromisoformat(str(said)).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return otherwise
