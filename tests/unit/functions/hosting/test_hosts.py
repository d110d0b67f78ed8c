"""Hosts: who gets a seat where, what hosts are told, and what becomes of a host's devices."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from common.errors import TransientError
from hosting import tell_hosts
from hosting.seats import Seat, Seats
from playground.devices import costs
from provisioning import clean_up, create_thing, start_task
from provisioning.start_task import HOST_SIZE
from restart import claim_restart, task_stopped
from sweeping import sweep
from tests.unit.built import SESSION, built
from tests.unit.doubles.functions import MemoryFunctions
from tests.unit.doubles.queues import MemoryQueues
from tests.unit.doubles.service import Refusal
from tests.unit.doubles.workflows import MemoryWorkflows
from tests.unit.stack import (
    BUCKET,
    CLUSTER,
    EXECUTION,
    HOSTS,
    MACHINE,
    REMOVAL,
    RESTART,
)
from tests.unit.world import World

if TYPE_CHECKING:
    pass

CAPACITY = 3
STOPPED_AT = "2999-01-01T00:00:00.000Z"
BEFORE = "2000-01-01T00:00:00.000Z"


@pytest.fixture
def seats(world: World) -> Seats:
    """The table of hosts, beside everything else."""
    del world
    return Seats(SESSION.resource("dynamodb").Table(HOSTS))


def execution(name: str) -> str:
    return f"{EXECUTION}-{name}"


def start(world: World, name: str, **more: Any) -> dict[str, Any]:
    """State StartTask of a device that shares a host's task."""
    event = {"thingName": name, "execution": execution(name), "hosting": "shared", **more}
    answer: dict[str, Any] = built(start_task)(event, world.context)
    return answer


def make(world: World, name: str) -> str:
    """A device with a seat, online. Gives the seat's handle."""
    world.catalog.claim(name, "bulb", execution(name), "csr", None, "shared")
    handle: str = start(world, name)["taskArn"]
    world.catalog.update(name, execution(name), task_arn=handle, status="ONLINE")
    return handle


def tell(world: World, queues: MemoryQueues) -> dict[str, str]:
    answer = built(tell_hosts)(queues.batch(), world.context)
    assert answer["batchItemFailures"] == []
    told: dict[str, str] = answer["hosts"]
    return told


def told_of(world: World, host: str) -> list[str]:
    """Whom the host finds in the manifest that its shadow names."""
    manifest = world.shadows.desired[host]["manifest"]
    (key,) = (key for key in world.objects() if f"{host}/{manifest['version']}.json" in key)
    document = world.objects()[key]
    assert document["revision"] == manifest["version"]
    assert key in manifest["url"]
    return [device["thingName"] for device in document["devices"]]


def stopped(host: str, reason: str = "", at: str = STOPPED_AT) -> dict[str, Any]:
    """The event of a host's task."""
    detail = {
        "clusterArn": CLUSTER,
        "taskArn": f"arn:aws:ecs:eu-west-1:123456789012:task/devices/{host}",
        "lastStatus": "STOPPED",
        "group": f"host:{host}",
        "stoppedReason": reason,
        "stoppedAt": at,
    }
    return {"source": "aws.ecs", "time": at, "detail": detail}


def test_the_first_device_has_a_host_made(
    world: World, seats: Seats, workflows: MemoryWorkflows
) -> None:
    # when
    answer = start(world, "lamp")
    # then
    assert answer["taskArn"].startswith("seat/host-1/lamp/")
    assert answer["imageDigest"] == ""
    assert not world.ecs.tasks
    ((arn, asked),) = workflows.started.items()
    assert arn.startswith(MACHINE.replace(":stateMachine:", ":execution:") + ":host-1-")
    assert asked == {"thingName": "host-1", "deviceType": "host"}
    (host,) = seats.hosts()
    assert (host.name, host.seats, host.started, host.execution) == ("host-1", 1, True, arn)


