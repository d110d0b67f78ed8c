"""How log lines look at the terminal."""

from datetime import UTC

from rich.text import Text

from playground.messages.logs import Record
from playground.show.views import as_words

SOURCE_STYLES = {"functions": "cyan", "workflows": "blue", "devices": "green"}
LEVEL_STYLES = {"DEBUG": "dim", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}
# What is on every line of a device, or tells of Lambda rather than of the device.
NOISE = {
    "thing_name",
    "thingName",
    "execution_arn",
    "service",
    "location",
    "cold_start",
    "xray_trace_id",
    "function_name",
    "function_memory_size",
    "function_arn",
    "function_request_id",
    "tenant_id",
}


def record_text(record: Record) -> Text:
    """Time, where it comes from, what it says, and the rest as name=value."""
    text = Text(record.at.astimezone(UTC).strftime("%H:%M:%S.%f")[:-3] + "Z ", style="dim")
    text.append(f"{record.origin:<20} ", style=SOURCE_STYLES[record.source])
    style = LEVEL_STYLES.get(record.level, "")
    if record.level not in ("INFO", "DEBUG"):
        text.append(f"{record.level} ", style=style)
    text.append(record.message, style=style)
    for name, value in record.fields.items():
        if name not in NOISE:
            said = value if isinstance(value, str) else as_words(value)
            text.append(f" {name}={said}", style="dim")
    return text
