"""Plans of fleets, of their removal, and how they are settled, state by state."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

from common.errors import FleetBusy, FleetNotFound, InvalidInput, ThingExists, TransientError
from common.identifiers import owner_of
from common.moments import milliseconds
from common.waiting import Patience
from fleets import plan_fleet, plan_removal, settle_fleet
from fleets.members import Catalog, member
from tests.unit.built import built
from tests.unit.doubles.workflows import MemoryWorkflows
from tests.unit.stack import BUCKET, FLEET, FLEET_REMOVAL, FLEETS, MACHINE, OTHER_FLEET
from tests.unit.tables import create_table

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_s3 import S3Client

LAMPS = {"name": "lamp", "count": 3, "deviceType": "bulb"}
FILE: dict[str, Any] = {"name": "office", "groups": [LAMPS]}
NAMES = [f"office-lamp-{number:04}" for number in (1, 2, 3)]
LATER_REMOVAL = f"{FLEET_REMOVAL}-later"


def of(count: int, **more: Any) -> dict[str, Any]:
    return {**FILE, **more, "groups": [{"name": "lamp", "count": count, "deviceType": "bulb"}]}


@dataclass
class Office:
    """The fleet's tables and objects, and the workflows that change it."""

    catalog: "Table"
    fleets: "Table"
    s3: "S3Client"
    workflows: MemoryWorkflows
    context: Any

    def plan(self, file: Mapping[str, Any] = FILE, execution: str = FLEET) -> dict[str, Any]:
        """State PlanFleet; a repetition gives the same."""
        event = {"input": file, "execution": execution}
        planned: dict[str, Any] = built(plan_fleet)(event, self.context)
        assert built(plan_fleet)(event, self.context) == planned
        return planned

    def arrive(self, planned: Mapping[str, Any], but: tuple[str, ...] = ()) -> list[str]:
        """What the Map does with the devices that arrive, but for those that fail."""
        items = self.read(planned["arrivingKey"])
        for item in items:
            status = "FAILED" if item["thingName"] in but else "ONLINE"
            self.put(item["thingName"], self.arn(item["execution"]), status)
        return [item["thingName"] for item in items]

    def leave(self, planned: Mapping[str, Any], but: tuple[str, ...] = ()) -> list[str]:
        """What the Map does with the devices that leave."""
        items = self.read(planned["leavingKey"])
        assert all(item["madeBy"] == self.arn(item["execution"]) for item in items)
        names = [item["thingName"] for item in items]
        for name in names:
            if name not in but:
                self.put(name, "whoever", "TERMINATED")
        return names

    def settle(self, wanted: int, execution: str = FLEET) -> dict[str, int]:
        """State SettleFleet; a repetition gives the same."""
        event = {"name": "office", "execution": execution, "wanted": wanted}
        settled: dict[str, int] = built(settle_fleet)(event, self.context)
        assert built(settle_fleet)(event, self.context) == settled
        return settled

    def make(self, file: Mapping[str, Any] = FILE, execution: str = FLEET) -> None:
        """The whole workflow."""
        planned = self.plan(file, execution)
        self.arrive(planned)
        self.leave(planned)
        self.settle(planned["devices"], execution)

    def removal(self, execution: str = FLEET_REMOVAL, **asked: Any) -> dict[str, Any]:
        """State PlanRemoval; a repetition gives the same."""
        event = {"input": asked, "execution": execution}
        planned: dict[str, Any] = built(plan_removal)(event, self.context)
        assert built(plan_removal)(event, self.context) == planned
        return planned

    def put(self, name: str, execution: str, status: str = "ONLINE") -> None:
        """A row of the catalog."""
        row = {"thing_name": name, "execution_arn": execution, "status": status}
        self.catalog.put_item(Item={**row, "created_at": "2026-01-02T03:04:05.678Z"})

    @staticmethod
    def arn(execution: str) -> str:
        return f"{MACHINE.replace(':stateMachine:', ':execution:')}:{execution}"

    def read(self, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    @property
    def item(self) -> dict[str, Any]:
        """Of the register."""
        return self.fleets.get_item(Key={"fleet_name": "office"}).get("Item", {})

    @property
    def keys(self) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return sorted(one["Key"] for one in found)


@pytest.fixture
def office(table: "Table", s3: "S3Client", workflows: MemoryWorkflows, context: Any) -> Office:
    fleets = create_table(FLEETS, ["fleet_name"], ["fleet_name"])
    return Office(table, fleets, s3, workflows, context)


def test_a_fleet_is_made_device_by_device(office: Office) -> None:
    # when
    planned = office.plan()
    # then
    assert planned == {
        "name": "office",
        "devices": 3,
        "arriving": 3,
        "arrivingKey": "fleets/office/arriving.json",
        "leaving": 0,
        "leavingKey": "fleets/office/leaving.json",
        "tolerated": 0,
    }
    assert office.item["status"] == "PROVISIONING"
    items = office.read(planned["arrivingKey"])
    assert [item["input"] for item in items] == [
        {"deviceType": "bulb", "thingName": name} for name in NAMES
    ]
    assert len({item["execution"] for item in items}) == 3
    assert all(len(item["execution"]) <= 80 for item in items)
    # and when the devices are there
    office.arrive(planned)
    assert office.settle(3) == {"devices": 3, "missing": 0}
    item = office.item
    assert (item["status"], item["devices"]) == ("READY", 3)
    assert "execution_arn" not in item
    assert (
        office.read("fleets/office/file.json")["groups"][0]["thingName"] == "office-lamp-{number}"
    )


def test_devices_that_come_over_time_are_listed_in_the_order_in_which_they_may_begin(
    office: Office,
) -> None:
    # given
    arrival = {"over": 60}
    file = {
        "name": "office",
        "groups": [{**LAMPS, "arrival": arrival}, {"name": "meter", "count": 2}],
    }
    began = time.time()
    # when
    planned = office.plan(file)
    ended = time.time()
    # then
    items = office.read(planned["arrivingKey"])
    assert [item["thingName"] for item in items] == [
        *("office-meter-0001", "office-meter-0002"),
        *NAMES,
    ]
    times = [milliseconds(item["at"]) / 1000 for item in items]
    assert times == sorted(times)
    for at in times[:2]:
        assert began - 0.001 <= at <= ended + 0.001
    for number, at in enumerate(times[2:]):
        assert began + number * 20 - 0.001 <= at <= ended + (number + 1) * 20 + 0.001
    # and the device's own input says nothing of it, but the file does
    assert all("arrival" not in item["input"] for item in items)
    office.arrive(planned)
    office.settle(planned["devices"])
    assert office.read("fleets/office/file.json")["groups"][0]["arrival"] == arrival
    # and when the fleet grows, those who are there have arrived
    larger = {**file, "groups": [{**LAMPS, "count": 5, "arrival": arrival}, file["groups"][1]]}
    items = office.read(office.plan(larger, OTHER_FLEET)["arrivingKey"])
    assert [item["thingName"] for item in items] == ["office-lamp-0004", "office-lamp-0005"]


def test_the_execution_of_a_long_name_has_room_in_80_letters() -> None:
    one, other = member("a:" + "x" * 126, FLEET), member("a:" + "x" * 125 + "y", FLEET)
    assert one.execution != other.execution
    assert len(one.execution) == 80
    assert ":" not in one.execution
    assert one.execution.endswith(owner_of(f"{FLEET}#{one.thing_name}"))


def test_a_device_that_failed_is_missing_and_comes_the_next_time(office: Office) -> None:
    # given
    planned = office.plan({**FILE, "tolerated": 1})
    office.arrive(planned, but=(NAMES[1],))
    assert planned["tolerated"] == 1
    assert office.settle(3) == {"devices": 2, "missing": 1}
    # when
    planned = office.plan(execution=OTHER_FLEET)
    # then
    assert office.arrive(planned) == [NAMES[1]]
    assert office.settle(3, OTHER_FLEET) == {"devices": 3, "missing": 0}


def test_a_fleet_is_brought_to_what_its_file_says_now(office: Office) -> None:
    # given
    office.make()
    # when
    planned = office.plan(of(2), OTHER_FLEET)
    # then
    assert (planned["arriving"], planned["leaving"]) == (0, 1)
    assert office.leave(planned) == [NAMES[2]]
    assert office.settle(2, OTHER_FLEET) == {"devices": 2, "missing": 0}
    assert [one["thingName"] for one in office.read("fleets/office/members.json")] == NAMES[:2]
    assert office.read("fleets/office/file.json")["groups"][0]["count"] == 2


def test_a_device_that_somebody_made_again_is_theirs(office: Office) -> None:
    # given
    office.make()
    office.put(NAMES[0], "another execution")
    # when the fleet is removed
    planned = office.removal(name="office")
    # then
    assert office.leave(planned) == NAMES[1:]
    assert office.settle(0, FLEET_REMOVAL) == {"devices": 0, "missing": 0}
    assert office.catalog.get_item(Key={"thing_name": NAMES[0]})["Item"]["status"] == "ONLINE"


def test_a_name_that_is_taken_is_refused_and_nothing_is_changed(office: Office) -> None:
    # given
    office.put(NAMES[2], "another execution")
    office.put(NAMES[1], "another execution", "TERMINATED")
    # when
    with pytest.raises(ThingExists, match=f"groups: taken names: {NAMES[2]};"):
        office.plan()
    # then
    assert (office.item, office.keys) == ({}, [])


def test_many_taken_names_are_told_in_a_line(office: Office) -> None:
    for number in range(1, 8):
        office.put(f"office-lamp-{number:04}", "another execution")
    with pytest.raises(ThingExists, match=r"taken names: \S+, \S+, \S+, \S+, \S+ and 2 more;"):
        office.plan(of(8))


def test_bad_input_changes_nothing(office: Office) -> None:
    with pytest.raises(InvalidInput, match=r"^groups\[0\].count: "):
        office.plan(of(-1))
    for asked, told in (
        ("office", "input: must be a JSON object"),
        ({}, "name: must match"),
        ({"name": "office", "force": True}, "force: is not a field"),
        ({"executionArn": 7}, "executionArn: must be an ARN"),
    ):
        with pytest.raises(InvalidInput, match=told):
            built(plan_removal)({"input": asked, "execution": FLEET_REMOVAL}, office.context)
    assert (office.item, office.keys) == ({}, [])


def test_of_two_executions_one_has_the_fleet(office: Office) -> None:
    # given
    office.plan()
    office.workflows.runs(FLEET)
    # when
    with pytest.raises(FleetBusy, match=f"office is being provisioned by {FLEET}"):
        office.plan(execution=OTHER_FLEET)
    with pytest.raises(FleetBusy, match=f"office is being provisioned by {FLEET}"):
        office.removal(name="office")
    # then
    assert office.item["execution_arn"] == FLEET


def test_an_execution_that_has_ended_is_in_nobodys_way(office: Office) -> None:
    # given
    office.plan()
    office.workflows.ended(FLEET, "FAILED")
    # when
    assert office.plan(execution=OTHER_FLEET)["arriving"] == 3
    # then
    assert office.item["execution_arn"] == OTHER_FLEET
    with pytest.raises(FleetBusy, match="was taken over"):
        office.settle(3)


def test_a_fleet_is_removed_with_all_that_it_has(office: Office) -> None:
    # given
    office.make()
    # when
    planned = office.removal(name="office")
    # then
    assert (planned["verdict"], planned["leaving"]) == ("REMOVE", 3)
    assert office.item["status"] == "REMOVING"
    office.leave(planned)
    assert office.settle(0, FLEET_REMOVAL) == {"devices": 0, "missing": 0}
    assert (office.item, office.keys) == ({}, [])
    # and once more
    with pytest.raises(FleetNotFound, match="there is no fleet office"):
        office.removal(name="office")


def test_a_removal_that_failed_half_way_is_done_by_the_next(office: Office) -> None:
    # given
    office.make()
    office.leave(office.removal(name="office"), but=(NAMES[0],))
    office.workflows.ended(FLEET_REMOVAL, "FAILED")
    # when
    planned = office.removal(LATER_REMOVAL, name="office")
    # then
    assert office.leave(planned) == NAMES[:1]
    office.settle(0, LATER_REMOVAL)
    assert (office.item, office.keys) == ({}, [])


def test_an_execution_is_undone_and_what_was_there_before_stays(office: Office) -> None:
    # given a fleet, and an execution that makes it larger and fails
    office.make()
    planned = office.plan(of(5), OTHER_FLEET)
    office.arrive(planned, but=("office-lamp-0005",))
    office.workflows.runs(OTHER_FLEET)  # it waits for its own undoing
    # when
    planned = office.removal(executionArn=OTHER_FLEET, status="FAILED")
    # then
    assert office.leave(planned) == ["office-lamp-0004"]
    assert office.settle(0, FLEET_REMOVAL) == {"devices": 3, "missing": 0}
    assert (office.item["status"], office.item["devices"]) == ("READY", 3)
    assert office.read("fleets/office/file.json")["groups"][0]["count"] == 3
    # and what the rule starts then finds nothing to do
    assert office.removal(LATER_REMOVAL, executionArn=OTHER_FLEET)["verdict"] == "NOTHING"


def test_a_fleet_of_which_nothing_was_made_is_gone(office: Office) -> None:
    # given
    office.plan()
    # when
    planned = office.removal(executionArn=FLEET)
    # then
    assert planned["verdict"] == "SETTLE"
    office.settle(0, FLEET_REMOVAL)
    assert (office.item, office.keys) == ({}, [])


def test_a_device_that_is_still_being_made_is_waited_for(office: Office) -> None:
    # given
    office.plan()
    one = member(NAMES[0], FLEET)
    office.put(NAMES[0], office.arn(one.execution), "PROVISIONING")
    office.workflows.runs(office.arn(one.execution))
    # then
    assert office.removal(executionArn=FLEET)["verdict"] == "WAIT"
    # and when what makes it has ended
    office.workflows.ended(office.arn(one.execution), "ABORTED")
    assert office.leave(office.removal(executionArn=FLEET)) == [NAMES[0]]


def test_rows_that_dynamodb_leaves_out_are_asked_for_again(table: "Table") -> None:
    class Sparing:
        """Gives one row a call, or none at all."""

        def __init__(self, most: int) -> None:
            self.most, self.calls = most, 0

        def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 - boto3's own
            self.calls += 1
            keys = RequestItems[table.name]["Keys"]
            rows = [{**key, "status": "ONLINE"} for key in keys[: self.most]]
            left = {table.name: {"Keys": keys[self.most :]}} if keys[self.most :] else {}
            return {"Responses": {table.name: rows}, "UnprocessedKeys": left}

    class Meta:
        client: Any

    class Named:
        name, meta = table.name, Meta()

    catalog = Catalog(cast("Table", Named()), MACHINE, Patience(seconds=0.05, pause=0.001))
    Named.meta.client = Sparing(1)
    assert list(catalog.rows(NAMES)) == NAMES
    Named.meta.client = Sparing(0)
    with pytest.raises(TransientError, match="unread"):
        catalog.rows(NAMES)


def test_many_devices_are_read_a_hundred_at_a_time(office: Office) -> None:
    planned = office.plan(of(250))
    assert len(office.arrive(planned)) == 250
    assert office.settle(250) == {"devices": 250, "missing": 0}


def test_functions_that_outlive_their_execution_are_waited_for(office: Office) -> None:
    # given
    office.plan()
    now = int(time.time() * 1000)
    # then
    for ago, verdict in ((0, "WAIT"), (34_000, "WAIT"), (36_000, "SETTLE")):
        found = office.removal(executionArn=FLEET, status="ABORTED", stopDate=now - ago)
        assert found["verdict"] == verdict
    assert office.removal(executionArn=FLEET, stopDate="soon")["verdict"] == "SETTLE"


def test_an_item_that_was_not_read_is_not_taken_for_one_that_is_not_there(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    office.arrive(office.plan())
    # when
    for wanted, execution in ((3, FLEET), (0, FLEET_REMOVAL)):
        with monkeypatch.context() as patch:
            patch.setattr("fleets.register.Register.fleet", lambda *_: None)
            event = {"name": "office", "execution": execution, "wanted": wanted}
            with pytest.raises(TransientError, match="the item of office was not read"):
                built(settle_fleet)(event, office.context)
    # then
    assert office.item["status"] == "PROVISIONING"


def test_a_call_that_the_sdk_repeats_without_an_answer_takes_the_fleet(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a look that was before the first of the two
    office.plan()
    before = office.item
    with monkeypatch.context() as patch:
        patch.setattr("fleets.register.Register.fleet", lambda *_: None)
        # when
        assert built(plan_fleet)({"input": FILE, "execution": FLEET}, office.context)["arriving"]
    # then
    assert office.item["created_at"] == before["created_at"]
    with monkeypatch.context() as patch:
        patch.setattr("fleets.register.Register.fleet", lambda *_: None)
        with pytest.raises(FleetBusy, match="another execution was faster"):
            built(plan_fleet)({"input": FILE, "execution": OTHER_FLEET}, office.context)
