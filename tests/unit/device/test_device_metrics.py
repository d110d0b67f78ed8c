"""Device-side metrics: the report, when it is sent, and what becomes of one that does not
arrive.
"""

import socket
import sys
from typing import Any

import pytest

from tests.unit.doubles.surroundings import Device, Sent
from virtual_device.base.errors import EnvironmentIncompleteError
from virtual_device.base.jsonvalue import encode
from virtual_device.connection.traffic import Counts, Traffic
from virtual_device.connection.transport import Failure, Message
from virtual_device.metrics import host_reading
from virtual_device.metrics.metrics import LONGEST_JITTER_SECONDS, Metrics
from virtual_device.metrics.metrics_report import (
    MAX_LISTED,
    Connection,
    Network,
    Port,
    Reading,
    Rejection,
    Totals,
    build,
)
from virtual_device.shadow import settings
from virtual_device.state.config import Environment
from virtual_device.telemetry.thing import METRICS_FLOOR, Thing

TOPIC = "$aws/things/dev-TEST/defender/metrics/json"
LOST = Failure("AWS_ERROR_MQTT5_USER_REQUESTED_STOP", refused=False)
READING = Reading(
    network=Network(1000, 2000, 10, 20),
    tcp_ports=[Port(8080, "eth0"), Port(22, None)],
    udp_ports=[Port(5353, "eth0")],
    connections=[
        Connection("192.0.2.1", 8883, 40000, "eth0"),
        Connection("2001:db8::1", 8883, 40001, None),
    ],
)


def test_a_report_has_the_documented_form() -> None:
    counts = Counts(5, 4, 500, 400, 1, 2)
    report = build(
        1_767_323_045,
        READING,
        counts,
        Totals(Network(900, 1900, 9, 19), Counts(3, 3, 300, 300, 0, 2)),
    )
    assert report == {
        "header": {"report_id": 1_767_323_045, "version": "1.0"},
        "metrics": {
            "listening_tcp_ports": {
                "ports": [{"port": 8080, "interface": "eth0"}, {"port": 22}],
                "total": 2,
            },
            "listening_udp_ports": {"ports": [{"port": 5353, "interface": "eth0"}], "total": 1},
            "network_stats": {"bytes_in": 100, "bytes_out": 100, "packets_in": 1, "packets_out": 1},
            "tcp_connections": {
                "established_connections": {
                    "connections": [
                        {
                            "remote_addr": "192.0.2.1:8883",
                            "local_port": 40000,
                            "local_interface": "eth0",
                        },
                        {"remote_addr": "[2001:db8::1]:8883", "local_port": 40001},
                    ],
                    "total": 2,
                }
            },
        },
        "custom_metrics": {
            "messages_sent": [{"number": 2}],
            "messages_received": [{"number": 1}],
            "bytes_sent": [{"number": 200}],
            "bytes_received": [{"number": 100}],
            "publishes_refused": [{"number": 1}],
            "reconnects": [{"number": 0}],
        },
    }


def test_long_lists_are_cut_and_counted_and_nothing_is_below_zero() -> None:
    many = [Connection("192.0.2.1", 8883, 1024 + number, "eth0") for number in range(1000)]
    before = Totals(Network(1, 1, 1, 1), Counts())
    report: Any = build(1, Reading(Network(), connections=many), Counts(), before)
    established = report["metrics"]["tcp_connections"]["established_connections"]
    assert (len(established["connections"]), established["total"]) == (MAX_LISTED, 1000)
    assert set(report["metrics"]["network_stats"].values()) == {0}


def test_traffic_is_counted() -> None:
    traffic = Traffic()
    traffic.connected()
    traffic.sent(b"abc")
    traffic.received(b"ab")
    traffic.refused += 1
    assert traffic.counts() == Counts(1, 1, 3, 2, 1, 0)
    traffic.connected()
    assert traffic.counts().reconnects == 1


# --- when


class Bench:
    """A device with metrics, and `readings` of its host; the last one stays."""

    def __init__(self) -> None:
        self.device = Device(Thing("dev-TEST"))
        self.readings: list[Reading | Exception] = [READING]
        self.metrics = Metrics(self.device, self._read)

    def _read(self) -> Reading:
        reading = self.readings.pop(0) if len(self.readings) > 1 else self.readings[0]
        if isinstance(reading, Exception):
            raise reading
        return reading

    def set(self, seconds: int) -> None:
        before = self.device.settings
        self.device.settings = {**before, "metrics": seconds}
        self.metrics.on_settings(before)
        self.work()

    def work(self) -> None:
        works, self.device.works[:] = list(self.device.works), []
        for work in works:
            work()

    def pass_time(self) -> Sent | None:
        """Fire the timer that is running; the report that is sent."""
        (timer,) = [timer for timer in self.device.timers if timer.call is not None]
        self.device.mono += timer.seconds
        known = len(self.device.sent)
        timer.fire()
        self.work()
        return self.device.sent[known] if len(self.device.sent) > known else None

    def running(self) -> list[float]:
        return [timer.seconds for timer in self.device.timers if timer.call is not None]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def report(sent: Sent | None) -> Any:
    assert sent is not None
    assert sent.topic == TOPIC
    return sent.content


