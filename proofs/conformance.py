"""python -m proofs.conformance [--write]

Runs every test that the tables below name, with 4,000 generated examples where a test generates,
and prints the tables with their results; with --write they go to docs/evidence/conformance.md.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import parse

from proofs import evidence

PROJECT = Path(__file__).parents[1]
PAGE = evidence.FOLDER / "conformance.md"
GENERATED = ("tests/device/test_generated.py", "tests/device/test_generated_requests.py")
EXAMPLES = 4_000
FOLDERS = (
    "tests/device",
    "tests/unit/device/test_device_identity.py",
    "tests/unit/device/test_device_shadow.py",
    "tests/unit/device/test_device_shadow_client.py",
    "tests/unit/jobs",
    "tests/e2e/test_device_revoked.py",
    "tests/e2e/test_jobs.py",
)

PYTEST = (
    sys.executable,
    "-m",
    "pytest",
    "-q",
    "--hypothesis-profile=full",
    "--timeout=1200",
    "-ojunit_family=xunit1",
)

CASES: Mapping[int, str] = {
    1: "TLS: connects (Q)",
    2: "TLS: takes records of the maximum size, a payload of 128 KB with QoS 1",
    3: "TLS: offers the recommended cipher suites and none that AWS IoT doesn't support",
    4: "TLS: takes a server certificate of more than one record, RSA and EC",
    5: "TLS: closes on an unrecognised CA (Q)",
    6: "TLS: closes on a wrong server name (Q)",
    7: "sends CONNECT (Q)",
    8: "acknowledges QoS 1, up to 128 KB",
    9: "no CONNACK: at least 5 retries, jittered",
    10: "no CONNACK: exponential",
    11: "the server disconnects: jittered, neither linear nor constant",
    12: "dropped after CONNACK: the same",
    13: "publishes (Q)",
    14: (
        "QoS 1 without PUBACK: a case of MQTT 3.1.1; here, that MQTT 5 resends on a new "
        "connection only"
    ),
    15: "subscribes (Q)",
    16: "SUBSCRIBE without SUBACK is repeated",
    17: "no PINGRESP: disconnects",
    18: "a persistent session is resumed without subscribing, and what was queued is taken",
    19: "an expired session is subscribed anew",
    20: "publishes its state after connecting",
    21: "brings reported to desired, then publishes it",
    22: "completes a job execution",
    23: "the policy has no wildcards but below the thing's own name",
    24: (
        "long run: connect, subscribe, publish, reconnect, long disconnect, intermittent "
        "connectivity (shortened)"
    ),
}

RULES: Sequence[tuple[str, Sequence[str]]] = (
    (("subscribe to the answers "
    "before asking"), ["test_rule_subscribes_to_the_answers_before_it_asks"]),
    (("no shadow (404): make it with "
    "an update"), ["test_rule_no_shadow_is_made_by_an_update", "test_a_missing_shadow_is_made"]),
    ("after a reconnect get and reconcile", ["test_rule_reconciles_after_a_reconnect"]),
    (("ignore a version lower than the newest delta or "
    "document"), ["test_rule_an_older_version_is_ignored", "test_older_messages_are_ignored"]),
    (("a version that starts anew is "
    "followed"), ["test_a_version_that_starts_anew_is_followed_after_a_reconnect"]),
    (("null removes, arrays are "
    "replaced whole"), ["test_rule_null_removes_and_arrays_are_replaced_whole", "test_the_difference_turns_one_into_the_other"]),
    ("409: get, then retry", ["test_rule_a_conflict_leads_to_get_and_another_try"]),
    (("clientToken at most 64 bytes, never twice "
    "the same"), ["test_rule_client_tokens_are_short_and_new"]),
    (("400, 401, 403, 404, 413, 415 are "
    "never retried"), ["test_rule_a_final_error_is_not_asked_again"]),
    (("429 and 500 are, with "
    "growing jitter"), ["test_rule_a_passing_error_is_asked_again", "test_a_passing_error_leads_to_a_get_with_growing_jitter"]),
    ("at most 8 KB a document", ["test_what_is_rejected_always_fits_beside_desired"]),
    ("at most 8 subscriptions in a SUBSCRIBE", ["test_all_answers_fit_in_one_subscribe"]),
    (("jobs: one at a time, in the queue's order, also those queued while the device "
    "was away"), ["test_case_22_does_queued_jobs_in_order", "test_jobs_are_done_one_by_one_until_none_is_left"]),
    (("a job in progress is gone on with after a restart and after a lost "
    "connection"), ["test_a_job_survives_a_restart", "test_a_job_survives_a_lost_connection", "test_a_job_survives_a_new_connection"]),
    (("a job that was cancelled, deleted or has timed out is stopped, also when "
    "nobody tells"), ["test_a_cancelled_job_makes_way_for_the_next", "test_a_job_whose_end_nobody_tells_is_noticed", "test_a_report_for_a_job_that_is_gone"]),
    (("jobs: lost requests and throttling are asked again with "
    "growing jitter"), ["test_lost_requests_and_throttling_are_overcome", "test_a_report_is_repeated_with_growing_pauses", "test_what_is_next_is_asked_again_with_growing_pauses"]),
    (("reconnect delays from 1 to 120 s, keep-alive in "
    "AWS's limits"), ["test_rule_reconnects_between_1_and_120_seconds"]),
    (("a fleet is back within 5 s of a short outage, not "
    "all at once"), ["test_rule_a_fleet_is_back_soon_after_a_short_outage"]),
    (("a goodbye amid traffic is a goodbye: no "
    "last will"), ["test_rule_a_goodbye_amid_traffic_is_a_goodbye"]),
)  # fmt: skip

PROPERTIES: Sequence[tuple[str, Sequence[str]]] = (
    (("deltas in any order, twice, lost, restarts between: `reported` ends equal to the "
    "last valid `desired`"), ["test_property_any_order_duplicates_losses_and_restarts"]),
    (("bad settings: no crash, the old ones in force, each reported with "
    "a reason"), ["test_property_bad_settings_are_refused_with_a_reason"]),
    (("bad shadow documents on any topic: no crash, nothing changes, logged with a reason, "
    "the next good one is followed"), ["test_property_bad_documents_change_nothing"]),
    (("bad job documents: no crash, the old settings in force, rejected with field and "
    "reason, the next job is done"), ["test_property_bad_job_documents_are_rejected_with_a_reason"]),
    (("bad messages of the jobs service: no crash, nothing changes, logged with a reason, "
    "the next job is done"), ["test_property_bad_messages_of_the_jobs_service_change_nothing", "test_property_bad_answers_of_the_jobs_service_do_no_harm"]),
    (("bad commands: no crash, the old settings in force, one reply with field "
    "and reason"), ["test_property_bad_commands_are_refused_with_a_reason"]),
    (("bad config and identity documents: refused with a "
    "reason, or read"), ["test_property_bad_config_documents_are_named_or_read"]),
)  # fmt: skip

UNHAPPY: Sequence[tuple[str, str, Sequence[str]]] = (
    (
        "broker gone for an hour",
        ("Attempts with full jitter, at most 120 s apart, each logged as `cannot connect` "
        "with its reason. Telemetry that falls due is left out, not queued; back again, "
        "the device says `online`, reads its shadow, and sends once."),
        ["test_unhappy_the_broker_is_gone_for_an_hour", "test_unhappy_the_broker_is_gone_for_an_hour_of_attempts"],
    ),
    (
        "the wall clock jumps",
        ("Intervals go by the monotonic clock and stay as they are; only the timestamps "
        "in messages follow the wall clock."),
        ["test_unhappy_the_wall_clock_jumps"],
    ),
    (
        "disk full while running",
        ("`settings.json can't be written` is logged as an error. The device runs with "
        "the new settings, reports them, and drops the file with the old ones: after a "
        "restart, what it last reported counts, so `reconnect` and `clean` still happen "
        "once per value."),
        ["test_unhappy_the_disk_is_full", "test_a_failed_write_leaves_the_old_identity_but_no_old_settings"],
    ),
    (
        "state directory unusable at the first start",
        ("`StateUnusableError` is logged, exit code 2: without its identity kept, the "
        "device could never be started again."),
        ["test_unhappy_the_disk_is_full_at_the_first_start"],
    ),
    (
        "config URL expired (HTTP 403)",
        ("With an identity kept: a warning, and the kept one is used. Without: "
        "`UrlRefusedError` with what to do, exit code 2. The URL is never logged."),
        ["test_unhappy_the_config_url_has_expired", "test_unhappy_the_config_url_has_expired_but_the_identity_is_kept"],
    ),
    (
        "certificate revoked while connected",
        ("AWS IoT ends the connection within minutes (the emulator waits for the device "
        "to reconnect). The device logs `cannot connect`, that the certificate may be "
        "inactive, and goes on trying with growing pauses; once the certificate is "
        "active again it is back by itself."),
        ["test_unhappy_a_certificate_is_revoked_while_connected"],
    ),
    (
        "two processes with one identity",
        ("The server throws out the older (142, session taken over); each logs `is the "
        "device running twice?` and comes back after a pause that grows up to 120 s, so "
        "the two do not storm the server. When one leaves, the other stays."),
        ["test_unhappy_two_processes_have_one_identity", "test_two_processes_with_one_identity_do_not_give_up"],
    ),
)  # fmt: skip

Results = Mapping[str, tuple[str, str]]
"""By the test's name without parameters: where it is, and `passed`, `failed` or `skipped`."""


