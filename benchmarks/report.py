"""The results as tables."""

import statistics
import sys
from collections.abc import Iterator, Sequence

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from benchmarks.control_plane import BARE, ControlPlane
from benchmarks.fleet import Fleet
from benchmarks.functions import Functions
from benchmarks.hosting import Hosting
from benchmarks.hosts import Hosts
from benchmarks.load import KINDS, Load
from benchmarks.provisioning import Provisioning
from benchmarks.shadow_delay import ShadowDelay
from benchmarks.starting import Starting
from benchmarks.sweeping import Sweeping
from benchmarks.telemetry import Telemetry

# In a file or a pipe there is no width to keep to, and a cut figure is none.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)


def of_provisioning(result: Provisioning) -> Group:
    """The median beside its floor, where the time goes, and what was left behind."""
    floor = _table("The floor: each call by itself", "call", "median ms", "p99 ms")
    for what, spread in result.parts.items():
        floor.add_row(what, _ms(spread.median), _ms(spread.p99))
    floor.add_section()
    floor.add_row("sum", _ms(result.floor), "")
    for what, spread in result.beside.items():
        floor.add_row(f"not in the sum: {what}", _ms(spread.median), _ms(spread.p99), style="dim")
    timeline = _table("Where a run's time goes (medians)", "part", "begins at ms", "lasts ms")
    for mark in result.timeline:
        timeline.add_row(mark.what, _ms(mark.begins), _ms(mark.lasts))
    total = _table(
        "Provisioning one device: StartExecution to SUCCEEDED", "", "median ms", "p99 ms", "runs"
    )
    total.add_row(
        "provisioning", _ms(result.total.median), _ms(result.total.p99), str(result.total.count)
    )
    total.add_row("floor", _ms(result.floor), "", "")
    total.add_row("ratio", f"{result.total.median / result.floor:.2f}", "", "")
    left = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in result.left_behind.items())
    return Group(floor, timeline, total, Text(f"Left behind: {left or 'nothing'}\n"))


LIMITS_FLOOR = 0.35
"""Seconds that a device costs locally at the least: workflow, certificate, connection, measured for
the design.
"""


def of_load(result: Load) -> Group:
    """Throughput beside the floor, each device's time, memory, and what was left behind."""
    total = _table(f"{result.devices} devices started at once", "", "value")
    total.add_row("online", f"{result.online} of {result.devices}")
    total.add_row("started after s", f"{result.started:.1f}")
    total.add_row("all online after s", f"{result.total:.1f}")
    total.add_row("devices per second", f"{result.per_second:.2f}")
    total.add_row(
        "one after the other at the floor of this run, per second", f"{1 / result.floor:.2f}"
    )
    total.add_row(
        f"one after the other at the floor of {LIMITS_FLOOR} s, per second",
        f"{1 / LIMITS_FLOOR:.2f}",
    )
    total.add_row(
        "seconds per device, over this run's floor", f"{1 / result.per_second / result.floor:.2f}"
    )
    total.add_row("a device's own time, turn included, median s", f"{result.each.median:.1f}")
    total.add_row("a device's own time, turn included, p99 s", f"{result.each.p99:.1f}")
    total.add_row("attempts that were tried again", str(result.retried))
    memory = _table("Memory at the most", "processes", "number", "MiB")
    for kind in KINDS:
        memory.add_row(kind, str(result.processes[kind]), f"{result.memory[kind]:.0f}")
    failed = "; ".join(f"{number} {error}" for error, number in result.failed.items())
    left = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in result.left_behind.items())
    return Group(
        total, memory, Text(f"Failed: {failed or 'none'}. Left behind: {left or 'nothing'}\n")
    )


def of_functions(result: Functions) -> Table:
    """The first device beside the second, and what the workers take."""
    table = _table("Functions of a cloud that was just started", "", "value")
    table.add_row("first `playground create`, s", f"{result.first:.1f}")
    table.add_row("second, s", f"{result.second:.1f}")
    table.add_row("workers when each function has run once", str(result.workers))
    table.add_row("their memory (PSS), MiB", f"{result.memory:.0f}")
    table.add_row("their CPU, s", f"{result.cpu:.1f}")
    table.add_row("what they are copies of, MiB", f"{result.servers:.0f}")
    return table


def of_fleets(results: Sequence[Fleet]) -> Table:
    """What the emulator's process takes for each fleet, of a core and for a message."""
    heads = ("messages/s", "core %", "us/message", "functions %", "RSS MiB", "grown MiB", "left s")
    table = _table("Telemetry of a fleet through the local cloud, its rules on", "devices", *heads)
    for one in results:
        table.add_row(
            f"{one.devices:,}, a message in {one.interval} s",
            f"{one.messages:.0f}",
            f"{one.cores:.0%}".rstrip("%"),
            f"{one.each_us:.0f}",
            f"{one.functions:.0%}".rstrip("%"),
            f"{one.memory:.0f}",
            f"{one.grown:.1f}",
            f"{one.left:.1f}",
        )
    return table


def of_hosts(one: Hosts) -> Table:
    """A fleet on hosts, beside what the plan asks for."""
    table = _table("A fleet on hosts, by the stack's own workflows", "figure", "measured", "beside")
    times = f"{one.online / one.floor:.1f} times"
    table.add_row("devices, hosts", f"{one.devices:,}, {one.hosts}", "")
    table.add_row("all online, s", f"{one.online:.0f}", f"floor {one.floor:.0f}: {times}")
    table.add_row("emulator, CPU ms a device made", _ms(one.emulator), "")
    table.add_row("hosts' processes, RSS MiB", f"{one.hosting:.0f}", "")
    table.add_row("emulator, cores, a message of each in 10 s", f"{one.cores:.2f}", "at most 1")
    change = f"{one.changed.median:.2f}, p99 {one.changed.p99:.2f}"
    table.add_row("a change reported, s", change, "at most 5")
    table.add_row("devices that did not answer", f"{one.missed}", "0")
    table.add_row("dollars a month each, on AWS", f"{one.month:.3f}", "at most 0.065")
    return table


