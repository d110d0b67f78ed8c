"""What was seen, on a page that can be sent to others: no account, no key, no address, no name of
the user's."""

import platform
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from playground.home.homes import Home
from playground.selfcheck.checks import CHECKS, Check

# In this order: what is found first is gone for those after it.
SECRETS = (
    (re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL), "<pem>"),
    (re.compile(r"https?://[^\s\"'<>]+"), "<url>"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}"), "<access key>"),
    (re.compile(r"\b[a-z0-9]+(?:-ats)?\.iot\.[a-z0-9.-]+"), "<endpoint>"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+"), "<address>"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"), "<ip>"),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])"), "<64 hex>"),
    (re.compile(r"(?<!\d)\d{12}(?!\d)"), "<account>"),
    (re.compile(r"[A-Za-z0-9+/=_-]{80,}"), "<long text>"),
)
MARKS = {"passed": "✓", "failed": "✗", "skipped": "·"}
LONGEST = 600


@dataclass(frozen=True)
class Result:
    """Of one check: `passed`, `failed` or `skipped`; what was seen, and after how many seconds."""

    check: Check
    status: str
    seen: str
    seconds: float


def harmless(text: str) -> str:
    """The text without what is nobody else's business."""
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    home = str(Path.home())
    text = text.replace(home, "~") if home != "/" else text
    return " ".join(text.split())[:LONGEST]


def page(home: Home, results: Sequence[Result], left: Sequence[str], at: datetime) -> str:
    """The report, Markdown."""
    passed = sum(result.status == "passed" for result in results)
    ended = "" if len(results) == len(CHECKS) else ", and it did not come to its end"
    lines = [
        "# AWS IoT Playground: selfcheck",
        "",
        f"- {at:%Y-%m-%d %H:%M} UTC, {home.kind}, {home.region}",
        (
            f"- iot-playground {version('iot-playground')}, Python "
            f"{platform.python_version()}, {platform.system()}"
        ),
        f"- time zone of this machine {time.strftime('%z')}",
        f"- {passed} of {len(CHECKS)} passed{ended}",
        "",
        "| | check | command | seen | seconds |",
        "|---|---|---|---|---|",
    ]
    lines += [_row(result) for result in results]
    for result in results:
        if result.status == "failed":
            lines += ["", f"## {result.check.title}", "", f"Expected: {result.check.expected}.", ""]
            lines += [
                f"Seen: {harmless(result.seen)}",
                "",
                f"Please add: {result.check.when_it_differs}.",
            ]
    if left:
        lines += ["", "## Not cleaned up", "", *(f"- {harmless(text)}" for text in left)]
    return "\n".join(lines) + "\n"


def _row(result: Result) -> str:
    seen = harmless(result.seen).replace("|", "\\|")
    return (
        f"| {MARKS[result.status]} | {result.check.title} | `{result.check.command}` | "
        f"{seen} | {result.seconds:.1f} |"
    )
