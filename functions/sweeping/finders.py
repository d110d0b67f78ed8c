"""What should not be there, told from what there is. Removes nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from common.certificates import CERTIFICATE_ARNS
from common.identifiers import HOST_TYPE, owner_of
from common.jsontext import read_or_none
from common.links import links_policy_name
from common.moments import as_text
from common.row import GIVEN_UP, Row, is_free
from holding.conditions import is_held
from holding.dead import DeadHolds
from holding.purposes import Purpose
from hosting.seats import Seat
from sweeping.certificates import Candidate, Match, Request, matches
from sweeping.evidence import Evidence, Observer, Trace
from sweeping.findings import ADMIT_CERTIFICATE, Finding, of_host, undo
from sweeping.history import History
from sweeping.holds import Holds, in_vain

NOT_OURS = "carries no mark of an execution that this stack knows"


@dataclass(frozen=True)
class Finders:
    """One sweep. Whatever has changed since `cutoff` is left alone: it may be at work."""

    observer: Observer
    history: History
    seen: Evidence
    cutoff: datetime
    checked_since: datetime
    """Rows of devices that are gone are held against AWS IoT while they are younger than this."""

    def all(self) -> Iterator[Finding]:
        """Everything."""
        for row in self.seen.rows.values():
            yield from self._device(row)
        yield from self._stray_tasks()
        yield from self._stray_things()
        yield from self._stray_objects()
        yield from self._lost_certificates()
        yield from self._undecided_certificates()
        yield from self._stray_policies()
        yield from self._hosts()

    def _device(self, row: Row) -> Iterator[Finding]:
        if not self._is_quiet(row):
            return
        if is_free(row):
            yield from self._leftovers(row)
            return
        removed = is_held(row, Purpose.DEPROVISION)
        if not removed and row["execution_arn"] in self.history.in_vain:
            yield in_vain(row, row["execution_arn"])
            return
        yield from Holds(DeadHolds(self._runs, self.observer.job_goes_on, self.cutoff)).of(row)
        if not removed:
            yield from self._second_tasks(row)

    def _is_quiet(self, row: Row) -> bool:
        return datetime.fromisoformat(row["updated_at"]) <= self.cutoff

    def _runs(self, row: Row, arn: str) -> bool:
        return self.history.running(arn, row["updated_at"])

    def _second_tasks(self, row: Row) -> Iterator[Finding]:
        """Of a restart that was undone, and whose function has started a task after that."""
        if is_held(row, Purpose.RESTART, Purpose.PROVISION):
            return
        name, mark = row["thing_name"], owner_of(row["execution_arn"])
        for task in self.seen.tasks_of.get(mark, ()):
            if task.arn != row.get("task_arn") and task.created_at <= self.cutoff:
                told = {"leftover": {"thingName": name, "task": task.arn}}
                yield Finding("task", task.arn, f"is not the task of {name}", told)

    def _leftovers(self, row: Row) -> Iterator[Finding]:
        name, mark = row["thing_name"], owner_of(row["execution_arn"])
        left = [what for what, there in self._remains(row, mark) if there]
        if left:
            reason = f"{row['status']}, and still there: {', '.join(left)}"
            yield Finding("leftovers", name, reason, undo(name, row["execution_arn"]))

    def _remains(self, row: Row, mark: str) -> Iterator[tuple[str, bool]]:
        name = row["thing_name"]
        yield "task", mark in self.seen.tasks_of
        yield "objects", name in self.seen.objects
        if (trace := self._traces.get(name)) is not None:
            attributes = trace.attributes
            yield "thing", attributes is not None and attributes.get("execution") == mark
            yield "shadow", trace.shadow

    @cached_property
    def _traces(self) -> Mapping[str, Trace]:
        """Of devices that are gone."""
        free = (row for row in self.seen.rows.values() if self._is_quiet(row) and is_free(row))
        return self.observer.traces([row["thing_name"] for row in free if self._is_traced(row)])

    def _is_traced(self, row: Row) -> bool:
        young = datetime.fromisoformat(row["updated_at"]) >= self.checked_since
        return young or row["thing_name"] in self.seen.things

    def _stray_tasks(self) -> Iterator[Finding]:
        known = {owner_of(row["execution_arn"]) for row in self.seen.rows.values()}
        for task in self.seen.tasks:
            if task.started_by not in known and task.created_at <= self.cutoff:
                yield from self._traced("task", task.arn, task.started_by, None)

    def _stray_things(self) -> Iterator[Finding]:
        for name in sorted(self.seen.things):
            row = self.seen.rows.get(name)
            if row is not None and not is_free(row):
                continue
            mark = (self.observer.attributes(name) or {}).get("execution", "")
            if row is None or mark != owner_of(row["execution_arn"]):
                yield from self._traced("thing", name, mark, name)

    def _traced(self, kind: str, name: str, mark: str, thing_name: str | None) -> Iterator[Finding]:
        arn = self.history.over_since(mark, self.cutoff)
        if arn is None:
            yield Finding(kind, name, NOT_OURS)
        elif arn:
            asked = (
                {"thingName": thing_name}
                if thing_name
                else read_or_none(self.history.input_of(arn))
            )
            yield Finding(
                kind,
                name,
                f"no device of the catalog is made by {arn}",
                {"input": asked, "execution": arn},
            )

    def _hosts(self) -> Iterator[Finding]:
        """That run no device, and that give seats away though they are gone."""
        taken = {seat.host for task in self.seen.tasks if (seat := Seat.from_handle(task.arn))}
        opened = {host.name: host for host in self.seen.hosts}
        for host in opened.values():
            row = self.seen.rows.get(host.name)
            if host.opened_at > self.cutoff or (row is not None and not self._is_quiet(row)):
                continue
            if row is None or is_free(row):
                if self.history.running(host.execution, as_text(host.opened_at)):
                    continue
                yield of_host(host.name, "gives seats away and is gone", host.execution, gone=True)
            elif host.name not in taken and not host.keep:
                yield of_host(host.name, "runs no device", host.execution)
        for name, row in self.seen.rows.items():
            if row.get("device_type") != HOST_TYPE or name in opened or name in taken:
                continue
            at_work = (
                is_free(row) or GIVEN_UP in row or any(is_held(row, purpose) for purpose in Purpose)
            )
            if not at_work and self._is_quiet(row):
                yield of_host(name, "is closed and runs no device", row["execution_arn"])

    def _stray_objects(self) -> Iterator[Finding]:
        for name, written in self.seen.objects.items():
            if name not in self.seen.rows and written <= self.cutoff:
                yield Finding(
                    "objects",
                    name,
                    "the catalog knows no such device",
                    {"leftover": {"thingName": name}},
                )

    def _stray_policies(self) -> Iterator[Finding]:
        """Of links that are no more: AWS IoT may refuse to delete a policy for minutes after it was
        detached.
        """
        if not self.seen.policies:
            return
        prefix = self.observer.links_prefix
        rows = {links_policy_name(prefix, name): row for name, row in self.seen.rows.items()}
        for policy in sorted(self.seen.policies):
            row = rows.get(policy)
            if row is None:
                yield Finding(
                    "policy",
                    policy,
                    "named like one of links, and the catalog knows no such device",
                )
            elif "links" not in row and datetime.fromisoformat(row["updated_at"]) <= self.cutoff:
                name = row["thing_name"]
                yield Finding(
                    "policy",
                    policy,
                    f"{name} has no links",
                    _leftover({"thingName": name, "links": True}),
                )

    def _lost_certificates(self) -> Iterator[Finding]:
        requests = [
            request for row in self.seen.rows.values() for request in self._open_requests(row)
        ]
        if not requests:
            return
        for match in matches(requests, self._candidates(requests)):
            yield from _settled(match) if match.settled else _ambiguous(match)

    def _undecided_certificates(self) -> Iterator[Finding]:
        """Of devices that came once and not again, and whose event was lost: it is told again."""
        for found in self.observer.undecided_certificates():
            if found["creationDate"] <= self.cutoff:
                told = {name: found[name] for name in ("certificateId", "caCertificateId")}
                yield Finding(
                    "certificate",
                    found["certificateId"],
                    "registered for your authority, and neither admitted nor refused",
                    told,
                    ADMIT_CERTIFICATE,
                )

    def _open_requests(self, row: Row) -> Iterator[Request]:
        found = [
            Request(row["thing_name"], text) for text in sorted(row.get("certificate_requests", ()))
        ]
        over = [request for request in found if request.until <= self.cutoff]
        if over and not self.history.running(row["execution_arn"], row["updated_at"]):
            yield from over

    def _candidates(self, requests: list[Request]) -> list[Candidate]:
        named = {row.get(name) for row in self.seen.rows.values() for name in CERTIFICATE_ARNS}
        return [
            Candidate(found["certificateId"], found["creationDate"])
            for found in self.observer.idle_certificates()
            if found["certificateArn"] not in named
            and any(request.since <= found["creationDate"] <= request.until for request in requests)
            and not self.observer.in_use(found["certificateArn"])
        ]


def _settled(match: Match) -> Iterator[Finding]:
    for request, candidate in match.pairs():
        told: dict[str, Any] = {"thingName": request.thing_name, "request": request.text}
        if candidate is None:
            reason = "requested but never made"
            yield Finding(
                "request",
                request.thing_name,
                f"a certificate was {reason}: {request.text}",
                _leftover(told),
            )
        else:
            told["certificateId"] = candidate.certificate_id
            reason = f"made for {request.thing_name} but never recorded: {request.text}"
            yield Finding("certificate", candidate.certificate_id, reason, _leftover(told))


def _ambiguous(match: Match) -> Iterator[Finding]:
    names = ", ".join(sorted({request.thing_name for request in match.requests}))
    for candidate in match.candidates:
        reason = (
            f"{len(match.requests)} certificates for {names} were not recorded, "
            f"and {len(match.candidates)} could be they"
        )
        yield Finding("certificate", candidate.certificate_id, reason)


def _leftover(told: Mapping[str, Any]) -> dict[str, Any]:
    return {"leftover": dict(told)}
