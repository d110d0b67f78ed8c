"""The results as the page docs/faults.md."""

from collections.abc import Iterator, Mapping, Sequence

from tests.fault_matrix.cells import Finding
from tests.fault_matrix.phases import Phase
from tests.fault_matrix.rules import IN_TABLE
from tests.fault_matrix.run import Results, summary

INTRODUCTION = """# Faults

What is left when something goes wrong while a device is made or removed? Either a device that is online and whole, or
nothing at all. And while it is put into quarantine or let out? A device that is free or one that is confined, whole in
either case, and held by no execution. `make faults` shows it, on a local cloud of its own, and writes this page; the tests
run a part of it: of making, undoing and removing a device every state with half of the faults, and so that each fault strikes
half of the states, and of every kind of scenario two at the most.

The workflows are the deployed ones, and so are the functions. An HTTP proxy stands between them and the emulator
(`tests/fault_matrix/proxy.py`): it tells every call's service, operation, function and thing, and can answer in AWS's place,
hold a call, cut an answer, or close the connection when the emulator has carried the call out. Nothing in the product
knows of it. Which calls there are is not written down anywhere: three lives without faults, one to the end, one that is
undone, and one of a device that makes its own key and is put into quarantine and let out, go through the proxy, and every
call that was seen becomes a row. Of the last life's provisioning the rows are those that the first one's does not have. The
functions run in a custom runtime (`tests/fault_matrix/custom_runtime.py`), for the emulator's own gives every exception one
name, and Retry and Catch go by names. Pauses between retries last a twentieth of their time, and a device that does not come
is waited for 30 seconds instead of 300.

A **device** is: a thing of this execution in the stack's group and in no other; one certificate, active, attached, with the
device policy alone, and the one that the catalog names; a shadow; the config and no key in the bucket; one task, the one that
the catalog names; a row that no restart, quarantine or release holds and that says ONLINE, which only the device's own
connection can make it say. **Quarantined** is the same device with the quarantine policy alone, in the quarantine group too,
connected, and a row that says QUARANTINED. Each one is removed afterwards. **Nothing** is: none of these in any service, and a
row that is FAILED, TERMINATED or not there. In the bucket there is also the signing request of a device that makes its own key,
and its certificate, when that was written again after the device had fetched it; neither is a secret, and both go with the
device, or after a day.

What is right follows from how the execution ended. Provisioning: a device, or when it failed nothing. Deprovisioning: nothing;
when it failed before it removed anything, a device. Quarantine: quarantined, or when it failed a device as before. Release: a
device, or when it failed quarantined as before.

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

`device`, `quarantined` and `nothing` say what there was when the execution had ended. A call that is throttled twice or times
out once must not make the execution fail. `swept`: something stayed, because CleanUp itself was struck and the fault did not pass, or because
nobody knows what was made; the stack's sweep, run once when everything was over, has removed it. `-`: this second call of its
name was not made this time.

{cells}
Not in these tables: the restart and the roll, which is restarts one after the other (docs/pipeline.md); their states fail one
by one in `tests/workflow/test_restart_device.py` and `test_roll_devices.py`. And the way in which the emulator ends a connection
in place of DeleteConnection (docs/homes.md).

## Scenarios

{scenarios}
"""


def page(results: Results) -> str:
    """The whole page."""
    cells = "".join(f"### {phase.value.capitalize()}\n\n{_cells(results.findings, phase)}\n" for phase in Phase)
    return INTRODUCTION.format(
        summary=summary(results), counts=_counts(results), cells=cells, scenarios=_scenarios(results)
    )


def _counts(results: Results) -> str:
    rows = [
        (kind, str(len(results.before[kind])), str(results.made.get(kind, "-")), str(len(results.after[kind])))
        for kind in results.before
    ]
    return _table(("what", "before", "made", "after"), rows)


def _cells(findings: Sequence[Finding], phase: Phase) -> str:
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for finding in findings:
        place = finding.cell.place
        if place.phase is phase:
            again = f" ({place.occurrence + 1})" if place.occurrence else ""
            key = (place.state, f"`{place.call}`{again}")
            rows.setdefault(key, {})[finding.cell.fault.value] = _said(finding)
    columns = [fault.value for fault in IN_TABLE]
    return _table(("state", "call", *columns), [(*key, *_picked(row, columns)) for key, row in rows.items()])


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
