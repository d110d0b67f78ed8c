"""The detector: observations in, findings out. It knows its memory and who owns what by their
protocols only.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from detecting.finding import UNKNOWN, Finding
from detecting.observation import Observation, Report
from detecting.rules import Rule, Thresholds, table
from detecting.windows import Mark, fullest


class Memory(Protocol):
    """What the detector remembers."""

    def remember(self, rule: Rule, subject: str, marks: Collection[Mark]) -> Collection[Mark]:
        """Note the marks, each once however often it is given; all that are known within a window
        of them.
        """

    def previous_report(self, subject: str, report_id: int, at_ms: int) -> int | None:
        """Note a report and when it came; the id of the one before, None when there is none or this
        one is late.
        """


class Owners(Protocol):
    """Who is to blame."""

    def of_certificate(self, certificate_id: str) -> str | None:
        """The stack's thing that has this certificate; None when there is none, or nothing is to be
        said of it now.
        """

    def thing(self, name: str) -> str | None:
        """The name, if it is that of a thing of the stack that something is to be said of now."""


@dataclass(frozen=True)
class Detector:
    """Gives findings; whether one was given before is for whoever records them."""

    memory: Memory
    owners: Owners
    limits: Thresholds

    def judge(self, seen: Iterable[Observation | Report]) -> Iterator[tuple[Finding, Rule]]:
        """The findings that these observations lead to, and the rules that fired."""
        rules = table(self.limits)
        groups: dict[tuple[str, str], list[Observation]] = {}
        for one in seen:
            observation = self._outside(one) if isinstance(one, Report) else one
            if observation is not None:
                groups.setdefault((observation.rule, observation.subject), []).append(observation)
        for (name, _), observed in groups.items():
            finding = self._judge(rules[name], observed)
            if finding is not None:
                yield finding, rules[name]

    def _judge(self, rule: Rule, observed: list[Observation]) -> Finding | None:
        marks = sorted({Mark(one.at_ms, one.evidence) for one in observed})
        if rule.count > 1:
            known = self.memory.remember(rule, observed[0].subject, marks)
            marks = fullest(known, marks, rule.window_ms)
        if len(marks) < rule.count:
            return None
        blamed = self._blamed(observed[-1])
        if blamed is None:
            return None
        return _finding(blamed, rule, marks, observed[-1])

    def _blamed(self, observation: Observation) -> str | None:
        """The thing to blame, `UNKNOWN` when nobody knows, or None when there is nothing to say."""
        if observation.rule == "stranger":
            return self._stranger(observation)
        if observation.principal:
            return self.owners.of_certificate(observation.principal)
        if observation.client_id:
            return self.owners.thing(observation.client_id)
        return UNKNOWN

    def _stranger(self, observation: Observation) -> str | None:
        """A refused connection: the certificate is to blame, never whose name was claimed.

        One with its own name is no stranger: it may be in quarantine, or so new that AWS does not
        know its policy yet.
        """
        owner = self.owners.of_certificate(observation.principal) if observation.principal else None
        if owner is not None:
            return None if owner == observation.client_id else owner
        return UNKNOWN if self.owners.thing(observation.client_id) else None

    def _outside(self, report: Report) -> Observation | None:
        """The thresholds that a metrics report is outside of, if any."""
        seen = dict(self._excesses(report))
        if not seen:
            return None
        evidence = f"report-{report.report_id}"
        return Observation(
            "metrics", report.at_ms, evidence, report.principal, report.client_id, seen
        )

    def _excesses(self, report: Report) -> Iterator[tuple[str, Mapping[str, int]]]:
        limits, subject = self.limits, report.principal or report.client_id
        before = self.memory.previous_report(subject, report.report_id, report.at_ms)
        if report.refused >= limits.refusals:
            yield "publishes_refused", {"number": report.refused, "limit": limits.refusals}
        if before is not None:
            # Report ids are Unix seconds. A short interval may hold a whole window's messages.
            allowed = limits.messages * max(
                1.0, (report.report_id - before) / limits.messages_window
            )
            if report.sent >= allowed:
                yield "messages_sent", {"number": report.sent, "limit": math.ceil(allowed)}


def _finding(thing_name: str, rule: Rule, marks: list[Mark], newest: Observation) -> Finding:
    window = rule.window_ms // 1000
    counted = {"count": len(marks), "limit": rule.count} if rule.count > 1 else {}
    figures = f"{len(marks)} in {window} s: " if rule.count > 1 else ""
    return Finding(
        thing_name=thing_name,
        rule=rule.name,
        at_ms=marks[-1].at_ms,
        reason=f"{figures}{rule.about}",
        seen={**newest.seen, **counted},
        window=window,
        evidence=[mark.evidence for mark in marks],
    )
