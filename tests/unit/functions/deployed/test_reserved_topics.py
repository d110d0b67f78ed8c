"""The guide's table of reserved topics against every filter and every rule that there is.

What the table does not allow can end the connection, and a rule on it is promised nothing.
"""

import json
import re
from itertools import product
from pathlib import Path

import pytest

from playground.messages import watch
from tests.unit.doubles.surroundings import Device
from tests.unit.template import RESOURCES, ROOT
from virtual_device import capabilities
from virtual_device.connection import topics
from virtual_device.rotation.certificate_client import CertificateClient
from virtual_device.rotation.rotator import Rotator
from virtual_device.shadow import shadow_client
from virtual_device.telemetry.thing import Thing

TABLE = json.loads((Path(__file__).parents[2] / "data" / "reserved_topics.json").read_text())[
    "topics"
]
ROWS = {tuple(pattern.split("/")): set(allowed) for pattern, allowed in TABLE.items()}


def allows(operation: str, wanted: str) -> bool:
    """Whether the operation is allowed on all that a topic or a filter means, if any of it is
    reserved."""
    if not wanted.startswith("$"):
        return (
            True  # A wildcard at the beginning means no topic that begins with $ (MQTT 5, 4.7.2).
        )
    levels = tuple(wanted.split("/"))
    met = [allowed for row, allowed in ROWS.items() if _meets(levels, row)]
    return bool(met) and all(operation in allowed for allowed in met)


def _meets(levels: tuple[str, ...], row: tuple[str, ...]) -> bool:
    if levels and levels[-1] == "#":
        levels, row = levels[:-1], row[: len(levels) - 1]
    if len(levels) != len(row):
        return False
    return all(
        theirs in (ours, "<>") or ours == "+" for ours, theirs in zip(levels, row, strict=True)
    )


def device_filters() -> list[str]:
    """All that a device of any kind subscribes to, at any time."""
    device = Device(Thing("lamp"))
    device.settings = {**device.settings, "metrics": 300}
    found = [name for one in capabilities.of_device(device) for name in one.filters]
    found += [f"{topics.shadow('lamp')}/{answer}" for answer in shadow_client.ANSWERS]
    found += CertificateClient(device, Rotator(device)).filters
    # The V2 client of jobs subscribes to the answers of what it asks,
    # https://github.com/aws/aws-iot-device-sdk-python-v2
    found += [
        f"{topics.jobs('lamp')}/{job}/{asked}/{answer}"
        for job, asked, answer in product(["+"], ["get", "update"], ["accepted", "rejected"])
    ]
    return found


def rules() -> dict[str, str]:
    """The topic filter of every IoT rule, by its SQL."""
    text = (ROOT / "template.yaml").read_text()
    sql = [resource["Properties"]["TopicRulePayload"]["Sql"] for resource in RESOURCES.values()
           if resource["Type"] == "AWS::IoT::TopicRule"]  # fmt: skip
    for resource in RESOURCES.values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if event["Type"] == "IoTRule":
                sql.append(event["Properties"]["Sql"])
    found = {one: match[1] for one in sql if (match := re.search(r"FROM '([^']+)'", one))}
    assert len(found) == len(sql) == len(re.findall(r"FROM '", text))
    return found


@pytest.mark.parametrize(
    ("operation", "wanted", "allowed"),
    [
        ("subscribe", "$aws/things/lamp/defender/metrics/json", False),
        ("publish", "$aws/things/lamp/defender/metrics/json", True),
        ("subscribe", "$aws/things/lamp/defender/metrics/json/rejected", True),
        ("subscribe", "$aws/things/+/defender/metrics/+", False),
        ("subscribe", "$aws/things/lamp/defender/#", False),
        ("subscribe", "$aws/events/presence/+/lamp", True),
        ("publish", "$aws/events/presence/connected/lamp", False),
        ("subscribe", "$aws/things/lamp/jobs/notify-next", True),
        ("subscribe", "$aws/things/lamp/jobs/$next/get/accepted", True),
        ("subscribe", "$aws/nothing/of/it", False),
        ("subscribe", "dt/playground/#", True),
        ("subscribe", "#", True),
    ],
)
def test_the_table_is_read_right(operation: str, wanted: str, allowed: bool) -> None:  # noqa: FBT001
    assert allows(operation, wanted) is allowed


@pytest.mark.parametrize("wanted", device_filters())
def test_a_device_subscribes_to_what_it_may(wanted: str) -> None:
    assert allows("subscribe", wanted)


@pytest.mark.parametrize("wanted", watch.filters("lamp", "my/lamp"))
def test_who_watches_subscribes_to_what_one_may(wanted: str) -> None:
    """`watch`, `demo` and `drill`."""
    assert allows("subscribe", wanted)


@pytest.mark.parametrize("sql", rules())
def test_a_rule_hears_what_one_may_subscribe_to(sql: str) -> None:
    assert allows("subscribe", rules()[sql])


@pytest.mark.parametrize(
    "topic",
    [
        topics.metrics("lamp"),
        f"{topics.shadow('lamp')}/get",
        f"{topics.shadow('lamp')}/update",
        f"{topics.jobs('lamp')}/$next/get",
        f"{topics.jobs('lamp')}/job-1/update",
        f"{topics.executions('lamp')}/1/response/json",
    ],
)
def test_a_device_publishes_to_what_it_may(topic: str) -> None:
    assert allows("publish", topic)
