"""A switch and its bulbs in the local cloud: what a link opens, what it does not, and what becomes
of it.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from awscrt import mqtt5

from playground.devices.links import Links, link, links
from playground.messages.watch import watching
from tests.device.tls import context_of
from tests.playground_cloud import Cloud, wait_for

pytestmark = pytest.mark.timeout(180)

SWITCH, BULB, OTHER = "dev-SWITCH", "dev-BULB", "hall:lamp"
POLICY = f"iot-playground-links-{SWITCH}"
REFUSED = 135


@pytest.fixture
def pair(cloud: Cloud, nothing_left: None) -> Iterator[None]:
    """A switch and a bulb, both online; removed afterwards, with what a test has added."""
    made = [(SWITCH, "switch"), (BULB, "bulb")]
    for name, device_type in made:
        cloud.playground("create", "--name", name, "--type", device_type)
    yield
    there = [
        name
        for name in (SWITCH, BULB, OTHER)
        if cloud.row(name).get("status") not in (None, "TERMINATED")
    ]
    cloud.playground("delete", *there)
    assert links_policies(cloud) == set()


def links_policies(cloud: Cloud) -> set[str]:
    """The policies of links that AWS IoT has."""
    names = {policy["policyName"] for policy in cloud.client("iot").list_policies()["policies"]}
    return {name for name in names if name.startswith(f"{cloud.home.stack_name}-links")}


def press(cloud: Cloud) -> str:
    reply = json.loads(cloud.playground("command", SWITCH, "press", "--output", "json").stdout)
    assert reply["status"] == "accepted"
    position: str = reply["result"]["position"]
    return position


def wait_for_no_refusal(cloud: Cloud) -> None:
    wait_for("no refused links", lambda: "refusedLinks" not in cloud.shadow(SWITCH)["reported"])


def reason_codes(cloud: Cloud, topics: list[str]) -> list[int]:
    """How the server answers a publish to each topic, over the switch's own certificate."""
    process = wait_for("the switch's process", lambda: cloud.device_process(SWITCH))
    surroundings = process.environ()
    identity = json.loads(Path(surroundings["STATE_DIR"], SWITCH, "identity.json").read_text())
    process.suspend()  # it would come back, and the server lets one client of a name in
    try:
        with connected(
            surroundings, _found(identity, "certificatePem"), _found(identity, "privateKey")
        ) as publish:
            return [publish(topic) for topic in topics]
    finally:
        process.resume()


class connected:  # noqa: N801 - used like a function
    """A connection as the switch; gives what publishes and gives the reason code."""

    def __init__(self, surroundings: dict[str, str], certificate: str, key: str) -> None:
        self._up: list[bool] = []
        self._client = mqtt5.Client(
            mqtt5.ClientOptions(
                host_name=surroundings["IOT_ENDPOINT"],
                port=int(surroundings["IOT_PORT"]),
                tls_ctx=context_of(
                    certificate, key, Path(surroundings["IOT_CA_FILE"]).read_bytes()
                ),
                connect_options=mqtt5.ConnectPacket(client_id=SWITCH),
                on_lifecycle_event_connection_success_fn=lambda _data: self._up.append(True),
            )
        )

    def __enter__(self) -> Callable[[str], int]:
        self._client.start()
        wait_for("the connection", lambda: self._up)
        return self._publish

    def __exit__(self, *_: object) -> None:
        self._client.stop()

    def _publish(self, topic: str) -> int:
        payload = '{"state": {"desired": {"time": 61}}}'
        packet = mqtt5.PublishPacket(topic=topic, payload=payload, qos=mqtt5.QoS.AT_LEAST_ONCE)
        return int(self._client.publish(packet).result(10).puback.reason_code)


def _found(document: Any, key: str) -> str:
    """The value of that key, wherever it stands."""
    if isinstance(document, dict):
        if key in document:
            return str(document[key])
        return next((found for value in document.values() if (found := _found(value, key))), "")
    return ""


