"""What devices cost: the meter, its table of prices, and the page that tells of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from playground.devices import costs
from playground.devices.costs import FILE, HOURS_A_MONTH, Prices, cost_of, costs_of, total
from playground.home.paths import PROJECT
from tests.unit.template import RESOURCES

PRICES = Prices("nowhere", "2026-01-01", task_hour=1.0, connection_hour=0.5)
AT = datetime(2026, 1, 1, 10, tzinfo=UTC)


def row(status: str = "ONLINE", **more: Any) -> dict[str, Any]:
    times = {"created_at": "2026-01-01T08:00:00.000Z", "updated_at": "2026-01-01T09:00:00.000Z"}
    return {"thing_name": "lamp", "status": status, "task_arn": "arn", **times, **more}


@pytest.mark.parametrize(
    ("found", "hours", "so_far", "hour"),
    [
        (row(), 2.0, 3.0, 1.5),
        (row("OFFLINE"), 2.0, 3.0, 1.0),
        (row("PROVISIONING"), 2.0, 3.0, 1.0),
        (row("TERMINATED"), 1.0, 1.5, 0.0),
        (row("FAILED"), 1.0, 1.5, 0.0),
        (row(created_at="2026-01-01T11:00:00.000Z"), 0.0, 0.0, 1.5),
    ],
)
def test_a_device_costs_from_its_creation_to_its_removal(
    found: dict[str, Any], hours: float, so_far: float, hour: float
) -> None:
    cost = cost_of(found, PRICES, AT, {})
    assert (cost.hours, cost.so_far, cost.hour) == (hours, so_far, hour)


def test_a_device_without_a_task_costs_nothing_now() -> None:
    given_up = row("FAILED", given_up_at="2026-01-01T09:00:00.000Z")
    del given_up["task_arn"]
    assert cost_of(given_up, PRICES, AT, {}).hour == 0.0
    assert cost_of(given_up, PRICES, AT, {}).hours == 1.0


def test_a_device_that_is_not_virtual_costs_its_connection_alone() -> None:
    own = row(hosting="none")
    del own["task_arn"]
    cost = cost_of(own, PRICES, AT, {})
    assert (cost.hour, cost.so_far) == (PRICES.connection_hour, cost.hours * cost.hour)
    assert cost_of({**own, "status": "OFFLINE"}, PRICES, AT, {}).hour == 0.0


def test_a_hosts_task_is_what_its_devices_cost() -> None:
    """Each the same share; and nobody pays for it twice."""
    # given
    prices = Prices("nowhere", "2026-01-01", 1.0, 0.5, host_hour=3.0)
    host = row(thing_name="host-1", device_type="host")
    lamps = [
        row(thing_name=name, task_arn=f"seat/host-1/{name}/x", hosting="shared")
        for name in ("lamp", "wall", "door")
    ]
    # when
    costs = {
        cost.thing_name: cost.hour for cost in costs_of([host, *lamps], prices, [host, *lamps])
    }
    # then
    assert costs == {"host-1": 0.5, "lamp": 1.5, "wall": 1.5, "door": 1.5}
    assert costs_of([host], prices, [host])[0].hour == 3.5


def test_all_together_are_told_by_hour_and_month() -> None:
    found = costs_of(
        [row(), row(thing_name="wall"), {"thing_name": "x", "status": "ONLINE"}], PRICES, []
    )
    assert [cost.thing_name for cost in found] == ["lamp", "wall"]
    told = total(found, PRICES)
    assert (told["hour"], told["month"]) == (3.0, 3.0 * HOURS_A_MONTH)
    assert told["so_far"] == round(sum(cost.so_far for cost in found), 4)


def test_the_size_of_a_task_is_the_templates() -> None:
    (task,) = (
        resource["Properties"]
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::ECS::TaskDefinition"
    )
    assert float(task["Cpu"]) / 1024 == costs.VCPU
    assert float(task["Memory"]) / 1024 == costs.GIGABYTES


def test_the_page_on_costs_has_the_prices_of_the_table() -> None:
    page = (PROJECT / "docs" / "cost.md").read_text()
    found = json.loads(FILE.read_text())
    task = costs.VCPU * found["vcpuHour"] + costs.GIGABYTES * found["gigabyteHour"]
    month = {
        "task": task * HOURS_A_MONTH,
        "address": found["publicAddressHour"] * HOURS_A_MONTH,
        "device": Prices.of_file().task_hour * HOURS_A_MONTH,
    }
    assert f"per month of running | {month['task']:.2f} |" in page
    assert f"per month of running | {month['address']:.2f} |" in page
    assert f"costs {month['device']:.2f}:" in page
    for other in ("README.md", "docs/fleets.md"):
        assert f"about {month['device']:.2f} dollars" in (PROJECT / other).read_text()
    assert found["date"] in page


def test_the_table_of_prices_says_where_they_are_from() -> None:
    found = json.loads(Path(FILE).read_text())
    assert found["sources"]
    assert all(source.startswith("https://aws.amazon.com/") for source in found["sources"])
    assert yaml.safe_load(found["date"]).year >= 2026
