"""A fleet on hosts, made by the stack's own workflows: how long until all are online, what it takes
of this machine, and how fast a change reaches all.
"""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks.accounts import (
    Connection,
    Member,
    member,
    member_by_request,
    mqtt_server,
    policy_for_everything,
    remove,
)
from benchmarks.figures import Spread
from benchmarks.processes import cpu_seconds, emulator_of
from benchmarks.progress import say
from common.identifiers import HOST_TYPE
from playground.devices.costs import HOURS_A_MONTH, Prices, costs_of
from playground.devices.devices import Devices
from playground.fleets.fleets import PROVISION_FLEET, REMOVE_FLEET
from tests.census import census
from tests.playground_cloud import Cloud, wait_for

FLEET = "bench"
OBSERVER = "bench-observer"
INTERVAL = 10
"""Seconds between two messages of a device."""
MEMBERS_OF_THE_FLOOR = 60
AT_A_TIME = 4
WRITERS = 8
LIMIT = 1800.0
STEADY_SECONDS = 30.0
MIB = 2**20


@dataclass(frozen=True)
class Hosts:
    """Times in seconds, memory in MiB, `cores` in seconds of CPU in a second."""

    devices: int
    hosts: int
    online: float
    """From the start of the fleet's execution until the last device was online."""
    floor: float
    """Of as many: the calls that make a certificate, and a connection, and nothing else."""
    emulator: float
    """Seconds of CPU of the emulator for each device made."""
    hosting: float
    """Memory of the hosts' processes, resident, all together."""
    cores: float
    """Of the emulator, while each device says something every ten seconds."""
    changed: Spread
    """From a change of `desired` to the update of the shadow that has the device's answer."""
    missed: int
    """Devices that did not answer."""
    month: float
    """Dollars a month on AWS for each device, by the meter."""


def measure(cloud: Cloud, devices: int) -> Hosts:
    """Make the fleet, change it, and remove it."""
    say(f"hosts: the floor, with {MEMBERS_OF_THE_FLOOR} devices")
    floor = _floor(cloud) * devices
    before = census(cloud)
    say(f"hosts: a fleet of {devices:,}")
    emulator = emulator_of(cloud)
    used, begun = cpu_seconds(emulator), time.monotonic()
    fleet = cloud.start(PROVISION_FLEET, _file(devices), case=FLEET)
    made = cloud.finished(fleet, LIMIT)
    assert made.status == "SUCCEEDED", made
    names = [f"{FLEET}-all-{number:04}" for number in range(1, devices + 1)]
    online, spent = time.monotonic() - begun, cpu_seconds(emulator) - used
    rows = Devices(cloud.home).rows()
    hosts = [row for row in rows if row["device_type"] == HOST_TYPE]
    processes = [cloud.device_process(str(row["thing_name"])) for row in hosts]
    hosting = sum(one.memory_info().rss for one in processes if one is not None) / MIB
    say("hosts: steady")
    _change(cloud, names, INTERVAL)
    steady = cpu_seconds(emulator), time.monotonic()
    time.sleep(STEADY_SECONDS)
    cores = (cpu_seconds(emulator) - steady[0]) / (time.monotonic() - steady[1])
    say("hosts: a change for all")
    answers = _change(cloud, names, INTERVAL + 1)
    prices = Prices.of_file()
    dearest = max(
        cost.hour for cost in costs_of(rows, prices, rows) if cost.thing_name in set(names)
    )
    say("hosts: removal")
    cloud.start(REMOVE_FLEET, {"name": FLEET}, case=f"{FLEET}-removal")
    wait_for("nothing to be left", lambda: census(cloud) == before, LIMIT)
    return Hosts(
        devices=devices,
        hosts=len(hosts),
        online=online,
        floor=floor,
        emulator=spent / devices,
        hosting=hosting,
        cores=cores,
        changed=Spread.of(list(answers.values())),
        missed=devices - len(answers),
        month=dearest * HOURS_A_MONTH,
    )


def _file(devices: int) -> dict[str, object]:
    group = {"name": "all", "count": devices, "deviceType": "meter", "hosting": "shared"}
    return {"name": FLEET, "groups": [group]}


def _floor(cloud: Cloud) -> float:
    """Seconds for one device, some at a time."""
    server = mqtt_server(cloud)
    with policy_for_everything(cloud, FLEET) as policy:

        def one(number: int) -> Member:
            found = member_by_request(cloud, policy, f"{FLEET}-floor-{number}")
            with Connection(found.name, found.pair, server):
                return found

        with ThreadPoolExecutor(AT_A_TIME) as pool:
            begun = time.monotonic()
            found = list(pool.map(one, range(MEMBERS_OF_THE_FLOOR)))
            took = time.monotonic() - begun
            list(pool.map(lambda it: remove(cloud, it.name, it.certificate_arn, policy), found))
    return took / MEMBERS_OF_THE_FLOOR


def _change(cloud: Cloud, names: list[str], interval: int) -> dict[str, float]:
    """Have each send a message every so many seconds. Gives the seconds until it has answered."""
    wished: dict[str, float] = {}
    answered: dict[str, float] = {}
    all_there = threading.Event()

    def heard(topic: str, payload: bytes) -> None:
        name = topic.split("/")[2]
        reported = json.loads(payload).get("state", {}).get("reported") or {}
        if reported.get("time") == interval and name in wished and name not in answered:
            answered[name] = time.monotonic() - wished[name]
            if len(answered) == len(names):
                all_there.set()

    def wish(name: str) -> None:
        wished[name] = time.monotonic()
        cloud.desire(name, time=interval)

    server = mqtt_server(cloud)
    with (
        policy_for_everything(cloud, OBSERVER) as policy,
        member(cloud, OBSERVER, policy) as one,
        Connection(one.name, one.pair, server, heard) as connection,
    ):
        connection.subscribe("$aws/things/+/shadow/update/accepted")
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(wish, names))
        all_there.wait(60)
    return answered