def test_devices_share_a_host_until_it_is_full(
    world: World, seats: Seats, workflows: MemoryWorkflows
) -> None:
    # when
    handles = [start(world, f"lamp-{number}")["taskArn"] for number in range(CAPACITY + 1)]
    # then
    hosts = [handle.split("/")[1] for handle in handles]
    assert hosts == ["host-1"] * CAPACITY + ["host-2"]
    assert {host.name: host.seats for host in seats.hosts()} == {"host-1": CAPACITY, "host-2": 1}
    assert len(workflows.started) == 2


def test_a_state_that_is_repeated_takes_one_seat(
    world: World, seats: Seats, queues: MemoryQueues
) -> None:
    # given: an attempt that has ended before it could have the host told
    first = start(world, "lamp")
    queues.sent.clear()
    # when
    assert start(world, "lamp") == first
    # then
    assert [host.seats for host in seats.hosts()] == [1]
    assert [message for _, message, _ in queues.sent] == [{"host": "host-1"}]


def test_a_host_whose_opener_was_killed_is_made_by_the_next_device(
    world: World, seats: Seats, workflows: MemoryWorkflows
) -> None:
    # given
    assert seats.open("host-1", 1, execution("opened"))
    # when
    start(world, "lamp")
    # then
    assert [arn.rpartition(":")[2] for arn in workflows.started] == [
        execution("opened").rpartition(":")[2]
    ]


def test_a_host_takes_no_name_that_a_thing_has(world: World, seats: Seats) -> None:
    # given: a bulb that somebody has called so
    world.provision("host-1", until="thing")
    # when, then
    assert start(world, "lamp")["taskArn"].startswith("seat/host-2/lamp/")
    assert [host.name for host in seats.hosts()] == ["host-2"]


