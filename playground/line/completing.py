"""What the Tab key offers beside commands and options: quick, silent, and nothing at all when
anything is wrong.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import typer

from common.statuses import STATUSES
from playground.devices import job_documents
from playground.devices.methods import METHODS
from playground.home.homes import Login, find_home
from playground.home.paths import Paths
from playground.line.later import loaded
from playground.line.options import given_options

LIMIT = 2.0
"""Seconds that a person waits for the Tab key at most, after Python has started."""


def thing_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Devices of the catalog that are not retired."""

    def look() -> list[str]:
        items = _rows(ctx, "DeviceCatalogTableName", "thing_name")
        return sorted(
            item["thing_name"]["S"] for item in items if item["status"]["S"] != "TERMINATED"
        )

    return starting(in_time(look), incomplete)


def fleet_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Fleets of the register."""

    def look() -> list[str]:
        items = _rows(ctx, "FleetsTableName", "fleet_name")
        return sorted(item["fleet_name"]["S"] for item in items)

    return starting(in_time(look), incomplete)


def _rows(ctx: typer.Context, table: str, key: str) -> list[Any]:
    """Key and status of each row of the table that this output of the stack names."""
    from botocore.config import Config  # noqa: PLC0415 - most of what is completed is in no cloud

    given = given_options(ctx)
    impatient = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
    login = Login(given.get("profile"), given.get("region"))
    home = find_home(Paths.here(), given.get("stack"), given.get("home", "auto"), login)
    pages = home.client("dynamodb", impatient).get_paginator("scan")
    rows = pages.paginate(
        TableName=home.output(table),
        ProjectionExpression=f"{key}, #status",
        ExpressionAttributeNames={"#status": "status"},
    )
    return [item for page in rows for item in page["Items"]]


def device_types(incomplete: str) -> list[str]:
    """Names of the models that devices come with."""
    models = Paths.here().root / "device" / "virtual_device" / "models"
    return starting(
        in_time(lambda: sorted(file.stem for file in models.glob("*.json"))), incomplete
    )


def methods(incomplete: str) -> list[str]:
    """Ways to become a device."""
    return starting([method.name for method in METHODS], incomplete)


def statuses(incomplete: str) -> list[str]:
    """Of the catalog."""
    return starting(STATUSES, incomplete.upper())


def types_and_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Device types, and devices."""
    return device_types(incomplete) + thing_names(ctx, incomplete)


def commands(ctx: typer.Context, incomplete: str) -> list[str]:
    """Commands, and those of a group whose name was typed."""
    group: Any = ctx.find_root().command
    for word in ctx.params.get("words") or ():
        group = loaded(getattr(group, "commands", {}).get(word))
    return starting(sorted(getattr(group, "commands", ())), incomplete)


def topic_filters(ctx: typer.Context, incomplete: str) -> list[str]:
    """The usual ones, and each device's telemetry."""
    usual = ["#", "dt/#", "evt/#", "cmd/#", "$aws/things/+/shadow/#", "$aws/events/presence/#"]
    return starting(
        usual + [f"dt/playground/{name}/#" for name in thing_names(ctx, "")], incomplete
    )


def names_and_operations(ctx: typer.Context, incomplete: str) -> list[str]:
    """For `job create`: any number of devices, then an operation."""
    operations = in_time(lambda: sorted(job_documents.operations(Paths.here())))
    return thing_names(ctx, incomplete) + starting(operations, incomplete)


def starting(words: Sequence[str], incomplete: str) -> list[str]:
    """Those that begin with what was typed."""
    return [word for word in words if word.startswith(incomplete)]


def in_time(look: Callable[[], list[str]], limit: float = LIMIT) -> list[str]:
    """What a look finds within `limit` seconds; nothing when it fails or takes longer."""
    found: list[str] = []

    def run() -> None:
        try:
            found.extend(look())
        except Exception:  # noqa: BLE001 - there is nobody to tell: the terminal shows a half-typed command
            found.clear()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit)
    return [] if thread.is_alive() else found
