"""python -m proofs.killing [--kills N] [--seed N]

Kills the emulator, the task agent or everything at random moments of creating, changing and
removing devices, on a local cloud of its own, and counts (half a minute a kill). Ends with 1 when a
device is lost that was acknowledged for five seconds, when one comes back that was removed, or when
anything half-made is left.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from playground.base.signals import orderly_end
from proofs.killing.kills import WITHIN, kill_and_count
from tests.playground_cloud import own_cloud

out = Console(soft_wrap=True, highlight=False)


def main(arguments: Sequence[str]) -> int:
    """Kill, count, print."""
    parser = argparse.ArgumentParser(
        "python -m proofs.killing", description="Kills at random moments, counted."
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    rng = random.Random(options.seed)  # noqa: S311 - no secret
    with (
        tempfile.TemporaryDirectory(prefix="killing-") as folder,
        own_cloud(Path(folder) / "home", {}) as cloud,
    ):
        found = kill_and_count(
            cloud, options.kills, rng, lambda text: out.print(text, markup=False)
        )
    for text in found.wrong:
        out.print(text, style="bold red", markup=False)
    out.print(
        f"{found.kills} kills, {found.devices} devices acknowledged for {WITHIN:.0f} s: "
        f"{len(found.lost)} lost,"
        f" {len(found.back)} back, {len(found.other_identity)} with another identity, "
        f"{len(found.half_made)} left"
        f" half-made; {found.changes} changes of settings; `up` took "
        f"{max(found.seconds_up):.0f} s at most"
    )
    return int(bool(found.wrong))


if __name__ == "__main__":
    with orderly_end():  # its cloud is taken down, however it is ended
        sys.exit(main(sys.argv[1:]))
