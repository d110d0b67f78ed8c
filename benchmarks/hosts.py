"""A fleet on hosts, made by the stack's own workflows: how long until all are online, what it takes
of this machine, and how fast a change reaches all.
"""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import psutil

from benchmarks.accounts import Connection, member, mqtt_server, policy_for_everything, remove
from benchmarks.figures import Spread
from benchmarks.progress import say
from common.identifiers import HOST_TYPE
from playground.devices.costs import HOURS_A_MONTH, Prices, costs_of
from playground.devices.devices import Devices
from playground.fleets.fleets import PROVISION_FLEET, REMOVE_FLEET
from playground.home.state import LocalState
from tests.census import census
from tests.device.pki import KeyPair, elliptic, pem, signing_request
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
    emulator = _emulator(cloud)
    used, begun = _seconds(emulator), time.monotonic()
    cloud.start(PROVISION_FLEET, _file(devices), case=FLEET)
    names = [f"{FLEET}-all-{number:04}" for number in range(1, devices + 1)]
    wait_for("all devices to be online", partial(_all_online, cloud, devices), LIMIT)
    online, made = time.monotonic() - begun, _seconds(emulator) - used
    rows = Devices(cloud.home).rows()
    hosts = [row for row in rows if row["device_type"] == HOST_TYPE]
    processes = [cloud.device_process(str(row["thing_name"])) for row in hosts]
    hosting = sum(one.memory_info().rss for one in processes if one is not None) / MIB
    say("hosts: steady")
    _change(cloud, names, INTERVAL)
    steady = _seconds(emulator), time.monotonic()
    time.sleep(STEADY_SECONDS)
    cores = (_seconds(emulator) - steady[0]) / (time.monotonic() - steady[1])
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
        emulator=made / devices,
        hosting=hosting,
        cores=cores,
        changed=Spread.of(list(answers.values())),
        missed=devices - len(answers),
        month=dearest * HOURS_A_MONTH,
    )


def _file(devices: int) -> dict[str, object]:
    group = {"name": "all", "count": devices, "deviceType": "meter", "hosting": "shared"}
    return {"name": FLEET, "groups": [group]}


def _all_online(cloud: Cloud, devices: int) -> bool:
    rows = Devices(cloud.home).rows()
    there = [row for row in rows if str(row["thing_name"]).startswith(f"{FLEET}-all-")]
    time.sleep(0.5)  # a look takes the emulator a while: not one after the other
    return [row["status"] for row in there].count("ONLINE") == devices


def _floor(cloud: Cloud) -> float:
    """Seconds for one device, some at a time."""
    server = mqtt_server(cloud)
    with policy_for_everything(cloud, FLEET) as policy:

        def one(number: int) -> tuple[str, str]:
            iot, key, name = cloud.client("iot"), elliptic(), f"{FLEET}-floor-{number}"
            made = iot.create_certificate_from_csr(
                certificateSigningRequest=signing_request(name, key), setAsActive=True
            )
            iot.create_thing(thingName=name)
            iot.attach_policy(policyName=policy, target=made["certificateArn"])
            iot.attach_thing_principal(thingName=name, principal=made["certificateArn"])
            with Connection(name, KeyPair(made["certificatePem"], pem(key)), server):
                return name, made["certificateArn"]

        with ThreadPoolExecutor(AT_A_TIME) as pool:
            begun = time.monotonic()
            found = list(pool.map(one, range(MEMBERS_OF_THE_FLOOR)))
            took = time.monotonic() - begun
            list(pool.map(lambda it: remove(cloud, it[0], it[1], policy), found))
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


def _emulator(cloud: Cloud) -> psutil.Process:
    state = LocalState.load(cloud.paths)
    assert state.emulator is not None
    return psutil.Process(state.emulator.pid)


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
