"""What is wrong with a device, each in a sentence, with cause, evidence and what to do.

Pure: from facts that were read before. `why.py` reads them.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from common.answers import PENDING, answer
from common.errors import InvalidInput
from common.identifiers import JITR, NOWHERE
from common.moments import milliseconds, of_milliseconds
from common.row import GIVEN_UP, REFUSED, STOPPED, Row, is_free
from explaining.asked import Asked
from explaining.disconnects import REASONS, named
from explaining.entries import Entry
from explaining.facts import Facts
from explaining.principal import Principal
from explaining.refusals import Refusal
from explaining.texts import ended, shown

ASKED_FOR_MS = 5000
"""A disconnection so soon after the setting or command that asks for it is no trouble."""


@dataclass(frozen=True)
class Trouble:
    """`now`: whether it is still so. `at_ms`: since when, or when it was."""

    kind: str
    at_ms: int
    sentence: str
    cause: str
    evidence: tuple[str, ...] = ()
    todo: tuple[str, ...] = ()
    now: bool = True

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kind": self.kind,
            "at": of_milliseconds(self.at_ms),
            "now": self.now,
            "sentence": self.sentence,
            "cause": self.cause,
            "evidence": list(self.evidence),
            "todo": list(self.todo),
        }


def troubles(facts: Facts) -> list[Trouble]:
    """What is wrong now, the latest first, and then what was."""
    found = [
        *_quarantine(facts),
        *_workflow(facts),
        *_unsigned(facts),
        *_disconnect(facts),
        *_refused(facts),
        *_settings(facts),
        *_jobs(facts),
    ]
    if facts.row.get("hosting") == NOWHERE:
        found = [_without_a_task(trouble, facts.name) for trouble in found]
    return sorted(found, key=lambda trouble: (trouble.now, trouble.at_ms), reverse=True)


def _without_a_task(trouble: Trouble, name: str) -> Trouble:
    """For a device that is not virtual: nobody but its owner can look at what runs, or start it."""
    restart, look = f"playground restart {name}", f"Look if the task runs: playground show {name}"
    words = {restart: "Start it again, where you run it.", look: "Look if its program runs."}
    return replace(trouble, todo=tuple(words.get(line, line) for line in trouble.todo))


def _quarantine(facts: Facts) -> Iterator[Trouble]:
    row, name = facts.row, facts.name
    if "quarantined_at" not in row:
        return
    at_ms = milliseconds(row["quarantined_at"])
    reason = shown(row.get("quarantine_reason", "no reason was given"))
    evidence = [f"{one['at']} {one['rule']}: {shown(one['reason'])}"
                for one in facts.findings[:3]]  # fmt: skip
    yield Trouble(
        "quarantine",
        at_ms,
        f"{name} is in quarantine: {ended(reason)}",
        "The quarantine gave it another policy: it may connect and use its own shadow, jobs and "
        "certificate topics, and nothing else, so it sends no telemetry.",
        (*evidence, f"execution {_last(row.get('quarantined_by', ''))}"),
        (f"playground findings {name}", f"playground release {name}"),
    )


def _workflow(facts: Facts) -> Iterator[Trouble]:
    row, name = facts.row, facts.name
    if row["status"] == STOPPED:
        yield Trouble(
            "workflow",
            milliseconds(row[GIVEN_UP]),
            f"{name} was stopped.",
            "Somebody has asked for it. It has no task, and its certificate opens nothing.",
            (f"execution {_last(row.get('restarted_by', ''))}",),
            (f"playground restart {name}",),
        )
    elif GIVEN_UP in row:
        yield Trouble(
            "workflow",
            milliseconds(row[GIVEN_UP]),
            f"{name} failed after three restarts in a row.",
            shown(row.get("status_reason", "Its task ended each time.")),
            (f"the latest task: {_last(row.get('task_arn', ''))}",),
            (f"playground logs {name} --since 1h", f"playground restart {name}"),
        )
    elif row["status"] == "FAILED":
        yield _not_made(facts)


def _unsigned(facts: Facts) -> Iterator[Trouble]:
    """Of a device whose owner's authority signs for it."""
    row, name = facts.row, facts.name
    waits = row["status"] == "PROVISIONING" and row.get("identity") == JITR
    if not waits or "certificate_id" in row:
        return
    if REFUSED in row:
        yield _not_listed(facts)
        return
    sign = f"playground authority sign {name}"
    own = row.get("hosting") == NOWHERE
    yield Trouble(
        "workflow",
        milliseconds(row["created_at"]),
        f"{name} has not come with a certificate of your own authority yet.",
        "AWS IoT registers it when it first connects, closes that connection, and AdmitCertificate "
        "lets it in when it comes again. A certificate for another name is refused and deleted.",
        (),
        (
            f"{sign} --csr FILE" if own else sign,
            f"playground logs {name} --source functions",
        ),
    )


