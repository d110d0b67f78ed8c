"""The detector: each rule, its edges, and who is to blame."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detecting.finding import MOST_EVIDENCE, UNKNOWN
from detecting.rules import table
from tests.unit.sightings import (
    LIMITS,
    NOON,
    Watch,
    certificate,
    connect_failed,
    disconnected,
    logged,
    message,
    queue,
    refused,
    report,
    seen_in,
    tampered,
    violation,
)

FORBIDDEN = "playground/forbidden/rogue/telemetry"
WINDOW = LIMITS.window * 1000
MESSAGES_WINDOW = LIMITS.messages_window * 1000


@pytest.fixture
def watch() -> Watch:
    return Watch()


def refusals(count: int, topic: str = FORBIDDEN, thing: str = "rogue") -> list[dict[str, Any]]:
    return [refused(thing, topic, f"r{number}") for number in range(count)]


def flood(count: int, every_ms: int = 20, thing: str = "rogue") -> list[dict[str, Any]]:
    return [message(thing, NOON + number * every_ms, f"m{number}") for number in range(count)]


def rules_of(findings: Any) -> list[tuple[str, str]]:
    return [(finding.rule, finding.thing_name) for finding in findings]


def test_a_finding_says_who_which_rule_what_and_when(watch: Watch) -> None:
    (finding,) = watch.see(logged(*refusals(3)))
    assert json.loads(json.dumps(finding.as_document())) == {
        "thing_name": "rogue",
        "verdict_id": "2026-01-01T12:00:00.000Z#forbidden-topic",
        "rule": "forbidden-topic",
        "reason": "3 in 60 s: messages or subscriptions that its policy refused",
        "seen": {"topic": FORBIDDEN, "operation": "Publish-In", "count": 3, "limit": 3},
        "window": 60,
        "at": "2026-01-01T12:00:00.000Z",
        "evidence": ["r0", "r1", "r2"],
    }


def test_two_refusals_are_a_mistake_and_three_are_suspicious(watch: Watch) -> None:
    lines = refusals(3)
    assert watch.see(logged(*lines[:2])) == []
    assert rules_of(watch.see(logged(lines[2]))) == [("forbidden-topic", "rogue")]


def test_the_same_refusal_delivered_again_counts_once(watch: Watch) -> None:
    assert watch.see(*[logged(*refusals(2))] * 3) == []


def test_a_refused_subscription_counts_too(watch: Watch) -> None:
    lines = [{**line, "eventType": "Subscribe"} for line in refusals(3)]
    assert rules_of(watch.see(logged(*lines))) == [("forbidden-topic", "rogue")]


def test_refusals_of_several_things_are_not_added_up(watch: Watch) -> None:
    assert watch.see(logged(*refusals(2), *refusals(2, thing="lamp"))) == []


@pytest.mark.parametrize("verb", ["shadow/update", "jobs/start-next", "shadow/name/x/update"])
def test_topics_of_another_thing_have_a_rule_of_their_own(watch: Watch, verb: str) -> None:
    assert rules_of(watch.see(logged(*refusals(3, f"$aws/things/lamp/{verb}")))) == [
        ("foreign-shadow", "rogue")
    ]


def test_a_refused_topic_of_its_own_is_nobody_elses(watch: Watch) -> None:
    assert rules_of(watch.see(logged(*refusals(3, "$aws/things/rogue/streams/x/get")))) == [
        ("forbidden-topic", "rogue")
    ]


def test_the_local_log_knows_no_certificate_and_the_client_id_tells(watch: Watch) -> None:
    lines = [
        {key: value for key, value in line.items() if key != "principalId"} for line in refusals(3)
    ]
    assert rules_of(watch.see(logged(*lines))) == [("forbidden-topic", "rogue")]


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "[1]",
        {"status": "Success"},
        {"status": "Failure"},
        {"status": "Failure", "eventType": "Connect"},
    ],
)
def test_other_lines_of_the_log_are_none_of_its_business(line: Any) -> None:
    assert seen_in(logged(line)) == []


def test_a_bad_certificate_is_nobodys(watch: Watch) -> None:
    line = {
        "status": "Failure",
        "eventType": "Connect",
        "reason": "CERTIFICATE_VERIFY_FAILED",
        "details": "expired",
    }
    (finding,) = watch.see(logged({**line, "clientId": "lamp", "principalId": certificate("lamp")}))
    assert (finding.rule, finding.thing_name) == ("bad-certificate", UNKNOWN)
    assert finding.seen == {"reason": "CERTIFICATE_VERIFY_FAILED", "details": "expired"}


@pytest.mark.parametrize("reason", ["INACTIVE", "NOT_REGISTERED", "REVOKED"])
def test_what_aws_says_of_a_bad_certificate_is_understood_and_nobodys_either(
    watch: Watch, reason: str
) -> None:
    line = {
        "status": "Failure",
        "eventType": "Connection.AuthNError",
        "authenticationType": "AWS_X509",
        "reason": f"DEVICE_CERTIFICATE_{reason}",
        "details": "not taken",
        "clientId": "lamp",
        "principalId": certificate("lamp"),
    }
    (finding,) = watch.see(logged(line))
    assert (finding.rule, finding.thing_name) == ("bad-certificate", UNKNOWN)
    assert finding.seen == {"reason": f"DEVICE_CERTIFICATE_{reason}", "details": "not taken"}


@pytest.mark.parametrize("reason", ["NOT_AUTHENTICATED", "SNI_MISUSED", "SECURITY_TOKEN_EXPIRED"])
def test_other_failures_to_authenticate_are_not_about_certificates(reason: str) -> None:
    line = {"status": "Failure", "eventType": "Connection.AuthNError", "reason": reason}
    assert seen_in(logged(line)) == []


def test_an_authorization_error_that_ends_a_connection_is_enough(watch: Watch) -> None:
    assert rules_of(watch.see(disconnected("rogue", "AUTH_ERROR"))) == [("auth-error", "rogue")]


@pytest.mark.parametrize(
    "reason", ["CONNECTION_LOST", "CLIENT_INITIATED_DISCONNECT", "MQTT_KEEP_ALIVE_TIMEOUT"]
)
def test_other_ends_of_a_connection_are_ordinary(reason: str) -> None:
    assert seen_in(disconnected("rogue", reason)) == []


@pytest.mark.parametrize(("last", "found"), [(NOON + WINDOW, ["clone"]), (NOON + WINDOW + 1, [])])
def test_connections_that_throw_each_other_out(watch: Watch, last: int, found: list[str]) -> None:
    times = (NOON, NOON + 1000, last)
    events = [disconnected("rogue", "DUPLICATE_CLIENTID", at, f"s{at}") for at in times]
    assert [finding.rule for finding in watch.see(*events)] == found


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_in_which_events_come_changes_nothing(order: tuple[int, ...]) -> None:
    events = [
        disconnected("rogue", "DUPLICATE_CLIENTID", NOON + n * 29_000, f"s{n}") for n in order
    ]
    (finding,) = Watch().see(*events)
    assert finding.at_ms == NOON + 58_000


def test_a_stranger_is_told_by_the_certificate_and_not_by_the_name_that_it_claims(
    watch: Watch,
) -> None:
    (finding,) = watch.see(connect_failed("lamp", certificate("rogue")))
    assert (finding.rule, finding.thing_name) == ("stranger", "rogue")
    assert finding.seen == {"claimedClientId": "lamp", "ip": "192.0.2.9"}


def test_a_refused_connection_under_its_own_name_is_no_strangers(watch: Watch) -> None:
    assert watch.see(connect_failed("rogue", certificate("rogue"))) == []


@pytest.mark.parametrize("principal", ["", "AROAEXAMPLE:somebody", certificate("of another stack")])
def test_a_stranger_without_a_known_certificate_is_nobody_known(
    watch: Watch, principal: str
) -> None:
    assert rules_of(watch.see(connect_failed("lamp", principal))) == [("stranger", UNKNOWN)]
    assert watch.see(connect_failed("somebody-elses", principal)) == []


def test_a_connection_that_failed_for_another_reason_is_not_looked_at() -> None:
    assert seen_in({**connect_failed("lamp", "x"), "connectFailureReason": "THROTTLED"}) == []


@pytest.mark.parametrize(
    ("count", "found"), [(LIMITS.messages - 1, []), (LIMITS.messages, [("flood", "rogue")])]
)
def test_a_flood(watch: Watch, count: int, found: list[tuple[str, str]]) -> None:
    assert rules_of(watch.see(queue(*flood(count)))) == found


def test_a_flood_in_small_batches_is_found_with_the_message_that_completes_it(watch: Watch) -> None:
    findings = watch.see(*(queue(record) for record in flood(LIMITS.messages)))
    assert [finding.evidence[-1] for finding in findings] == [f"m{LIMITS.messages - 1}"]
    assert len(findings[0].as_document()["evidence"]) == MOST_EVIDENCE


def test_as_many_messages_in_a_longer_time_are_none(watch: Watch) -> None:
    spread = MESSAGES_WINDOW // (LIMITS.messages - 1) + 1
    assert watch.see(queue(*flood(LIMITS.messages, every_ms=spread))) == []


def test_messages_of_people_are_not_counted(watch: Watch) -> None:
    records = [
        message("rogue", NOON, f"m{number}", principal="AROAEXAMPLE:me") for number in range(100)
    ]
    assert watch.see(queue(*records)) == []


@pytest.mark.parametrize(
    ("topic", "limit"),
    [
        ("dt/playground/rogue/telemetry", LIMITS.message_bytes),
        ("$aws/things/rogue/shadow/update", 8192),
    ],
)
def test_a_message_that_is_too_large(watch: Watch, topic: str, limit: int) -> None:
    assert watch.see(queue(message("rogue", payload=b"x" * limit, topic=topic))) == []
    (finding,) = watch.see(
        queue(message("rogue", evidence="m2", payload=b"x" * (limit + 1), topic=topic))
    )
    assert (finding.rule, finding.seen) == (
        "oversized",
        {"topic": topic, "bytes": limit + 1, "limit": limit},
    )


def test_tampering_is_told_with_what_the_device_says(watch: Watch) -> None:
    (finding,) = watch.see(tampered("rogue", detail="x" * 1000))
    assert (finding.rule, finding.thing_name, finding.seen["detail"]) == (
        "tamper",
        "rogue",
        "x" * 256,
    )


def test_metrics_that_tell_of_refusals(watch: Watch) -> None:
    assert watch.see(report("rogue", 1000, refused=2)) == []
    (finding,) = watch.see(report("rogue", 1300, refused=3))
    assert (finding.rule, finding.seen) == (
        "metrics",
        {"publishes_refused": {"number": 3, "limit": 3}},
    )


@pytest.mark.parametrize(
    ("seconds", "sent", "found"), [(300, 1199, 0), (300, 1200, 1), (1, 39, 0), (1, 40, 1)]
)
def test_metrics_that_tell_of_too_many_messages(
    watch: Watch, seconds: int, sent: int, found: int
) -> None:
    assert watch.see(report("rogue", 1000, sent=100_000)) == []  # since when, nobody knows
    assert len(watch.see(report("rogue", 1000 + seconds, sent=sent))) == found


def test_a_late_metrics_report_says_nothing_of_a_rate(watch: Watch) -> None:
    assert (
        watch.see(
            report("rogue", 2000),
            report("rogue", 1000, sent=100_000),
            report("rogue", 2000, sent=90_000),
        )
        == []
    )


@pytest.mark.parametrize(
    "broken",
    [
        {"header": None},
        {"header": {"report_id": "soon"}},
        {"header": {"report_id": 10**40}},
        {"header": {"report_id": -1}},
        {"custom_metrics": {}},
        {"custom_metrics": {"messages_sent": [], "publishes_refused": []}},
        {
            "custom_metrics": {
                "messages_sent": [{"number": 1e999}],
                "publishes_refused": [{"number": 0}],
            }
        },
    ],
)
def test_a_report_of_another_form_is_left_out(broken: dict[str, Any]) -> None:
    assert seen_in({**report("rogue", 1), **broken}) == []


@pytest.mark.parametrize("principal", ["AROAEXAMPLE:me", "111122223333", "AIDAEXAMPLE"])
def test_what_users_of_the_account_do_under_a_devices_name_is_not_the_devices(
    watch: Watch, principal: str
) -> None:
    watch.see(
        disconnected("lamp", "AUTH_ERROR", principal=principal),
        {**tampered("lamp"), "principal": principal},
        {**report("lamp", 1, refused=9), "principal": principal},
        logged(*({**line, "principalId": principal} for line in refusals(5, thing="lamp"))),
    )
    assert watch.findings == []


def test_device_defender_is_believed(watch: Watch) -> None:
    (finding,) = watch.see(violation("rogue"))
    assert (finding.rule, finding.seen) == (
        "defender",
        {"behavior": "messages-sent", "profile": "profile"},
    )
    assert watch.see(violation("rogue", kind="alarm-cleared")) == []


def test_of_a_thing_that_is_not_the_stacks_nothing_is_said() -> None:
    watch = Watch(things=())
    assert (
        watch.see(tampered("rogue"), logged(*refusals(5)), queue(*flood(60)), violation("rogue"))
        == []
    )


def test_an_event_of_no_source_is_an_error() -> None:
    with pytest.raises(ValueError, match="no source"):
        seen_in({"hello": "world"})


def test_every_rule_has_been_seen_to_fire_here(watch: Watch) -> None:
    clones = [disconnected("rogue", "DUPLICATE_CLIENTID", NOON + n, f"s{n}") for n in range(3)]
    bad = {"status": "Failure", "eventType": "Connect", "reason": "CERTIFICATE_VERIFY_FAILED"}
    watch.see(
        logged(*refusals(3)), logged(*refusals(3, "$aws/things/lamp/shadow/update")), logged(bad),
        *clones,
        disconnected("rogue", "AUTH_ERROR"), connect_failed("lamp", certificate("rogue")),
        queue(*flood(50)),
        queue(message("rogue", payload=b"x" * 40_000)), tampered("rogue"), report("rogue", 1,
        refused=9),
        violation("rogue"),
    )  # fmt: skip
    assert {finding.rule for finding in watch.findings} == table(LIMITS).keys()


@given(gaps=st.lists(st.integers(0, 30_000), min_size=3, max_size=12), data=st.data())
def test_a_rule_fires_exactly_when_a_window_is_full(gaps: list[int], data: st.DataObject) -> None:
    """Whatever the order, and whatever comes twice."""
    # given
    times = [NOON + at for at in itertools.accumulate(gaps)]
    events = [
        disconnected("rogue", "DUPLICATE_CLIENTID", at, f"s{n}") for n, at in enumerate(times)
    ]
    again = data.draw(st.lists(st.sampled_from(events), max_size=4))
    # when
    findings = Watch().see(*data.draw(st.permutations([*events, *again])))
    # then
    full = any(
        times[n + LIMITS.takeovers - 1] - times[n] <= WINDOW
        for n in range(len(times) - LIMITS.takeovers + 1)
    )
    assert bool(findings) == full
    assert all(finding.seen["count"] >= LIMITS.takeovers for finding in findings)
