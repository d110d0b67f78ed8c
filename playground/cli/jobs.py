"""The commands `playground job ...`: jobs for devices through AWS IoT Jobs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from playground import exit_codes
from playground.devices import firmware, job_documents
from playground.devices.devices import Devices
from playground.devices.jobs import Jobs
from playground.errors import JobUsageError, UnknownJobError
from playground.home.homes import Home
from playground.home.paths import Paths
from playground.line import completing, typed
from playground.line.context import context
from playground.show import jobs as job_views
from playground.show import views
from playground.show.views import note, say

app = typer.Typer()
group = typer.Typer(
    help="Jobs for devices: change the unit, rotate the certificate, update the firmware.",
    no_args_is_help=True,
)
app.add_typer(group, name="job")

JobId = Annotated[
    str, typer.Argument(help="Job id, as `playground job list` shows it.", metavar="JOB_ID")
]
Force = Annotated[bool, typer.Option("--force", help="Also on devices where it is in progress.")]


@group.command(context_settings={"ignore_unknown_options": True})
def create(  # noqa: PLR0913, PLR0917 - arguments and options
    ctx: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME... OPERATION [KEY=VALUE...]",
            help="Devices, one operation, its parameters.",
            autocompletion=completing.names_and_operations,
        ),
    ],
    everyone: Annotated[bool, typer.Option("--all", help="For all devices; name none.")] = False,  # noqa: FBT002
    minutes: Annotated[
        int | None,
        typer.Option(
            "--timeout",
            metavar="MINUTES",
            min=1,
            max=10080,
            help="Minutes that a device may take, from when it begins.",
        ),
    ] = None,
    wait: Annotated[  # noqa: FBT002
        bool, typer.Option("--wait", help="Show progress until the end; 1 unless all succeed.")
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Image for update-firmware; - is standard input."),
    ] = None,
    unchecked: Annotated[  # noqa: FBT002
        bool, typer.Option("--unchecked", help="Do not check the job here; the device decides.")
    ] = False,
) -> None:
    """Queue a job. Without --wait its id is printed."""
    names, document = read_words(words, everyone=everyone)
    given = context(ctx)
    home = given.home_to_change()
    presigned = None
    if file is not None:
        document, presigned = with_image(given.paths, home, names, document, file)
    elif not unchecked:
        for name in names or ["all"]:
            device_type = str(Devices(home).row(name)["device_type"]) if names else "generic"
            job_documents.check(given.paths, document, name, device_type)
    jobs = Jobs(home)
    job_id = jobs.create(names, document, minutes, presigned)
    if not wait:
        given.output.show({"jobId": job_id}, job_id)
        return
    note(f"{job_id}; Ctrl-C ends the waiting, not the job.")
    with job_views.live_executions() as show_progress:
        executions = jobs.wait(job_id, show_progress)
    found = {"jobId": job_id, "executions": [job_views.as_json(one) for one in executions]}
    given.output.show(found, job_views.executions_table(executions))
    if any(one.status != "SUCCEEDED" for one in executions):
        raise typer.Exit(exit_codes.FAILED)


@group.command()
def show(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="JOB_ID|NAME", help="A job, or a device.", autocompletion=completing.thing_names
        ),
    ] = None,
) -> None:
    """Show a job with its executions, or all jobs of a device; without a name, the newest job."""
    given = context(ctx)
    jobs = Jobs(given.home())
    wanted = name or next((job_id for job_id, _, _ in jobs.ids()), None)
    if wanted is None:
        raise UnknownJobError("No jobs yet: `playground job create` makes one.")
    job = jobs.job(wanted)
    executions = jobs.of_thing(wanted) if job is None else job.executions
    rows = [job_views.as_json(one) for one in executions]
    head = (
        {"jobId": job.job_id, "status": job.status, "document": job.document}
        if job
        else {"thingName": wanted}
    )
    given.output.show({**head, "executions": rows}, job_views.job_or_device(job, executions))


@group.command("list")
def list_jobs(ctx: typer.Context) -> None:
    """List the stack's jobs, the newest first."""
    given = context(ctx)
    rows = Jobs(given.home()).ids()
    if not rows:
        note("No jobs yet: `playground job create` makes one.")
    found = [{"jobId": job_id, "status": status, "createdAt": at} for job_id, status, at in rows]
    given.output.show({"jobs": found}, job_views.jobs_table(rows) if rows else None)


@group.command()
def cancel(ctx: typer.Context, job_id: JobId, force: Force = False) -> None:  # noqa: FBT002
    """Cancel a job where it is queued; with --force also where it is in progress."""
    given = context(ctx)
    Jobs(given.home_to_change()).cancel(job_id, force=force)
    say(f"{job_id} is cancelled.")
    given.output.show({"jobId": job_id})


@group.command()
def delete(ctx: typer.Context, job_id: JobId, force: Force = False) -> None:  # noqa: FBT002
    """Delete a job and its history."""
    given = context(ctx)
    Jobs(given.home_to_change()).delete(job_id, force=force)
    say(f"{job_id} is deleted.")
    given.output.show({"jobId": job_id})


@group.command()
def operations(ctx: typer.Context) -> None:
    """List the operations that a job can ask of a device."""
    given = context(ctx)
    found = job_documents.operations(given.paths)
    rows = [{"name": name, "description": description} for name, description in found.items()]
    given.output.show({"operations": rows}, views.fields_table(found))


def with_image(
    paths: Paths, home: Home, names: list[str], document: dict[str, Any], file: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Document and presignedUrlConfig of a job that brings an image, which is uploaded. Raises
    PlaygroundError.
    """
    if document != {"operation": firmware.OPERATION}:
        raise JobUsageError(
            f"--file is for {firmware.OPERATION} only, and takes no parameters beside it."
        )
    image = firmware.checked(paths, file)
    for name in names:
        Devices(home).row(name)
    job = firmware.offered(home, image)
    return job.document, job.presigned_url_config


def read_words(words: list[str], *, everyone: bool) -> tuple[list[str], dict[str, Any]]:
    """Names and the document, from `NAME... OPERATION [KEY=VALUE...]`. Raises JobUsageError."""
    plain = [word for word in words if "=" not in word]
    pairs = words[len(plain) :]
    if words[: len(plain)] != plain:
        raise JobUsageError("KEY=VALUE comes last, after the operation.")
    parameters = typed.settings_of(pairs)
    if "operation" in parameters:
        raise JobUsageError("operation is given twice: it is the word before the parameters.")
    if everyone and len(plain) != 1:
        raise JobUsageError("With --all, give an operation and no device name.")
    if not everyone and len(plain) < 2:
        raise JobUsageError(
            "Say for which devices, or --all, and which operation: NAME... OPERATION "
            "[KEY=VALUE...]."
        )
    return plain[:-1], {"operation": plain[-1], **parameters}
