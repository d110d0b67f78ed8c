"""Device-side metrics: a report to AWS IoT Device Defender every so many seconds. A capability.

AWS IoT Device Defender takes one report in 5 minutes from a device and rejects more as `Throttled`
(developer guide, "Sending metrics from devices"). Its answer to a report that it takes says nothing
new, so only `rejected` is subscribed to, and only while reports are sent.

Nobody else can count on hearing a report: the service's topic is for publishing alone (developer
guide, "Reserved topics"). So the device tells it a second time, as the event `metrics`.
"""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial

from virtual_device.base.jsonvalue import JsonObject, NotJsonError, decode_object, encode
from virtual_device.base.timers import Cancellable
from virtual_device.connection import topics
from virtual_device.connection.transport import Failure, Message
from virtual_device.core import brain
from virtual_device.core.capability import Capability, Surroundings
from virtual_device.metrics import host_reading
from virtual_device.metrics.metrics_report import Reading, Rejection, Totals, build

LONGEST_JITTER_SECONDS = 30.0
"""Devices that were told at the same time don't report at the same time."""

EVENT = "metrics"
"""The event that is a report told again."""


class Metrics(Capability):
    """One device's. `read` gives the reading, on a worker's thread."""

    __slots__ = ("_before", "_device", "_due", "_read", "_report_id", "_timer")

    def __init__(
        self,
        surroundings: Surroundings,
        read: Callable[[], Reading] = host_reading.of_process.latest,
    ) -> None:
        self._device, self._read = surroundings, read
        self._timer: Cancellable | None = None
        self._before: Totals | None = None
        self._due: float | None = None
        self._report_id = 0

    @property
    def _interval(self) -> int:
        seconds = self._device.settings.get("metrics")
        return int(seconds) if isinstance(seconds, int | float) else 0

    @property
    def filters(self) -> Sequence[str]:
        """Rejections, if there is anything to reject."""
        return (self._rejected,) if self._interval else ()

    def on_message(self, message: Message) -> bool:
        """Take a rejection."""
        if message.topic != self._rejected:
            return False
        try:
            rejection = Rejection.from_payload(decode_object(message.payload))
        except NotJsonError as error:
            self._device.tell("metrics answer ignored", reason=str(error))
            return True
        report, code, reason = rejection.report_id, rejection.code, rejection.reason
        self._device.tell("metrics report rejected", reportId=report, code=code, reason=reason)
        return True

    def on_ready(self) -> None:
        """Go on where the last connection has left off."""
        if self._interval and self._timer is None:
            self._plan()

    def on_shadow(self) -> None:
        """Begin, where a process before was told to and this one has just learnt of it."""
        if self._interval and self._timer is None:
            self._begin()

    def on_disconnected(self) -> None:
        """What falls due meanwhile waits."""
        self._stop()

    def on_settings(self, before: JsonObject) -> None:
        """Begin, end, or take another interval."""
        if self._interval == before.get("metrics"):
            return
        self._stop()
        self._due = None
        if not self._interval:
            self._before = None
            self._device.unsubscribe([self._rejected])
        elif before.get("metrics"):
            self._plan()
        else:
            self._begin()

    @property
    def _rejected(self) -> str:
        return f"{topics.metrics(self._device.thing.name)}/rejected"

    def _begin(self) -> None:
        self._device.subscribe([self._rejected], self._on_subscribed)
        self._plan()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _plan(self) -> None:
        """Wait for the time of the next report. The first one takes a reading now, to compare
        with.
        """
        if self._before is None:
            self._device.work(self._read, self._on_first_reading)
        now = self._device.now().mono
        if self._due is None:
            self._due = now + self._interval + random.uniform(0, self._longest_jitter)  # noqa: S311 - jitter
        self._timer = self._device.after(max(0.0, self._due - now), self._on_time)

    @property
    def _longest_jitter(self) -> float:
        return min(self._interval / 2, LONGEST_JITTER_SECONDS)

    def _on_time(self) -> None:
        self._due = self._device.now().mono + self._interval
        self._timer = self._device.after(self._interval, self._on_time)
        self._device.work(self._read, self._on_reading)

    def _on_first_reading(self, outcome: "Future[Reading]") -> None:
        reading = self._result(outcome)
        if reading is not None and self._interval and self._before is None:
            self._before = Totals(reading.network, self._device.traffic)

    def _on_reading(self, outcome: "Future[Reading]") -> None:
        reading = self._result(outcome)
        if reading is None or self._timer is None:
            return
        totals = Totals(reading.network, self._device.traffic)
        wall = self._device.now().wall
        self._report_id = max(int(wall), self._report_id + 1)
        report = build(self._report_id, reading, totals.counts, self._before or totals)
        topic = topics.metrics(self._device.thing.name)
        self._device.publish(topic, encode(report), partial(self._on_sent, totals))
        copy = brain.event(self._device.thing, EVENT, wall, report)
        self._device.publish(copy.topic, copy.payload, _let_be)

    def _on_sent(self, totals: Totals, failure: Failure | None) -> None:
        """What did not arrive is part of the next report."""
        if failure is None and self._interval:
            self._before = totals

    def _result(self, outcome: "Future[Reading]") -> Reading | None:
        if error := outcome.exception():
            self._device.tell("metrics can't be read", reason=str(error))
            return None
        return outcome.result()

    def _on_subscribed(self, failure: Failure | None) -> None:
        if failure is not None:
            self._device.tell("cannot subscribe to rejected metrics", reason=failure.reason)


def _let_be(_failure: Failure | None) -> None:
    """A copy that did not arrive is in the log; the report is what counts."""