def run() -> Results:
    """Run the tests, and say how each went. Those that generate go beside those that wait."""
    named = " or ".join(sorted({name for _, _, names in _rows() for name in names}))
    groups = (GENERATED, (*FOLDERS, *(f"--deselect={name}" for name in GENERATED)))
    with tempfile.TemporaryDirectory() as folder:
        reports = [Path(folder, f"{number}.xml") for number in range(len(groups))]
        started = [
            subprocess.Popen(
                [*PYTEST, *group, "-k", named, f"--junitxml={report}"],
                cwd=PROJECT,
                env={**os.environ, "CI": "true"},
            )
            for group, report in zip(groups, reports, strict=True)
        ]
        for process in started:
            process.wait()
        return {name: result for report in reports for name, result in read(report).items()}


def read(report: Path) -> Results:
    """The results in a report of pytest; a test with parameters passed when all of them did."""
    states: dict[str, set[str]] = defaultdict(set)
    places: dict[str, str] = {}
    for case in parse(report).iter("testcase"):  # noqa: S314 - pytest has just written it
        name = re.sub(r"\[.*", "", case.get("name", ""))
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        states[name].add("skipped" if kinds == {"skipped"} else "failed" if kinds else "passed")
        places[name] = case.get("file") or case.get("classname", "").replace(".", "/") + ".py"
    worst = {
        name: next(state for state in ("failed", "skipped", "passed") if state in found)
        for name, found in states.items()
    }
    return {name: (places[name], state) for name, state in worst.items()}


