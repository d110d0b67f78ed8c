"""AWS IoT Core Device Advisor, MQTT: cases 7 to 19, and 24, the long run.

Case 14, a publish repeated on a live connection, is a rule of MQTT 3.1.1: in MQTT 5 nothing is
resent but on a new connection (OASIS MQTT 5.0, 4.4), which is tested here in its place.
"""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.device import mqtt5
from tests.device.hosted import Hosted, hosted
from tests.device.pki import CertificateAuthority
from tests.device.scripted_broker import GOOD, Manners, ScriptedBroker, Visit
from tests.device.trials import DELAYS, KINDS, Trials
from virtual_device.connection import mqtt

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(400)]

SLACK = 0.5
"""Seconds that connecting itself may take on a busy machine."""


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    """Short times for the library, in this process only."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def last(broker: ScriptedBroker, thing: str) -> Visit:
    """The visit that counts."""
    return broker.of(thing)[-1]


def test_case_07_sends_connect(scripted: ScriptedBroker, host: Hosted) -> None:
    host.add("dev-7", scripted)
    scripted.wait_until(lambda: scripted.of("dev-7"))
    # Then it is MQTT 5, under the thing's name, with a keep-alive that AWS IoT takes as it is
    connect = last(scripted, "dev-7").of(mqtt5.Connect)[0]
    assert (connect.protocol, connect.version, connect.client_id) == ("MQTT", 5, "dev-7")
    assert 30 <= connect.keep_alive <= 1200


@pytest.mark.parametrize("size", [0, 1, 128, 16_384, 128 * 1024])
def test_case_08_acknowledges_qos_1(scripted: ScriptedBroker, host: Hosted, size: int) -> None:
    host.add("dev-8", scripted)
    scripted.wait_for_reported("dev-8", time=60)
    # When a message comes with QoS 1, even one that means nothing
    packet_id = scripted.deliver("dev-8", "$aws/things/dev-8/shadow/update/delta", b"x" * size)
    # Then it is acknowledged
    scripted.wait_until(lambda: mqtt5.Puback(packet_id) in last(scripted, "dev-8").packets)


def check_back_off(tried: Trials, kind: str) -> None:
    """Full jitter: the delay is anything up to a limit that begins at 1 s and doubles."""
    delays = tried.delays(kind)
    # At least five retries, each within its limit
    assert all(len(ones) == DELAYS for ones in delays)
    for ones in delays:
        assert all(delay <= 2.0**retry + SLACK for retry, delay in enumerate(ones)), ones
    # Not constant: neither for a device from retry to retry nor from device to device
    for retry in range(DELAYS):
        column = [ones[retry] for ones in delays]
        assert max(column) - min(column) > 0.05 * 2.0**retry, column
    # Not linear: some of the fifth are longer than any that grow by a second each, and the sums
    # grow ever faster
    assert max(ones[4] for ones in delays) > DELAYS + SLACK
    first, third, fifth = (sum(ones[retry] for ones in delays) for retry in (0, 2, 4))
    assert fifth - third > third - first


def test_case_09_no_connack_is_retried_with_jitter(tried: Trials) -> None:
    check_back_off(tried, "silent")
    assert len(tried.host.said("dev-silent-0", "cannot connect")) >= DELAYS


def test_case_10_no_connack_is_retried_exponentially(tried: Trials) -> None:
    check_back_off(tried, "silent")
    ceilings = [max(ones[retry] for ones in tried.delays("silent")) for retry in range(DELAYS)]
    assert ceilings[4] > 2 * ceilings[2] > 2 * ceilings[0]


def test_case_11_a_server_that_disconnects_is_tried_again_with_jitter(tried: Trials) -> None:
    check_back_off(tried, "dismissing")
    assert (
        "SERVER_SHUTTING_DOWN" in tried.host.said("dev-dismissing-0", "disconnected")[0]["reason"]
    )


def test_case_12_a_connection_dropped_after_connack_is_tried_again_with_jitter(
    tried: Trials,
) -> None:
    check_back_off(tried, "dropping")
    assert len(tried.host.said("dev-dropping-0", "disconnected")) >= DELAYS


def test_the_trials_are_of_all_kinds() -> None:
    assert sorted(KINDS) == ["dismissing", "dropping", "silent"]


def test_case_13_publishes(scripted: ScriptedBroker, host: Hosted) -> None:
    host.add("dev-13", scripted)
    topic = "dt/playground/dev-13/telemetry"
    scripted.wait_until(lambda: scripted.of("dev-13") and last(scripted, "dev-13").published(topic))
    message = last(scripted, "dev-13").published(topic)[0]
    assert message.qos == 1
    assert json.loads(message.payload)["thingName"] == "dev-13"


def test_case_14_mqtt_5_resends_on_a_new_connection_only(
    scripted: ScriptedBroker, host: Hosted
) -> None:
    # Given a server that never acknowledges a publish
    scripted.manners = lambda _client, number: Manners(
        puback=number > 1, session_present=number > 1
    )
    host.add("dev-14", scripted)
    topic = "evt/playground/dev-14/online"
    scripted.wait_until(lambda: scripted.of("dev-14") and last(scripted, "dev-14").published(topic))
    scripted.wait_for_reported("dev-14", time=60)
    # Then nothing is sent twice on the connection, for all that follows it
    packets = last(scripted, "dev-14").of(mqtt5.Publish)
    assert len({packet.packet_id for packet in packets}) == len(packets)
    assert not any(packet.duplicate for packet in packets)
    # When the connection is lost and the server still has the session
    scripted.drop("dev-14")
    # Then what was not acknowledged is sent again, marked as a duplicate
    scripted.wait_until(
        lambda: len(scripted.of("dev-14")) > 1 and last(scripted, "dev-14").published(topic)
    )
    assert last(scripted, "dev-14").published(topic)[0].duplicate


def test_case_15_subscribes(scripted: ScriptedBroker, host: Hosted) -> None:
    host.add("dev-15", scripted)
    scripted.wait_for_reported("dev-15", time=60)
    # Then with SUBSCRIBEs of at most 8 topics each, all of them its own
    packets = last(scripted, "dev-15").of(mqtt5.Subscribe)
    assert all(len(packet.filters) <= 8 for packet in packets)
    filters = [name for packet in packets for name in packet.filters]
    assert "$aws/things/dev-15/shadow/update/delta" in filters
    assert all("dev-15" in name.split("/") for name in filters)
    assert all(name.count("/") <= 7 and "#" not in name for name in filters)
    # The only level that is anyone's is the id of an execution, which the device can't know
    # beforehand.
    wild = [name for name in filters if "+" in name]
    assert wild == ["$aws/commands/things/dev-15/executions/+/request/json"]


def test_case_16_subscribe_without_suback_is_repeated(
    scripted: ScriptedBroker, host: Hosted, patch: pytest.MonkeyPatch
) -> None:
    # Given a server that doesn't answer the first SUBSCRIBE
    patch.setattr(mqtt, "ACK_TIMEOUT_SECONDS", 1)
    scripted.manners = lambda _client, _number: Manners(suback=False)
    host.add("dev-16", scripted)
    # Then the device subscribes again, later
    host.wait_for_log("dev-16", "cannot subscribe", count=2)
    scripted.wait_until(lambda: len(last(scripted, "dev-16").of(mqtt5.Subscribe)) >= 3)
    # And stays connected, sends its telemetry, and has not asked for a shadow whose answer it could
    # not hear
    assert len(scripted.of("dev-16")) == 1
    scripted.wait_until(
        lambda: last(scripted, "dev-16").published("dt/playground/dev-16/telemetry")
    )
    assert last(scripted, "dev-16").published("$aws/things/dev-16/shadow/get") == []


def test_case_17_no_pingresp_ends_the_connection(
    scripted: ScriptedBroker, host: Hosted, patch: pytest.MonkeyPatch
) -> None:
    # Given a server that stops answering pings, and a device that pings often
    patch.setattr(mqtt, "KEEP_ALIVE_SECONDS", 1)
    patch.setattr(mqtt, "PING_TIMEOUT_MS", 300)
    scripted.manners = lambda _client, number: Manners(pingresp=number > 1)
    host.add("dev-17", scripted)
    # Then it disconnects after a ping without an answer, says so, and connects again
    assert "PING" in host.wait_for_log("dev-17", "disconnected")[0]["reason"]
    scripted.wait_until(lambda: len(scripted.of("dev-17")) > 1)
    assert scripted.of("dev-17")[0].of(mqtt5.Pingreq)
    # And a connection on which pings are answered is kept
    scripted.wait_until(lambda: len(last(scripted, "dev-17").of(mqtt5.Pingreq)) >= 2)
    assert len(scripted.of("dev-17")) == 2


def test_case_18_a_persistent_session_is_resumed(scripted: ScriptedBroker, host: Hosted) -> None:
    # Given a device that is away while its shadow changes, and a server that keeps its session
    host.add("dev-18", scripted)
    scripted.wait_for_reported("dev-18", time=60)
    answers = scripted.shadows["dev-18"].update({"state": {"desired": {"time": 78}}})
    queued = tuple(
        (f"$aws/things/dev-18/shadow/{kind}", json.dumps(content).encode())
        for kind, content in answers
    )
    scripted.manners = lambda _client, _number: Manners(session_present=True, queued=queued)
    scripted.drop("dev-18")
    scripted.wait_for_reported("dev-18", time=78)
    # Then it has resumed the session, taken what was queued, and has not subscribed again
    again = last(scripted, "dev-18")
    assert not again.of(mqtt5.Connect)[0].clean_start
    scripted.wait_until(lambda: len(again.of(mqtt5.Puback)) >= len(queued))
    assert again.of(mqtt5.Subscribe) == []
    assert host.said("dev-18", "connected")[-1]["sessionPresent"]


def test_case_19_an_expired_session_is_subscribed_anew(
    scripted: ScriptedBroker, host: Hosted
) -> None:
    # Given a device that is away for so long that the server has forgotten its session
    host.add("dev-19", scripted)
    scripted.wait_for_reported("dev-19", time=60)
    scripted.drop("dev-19")
    scripted.wait_until(lambda: len(scripted.of("dev-19")) > 1)
    scripted.wait_until(
        lambda: last(scripted, "dev-19").filters() == scripted.of("dev-19")[0].filters()
    )
    # Then it wanted to resume, found nothing, subscribed again, and follows its shadow
    assert not last(scripted, "dev-19").of(mqtt5.Connect)[0].clean_start
    scripted.change("dev-19", time=79)
    scripted.wait_for_reported("dev-19", time=79)


def test_rule_a_goodbye_amid_traffic_is_a_goodbye(
    scripted: ScriptedBroker, tmp_path: Path, authority: CertificateAuthority
) -> None:
    # When devices leave at the very moment when messages come and go
    for number in range(5):
        with hosted(tmp_path / str(number), authority) as host:
            host.add(f"dev-bye-{number}", scripted)
            scripted.wait_for_reported(f"dev-bye-{number}", time=60)
    # Then each has said so
    scripted.wait_until(lambda: not scripted.connected)
    assert all(visit.of(mqtt5.Disconnect) for visit in scripted.visits)


def test_case_24_a_long_run_in_short(
    scripted: ScriptedBroker, host: Hosted, patch: pytest.MonkeyPatch
) -> None:
    """Device Advisor's long run takes hours; here the pauses are a two-hundredth of what they
    are.
    """
    patch.setattr(mqtt, "MIN_RECONNECT_DELAY_MS", 5)
    patch.setattr(mqtt, "MAX_RECONNECT_DELAY_MS", 600)
    things = [f"dev-24-{number}" for number in range(5)]
    # Given devices that are connected, subscribed, and publish
    for thing in things:
        host.add(thing, scripted)
    for thing in things:
        scripted.wait_for_reported(thing, time=60)

    def all_follow(value: int) -> None:
        for thing in things:
            scripted.change(thing, time=value)
        for thing in things:
            scripted.wait_for_reported(thing, time=value)

    # When each connection is dropped, then the server is gone for long, then connectivity comes and
    # goes
    for thing in things:
        scripted.drop(thing)
    all_follow(71)
    scripted.away()
    for thing in things:
        host.wait_for_log(thing, "cannot connect", count=6)
    scripted.back()
    all_follow(72)
    scripted.manners = lambda _client, number: Manners(drop=True) if number % 3 else GOOD
    for round_ in range(3):
        before = {thing: len(scripted.of(thing)) for thing in things}
        for thing in things:
            scripted.wait_until(lambda thing=thing: thing in scripted.connected)  # type: ignore[misc]
            scripted.drop(thing)
        scripted.wait_until(
            lambda before=before: all(len(scripted.of(thing)) > before[thing] for thing in things)  # type: ignore[misc]
        )
        all_follow(73 + round_)
    # Then all follow their shadows in the end as in the beginning, each under its own name, one
    # connection at a time
    for thing in things:
        for before_, after in pairwise(scripted.of(thing)):
            assert before_.ended is not None
            assert before_.ended <= after.at + SLACK
