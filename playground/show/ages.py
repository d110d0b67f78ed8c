"""How long ago something was, as `kubectl get` has it under AGE: 45s, 3m, 2h, 5d, 2y."""

from datetime import UTC, datetime

UNITS = ((365 * 86_400, "y"), (86_400, "d"), (3_600, "h"), (60, "m"))
"""Seconds of a unit. kubectl: k8s.io/apimachinery, duration.ShortHumanDuration."""


def age(at: str | datetime | None, now: datetime | None = None) -> str:
    """From then till now, in the largest unit that fills; nothing when there is no such time."""
    found = time_of(at)
    return short((now or datetime.now(UTC)).timestamp() - found.timestamp()) if found else ""


def short(seconds: float) -> str:
    """A duration in its largest unit; clocks differ, so less than nothing is nothing."""
    whole = max(int(seconds), 0)
    return next((f"{whole // size}{unit}" for size, unit in UNITS if whole >= size), f"{whole}s")


def time_of(at: str | datetime | None) -> datetime | None:
    """An ISO 8601 time, in UTC where it names no zone; None for what is no time."""
    try:
        found = datetime.fromisoformat(at) if isinstance(at, str) else at
        return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
    except ValueError:
        return None


def written(at: datetime) -> str:
    """A time as the catalog writes one: ISO 8601, UTC; here in whole seconds."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
