"""The commands that build device images and move devices to them."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from playground.errors import ImageError
from playground.images.images import Image, Images
from playground.images.push import Push
from playground.images.rolling import Move, Roll, plan
from playground.line import completing
from playground.line.context import context
from playground.show import views
from playground.show.views import err, headed_table, moment, note

app = typer.Typer()

MARKS = {
    "moving": ("▸", "cyan"),
    "moved": ("✓", "green"),
    "passed over": ("·", "yellow"),
    "failed": ("✗", "red"),
}
SHORT_DIGEST = len("sha256:") + 12


@app.command()
def push(
    ctx: typer.Context,
    way: Annotated[
        Literal["auto", "codebuild", "docker"],
        typer.Option("--with", help="Default: auto, which is Docker if it is installed."),
    ] = "auto",
    folder: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Build this folder instead of device/.", exists=True, file_okay=False
        ),
    ] = None,
    force: Annotated[  # noqa: FBT002
        bool, typer.Option("--force", help="Build again, even if this was pushed before.")
    ] = False,
) -> None:
    """Build the device image from device/ for new tasks; `playground roll` moves running devices to
    it.
    """
    given = context(ctx)
    home = given.home_to_change()
    with (
        views.goes_on("The build goes on; `playground images` shows its result."),
        views.progress() as report,
    ):
        pushed = Push(given.paths, home, report.step, folder).run(way, force=force)
    said = {
        "built": "New tasks run",
        "retagged": "Built before; new tasks run again",
        "nothing": "Pushed before, nothing to do (--force builds it again): new tasks run",
    }
    given.output.show(pushed, f"{said[pushed.done]} {pushed.digest}")
    others = plan(home).names
    if others:
        note(
            f"Devices that run another image: {len(others)}. `playground roll` moves "
            "them, one by one."
        )


@app.command()
def roll(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Thing names; all when left out.",
            metavar="NAME",
            autocompletion=completing.thing_names,
        ),
    ] = None,
    dry_run: Annotated[  # noqa: FBT002
        bool, typer.Option("--dry-run", help="Only list what would be moved.")
    ] = False,
) -> None:
    """Move running devices to the current image, one by one; stops at the first that does not come
    up.
    """
    given = context(ctx)
    home = given.home() if dry_run else given.home_to_change()
    wanted = plan(home, names or ())
    if dry_run:
        given.output.show(wanted, "\n".join(wanted.names) or _nothing_to_do(wanted.image))
        return
    if not wanted.names:
        given.output.show(
            {"image": wanted.image, "rolled": 0, "skipped": 0}, _nothing_to_do(wanted.image)
        )
        return
    note(f"Devices to move to {wanted.image}: {len(wanted.names)}")
    with views.goes_on(
        "The roll goes on: `playground images` shows which devices run which image."
    ):
        outcome = Roll(home).run(names or (), lambda move: err.print(_move_text(move)))
    if outcome.error == "RollStopped":
        raise ImageError(f"The roll has stopped. {outcome.cause}")
    result = outcome.require()
    said = f"{result['rolled']} moved, {result['skipped']} passed over; {outcome.seconds:.1f} s"
    given.output.show(result, said)


@app.command()
def images(ctx: typer.Context) -> None:
    """List the device images and the devices that run them."""
    given = context(ctx)
    found = Images(given.home()).all()
    if not found:
        note("No images yet: `playground push` makes one.")
    given.output.show(
        {"images": [asdict(image) for image in found]}, _images_table(found) if found else None
    )


def _nothing_to_do(image: str) -> str:
    return f"Every device runs {image}."


def _move_text(move: Move) -> Text:
    mark, style = MARKS[move.status]
    return Text(f"{mark} {move.name:<20} {move.status}", style=style)


def _images_table(found: list[Image]) -> Table:
    table = headed_table("DIGEST", "TAGS", "PUSHED", "NEW TASKS", "DEVICES")
    for image in found:
        tags = "\n".join(tag[:12] if len(tag) == 64 else tag for tag in image.tags)
        devices = (
            f"{len(image.devices)}  "
            f"{' '.join(image.devices[:5])}{' ...' if len(image.devices) > 5 else ''}"
        )
        table.add_row(
            image.digest[:SHORT_DIGEST],
            tags,
            moment(image.pushed_at),
            "run it" if image.current else "",
            devices,
        )
    return table
