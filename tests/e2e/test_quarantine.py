"""Quarantine in the local cloud: real policies, a real device, whatever holds its certificate, and
a way back.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from awscrt import mqtt5

from playground.home.state import LocalState
from playground.messages.watch import Watcher, kind_of, watching
from playground.security.quarantine import following
from tests.device.tls import context_of
from tests.playground_cloud import Cloud, Execution, wait_for

pytestmark = pytest.mark.timeout(900)

LIMIT = 20.0
REFUSED = 135
REASON = "publishes where it must not"


@dataclass(frozen=True)
class Suspect:
    """A device that is online and sends telemetry every second."""

    cloud: Cloud
    thing: str

    @property
    def row(self) -> Mapping[str, Any]:
        return self.cloud.row(self.thing)

    def confine(self) -> Execution:
        return self.cloud.execute(
            "QuarantineDeviceStateMachineArn", {"thingName": self.thing, "reason": REASON}
        )

    def release(self, **how: Any) -> Execution:
        return self.cloud.execute(
            "ReleaseDeviceStateMachineArn", {"thingName": self.thing, **how}, limit=90
        )

    def policies(self) -> list[set[str]]:
        """Of each of the thing's certificates."""
        iot = self.cloud.client("iot")
        return [
            {policy["policyName"] for policy in iot.list_attached_policies(target=arn)["policies"]}
            for arn in iot.list_thing_principals(thingName=self.thing)["principals"]
        ]

    def groups(self) -> set[str]:
        found = self.cloud.client("iot").list_thing_groups_for_thing(thingName=self.thing)[
            "thingGroups"
        ]
        return {
            group["groupName"].removeprefix(f"{self.cloud.home.stack_name}-") for group in found
        }

    def identity(self) -> dict[str, str]:
        """What its device keeps: with this in hand one is the device."""
        process = wait_for("the device's process", lambda: self.cloud.device_process(self.thing))
        kept = Path(process.environ()["STATE_DIR"]) / self.thing / "identity.json"
        identity: dict[str, str] = json.loads(kept.read_text())
        return identity

    def jobs(self) -> set[str]:
        return {job["jobId"] for job in self.cloud.client("iot").list_jobs()["jobs"]}

    def is_heard(self, watcher: Watcher) -> bool:
        """Whether telemetry comes within three of its intervals."""
        return any(kind_of(message.topic) == "telemetry" for message in watcher.messages(limit=3))


def quarantine_of(cloud: Cloud) -> str:
    """The name of the group, and of the policy."""
    return cloud.home.output("QuarantinePolicyName")


@pytest.fixture
def suspect(cloud: Cloud, nothing_left: None) -> Iterator[Suspect]:
    """Removed afterwards."""
    made = cloud.provision({})
    assert made.status == "SUCCEEDED", made
    found = Suspect(cloud, made.output["thingName"])
    cloud.desire(found.thing, time=1)
    cloud.wait_until_reported(found.thing, time=1)
    yield found
    assert cloud.deprovision(found.thing).status == "SUCCEEDED"
    assert (
        cloud.client("iot").list_things_in_thing_group(thingGroupName=quarantine_of(cloud))[
            "things"
        ]
        == []
    )


@contextmanager
def impersonated(suspect: Suspect, identity: Mapping[str, str]) -> Iterator[mqtt5.Client]:
    """A client that is whoever the certificate says; the device itself is frozen meanwhile, so that
    it keeps quiet.
    """
    connected, stopped = threading.Event(), threading.Event()
    ca = suspect.cloud.paths.ca.read_bytes()
    client = mqtt5.Client(
        mqtt5.ClientOptions(
            host_name="localhost",
            port=LocalState.load(suspect.cloud.paths).mqtt_port,
            tls_ctx=context_of(identity["certificatePem"], identity["privateKey"], ca),
            connect_options=mqtt5.ConnectPacket(client_id=suspect.thing),
            on_lifecycle_event_connection_success_fn=lambda _: connected.set(),
            on_lifecycle_event_stopped_fn=lambda _: stopped.set(),
        )
    )
    process = wait_for("the device's process", lambda: suspect.cloud.device_process(suspect.thing))
    process.suspend()
    try:
        client.start()
        assert connected.wait(LIMIT)
        yield client
    finally:
        process.resume()
        client.stop()
        assert stopped.wait(LIMIT)


def published(client: mqtt5.Client, topic: str, payload: bytes = b"{}") -> int:
    """The reason code of a publish."""
    packet = mqtt5.PublishPacket(payload, mqtt5.QoS.AT_LEAST_ONCE, topic=topic)
    return int(client.publish(packet).result(LIMIT).puback.reason_code)