def test_a_device_reports_nothing_unless_it_is_told_to(bench: Bench) -> None:
    bench.metrics.on_ready()
    assert bench.metrics.filters == ()
    assert (bench.device.timers, bench.device.works, bench.device.subscriptions) == ([], [], [])


def test_a_process_without_a_memory_learns_of_its_reports_from_the_shadow(bench: Bench) -> None:
    """Nothing is reported anew, for a process before has: so nobody says that it has changed."""
    # given
    bench.metrics.on_ready()
    # when
    bench.device.settings = {**bench.device.settings, "metrics": 300}
    bench.metrics.on_shadow()
    bench.work()
    # then
    assert bench.device.subscriptions[0].filters == [f"{TOPIC}/rejected"]
    report(bench.pass_time())
    # when: with a later connection
    bench.metrics.on_shadow()
    assert len(bench.device.subscriptions) == 1


def test_reports_begin_after_an_interval_and_then_keep_to_it(bench: Bench) -> None:
    # when
    bench.set(300)
    # then
    assert bench.device.sent == []
    assert bench.device.subscriptions[0].filters == [f"{TOPIC}/rejected"]
    assert bench.metrics.filters == (f"{TOPIC}/rejected",)
    assert 300 <= bench.running()[0] <= 300 + LONGEST_JITTER_SECONDS
    report(bench.pass_time())
    assert bench.running() == [300]


def test_each_report_is_told_again_where_others_may_hear_it(bench: Bench) -> None:
    # when
    bench.set(300)
    bench.pass_time()
    # then: the service's own topic is for publishing alone
    sent, copy = bench.device.sent
    assert (sent.topic, copy.topic) == (TOPIC, "evt/playground/dev-TEST/metrics")
    told = copy.content
    said = {name: told.pop(name) for name in ("event", "thingName", "deviceType", "timestamp")}
    assert (said["event"], said["thingName"]) == ("metrics", "dev-TEST")
    assert told == sent.content
    # and whether the copy arrives changes nothing
    copy.done(LOST)
    sent.done(None)
    assert report(bench.pass_time())["metrics"]["network_stats"]["bytes_in"] == 0


def test_each_report_tells_what_has_been_added_and_ids_grow(bench: Bench) -> None:
    # given
    bench.readings = [Reading(Network(bytes_in=n)) for n in (100, 150, 250)]
    bench.set(300)
    # when
    bench.device.traffic = Counts(messages_sent=3)
    sent = bench.pass_time()
    first = report(sent)
    sent.done(None) if sent else None
    bench.device.mono -= 300  # a clock that was set back
    bench.device.traffic = Counts(messages_sent=4)
    second = report(bench.pass_time())
    # then
    assert [found["metrics"]["network_stats"]["bytes_in"] for found in (first, second)] == [50, 100]
    assert [found["custom_metrics"]["messages_sent"][0]["number"] for found in (first, second)] == [
        3,
        1,
    ]
    assert second["header"]["report_id"] > first["header"]["report_id"]


def test_what_a_lost_report_held_is_in_the_next_one(bench: Bench) -> None:
    bench.readings = [Reading(Network(bytes_in=n)) for n in (100, 150, 250)]
    bench.set(300)
    sent = bench.pass_time()
    assert sent is not None
    sent.done(LOST)
    assert report(bench.pass_time())["metrics"]["network_stats"]["bytes_in"] == 150


def test_a_reading_that_fails_is_told_and_tried_again_at_the_next_time(bench: Bench) -> None:
    bench.set(300)
    bench.readings = [PermissionError("no"), READING]
    assert bench.pass_time() is None
    assert bench.device.told == [("metrics can't be read", {"reason": "no"})]
    report(bench.pass_time())


def test_a_reconnect_makes_no_report_come_earlier(bench: Bench) -> None:
    # given
    bench.set(300)
    bench.pass_time()
    # when
    bench.device.mono += 100
    bench.metrics.on_disconnected()
    assert bench.running() == []
    bench.metrics.on_ready()
    # then
    assert bench.running() == pytest.approx([200])
    bench.metrics.on_ready()
    assert bench.running() == pytest.approx([200])


