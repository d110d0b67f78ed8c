"""The operation `change-unit`: the unit of generated telemetry, changed as an app would change it,
in the shadow.
"""

import random

from virtual_device.base.jsonvalue import JsonObject
from virtual_device.base.timers import Cancellable
from virtual_device.commands.requests import RefusedFieldError
from virtual_device.core.capability import Surroundings
from virtual_device.jobs.operation import Job, Kind, Operation, Report, only
from virtual_device.shadow.setting_rules import RefusedError
from virtual_device.shadow.settings import rows

LIMIT_SECONDS = 60.0
"""From the wish to the device that runs with it."""

RETRY_SECONDS = 5.0


class ChangeUnit(Operation):
    """One under way."""

    __slots__ = ("_device", "_fault", "_limit", "_report", "_retry", "_unit", "_wished")

    def __init__(self, job: Job, surroundings: Surroundings, report: Report) -> None:
        self._unit = job.parameters["unit"]
        self._device, self._report = surroundings, report
        self._limit: Cancellable | None = None
        self._retry: Cancellable | None = None
        self._wished = False
        self._fault = "the shadow was updated, but the setting is not in force"

    def start(self) -> None:
        """Wish, unless the device runs with it already, which it also does after an interrupted
        run.
        """
        if self._in_force():
            self._report.succeeded(unit=str(self._unit))
            return
        self._limit = self._device.after(LIMIT_SECONDS, self._on_limit)
        self._wish()

    def on_settings(self, before: JsonObject) -> None:
        """See whether it came true."""
        if self._in_force():
            self._forget_timers()
            self._report.succeeded(unit=str(self._unit), before=str(before.get("unit")))

    def cancel(self) -> None:
        """Take the wish back, unless it came true."""
        self._forget_timers()
        if self._wished and not self._in_force():
            self._device.desire({"unit": self._device.settings["unit"]}, lambda _fault: None)

    def _in_force(self) -> bool:
        return self._device.settings["unit"] == self._unit

    def _wish(self) -> None:
        self._wished = True
        self._device.desire({"unit": self._unit}, self._on_wished)

    def _on_wished(self, fault: str | None) -> None:
        if fault is None or self._limit is None:
            return
        self._fault = fault
        delay = random.uniform(0, RETRY_SECONDS)  # noqa: S311 - jitter, no secret
        self._retry = self._device.after(delay, self._wish)

    def _on_limit(self) -> None:
        self.cancel()
        self._report.failed(
            "NOT_APPLIED", f"unit: not in force after {LIMIT_SECONDS:.0f} s: {self._fault}"
        )

    def _forget_timers(self) -> None:
        for timer in filter(None, (self._limit, self._retry)):
            timer.cancel()
        self._limit = self._retry = None


def parse(parameters: JsonObject, surroundings: Surroundings) -> JsonObject:
    """`unit`, by the rule of the setting. Raises `RefusedFieldError`."""
    only(parameters, "unit")
    try:
        return {
            "unit": rows(surroundings.thing.device_type)["unit"].rule(
                parameters.get("unit"), surroundings.thing
            )
        }
    except RefusedError as error:
        raise RefusedFieldError("unit", str(error)) from None


KIND = Kind(
    "change-unit",
    "change the unit of generated telemetry: `unit`, metric or imperial",
    parse,
    ChangeUnit,
)
