"""python -m benchmarks [NAME ...]: measure and print; all benchmarks unless some are named."""

import dataclasses
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from benchmarks import (
    control_plane,
    fleet,
    functions,
    hosting,
    hosts,
    load,
    provisioning,
    report,
    shadow_delay,
    starting,
    sweeping,
    telemetry,
)
from benchmarks.machine import machine
from benchmarks.progress import say
from tests.device.broker import MOSQUITTO
from tests.playground_cloud import Cloud, own_cloud

RESULTS = Path(__file__).with_name("results") / "latest.json"


class Name(StrEnum):
    """What there is to measure."""

    FUNCTIONS = "functions"
    PROVISIONING = "provisioning"
    SHADOW = "shadow"
    HOSTING = "hosting"
    STARTING = "starting"
    TELEMETRY = "telemetry"
    LOAD = "load"
    CONTROL_PLANE = "control-plane"
    FLEET = "fleet"
    SWEEPING = "sweeping"
    HOSTS = "hosts"


ON_ONE_CLOUD = frozenset(
    {
        Name.PROVISIONING,
        Name.SHADOW,
        Name.LOAD,
        Name.CONTROL_PLANE,
        Name.FLEET,
        Name.SWEEPING,
        Name.HOSTS,
    }
)
ON_MOSQUITTO = (Name.STARTING, Name.HOSTING, Name.TELEMETRY)


def main(  # noqa: PLR0912, PLR0913, PLR0917 - a command: its options, and what each measures
    names: Annotated[
        list[Name] | None, typer.Argument(help="what to measure; all by default")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="devices to provision, and to start")] = 20,
    exchanges: Annotated[int, typer.Option(min=1, help="shadow exchanges of each client")] = 200,
    clients: Annotated[
        list[int] | None, typer.Option(min=1, help="clients in one process; 1, 100, 1000")
    ] = None,
    devices: Annotated[int, typer.Option(min=1, help="devices to provision at once")] = 200,
    requests: Annotated[
        int, typer.Option(min=1, help="requests to the API of each kind; creates a tenth")
    ] = 100,
    fleet_seconds: Annotated[float, typer.Option(min=1, help="measured of a fleet")] = 30,
    on_hosts: Annotated[int, typer.Option(min=1, help="devices of a fleet on hosts")] = 200,
    hosted: Annotated[int, typer.Option(min=1, help="devices whose telemetry is measured")] = 200,
    telemetry_seconds: Annotated[float, typer.Option(min=1, help="and for how long")] = 15,
    idle_seconds: Annotated[float, typer.Option(min=1, help="how long idle CPU is measured")] = 10,
) -> None:
    """Measure what docs/evidence/benchmarks.md describes.

    Ends with 1 when a device of the load did not come, or left something behind.
    """
    wanted = names or list(Name)
    here = machine()
    report.console.print(f"{here}\n", soft_wrap=True)
    results: dict[str, Any] = {"machine": here}

    def take(name: Name, result: Any, shown: RenderableType) -> None:
        results[name] = result
        report.console.print(shown)

    if Name.FUNCTIONS in wanted:
        with _local_cloud() as cloud:
            costs = functions.measure(cloud)
            take(Name.FUNCTIONS, costs, report.of_functions(costs))
    if ON_ONE_CLOUD & set(wanted):
        with _local_cloud() as cloud:
            if Name.PROVISIONING in wanted:
                made = provisioning.measure(cloud, runs)
                take(Name.PROVISIONING, made, report.of_provisioning(made))
            if Name.SHADOW in wanted:
                delays = shadow_delay.measure(cloud, exchanges)
                take(Name.SHADOW, delays, report.of_shadow_delay(delays))
            if Name.LOAD in wanted:
                crowd = load.measure(cloud, devices)
                take(Name.LOAD, crowd, report.of_load(crowd))
            if Name.CONTROL_PLANE in wanted:
                asked = control_plane.measure(cloud, requests)
                take(Name.CONTROL_PLANE, asked, report.of_control_plane(asked))
            if Name.FLEET in wanted:
                fleets = fleet.measure(cloud, fleet.FLEETS, fleet_seconds)
                take(Name.FLEET, fleets, report.of_fleets(fleets))
            if Name.HOSTS in wanted:
                shared = hosts.measure(cloud, on_hosts)
                take(Name.HOSTS, shared, report.of_hosts(shared))
            if Name.SWEEPING in wanted:
                swept = sweeping.measure(cloud)
                take(Name.SWEEPING, swept, report.of_sweeping(swept))
    for name in _on_mosquitto(wanted):
        if name is Name.STARTING:
            starts = starting.measure(runs)
            take(name, starts, report.of_starting(starts))
        elif name is Name.HOSTING:
            many = hosting.measure(sorted({1, *(clients or (100, 1000))}), idle_seconds)
            take(name, many, report.of_hosting(many))
        else:
            sent = telemetry.measure(hosted, telemetry_seconds)
            take(name, sent, report.of_telemetry(sent))
    _keep(results)
    raise typer.Exit(int(_fell_short(results.get(Name.LOAD))))


def _fell_short(loaded: load.Load | None) -> bool:
    """Whether a device of the load did not come, or left something behind."""
    return loaded is not None and (loaded.online < loaded.devices or bool(loaded.left_behind))


def _on_mosquitto(wanted: Sequence[Name]) -> Sequence[Name]:
    """What of that needs mosquitto; nothing where there is none."""
    found = [name for name in ON_MOSQUITTO if name in wanted]
    if found and MOSQUITTO is None:
        report.console.print(
            f"{', '.join(found)}: left out, for mosquitto is not installed (apt-get "
            "install mosquitto)"
        )
        return []
    return found


@contextmanager
def _local_cloud() -> Iterator[Cloud]:
    with tempfile.TemporaryDirectory(prefix="playground-bench-") as folder:
        say("starting a local cloud")
        with own_cloud(Path(folder) / "home", {}) as cloud:
            yield cloud


def _keep(results: Mapping[str, Any]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    plain: Callable[[Any], Any] = dataclasses.asdict
    RESULTS.write_text(json.dumps(results, indent=2, default=plain) + "\n")


if __name__ == "__main__":
    # As Ctrl-C does: everything that was started is taken down on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    typer.run(main)
