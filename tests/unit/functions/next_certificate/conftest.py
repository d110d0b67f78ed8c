"""The device, with its job under way."""

from typing import Any

import pytest

from common.identifiers import owner_of
from tests.unit.doubles.iot import Job, MemoryIot, MemoryShadows, Thing
from tests.unit.functions.next_certificate.rotation import ROTATE, World, id_of
from tests.unit.stack import EXECUTION


@pytest.fixture
def world(iot: MemoryIot, shadows: MemoryShadows, table: Any, context: Any) -> World:
    arn = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    iot.things["lamp"] = Thing(
        "playground-bulb", {"execution": owner_of(EXECUTION)}, principals={arn}
    )
    iot.attach_policy("playground-device", arn)
    iot.jobs["job"] = Job(ROTATE, {"lamp": "IN_PROGRESS"})
    table.put_item(
        Item={
            "thing_name": "lamp",
            "status": "ONLINE",
            "execution_arn": EXECUTION,
            "certificate_id": id_of(arn),
            "certificate_arn": arn,
        }
    )
    return World(iot, shadows, table, context, arn)


@pytest.fixture
def sdk_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
