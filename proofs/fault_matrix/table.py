"""The results as the page docs/evidence/faults.md."""

from collections.abc import Iterator, Mapping, Sequence

from proofs.fault_matrix.cells import Finding
from proofs.fault_matrix.phases import Phase
from proofs.fault_matrix.rules import IN_TABLE
from proofs.fault_matrix.run import Results, summary

INTRODUCTION = """# Faults

What is left when something goes wrong while a device is created or removed? Either a complete
device that is online, or nothing. And while it is put into quarantine or released? A complete
device, free or isolated, that no execution holds. `make faults` shows this in a local cloud of its
own and writes this page. The tests run a part of it: of creating, undoing and removing a device
every state with half of the faults, so that each fault meets half of the states, and at most two
scenarios of each kind.

The deployed workflows and functions run. An HTTP proxy stands between them and the emulator
(`proofs/fault_matrix/proxy.py`). It reports every call's service, operation, function and thing. It
can answer in AWS's place, delay a call, cut an answer, or close the connection when the emulator
has carried out the call. The product does not know about it. The list of calls is not written by
hand. Lives without faults go through the proxy, and every call that was seen becomes a row: one to
the end, one that is undone, one of a device that makes its own key and is quarantined and released,
one of a device that is restarted, also by a restart that fails, one of a device that has a seat on
a host, two of devices with a claim, one of which is undone, one of a device that is not virtual and
is undone, and one of a device that is rolled, also to an image that does not come up. Of the third
life's provisioning only the rows are listed that the first one does not have, and of those on a
host, with a claim, and of the device that is not virtual only those that none before has. The
functions run in the runtime that users have, behind a handler that marks each call with its origin
(`proofs/fault_matrix/marks.py`). Pauses between retries last a twentieth of their time, and a
device that does not come is waited for 30 seconds instead of 300.

A **device** is: a thing of this execution in the stack's group and in no other; one certificate,
active, attached, with the device policy only, and named in the catalog; a shadow; the config and no
key in the bucket; one task, named in the catalog; a row that no restart, quarantine or release
holds and that says ONLINE, which only the device's own connection can cause. **Quarantined** is the
same device with the quarantine policy only, in the quarantine group too, connected, and with a row
that says QUARANTINED. **Without its task** is what a failed restart leaves: the same device,
OFFLINE, without a task, and no key in the bucket. A device that was to be rolled is called by its
image, which catalog and task must agree on, and by the tag, which stands for what new tasks run:
**moved** has the new one and so has the tag, **not moved** has its old one and the tag the new one,
**put back** has its old one and so has the tag. In all that a roll leaves, nothing too, no roll
that runs holds the lock of rolls, and the tag stands for one of the two. Each one is removed
afterwards. A seat on a host counts as a task. Every device here has a host of its own, which is
removed three seconds after its device has left instead of thirty, and the run ends when there is no
host any more. **Nothing** is: none of these in any service, and a row that is FAILED, TERMINATED or
missing. The bucket may also hold the signing request of a device that makes its own key, and its
certificate, if that was written again after the device had fetched it. Neither is a secret, and
both are deleted with the device, or after a day.

The end of the execution decides what is right. Provisioning: a device, or nothing if it failed.
Deprovisioning: nothing, or a device if it failed before it removed anything. Quarantine:
quarantined, or a device as before if it failed. Release: a device, or quarantined as before if it
failed. Restart: a device, or if it failed one without its task, or as it was before. Restarts on
this page are those that a roll asks for: a failed one is undone and not tried again. Roll: moved,
or if it failed moved or not moved. Roll to an image that does not come up: put back, and the
execution fails and says so. If the putting back failed, the device is without its task, and the tag
stands for the new image still; `playground restart` starts the device once the tag stands for an
image that works.

{summary}

## Counts

Of the whole run, in every service:

{counts}

## Every call, every fault

| fault | what the proxy does |
| --- | --- |
| error before its effect | answers 500, every time: the SDK's repetitions and the workflow's retries all fail |
| effect, then time-out | has the call carried out, and does not answer until the function gives up waiting; once |
| effect, answer lost every time | has the call carried out and closes the connection, every time |
| throttled twice | answers two calls with the service's own throttling error |
| access denied | answers with the service's own refusal, every time |
| malformed answer | has the call carried out and cuts its answer in half, every time |

`device`, `quarantined`, `without its task` and `nothing` say what existed when the execution had
ended. A call that is throttled twice or times out once must not make the execution fail. `swept`:
something was left, because CleanUp itself met the fault, or because nobody knew what was made; the
stack's sweep, run once at the end, has removed it. `-`: this call, a second one of its name, or the
answer to a device that was faster than its state, was not made this time.

{cells}
One roll at a time has the lock, and the tag is the whole stack's. So the cells and scenarios of the
roll come after all others, one after the other, each roll of one device. `entered again`: the state
when the device in hand has been moved. What its restarts do is in the tables of the restart; that a
roll puts the device back wherever a restart fails is among the scenarios. In the roll's own
functions the pauses of the SDK last a twentieth of their time too.

## Scenarios

{scenarios}
"""


def page(results: Results) -> str:
    """The whole page."""
    cells = "".join(
        f"### {phase.value.capitalize()}\n\n{_cells(results.findings, phase)}\n" for phase in Phase
    )
    return INTRODUCTION.format(
        summary=summary(results),
        counts=_counts(results),
        cells=cells,
        scenarios=_scenarios(results),
    )


def _counts(results: Results) -> str:
    rows = [
        (
            kind,
            str(len(results.before[kind])),
            str(results.made.get(kind, "-")),
            str(len(results.after[kind])),
        )
        for kind in results.before
    ]
    return _table(("what", "before", "made", "after"), rows)


def _cells(findings: Sequence[Finding], phase: Phase) -> str:
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for finding in findings:
        place = finding.cell.place
        if place.phase is phase:
            again = f" ({place.occurrence + 1})" if place.occurrence else ""
            key = (place.entered, f"`{place.call}`{again}")
            rows.setdefault(key, {})[finding.cell.fault.value] = _said(finding)
    columns = [fault.value for fault in IN_TABLE]
    return _table(
        ("state", "call", *columns), [(*key, *_picked(row, columns)) for key, row in rows.items()]
    )


def _picked(row: Mapping[str, str], columns: Sequence[str]) -> Iterator[str]:
    return (row.get(column, "-") for column in columns)


def _said(finding: Finding) -> str:
    if finding.wrong:
        return f"**{finding.wrong.replace('|', '/')}**"
    return finding.verdict if finding.reached else "-"


def _scenarios(results: Results) -> str:
    rows = [
        (
            outcome.scenario.what,
            outcome.scenario.where or "-",
            outcome.end,
            f"**{outcome.wrong}**" if outcome.wrong else outcome.verdict,
        )
        for outcome in results.outcomes
    ]
    return _table(("what happens", "where", "executions end", "left"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