def _not_made(facts: Facts) -> Trouble:
    """Its execution may be unknown: Step Functions forgets one 90 days after its end."""
    name, failed = facts.name, facts.execution
    if REFUSED in facts.row:
        return _not_listed(facts)
    todo = (f"playground logs {name} --source workflows --since 1d", f"playground create {name}")
    if failed is None:
        cause = shown(facts.row.get("status_reason", "Step Functions does not know why any more."))
        at_ms = milliseconds(facts.row["updated_at"])
        return Trouble("workflow", at_ms, f"{name} could not be made.", cause, (), todo)
    where = f" in the state {failed.state}" if failed.state else ""
    return Trouble(
        "workflow",
        failed.at_ms,
        f"{name} could not be made: {failed.error}{where}.",
        shown(failed.cause) or "The execution gives no cause.",
        (f"execution {failed.name} of {failed.workflow}",),
        todo,
    )


def _not_listed(facts: Facts) -> Trouble:
    """The row has the reason, however long ago it was. A device of its owner's may come again."""
    row, name = facts.row, facts.name
    batch, method = shown(row.get("batch", "")), shown(row.get("identity", ""))
    waits = row["status"] == "PROVISIONING"
    by = "AdmitCertificate" if method == JITR else "AdmitDevice"
    return Trouble(
        "workflow",
        milliseconds(row["updated_at"]),
        f"{name} {'is not let in' if waits else 'could not be made'}: {shown(row[REFUSED])}.",
        f"It is of batch {batch}. A device of a batch may join only if the list of serial numbers "
        "has its thing name exactly once, and for that batch.",
        (f"{by} refused it; execution {_last(row.get('execution_arn', ''))}",),
        (
            f"playground serials list --batch {batch}",
            "If it is one of yours: playground serials add FILE",
            "Then have the device connect again."
            if waits
            else f"playground create {name} --method {method} --batch {batch}",
        ),
    )


def _disconnect(facts: Facts) -> Iterator[Trouble]:
    row, name = facts.row, facts.name
    if is_free(row):
        return
    last = next((one for one in facts.entries if one.kind in ("connected", "disconnected")), None)
    ended = next((one for one in facts.entries if one.kind == "disconnected"), None)
    gone = row["status"] == "OFFLINE"
    if ended is not None and not gone and _was_asked_for(facts.entries, ended):
        return
    if ended is None or (not gone and not ended.trouble):
        if gone:
            yield _offline(facts)
        return
    reason = str(ended.detail.get("disconnectReason", "UNKNOWN"))
    known = REASONS.get(reason) or named(shown(reason))
    back = last is not None and last.kind == "connected" and not gone
    # An end that the device wanted, and that it has not come back from, is worth a word too.
    sentence = f"{name} {ended.text}" + (", and is back since." if back else ", and is not back.")
    extra = row.get("status_reason")
    evidence = [f"{of_milliseconds(ended.at_ms)} disconnectReason {reason}"]
    if extra and gone:
        evidence.append(shown(extra))
    todo = [line.replace("NAME", name) for line in known.todo]
    if gone:
        todo.append(f"playground restart {name}")
    yield Trouble(
        "offline" if gone else "disconnect",
        ended.at_ms,
        sentence,
        known.cause,
        tuple(evidence),
        tuple(dict.fromkeys(_with_certificate(line, row) for line in todo)),
        now=not back,
    )


def _was_asked_for(entries: Sequence[Entry], end: Entry) -> bool:
    """Whether a setting or a command told it to drop its connection, a moment before."""
    return any(
        0 <= end.at_ms - one.at_ms <= ASKED_FOR_MS
        and (
            (one.kind == "reported" and {"reconnect", "clean"} & set(one.detail["settings"]))
            or (one.kind == "command" and one.detail.get("command") in ("reconnect", "clean"))
        )
        for one in entries
    )


def _offline(facts: Facts) -> Trouble:
    row, name = facts.row, facts.name
    return Trouble(
        "offline",
        milliseconds(row.get("last_seen_at") or row["updated_at"]),
        f"{name} is offline.",
        shown(row.get("status_reason") or row.get("disconnect_reason") or
                    "AWS IoT has told of no disconnection."),
        (),
        (f"playground logs {name}", f"playground restart {name}"),
    )  # fmt: skip