def test_a_reading_that_comes_after_the_connection_is_gone_is_not_sent(bench: Bench) -> None:
    bench.set(300)
    (timer,) = [timer for timer in bench.device.timers if timer.call is not None]
    timer.fire()
    bench.metrics.on_disconnected()
    bench.work()
    assert bench.device.sent == []


def test_another_interval_and_none_at_all(bench: Bench) -> None:
    bench.set(300)
    bench.set(600)
    assert len(bench.running()) == 1
    assert bench.running()[0] >= 600
    assert len(bench.device.subscriptions) == 1
    bench.set(0)
    assert bench.running() == []
    assert bench.device.unsubscribed == [f"{TOPIC}/rejected"]
    assert bench.metrics.filters == ()


def test_a_rejected_report_is_told_with_its_reason(bench: Bench) -> None:
    details = {"ErrorCode": "Throttled", "ErrorMessage": "too many"}
    answer = {
        "thingName": "dev-TEST",
        "reportId": 7,
        "status": "REJECTED",
        "statusDetails": details,
    }
    assert bench.metrics.on_message(Message(f"{TOPIC}/rejected", encode(answer)))
    fields = {"reportId": 7, "code": "Throttled", "reason": "too many"}
    assert bench.device.told == [("metrics report rejected", fields)]
    assert bench.metrics.on_message(Message(f"{TOPIC}/rejected", b"{"))
    assert bench.device.told[-1][0] == "metrics answer ignored"
    assert not bench.metrics.on_message(Message(f"{TOPIC}/accepted", b"{}"))


@pytest.mark.parametrize("document", [{}, {"statusDetails": None}, {"statusDetails": []}])
def test_a_rejection_without_details_is_one_too(document: Any) -> None:
    assert Rejection.from_payload(document) == Rejection(None, None, None)


# --- how often


@pytest.mark.parametrize(
    ("floor", "value", "taken"),
    [
        (METRICS_FLOOR, 0, True),
        (METRICS_FLOOR, 300, True),
        (METRICS_FLOOR, 86_400, True),
        (METRICS_FLOOR, 299, False),
        (METRICS_FLOOR, 86_401, False),
        (METRICS_FLOOR, -1, False),
        (METRICS_FLOOR, False, False),
        (METRICS_FLOOR, 300.0, True),
        (METRICS_FLOOR, 300.5, False),
        (METRICS_FLOOR, "300", False),
        (1, 1, True),
        (1, -1, False),
    ],
)
def test_the_interval_is_none_or_not_below_the_floor(
    floor: int, value: Any, *, taken: bool
) -> None:
    thing = Thing("dev-TEST").hosted(floor)
    outcome = settings.apply(thing, settings.defaults(thing), {"metrics": value})
    assert (outcome.refused == {}) is taken
    assert outcome.settings["metrics"] == (value if taken else 0)
    if not taken:
        assert outcome.refused["metrics"].reason == f"must be 0 or an integer from {floor} to 86400"


def test_what_is_remembered_from_a_home_with_another_floor_is_forgotten() -> None:
    assert settings.adopt(Thing("dev-TEST"), {"metrics": 1, "time": 5})["metrics"] == 0


def test_the_floor_comes_from_the_environment() -> None:
    assert Environment.from_variables({"STATE_DIR": "/x"}).metrics_floor == 300
    assert Environment.from_variables({"STATE_DIR": "/x", "METRICS_FLOOR": "1"}).metrics_floor == 1


@pytest.mark.parametrize("floor", ["0", "301", "-1", "1.5", "soon"])
def test_a_floor_without_sense_is_refused(floor: str) -> None:
    with pytest.raises(EnvironmentIncompleteError, match="METRICS_FLOOR"):
        Environment.from_variables({"STATE_DIR": "/x", "METRICS_FLOOR": floor})


# --- the reading


def test_a_look_finds_ports_and_connections_of_this_process() -> None:
    # given
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
    ):
        datagrams.bind(("127.0.0.1", 0))
        # when
        reading = host_reading.look()
        # then
        interface = "lo0" if sys.platform == "darwin" else "lo"
        port = server.getsockname()[1]
        assert Port(port, interface) in reading.tcp_ports
        assert Port(datagrams.getsockname()[1], interface) in reading.udp_ports
        assert (
            Connection("127.0.0.1", port, client.getsockname()[1], interface) in reading.connections
        )
    assert reading.network.bytes_in > 0


def test_one_look_serves_all_devices_for_a_second() -> None:
    now, looks = [0.0], []

    def look() -> Reading:
        looks.append(now[0])
        return Reading(Network(bytes_in=len(looks)))

    readings = host_reading.Readings(look, lambda: now[0])
    assert readings.latest() is readings.latest()
    now[0] = 0.9
    readings.latest()
    now[0] = 1.0
    assert readings.latest().network.bytes_in == 2
    assert looks == [0.0, 1.0]
