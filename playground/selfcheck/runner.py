"""Goes through the checks: what fails keeps only those from running that need what it should have
made."""

import time
from collections.abc import Callable, Iterator, Sequence

from playground.line.failures import sentence
from playground.selfcheck.checks import CHECKS, Check, provisioning
from playground.selfcheck.report import Result
from playground.selfcheck.trial import Trial

Told = Callable[[Check], None]


def run(trial: Trial, begins: Told, checks: Sequence[Check] = CHECKS) -> Iterator[Result]:
    """One result after the other. Whoever stops cleans up all the same: `trial.clean_up` is the
    caller's."""
    device = False
    for check in checks:
        if check.needs_device and not device:
            yield Result(check, "skipped", "there is no device to try it on", 0.0)
            continue
        begins(check)
        result = _look(trial, check)
        device = device or (check.look is provisioning and result.status == "passed")
        yield result


def _look(trial: Trial, check: Check) -> Result:
    begun = time.monotonic()
    try:
        seen, status = check.look(trial), "passed"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what was seen
        seen, status = sentence(error)[0], "failed"
    return Result(check, status, seen, time.monotonic() - begun)