@pytest.mark.thorough
@pytest.mark.usefixtures("pair")
def test_press_the_switch_and_the_light_goes_on_once_they_are_linked(cloud: Cloud) -> None:
    # given: a link that nobody has permitted
    with watching(cloud.home, SWITCH) as watcher:
        cloud.playground("set", SWITCH, f'links=["{BULB}"]')
        told = next(m.payload for m in watcher.messages() if m.topic.endswith("/link-refused"))
    assert (told["link"], "(135)" in told["reason"]) == (BULB, True)
    cloud.wait_until_reported(SWITCH, refusedLinks=[BULB])
    # when
    assert f"{SWITCH} drives {BULB}." in cloud.playground("link", SWITCH, BULB).stdout
    with watching(cloud.home, SWITCH, BULB) as watcher:
        assert press(cloud) == "on"
        # then: both can be watched
        seen: set[str] = set()
        for message in watcher.messages(limit=15):
            seen |= {
                name
                for name in (SWITCH, BULB)
                if message.topic == f"$aws/things/{name}/shadow/update/delta"
            }
            if seen == {SWITCH, BULB}:
                break
    assert seen == {SWITCH, BULB}
    cloud.wait_until_reported(BULB, status="on")
    wait_for_no_refusal(cloud)
    # and: what it does to the shadow by hand has the same effect
    cloud.playground("set", SWITCH, "position=off")
    cloud.wait_until_reported(BULB, status="off")
    assert links(cloud.home) == links(cloud.home, BULB) == [Links(SWITCH, [BULB])]
    assert json.loads(cloud.playground("links", SWITCH, "--output", "json").stdout) == {
        "links": [{"switch": SWITCH, "targets": [BULB]}]
    }
    # and: a certificate that takes the place of the first one has the right too
    cloud.playground(
        "job", "create", SWITCH, "rotate-cert", "trialSeconds=20", "--wait", timeout=120
    )
    wait_for("the switch to be online", lambda: cloud.row(SWITCH)["status"] == "ONLINE")
    assert press(cloud) == "on"
    cloud.wait_until_reported(BULB, status="on")
    # and: one that a restart brings
    cloud.playground("restart", SWITCH)
    wait_for("the switch to be online", lambda: cloud.row(SWITCH)["status"] == "ONLINE")
    assert press(cloud) == "off"
    cloud.wait_until_reported(BULB, status="off")
    # when
    assert f"{SWITCH} drives nothing." in cloud.playground("unlink", SWITCH, BULB).stdout
    # then
    assert links_policies(cloud) == set()
    cloud.wait_until_reported(SWITCH, links=[])
    cloud.playground("set", SWITCH, f'links=["{BULB}"]')
    cloud.wait_until_reported(SWITCH, refusedLinks=[BULB])
    assert cloud.shadow(BULB)["reported"]["status"] == "off"
    for job in cloud.client("iot").list_jobs()["jobs"]:
        cloud.playground("job", "delete", job["jobId"], "--force")


@pytest.mark.thorough
@pytest.mark.usefixtures("pair")
def test_a_link_opens_the_one_shadow_and_goes_with_either_device(cloud: Cloud) -> None:
    # given
    cloud.playground("create", "--name", OTHER, "--type", "bulb")
    link(cloud.home, SWITCH, BULB)
    own, bulb, other = (f"$aws/things/{name}/shadow" for name in (SWITCH, BULB, OTHER))
    topics = {
        f"{own}/update": 0,
        f"{bulb}/update": 0,
        f"{other}/update": REFUSED,
        f"{bulb}/get": REFUSED,
        f"{bulb}/delete": REFUSED,
        f"{bulb}/name/other/update": REFUSED,
        f"$aws/things/{BULB}/jobs/start-next": REFUSED,
        f"cmd/playground/{BULB}/req": REFUSED,
        f"dt/playground/{BULB}/telemetry": REFUSED,
    }
    # then
    codes = dict(zip(topics, reason_codes(cloud, list(topics)), strict=True))
    assert {topic: code if code == REFUSED else 0 for topic, code in codes.items()} == topics
    # when
    link(cloud.home, SWITCH, OTHER)
    # then
    assert reason_codes(cloud, [f"{other}/update"]) != [REFUSED]
    # when: the bulb is deleted, with the switch linked to another one still
    cloud.playground("delete", BULB)
    # then
    assert links(cloud.home) == [Links(SWITCH, [OTHER])]
    cloud.wait_until_reported(SWITCH, links=[OTHER])
    assert reason_codes(cloud, [f"{bulb}/update", f"{other}/update"])[0] == REFUSED
    # when: the switch is deleted
    cloud.playground("delete", SWITCH)
    # then
    assert links_policies(cloud) == set()
    assert "linked_from" not in cloud.row(OTHER)
    assert unlinking_fails(cloud)


def unlinking_fails(cloud: Cloud) -> bool:
    refused = cloud.playground("unlink", SWITCH, OTHER, check=False)
    return (
        refused.returncode == 1
        and f"thingName: the catalog knows no device {SWITCH}" in refused.stderr
    )


@pytest.mark.thorough
@pytest.mark.usefixtures("pair")
def test_help_lists_press_for_a_switch_alone_and_no_link_leads_to_itself(cloud: Cloud) -> None:
    assert "press" in cloud.playground("command", SWITCH, "help").stdout
    assert "press" not in cloud.playground("command", BULB, "help").stdout
    for command in (
        ("set", SWITCH, f'links=["{SWITCH}"]'),
        ("link", SWITCH, SWITCH),
        ("link", BULB, SWITCH),
    ):
        refused = cloud.playground(*command, check=False)
        assert refused.returncode == 1
        assert "must " in refused.stdout + refused.stderr