def _rows() -> list[tuple[str, str, Sequence[str]]]:
    cases = [(str(number), CASES[number], [f"test_case_{number:02}_"]) for number in CASES]
    rules = [("", text, names) for text, names in (*RULES, *PROPERTIES)]
    return [*cases, *rules, *UNHAPPY]


def _result(names: Sequence[str], results: Results) -> tuple[str, str]:
    """The result and the tests of a row; a name that ends in `_` stands for what begins so."""
    found = {
        name: result
        for name, result in results.items()
        if any(
            name.startswith(wanted) if wanted.endswith("_") else name == wanted for wanted in names
        )
    }
    if not found or any(not wanted.endswith("_") and wanted not in found for wanted in names):
        return "no test has run", ""
    state = next(
        state
        for state in ("failed", "skipped", "passed")
        if state in {state for _, state in found.values()}
    )
    return state, "<br>".join(f"`{Path(place).name}::{name}`" for name, (place, _) in found.items())


def page(results: Results) -> str:
    """The page."""
    bad = EXAMPLES * sum(text.startswith("bad") for text, _ in PROPERTIES)
    lines = [
        "# Conformance of the virtual device",
        "",
        (
            "Generated by `python -m proofs.conformance --write` from a run of the tests "
            "that it names. What"
        ),
        (
            "misbehaves is `tests/device/scripted_broker.py`, a small MQTT 5 server over "
            "mutual TLS; the process"
        ),
        (
            "tests run against mosquitto, the certificate's and those of jobs also against "
            "the local cloud. Each"
        ),
        (
            f"test that generates its input did so {EXAMPLES:,} times, which makes {bad:,} "
            "bad documents, commands"
        ),
        "and job documents.",
        "",
        "## Cases of AWS IoT Core Device Advisor",
        "",
        "Q marks the qualification set.",
        "",
        "| case | what | result | tests |",
        "|---|---|---|---|",
    ]
    for number, text in CASES.items():
        state, tests = _result([f"test_case_{number:02}_"], results)
        lines.append(f"| {number} | {text} | {state} | {tests} |")
    for title, rows in (
        ("Rules of the shadow, of jobs and of the connection", RULES),
        ("Generated input", PROPERTIES),
    ):
        lines += ["", f"## {title}", "", "| rule | result | tests |", "|---|---|---|"]
        lines += [f"| {text} | {' | '.join(_result(names, results))} |" for text, names in rows]
    lines += [
        "",
        "## Unhappy paths",
        "",
        "| what happens | what the device does | result | tests |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {what} | {text} | {' | '.join(_result(names, results))} |"
        for what, text, names in UNHAPPY
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Run and write; 1 when anything failed."""
    results = run()
    text = page(results)
    if "--write" in arguments:
        evidence.write(PAGE, text, evidence.standing())
    print(text)
    return int(any(state == "failed" for _, state in results.values()) or "no test has run" in text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