def _refused(facts: Facts) -> Iterator[Trouble]:
    seen: dict[tuple[str, str], list[Refusal]] = {}
    for refusal in facts.refusals:
        seen.setdefault((refusal.verb, refusal.resource), []).append(refusal)
    for (verb, resource), several in seen.items():
        last = several[-1]
        try:
            asked = Asked(verb, resource)
        except InvalidInput as error:
            words, cause, now = f"{verb} {shown(resource)!r}", f"AWS IoT: {error.rule}.", True
        else:
            words, (cause, now) = asked.words, _decided(facts.principal, asked)
        times = f" {len(several)} times" if len(several) > 1 else ""
        yield Trouble(
            "refused",
            last.at_ms,
            f"{facts.name} was not allowed to {words}{times}.",
            cause,
            (f"{of_milliseconds(last.at_ms)} {last.reason} in the log of AWS IoT",),
            (
                _line("explain", facts.name, verb, resource),
                "If the device should be allowed to: give its certificate a policy that allows it.",
            ),
            now=now,
        )


def _decided(principal: Principal | None, asked: Asked) -> tuple[str, bool]:
    if principal is None:
        return "Its certificate is gone, so what allowed or refused it can't be read.", False
    found = principal.decide(asked)
    sentence = principal.sentence(asked, found)
    if found.decision == "ALLOWED":
        return f"It is allowed by now: {sentence}", False
    return sentence, True


def _settings(facts: Facts) -> Iterator[Trouble]:
    name = facts.name
    rejections = facts.reported.get("rejected")
    rejected = rejections if isinstance(rejections, Mapping) else {}
    times = {
        str(one.detail.get("key")): one.at_ms
        for one in reversed(facts.entries)
        if one.kind == "rejected"
    }
    fallback = milliseconds(facts.row["updated_at"])
    for key, rejection in rejected.items():
        found = rejection if isinstance(rejection, Mapping) else {}
        reason = shown(found.get("reason", "it gave no reason"))
        value = shown(found.get("value", ""))
        yield Trouble(
            "rejected",
            times.get(key, fallback),
            f"{name} refuses the setting {key}: {reason}.",
            "The device checks what it is asked for, keeps the value that it had, and reports why. "
            "The wish stays in desired, so the delta stays too.",
            (f"reported.rejected.{key}: {value}",),
            (_line("settings", name), _line("unset", name, key)),
        )
    pending = [
        key
        for key, wish in facts.desired.items()
        if key not in rejected
        and answer(key, wish, facts.desired, facts.reported).result == PENDING
    ]
    if pending and not is_free(facts.row):
        yield _pending(facts, pending)


def _is_pending(key: str, wish: Any, facts: Facts) -> bool:
    return answer(key, wish, facts.desired, facts.reported).result == PENDING


def _pending(facts: Facts, keys: Sequence[str]) -> Trouble:
    name, online = facts.name, facts.row["status"] == "ONLINE"
    at_ms = next(
        (
            one.at_ms
            for one in facts.entries
            if one.kind == "desired" and set(keys) & set(one.detail.get("settings", {}))
        ),
        milliseconds(facts.row["updated_at"]),
    )
    cause = (
        "The device is connected and has not reported it yet; it should within a second."
        if online
        else f"The device is {facts.row['status']}: it reads the delta when it is back."
    )
    return Trouble(
        "pending",
        at_ms,
        f"{name} has not applied {', '.join(keys)} yet.",
        cause,
        (),
        (f"playground show {name}", f"playground watch {name}"),
    )


def _jobs(facts: Facts) -> Iterator[Trouble]:
    for job in facts.jobs:
        reason = job.details.get("reason", "")
        code = job.details.get("code", "")
        told = ": ".join(part for part in (shown(code), shown(reason)) if part)
        causes = {
            "TIMED_OUT": "The device did not report an end in time.",
            "REJECTED": "The device refuses the job's document.",
            "FAILED": "The device tried, and failed.",
        }
        yield Trouble(
            "job",
            job.at_ms,
            f"The job {job.job_id} ended as {job.status} on {facts.name}.",
            told or causes.get(job.status, job.status),
            tuple(f"{name}: {shown(value)}" for name, value in sorted(job.details.items())),
            (f"playground job show {job.job_id}", f"playground logs {facts.name} --since 1d"),
            now=False,
        )


def _line(*words: str) -> str:
    """A command to copy. A device may have chosen a word of it: no shell reads more into one."""
    command, *others = map(shown, words)
    # What begins with a dash is an option, unless it stands behind `--`.
    end = ["--"] if any(word.startswith("-") for word in others) else []
    return shlex.join(["playground", command, *end, *others])


def _last(arn: object) -> str:
    return str(arn).rpartition(":")[2].rpartition("/")[2]


def _with_certificate(line: str, row: Row) -> str:
    return line.replace("CERTIFICATE_ARN", str(row.get("certificate_arn", "CERTIFICATE_ARN")))