def test_an_attempt_that_runs_twice_has_one_seat_and_tells_of_that(
    world: World, seats: Seats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one takes it between the look and the write."""
    # given: two hosts with room
    for number in range(CAPACITY + 1):
        start(world, f"lamp-{number}")
    leaving = seats.of("lamp-0")
    assert leaving is not None
    seats.leave(leaving)
    take = Seats.take
    others: list[Seat] = []

    def beaten(self: Seats, seat: Seat, capacity: int) -> bool:
        if not others:
            others.append(seat)
            assert take(self, seat, capacity)
        return take(self, seat, capacity)

    monkeypatch.setattr(Seats, "take", beaten)
    # when
    handle = start(world, "door")["taskArn"]
    # then
    (first,) = others
    assert handle == first.handle
    assert len(seats.hosts()) == 2


def test_a_thing_may_be_called_seat(world: World, seats: Seats) -> None:
    handle = start(world, "seat")["taskArn"]
    assert [seat.handle for seat in seats.all()] == [handle]


def test_of_two_that_open_the_same_host_one_does(seats: Seats) -> None:
    assert seats.open("host-1", seats.next_number(), execution("a"))
    assert not seats.open("host-1", 1, execution("b"))
    assert [host.execution for host in seats.hosts()] == [execution("a")]
    assert seats.next_number() == 2


def test_a_name_whose_seat_is_not_given_back_yet_waits(world: World) -> None:
    # given: a device of that name before
    start(world, "lamp")
    # when, then
    with pytest.raises(TransientError, match="still has the seat"):
        start(world, "lamp", execution=execution("another"))


def test_a_host_is_told_of_all_that_have_a_seat(world: World, queues: MemoryQueues) -> None:
    # given
    for name in ("lamp", "door"):
        start(world, name)
    # when: one batch, for both
    assert tell(world, queues) == {"host-1": "TOLD"}
    # then
    assert told_of(world, "host-1") == ["door", "lamp"]
    (key,) = (key for key in world.objects() if key.startswith("hosts/"))
    first = world.objects()[key]["devices"][0]
    assert first["configUrl"].partition("?")[0].endswith("devices/door/config.json")
    assert "X-Amz-Signature" in first["configUrl"]


def test_a_device_that_is_being_started_on_a_host_that_stops_is_had_by_its_next_task(
    world: World, seats: Seats, queues: MemoryQueues, workflows: MemoryWorkflows
) -> None:
    # given: a seat that no row names yet, and one of a device that is online
    make(world, "door")
    world.catalog.claim("lamp", "bulb", execution("lamp"), "csr", None, "shared")
    handle = start(world, "lamp")["taskArn"]
    lamp = next(seat for seat in seats.on("host-1") if seat.handle == handle)
    queues.sent.clear()
    workflows.started.clear()
    # when
    built(task_stopped)(stopped("host-1"), world.context)
    # then: one is brought back, the other one's seat is one of the next task's
    assert [asked["thingName"] for asked in workflows.started.values()] == ["door"]
    (renewed,) = (seat for seat in seats.on("host-1") if seat.handle == handle)
    assert renewed.taken_at >= lamp.taken_at
    assert [message for _, message, _ in queues.sent] == [{"host": "host-1"}]


def begin_again(world: World, replaced: str) -> None:
    """State StartTask of a host that is restarted."""
    event = {
        "thingName": "host-1",
        "execution": execution("host-1"),
        "deviceType": "host",
        "restart": RESTART,
        "restarts": 1,
        "replaced": [replaced],
    }
    built(start_task)(event, world.context)


def test_a_host_that_is_restarted_does_not_begin_with_what_it_was_told(
    world: World, seats: Seats, queues: MemoryQueues
) -> None:
    # given: a device that is not restarted yet, and one that has its new seat already
    make(world, "lamp")
    tell(world, queues)
    event = {"thingName": "host-1", "execution": execution("host-1"), "deviceType": "host"}
    first = built(start_task)(event, world.context)["taskArn"]
    world.ecs.stop_task(CLUSTER, first, "Spot")
    make(world, "door")
    ended = seats.of("door")
    assert ended is not None
    world.ecs.tasks[first].stopped_at = datetime.fromisoformat(ended.taken_at)
    lamp = seats.of("lamp")
    assert lamp is not None
    item = {"host": "host-1", "entry": "lamp"}
    seats.table.update_item(
        Key=item,
        UpdateExpression="SET taken_at = :before",
        ExpressionAttributeValues={":before": BEFORE},
    )
    # and a message of every device before is read
    tell(world, queues)
    world.shadows.reported["host-1"] = {"manifest": {"version": 7}, "time": 5}
    # when
    begin_again(world, first)
    # then: nothing, until it is told anew
    assert world.shadows.desired["host-1"].get("manifest") is None
    assert world.shadows.reported["host-1"].get("manifest") is None
    assert tell(world, queues) == {"host-1": "TOLD"}
    assert told_of(world, "host-1") == ["door"]
    assert [host.seats for host in seats.hosts()] == [2]


def test_a_host_whose_task_is_about_to_stop_has_no_device_that_stays(
    world: World, seats: Seats, queues: MemoryQueues
) -> None:
    # given
    make(world, "lamp")
    event = {"thingName": "host-1", "execution": execution("host-1"), "deviceType": "host"}
    first = built(start_task)(event, world.context)["taskArn"]
    world.ecs.tasks[first].desired_status = "STOPPED"
    world.ecs.tasks[first].last_status = "DEPROVISIONING"
    # when
    begin_again(world, first)
    # then
    (host,) = seats.hosts()
    assert host.since >= BEFORE
    assert [seat.thing_name for seat in seats.on("host-1")] == ["lamp"]
    tell(world, queues)
    assert told_of(world, "host-1") == []


def test_a_host_that_cannot_be_told_keeps_no_other_one_waiting(
    world: World, queues: MemoryQueues
) -> None:
    # given: four devices, the last one on another host; and AWS refuses the first call of shadows
    for number in range(CAPACITY + 1):
        start(world, f"lamp-{number}")

    def refuse() -> None:
        raise Refusal("InternalFailureException", 500, "no")

    world.shadows.before_writing.append(refuse)
    # when
    answer = built(tell_hosts)(queues.batch(), world.context)
    # then: the one is told a little later
    assert answer == {"hosts": {"host-1": "AGAIN", "host-2": "TOLD"}, "batchItemFailures": []}
    assert told_of(world, "host-2") == [f"lamp-{CAPACITY}"]
    assert [sent[1:] for sent in queues.sent] == [({"host": "host-1", "attempts": 1}, 5)]
    assert tell(world, queues) == {"host-1": "TOLD"}
    assert told_of(world, "host-1") == ["lamp-0", "lamp-1", "lamp-2"]


def test_a_host_that_cannot_be_told_for_long_is_an_error_and_left_to_the_queue(
    world: World, queues: MemoryQueues
) -> None:
    # given
    start(world, "lamp")

    def refuse() -> None:
        raise Refusal("InternalFailureException", 500, "no")

    # when
    delays = []
    for _ in range(6):
        world.shadows.before_writing.append(refuse)
        tell(world, queues)
        delays.append(queues.sent[-1][2])
    world.shadows.before_writing.append(refuse)
    with pytest.raises(TransientError):
        built(tell_hosts)(queues.batch(), world.context)
    # then
    assert delays == [5, 10, 20, 40, 80, 160]
    assert queues.sent == []


def test_who_cannot_say_that_it_is_to_be_tried_again_leaves_it_to_the_queue(
    world: World, queues: MemoryQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    for number in range(CAPACITY + 1):
        start(world, f"lamp-{number}")

    def refuse(*_: Any, **__: Any) -> None:
        raise Refusal("InternalFailureException", 500, "no")

    world.shadows.before_writing.append(refuse)
    batch = queues.batch()
    monkeypatch.setattr(queues, "send_message", refuse)
    # when
    answer = built(tell_hosts)(batch, world.context)
    # then: every message of the one comes again
    assert answer["hosts"] == {"host-2": "TOLD"}
    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == ["0", "1", "2"]


def test_the_url_of_a_manifest_opens_nothing_without_what_the_task_was_told(
    world: World, queues: MemoryQueues, seats: Seats, printed: Callable[[], str]
) -> None:
    """Many may read a shadow."""
    # given: a host with its task
    start(world, "lamp")
    asked = {"thingName": "host-1", "execution": execution("host-1"), "deviceType": "host"}
    built(start_task)({**asked, "hosting": "task"}, world.context)
    (task,) = world.ecs.tasks.values()
    (host,) = seats.hosts()
    # when
    tell(world, queues)
    # then
    url = world.shadows.desired["host-1"]["manifest"]["url"]
    assert task.environment["MANIFEST_TOKEN"] == host.token
    assert len(host.token) == 32
    assert "SignedHeaders=host%3Bif-none-match" in url
    assert host.token not in url
    assert host.token not in printed()


def test_a_manifest_that_is_overtaken_is_removed(
    world: World, queues: MemoryQueues, seats: Seats
) -> None:
    # given
    start(world, "lamp")
    tell(world, queues)
    before = seats.host("host-1")
    # when
    start(world, "door")
    tell(world, queues)
    # then
    after = seats.host("host-1")
    assert before is not None
    assert after is not None
    assert after.told > before.told
    assert len([key for key in world.objects() if key.startswith("hosts/")]) == 1
    assert told_of(world, "host-1") == ["door", "lamp"]


def test_a_revision_is_greater_than_those_of_a_table_that_was_newer(seats: Seats) -> None:
    """The laptop may come back with a table that is some seconds old."""
    seats.open("host-1", 1, EXECUTION)
    host = seats.host("host-1")
    assert host is not None
    first = seats.next_revision(host)
    assert first is not None
    assert first > 1_700_000_000_000
    assert seats.next_revision(host) is None, "somebody has taken one since"


def test_who_tells_later_of_less_is_not_heard(seats: Seats) -> None:
    seats.open("host-1", 1, EXECUTION)
    assert seats.has_told("host-1", 8) == 0
    assert seats.has_told("host-1", 7) is None
    assert seats.has_told("host-1", 9) == 8
    assert seats.has_told("host-2", 9) is None


def test_a_device_that_is_removed_gives_its_seat_back(
    world: World, queues: MemoryQueues, seats: Seats
) -> None:
    # given
    make(world, "lamp")
    make(world, "door")
    tell(world, queues)
    # when
    removed = built(clean_up)(
        {"input": {"thingName": "lamp"}, "deprovisioning": REMOVAL}, world.context
    )
    tell(world, queues)
    # then
    assert removed["undone"]
    assert seats.of("lamp") is None
    assert [host.seats for host in seats.hosts()] == [1]
    assert told_of(world, "host-1") == ["door"]


def test_a_removal_that_failed_before_the_host_was_told_tells_it_when_it_is_repeated(
    world: World, queues: MemoryQueues, seats: Seats
) -> None:
    # given
    handle = make(world, "lamp")
    tell(world, queues)
    seat = Seat.from_handle(handle)
    assert seat is not None
    assert seats.leave(seat)
    # when
    built(clean_up)({"input": {"thingName": "lamp"}, "deprovisioning": REMOVAL}, world.context)
    # then
    assert tell(world, queues) == {"host-1": "TOLD"}
    assert told_of(world, "host-1") == []


def test_a_seat_is_given_back_once(seats: Seats, world: World) -> None:
    seat = Seat.from_handle(start(world, "lamp")["taskArn"])
    assert seat is not None
    start(world, "door")
    assert seats.leave(seat)
    assert not seats.leave(seat)
    assert [host.seats for host in seats.hosts()] == [1]


def test_a_host_without_a_device_is_removed_after_a_while(
    world: World, queues: MemoryQueues, seats: Seats, workflows: MemoryWorkflows
) -> None:
    # given
    made = next(iter(workflows.started), None)
    handle = start(world, "lamp")["taskArn"]
    made = next(iter(workflows.started))
    tell(world, queues)
    seat = Seat.from_handle(handle)
    assert seat is not None
    # when
    seats.leave(seat)
    record = {"messageId": "1", "body": '{"host": "host-1"}'}
    built(tell_hosts)({"Records": [record]}, world.context)
    # then: nothing at once, for a device may come back to it
    ((_, message, delay),) = queues.sent
    assert (message, delay) == ({"host": "host-1", "idle": True}, 30)
    assert seats.hosts()
    # when
    assert tell(world, queues) == {"host-1": "REMOVED"}
    # then
    assert seats.hosts() == []
    asked = [asked for arn, asked in workflows.started.items() if "deprovision" in arn]
    assert asked == [{"thingName": "host-1", "madeBy": made}]


def test_a_host_that_somebody_has_come_to_meanwhile_stays(
    world: World, queues: MemoryQueues, seats: Seats
) -> None:
    # given
    start(world, "lamp")
    tell(world, queues)
    queues.sent.append(("", {"host": "host-1", "idle": True}, 30))
    # when, then
    assert tell(world, queues) == {"host-1": "KEPT"}
    assert [host.name for host in seats.hosts()] == ["host-1"]


def test_a_host_that_was_made_by_hand_stays(
    world: World, queues: MemoryQueues, seats: Seats
) -> None:
    # given
    event = {"thingName": "rack", "execution": EXECUTION, "deviceType": "host", "hosting": "task"}
    answer = built(start_task)(event, world.context)
    # then: it is a task, which says whose it is
    (task,) = world.ecs.tasks.values()
    assert answer["taskArn"] in world.ecs.tasks
    assert task.asked["group"] == "host:rack"
    assert {**task.asked["overrides"], "containerOverrides": []} == {
        "cpu": "512", "memory": "1024", "containerOverrides": [],
    }  # fmt: skip
    # and devices come to it
    seat = Seat.from_handle(start(world, "lamp")["taskArn"])
    assert seat is not None
    assert seat.host == "rack"
    # when
    seats.leave(seat)
    queues.sent.append(("", {"host": "rack"}, 0))
    tell(world, queues)
    queues.sent.append(("", {"host": "rack", "idle": True}, 30))
    # then
    assert tell(world, queues) == {"rack": "KEPT"}
    assert [host.name for host in seats.hosts()] == ["rack"]


def test_the_size_of_a_hosts_task_is_what_the_meter_counts() -> None:
    assert {
        "cpu": f"{costs.HOST_VCPU * 1024:.0f}",
        "memory": f"{costs.HOST_GIGABYTES * 1024:.0f}",
    } == HOST_SIZE


@pytest.mark.parametrize(
    "reason",
    ["", "the playground restarts this device", "the playground removes this device"],
    ids=["by itself", "restarted", "removed"],
)
def test_a_host_that_stops_brings_all_its_devices_back(
    world: World, workflows: MemoryWorkflows, reason: str
) -> None:
    # given
    handles = {name: make(world, name) for name in ("lamp", "door")}
    workflows.started.clear()
    # when
    built(task_stopped)(stopped("host-1", reason), world.context)
    # then
    asked = [asked for arn, asked in workflows.started.items() if "restart-device" in arn]
    assert sorted(asked, key=lambda one: one["thingName"]) == [
        {"thingName": name, "stoppedTask": handles[name]} for name in ("door", "lamp")
    ]
    assert world.row("lamp")["status"] == "OFFLINE"
    assert "host host-1 stopped" in world.row("lamp")["status_reason"]


def test_a_device_that_came_after_the_task_had_stopped_waits_for_the_next(
    world: World, workflows: MemoryWorkflows
) -> None:
    # given
    make(world, "lamp")
    workflows.started.clear()
    # when
    built(task_stopped)(stopped("host-1", at=BEFORE), world.context)
    # then
    assert not workflows.started
    assert world.row("lamp")["status"] == "ONLINE"


def test_a_device_comes_back_to_the_host_where_it_was(
    world: World, seats: Seats, queues: MemoryQueues
) -> None:
    # given: two hosts with room, and the device on the emptier one
    for number in range(CAPACITY):
        make(world, f"lamp-{number}")
    handle = make(world, "door")
    leaving = seats.of("lamp-0")
    assert leaving is not None
    seats.leave(leaving)
    # when
    claimed = built(claim_restart)(
        {"input": {"thingName": "door", "stoppedTask": handle}, "restart": RESTART}, world.context
    )
    # then
    assert (claimed["verdict"], claimed["hosting"]) == ("RESTART", "shared")
    assert claimed["replaced"] == [handle]
    assert seats.of("door") is None
    # when
    again = start(
        world, "door", restart=RESTART, restarts=1, replaced=claimed["replaced"], deviceType="bulb"
    )
    # then
    assert again["taskArn"].startswith("seat/host-2/door/")
    assert again["taskArn"] != handle
    del queues


def test_a_host_that_is_stopped_gets_no_device(world: World, seats: Seats) -> None:
    # given
    make(world, "lamp")
    world.catalog.claim("host-1", "host", EXECUTION)
    world.catalog.update("host-1", EXECUTION, status="ONLINE")
    # when
    built(claim_restart)(
        {"input": {"thingName": "host-1", "stop": True}, "restart": RESTART}, world.context
    )
    # then
    assert seats.hosts() == []
    assert start(world, "door")["taskArn"].startswith("seat/host-2/door/")


def test_a_host_that_is_removed_gets_no_device_and_leaves_no_manifest(
    world: World, seats: Seats, queues: MemoryQueues
) -> None:
    # given
    make(world, "lamp")
    tell(world, queues)
    (host,) = seats.hosts()
    world.catalog.claim("host-1", "host", host.execution)
    # when
    built(clean_up)({"input": {"thingName": "host-1"}, "deprovisioning": REMOVAL}, world.context)
    # then
    assert seats.hosts() == []
    assert [key for key in world.objects() if key.startswith("hosts/")] == []
    assert seats.of("lamp") is not None, "until its restart finds it another one"


def test_a_host_that_was_closed_before_leaves_no_manifest_either(
    world: World, seats: Seats, queues: MemoryQueues
) -> None:
    # given: what a function that was killed has left, and a host of a longer name
    make(world, "lamp")
    tell(world, queues)
    for key in ("hosts/host-1/7.json", "hosts/host-10/7.json"):
        SESSION.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    world.catalog.claim("host-1", "host", EXECUTION)
    assert seats.close("host-1")
    # when
    built(clean_up)({"input": {"thingName": "host-1"}, "deprovisioning": REMOVAL}, world.context)
    # then
    assert [key for key in world.objects() if key.startswith("hosts/")] == ["hosts/host-10/7.json"]


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        ({"hosting": "elsewhere"}, "hosting: must be one of task, shared"),
        ({"hosting": "shared", "identity": "keys"}, "identity: must be csr with hosting shared"),
        ({"hosting": "shared", "deviceType": "host"}, "hosting: must be task for a host"),
    ],
)
def test_a_wish_for_a_host_has_its_rules(world: World, asked: dict[str, Any], rule: str) -> None:
    with pytest.raises(Exception, match=rule):
        built(create_thing)(
            {"input": {"thingName": "lamp", **asked}, "execution": EXECUTION}, world.context
        )
    assert world.row("lamp") == {}


def test_a_device_that_shares_a_task_makes_its_own_key(world: World) -> None:
    answer = built(create_thing)(
        {"input": {"thingName": "lamp", "hosting": "shared"}, "execution": EXECUTION},
        world.context,
    )
    assert (answer["identity"], answer["hosting"]) == ("csr", "shared")
    assert (world.row("lamp")["identity"], world.row("lamp")["hosting"]) == ("csr", "shared")


def test_a_host_that_could_not_be_made_gives_no_more_seats(world: World, seats: Seats) -> None:
    """Its execution was refused before it had a row."""
    # given
    start(world, "lamp")
    (host,) = seats.hosts()
    # when: another execution of that name, then its own
    for arn, left in ((EXECUTION, 1), (host.execution, 0)):
        built(clean_up)({"input": {"thingName": "host-1"}, "execution": arn}, world.context)
        # then
        assert len(seats.hosts()) == left


def swept(world: World, **more: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = built(sweep)({"olderThanSeconds": 0, **more}, world.context)[
        "findings"
    ]
    return [one for one in found if one["kind"] in ("host", "task")]


@pytest.mark.usefixtures("functions")
def test_the_sweep_finds_a_seat_that_is_no_devices(world: World, seats: Seats) -> None:
    # given: an execution that was killed before it could undo itself
    start(world, "lamp")
    world.workflows.ended(execution("lamp"), "ABORTED", asked={"thingName": "lamp"})
    # when
    (found,) = swept(world)
    # then
    assert (found["kind"], found["outcome"]) == ("task", "removed")
    assert seats.of("lamp") is None


def test_the_sweep_removes_a_host_that_runs_no_device(
    world: World, seats: Seats, functions: MemoryFunctions
) -> None:
    # given: the message that says so was lost
    make(world, "lamp")
    made = next(iter(world.workflows.started))
    world.catalog.claim("host-1", "host", made)
    world.catalog.update("host-1", made, status="ONLINE")
    seat = seats.of("lamp")
    assert seat is not None
    assert swept(world, dryRun=True) == [], "a host with a device"
    seats.leave(seat)
    # when
    (found,) = swept(world)
    # then
    assert (found["kind"], found["name"], found["outcome"]) == ("host", "host-1", "removed")
    assert {"thingName": "host-1", "madeBy": made} in world.workflows.started.values()
    assert seats.hosts() == []
    del functions


@pytest.mark.usefixtures("functions")
def test_the_sweep_closes_a_host_that_is_gone(world: World, seats: Seats) -> None:
    # given
    seats.open("host-1", 1, execution("gone"))
    world.workflows.ended(execution("gone"), "FAILED")
    # when
    (found,) = swept(world)
    # then
    assert (found["name"], found["outcome"]) == ("host-1", "removed")
    assert seats.hosts() == []


def test_no_url_of_a_config_is_logged(
    world: World, queues: MemoryQueues, printed: Callable[[], str]
) -> None:
    start(world, "lamp")
    tell(world, queues)
    assert "X-Amz" not in printed()