@pytest.mark.thorough
def test_a_device_is_confined_and_let_out(suspect: Suspect) -> None:
    # given
    thing, old = suspect.thing, suspect.identity()
    stack = suspect.cloud.home.stack_name
    assert suspect.policies() == [{f"{stack}-device"}]
    session, jobs = suspect.row["presence_session"], suspect.jobs()
    with watching(suspect.cloud.home, thing) as watcher:
        # when
        ended = suspect.confine()
        # then: its connection was dropped, and it is back in a new one, in quarantine
        assert ended.status == "SUCCEEDED", ended
        assert ended.output == {
            "thingName": thing,
            "reason": REASON,
            "status": "QUARANTINED",
            "connection": "DELETED",
            "result": "OK",
        }
        suspect.cloud.wait_until_reported(thing, quarantine=True)
        presence = [m for m in watcher.messages(limit=1) if kind_of(m.topic) == "presence"]
        assert any(
            m.payload.get("disconnectReason") == "API_INITIATED_DISCONNECT" for m in presence
        ), presence
        assert (suspect.row["status"], suspect.row["quarantine_reason"]) == ("QUARANTINED", REASON)
        wait_for("the new connection", lambda: suspect.row["presence_session"] != session)
        assert suspect.policies() == [{f"{stack}-quarantine"}]
        assert suspect.groups() == {"devices", "quarantine"}
        assert not suspect.is_heard(watcher)
    # then: whoever has its certificate has no more than its shadow
    own = suspect.row["presence_session"]
    with impersonated(suspect, old) as client:
        wait_for("the stranger's connection", lambda: suspect.row["presence_session"] != own)
        strange = suspect.row["presence_session"]
        forbidden = (
            "dt/playground/{}/telemetry",
            "evt/playground/{}/tamper",
            "evt/playground/{}/online",
            "any/{}",
            "cmd/playground/{}/res",
            "$aws/things/{}/defender/metrics/json",
            "$aws/things/other/shadow/update",
            "$aws/things/{}/shadow/delete",
            "$aws/things/{}/shadow/name/hidden/update",
        )
        assert {
            topic: published(client, topic.format(thing)) for topic in forbidden
        } == dict.fromkeys(forbidden, REFUSED)
        assert published(client, f"$aws/things/{thing}/shadow/get", b"") != REFUSED
    wait_for(
        "the device's own connection",
        lambda: suspect.row["presence_session"] != strange and suspect.row["presence_connected"],
    )
    # then: what was done already is done, and said so
    again = suspect.confine()
    assert (again.status, again.output["result"]) == ("SUCCEEDED", "IGNORED")
    # when: it is let out
    with watching(suspect.cloud.home, thing) as watcher:
        released = suspect.release()
        assert released.status == "SUCCEEDED", released
        # then
        assert suspect.is_heard(watcher)
    assert released.output == {"thingName": thing, "status": "ONLINE", "result": "OK"}
    assert suspect.identity()["certificateId"] != old["certificateId"]
    assert suspect.policies() == [{f"{stack}-device"}]
    assert suspect.groups() == {"devices"}
    assert suspect.jobs() == jobs
    assert "quarantine" not in suspect.cloud.shadow(thing)["desired"]
    wait_for("the report", lambda: "quarantine" not in suspect.cloud.shadow(thing)["reported"])
    assert not {
        name
        for name in suspect.row
        if "quarantin" in name or name.startswith(("next_", "retired_", "releas"))
    } - {"released_by"}
    with pytest.raises(AssertionError), impersonated(suspect, old):
        pass
    assert suspect.release().output["result"] == "IGNORED"


@pytest.mark.thorough
def test_a_device_that_does_not_help_is_let_out_by_force(suspect: Suspect) -> None:
    # given: a device in quarantine that has gone silent
    suspect.confine()
    before = suspect.row
    suspect.cloud.client("ecs").stop_task(
        cluster=before["cluster_arn"], task=before["task_arn"], reason="Spot"
    )
    # then: it comes back by itself, with a new certificate, in quarantine
    wait_for(
        "the restart", lambda: suspect.row["certificate_id"] != before["certificate_id"], limit=60
    )
    wait_for("its end", lambda: "restarting" not in suspect.row)
    stack = suspect.cloud.home.stack_name
    assert (suspect.row["status"], suspect.policies()) == ("QUARANTINED", [{f"{stack}-quarantine"}])
    # when
    again = suspect.row["certificate_id"]
    released = suspect.release(force=True)
    # then
    assert released.status == "SUCCEEDED", released
    assert suspect.row["certificate_id"] != again
    assert suspect.policies() == [{f"{stack}-device"}]
    wait_for("the device to be online", lambda: suspect.row["status"] == "ONLINE")


@pytest.mark.thorough
def test_the_drill_ends_well_and_leaves_nothing(cloud: Cloud, nothing_left: None) -> None:
    done = cloud.playground("drill", timeout=200, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "none was lost" in done.stdout


@pytest.mark.thorough
def test_watch_shows_the_steps_of_a_quarantine(suspect: Suspect) -> None:
    # given
    shown: list[str] = []
    with following(
        suspect.cloud.home, [suspect.thing], lambda message: shown.append(message.topic)
    ):
        # when
        suspect.confine()
        wait_for("its end", lambda: "$workflow/quarantine-device/SUCCEEDED" in shown)
    # then
    steps = list(dict.fromkeys(topic.rpartition("/")[2] for topic in shown))
    assert steps[-3:] == ["SettleQuarantine", "NotifySecurity", "SUCCEEDED"]
    assert steps[:2] == ["ClaimQuarantine", "IsolateDevice"]


@pytest.mark.thorough
def test_a_device_is_deleted_in_quarantine(cloud: Cloud, nothing_left: None) -> None:
    # given
    made = cloud.provision({})
    confined = Suspect(cloud, made.output["thingName"])
    assert confined.confine().status == "SUCCEEDED"
    # when
    assert cloud.deprovision(confined.thing).status == "SUCCEEDED"
    # then
    assert confined.row["status"] == "TERMINATED"
    iot, name = cloud.client("iot"), quarantine_of(cloud)
    assert iot.list_targets_for_policy(policyName=name)["targets"] == []
    assert iot.list_things_in_thing_group(thingGroupName=name)["things"] == []