def of_starting(results: Sequence[Starting]) -> Table:
    """A row for each way."""
    heads = (
        "devices",
        "agent ms",
        "connected ms",
        "p99 ms",
        "CPU ms",
        "PSS MiB each",
        "server MiB",
    )
    table = _table("Start of a device on this machine, up to its connection", "started", *heads)
    for one in results:
        figures = (
            _ms(one.called.median),
            _ms(one.connected.median),
            _ms(one.connected.p99),
            _ms(one.cpu.median),
        )
        table.add_row(one.way, str(one.devices), *figures, f"{one.memory:.1f}", f"{one.server:.1f}")
    return table


def of_shadow_delay(results: Sequence[ShadowDelay]) -> Table:
    """Each client's delay, and its ratio to the first, which is the bare one."""
    table = _table(
        "desired.time to reported.time", "client", "median ms", "p99 ms", "exchanges", "ratio"
    )
    for result in results:
        delay = result.delay
        ratio = f"{delay.median / results[0].delay.median:.2f}"
        table.add_row(
            result.client, _ms(delay.median, 2), _ms(delay.p99, 2), str(delay.count), ratio
        )
    return table


def of_control_plane(results: Sequence[ControlPlane]) -> Table:
    """Each request at each size of the catalog, beside the same at one row and a bare Query of one
    page.
    """
    heads = ("rows", "median ms", "p99 ms", "requests", "over one row", "over a bare Query")
    table = _table("The HTTP API", "request", *heads)
    first = {result.what: result.took.median for result in reversed(results)}
    bare = {result.rows: result.took.median for result in results if result.what == BARE}
    for result in results:
        median = result.took.median
        ratios = [f"{median / first[result.what]:.2f}", f"{median / bare[result.rows]:.1f}"]
        table.add_row(
            result.what,
            f"{result.rows:,}",
            _ms(median, 1),
            _ms(result.took.p99, 1),
            str(result.took.count),
            *ratios,
            end_section=result.rows == results[-1].rows,
        )
    return table


def of_hosting(results: Sequence[Hosting]) -> Table:
    """Bare client and device by turns, and the ratio of the two."""
    heads = (
        "client",
        "number",
        "RSS MiB",
        "KiB each",
        "threads",
        "idle us/s each",
        "connect s",
        "ready s",
        "converge s",
    )
    table = _table("Clients in one process, mosquitto over mutual TLS", *heads)
    for bare, device in _pairs(results):
        for one in (bare, device):
            table.add_row(
                one.client,
                str(one.clients),
                f"{one.rss_kib / 1024:.1f}",
                f"{one.each_kib:.0f}",
                str(one.threads),
                f"{one.idle_us:.0f}",
                f"{one.connected:.2f}",
                f"{one.ready:.2f}",
                f"{one.converged:.3f}",
            )
        table.add_row(
            "ratio",
            "",
            f"{device.rss_kib / bare.rss_kib:.2f}",
            f"{device.each_kib / bare.each_kib:.2f}",
            f"{device.threads / bare.threads:.2f}",
            f"{device.idle_us / bare.idle_us:.2f}",
            f"{device.connected / bare.connected:.2f}",
            f"{device.ready / bare.ready:.2f}",
            f"{device.converged / bare.converged:.2f}",
            end_section=True,
        )
    return table


def of_sweeping(results: Sequence[Sweeping]) -> Table:
    """Each mix of rows: median and shortest of each kind of sweep, beside a bare Scan."""
    heads = ("TERMINATED", "Scan s", "scheduled s", "shortest", "everything s", "shortest")
    table = _table("A sweep that only looks", "rows", *heads)
    for one in results:
        figures = [f"{one.terminated:,}", f"{statistics.median(one.scan):.1f}"]
        for took in (one.scheduled, one.everything):
            figures += [f"{statistics.median(took):.1f}", f"{min(took):.1f}"]
        table.add_row(f"{one.rows:,} {one.what}", *figures)
    return table


def of_telemetry(results: Sequence[Telemetry]) -> Table:
    """Each kind, and the ratio of the device to it."""
    title = "CPU of a telemetry message, mosquitto over mutual TLS"
    heads = ("number", "messages/s", "us/message", "each round us", "device over it")
    table, device = _table(title, "client", *heads), results[-1]
    for one in results:
        rounds = ", ".join(f"{each:.0f}" for each in one.rounds_us)
        ratio = f"{device.each_us / one.each_us:.2f}"
        figures = (f"{one.messages:.0f}", f"{one.each_us:.0f}", rounds, ratio)
        table.add_row(one.client, str(one.clients), *figures)
    return table


def _pairs(results: Sequence[Hosting]) -> Iterator[tuple[Hosting, Hosting]]:
    yield from zip(results[::2], results[1::2], strict=True)


def _table(title: str, first: str, *figures: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(first, no_wrap=True)
    for figure in figures:
        table.add_column(figure, justify="right")
    return table


def _ms(seconds: float, digits: int = 0) -> str:
    return (
        f"{seconds * 1000:.{digits}f}"
        if seconds >= 0.01
        else f"{seconds * 1000:.{max(digits, 1)}f}"
    )
