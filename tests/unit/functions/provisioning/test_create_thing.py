"""CreateThing: what may be asked for, and that a name belongs to one execution."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from common.errors import InvalidInput, NoDeviceImage, ThingExists, TransientError
from common.identifiers import DEVICE_TYPES, RESERVED_NAMES, made_up_name, owner_of
from common.moments import milliseconds
from devices.catalog import Catalog
from provisioning import create_thing
from tests.unit.built import CLIENTS, built
from tests.unit.doubles import faults
from tests.unit.doubles.ecr import MemoryEcr
from tests.unit.doubles.iot import MemoryIot, Thing
from tests.unit.stack import EXECUTION, OTHER_EXECUTION


@pytest.fixture
def create(iot: MemoryIot, catalog: Catalog, context: Any) -> Callable[..., dict[str, Any]]:
    """One attempt of the state."""

    def attempt(asked: Any, execution: str = EXECUTION) -> dict[str, Any]:
        answer: dict[str, Any] = built(create_thing)(
            {"input": asked, "execution": execution}, context
        )
        return answer

    return attempt


def test_what_was_asked_for_is_registered(
    create: Callable[..., dict[str, Any]], iot: MemoryIot, catalog: Catalog
) -> None:
    # given
    model = {"telemetry": {"power": {"constant": 5}}}
    asked = {
        "deviceType": "bulb",
        "thingName": "lamp:1_a-B",
        "attributes": {"room": "kitchen"},
        "model": model,
    }
    # when
    answer = create(asked)
    # then
    assert answer == {
        "thingName": "lamp:1_a-B",
        "deviceType": "bulb",
        "identity": "keys",
        "hosting": "task",
    }
    assert iot.things == {
        "lamp:1_a-B": Thing(
            thing_type="playground-bulb",
            attributes={"room": "kitchen", "execution": owner_of(EXECUTION)},
            groups={"playground-devices"},
        )
    }
    row = catalog.row("lamp:1_a-B")
    assert row
    assert (row["status"], row["device_type"], row["execution_arn"]) == (
        "PROVISIONING",
        "bulb",
        EXECUTION,
    )
    assert row["created_at"] == row["updated_at"]
    assert row["created_at"].endswith("Z")


def test_an_empty_input_makes_a_generic_device(
    create: Callable[..., dict[str, Any]], iot: MemoryIot
) -> None:
    # when
    answer = create({})
    # then
    made_up = {"thingName": made_up_name(EXECUTION), "deviceType": "generic"}
    assert answer == {**made_up, "identity": "keys", "hosting": "task"}
    assert list(iot.things) == [made_up_name(EXECUTION)]


def test_without_a_device_image_nothing_is_made_and_the_error_says_what_to_do(
    create: Callable[..., dict[str, Any]], iot: MemoryIot, catalog: Catalog, ecr: MemoryEcr
) -> None:
    # given
    ecr.tags.clear()
    # when
    with pytest.raises(
        NoDeviceImage, match=r"There is no device image yet \(tag latest\): run `playground push`."
    ):
        create({"thingName": "lamp"})
    # then
    assert iot.things == {}
    assert catalog.row("lamp") is None


@pytest.mark.parametrize("device_type", DEVICE_TYPES)
def test_every_device_type_is_accepted(
    create: Callable[..., dict[str, Any]], iot: MemoryIot, device_type: str
) -> None:
    # when
    name = create({"deviceType": device_type})["thingName"]
    # then
    assert iot.things[name].thing_type == f"playground-{device_type}"


def model_of(size: int, letter: str = "x") -> dict[str, Any]:
    """A model of so many bytes of compact JSON."""
    rest, more = divmod(size - len('{"telemetry":{},"name":""}'), len(letter.encode()))
    return {"telemetry": {}, "name": letter * rest + "x" * more}


ACCEPTED = [
    pytest.param({"thingName": "a"}, id="shortest name"),
    pytest.param({"thingName": "a" * 128}, id="longest name"),
    pytest.param({"thingName": "Update"}, id="reserved levels are lower case"),
    pytest.param({"thingName": "update-1"}, id="a reserved level is a whole name"),
    pytest.param({"attributes": {f"a{number}": "x" for number in range(20)}}, id="20 attributes"),
    pytest.param({"attributes": {"a" * 128: "x" * 800}}, id="longest attribute"),
    pytest.param({"attributes": {"_.,@/:#-": "_.,@/:#=[]-"}}, id="every special character"),
    pytest.param({"attributes": {"room": ""}}, id="empty value"),
    pytest.param({"ttl": "1m"}, id="shortest time"),
    pytest.param({"ttl": "365d"}, id="longest time"),
    pytest.param({"model": {"telemetry": {}}}, id="a model that the device will refuse"),
    pytest.param({"model": {"messages": []}}, id="a model of several messages"),
    pytest.param({"model": model_of(16_384)}, id="longest model"),
    pytest.param({"model": model_of(16_384, "\u00e4")}, id="longest model in UTF-8"),
]


@pytest.mark.parametrize("asked", ACCEPTED)
def test_input_at_the_edge_of_the_rules_is_accepted(
    create: Callable[..., dict[str, Any]], iot: MemoryIot, asked: dict[str, Any]
) -> None:
    # when
    answer = create(asked)
    # then
    attributes = iot.things[answer["thingName"]].attributes
    assert attributes == {**asked.get("attributes", {}), "execution": owner_of(EXECUTION)}


REFUSED = [
    pytest.param([], "input", id="a list"),
    pytest.param(None, "input", id="null"),
    pytest.param("lamp", "input", id="a string"),
    pytest.param({"name": "lamp"}, "name", id="unknown field"),
    pytest.param({"thingname": "lamp"}, "thingname", id="field in other case"),
    pytest.param({"deviceType": "toaster"}, "deviceType", id="unknown type"),
    pytest.param({"deviceType": "Bulb"}, "deviceType", id="type in other case"),
    pytest.param({"deviceType": None}, "deviceType", id="type null"),
    pytest.param({"deviceType": ["bulb"]}, "deviceType", id="type list"),
    pytest.param({"thingName": ""}, "thingName", id="empty name"),
    pytest.param({"thingName": "a" * 129}, "thingName", id="long name"),
    pytest.param({"thingName": "a b"}, "thingName", id="blank in name"),
    pytest.param({"thingName": "a/b"}, "thingName", id="slash in name"),
    pytest.param({"thingName": "a+"}, "thingName", id="wildcard in name"),
    pytest.param({"thingName": "lamp\n"}, "thingName", id="line feed after name"),
    pytest.param({"thingName": "l\u00e4mp"}, "thingName", id="letter outside ASCII"),
    pytest.param({"thingName": None}, "thingName", id="name null"),
    pytest.param({"thingName": 7}, "thingName", id="name number"),
    *(
        pytest.param({"thingName": name}, "thingName", id=f"reserved {name}")
        for name in sorted(RESERVED_NAMES)
    ),
    pytest.param({"attributes": None}, "attributes", id="attributes null"),
    pytest.param({"attributes": ["a"]}, "attributes", id="attributes list"),
    pytest.param(
        {"attributes": {f"a{n}": "x" for n in range(21)}}, "attributes", id="21 attributes"
    ),
    pytest.param({"attributes": {"": "x"}}, "attributes", id="empty attribute name"),
    pytest.param({"attributes": {"a" * 129: "x"}}, "attributes", id="long attribute name"),
    pytest.param({"attributes": {"a b": "x"}}, "attributes", id="blank in attribute name"),
    pytest.param({"attributes": {"a=b": "x"}}, "attributes", id="equals in attribute name"),
    pytest.param(
        {"attributes": {"execution": "x"}}, "attributes", id="the playground's own attribute"
    ),
    pytest.param({"attributes": {"room": "x" * 801}}, "attributes.room", id="long value"),
    pytest.param({"attributes": {"room": "living room"}}, "attributes.room", id="blank in value"),
    pytest.param({"attributes": {"room": "x\n"}}, "attributes.room", id="line feed after value"),
    pytest.param({"attributes": {"room": 7}}, "attributes.room", id="value number"),
    pytest.param({"attributes": {"room": None}}, "attributes.room", id="value null"),
    pytest.param({"model": None}, "model", id="model null"),
    pytest.param({"model": "vehicle"}, "model", id="model string"),
    pytest.param({"model": [{"telemetry": {}}]}, "model", id="model list"),
    pytest.param({"model": {}}, "model", id="model without telemetry"),
    pytest.param({"model": {"telemetry": []}}, "model", id="telemetry list"),
    pytest.param({"model": {"messages": {}}}, "model", id="messages object"),
    pytest.param({"model": {"messages": [], "telemetry": {}}}, "model", id="two forms"),
    pytest.param({"model": model_of(16_385)}, "model", id="long model"),
    pytest.param({"model": model_of(16_385, "\u00e4")}, "model", id="long model in UTF-8"),
    pytest.param({"Model": {"telemetry": {}}}, "Model", id="model in other case"),
    pytest.param({"ttl": None}, "ttl", id="ttl null"),
    pytest.param({"ttl": 60}, "ttl", id="ttl number"),
    pytest.param({"ttl": ["2h"]}, "ttl", id="ttl list"),
    pytest.param({"ttl": ""}, "ttl", id="empty ttl"),
    pytest.param({"ttl": "90s"}, "ttl", id="ttl in seconds"),
    pytest.param({"ttl": "2H"}, "ttl", id="ttl with another letter"),
    pytest.param({"ttl": "2h\n"}, "ttl", id="line feed after ttl"),
    pytest.param({"ttl": "\u0662h"}, "ttl", id="a digit outside ASCII"),
    pytest.param({"ttl": "1.5h"}, "ttl", id="half an hour more"),
    pytest.param({"ttl": "-2h"}, "ttl", id="ttl in the past"),
    pytest.param({"ttl": "0m"}, "ttl", id="no time"),
    pytest.param({"ttl": "366d"}, "ttl", id="more than a year"),
]


@pytest.mark.parametrize(("asked", "field"), REFUSED)
def test_input_that_breaks_a_rule_makes_nothing(
    create: Callable[..., dict[str, Any]], iot: MemoryIot, catalog: Catalog, asked: Any, field: str
) -> None:
    # when
    with pytest.raises(InvalidInput) as refusal:
        create(asked)
    # then
    assert str(refusal.value).startswith(f"{field}: ")
    assert refusal.value.field == field
    assert iot.things == {}
    assert catalog.table.scan()["Count"] == 0


@pytest.mark.thorough
@pytest.mark.parametrize("how", faults.HOW)
@pytest.mark.parametrize("at", range(1, 5))
def test_an_attempt_after_any_interruption_makes_nothing_twice(
    create: Callable[..., dict[str, Any]],
    iot: MemoryIot,
    catalog: Catalog,
    function_clients: list[Any],
    at: int,
    how: str,
) -> None:
    # given
    with (
        faults.interrupted(function_clients, at, how) as interruption,
        pytest.raises((TransientError, faults.Killed)),
    ):
        create({"attributes": {"room": "kitchen"}})
    # when
    answer = create({"attributes": {"room": "kitchen"}})
    # then
    assert interruption.operation or how in ("answer lost", "killed after")
    assert list(iot.things) == [answer["thingName"]]
    assert iot.things[answer["thingName"]].groups == {"playground-devices"}
    assert catalog.table.scan()["Count"] == 1


def test_another_execution_can_not_take_the_name(
    create: Callable[..., dict[str, Any]], iot: MemoryIot, catalog: Catalog
) -> None:
    # given
    create({"thingName": "lamp"})
    # when
    with pytest.raises(ThingExists, match="lamp"):
        create({"thingName": "lamp"}, OTHER_EXECUTION)
    # then
    row = catalog.row("lamp")
    assert row
    assert row["execution_arn"] == EXECUTION
    assert iot.things["lamp"].attributes["execution"] == owner_of(EXECUTION)


@pytest.mark.parametrize("status", ["PROVISIONING", "ONLINE", "OFFLINE", "QUARANTINED"])
def test_a_name_in_the_catalog_is_taken_even_before_its_thing_is_there(
    create: Callable[..., dict[str, Any]], iot: MemoryIot, catalog: Catalog, status: str
) -> None:
    # given
    catalog.claim("lamp", "bulb", OTHER_EXECUTION)
    catalog.update("lamp", OTHER_EXECUTION, status=status)
    # when
    with pytest.raises(ThingExists, match="lamp"):
        create({"thingName": "lamp"})
    # then
    row = catalog.row("lamp")
    assert row
    assert (row["execution_arn"], row["status"]) == (OTHER_EXECUTION, status)
    assert iot.things == {}


@pytest.mark.parametrize("status", ["FAILED", "TERMINATED"])
def test_the_name_of_a_device_that_is_gone_is_free(
    create: Callable[..., dict[str, Any]], iot: MemoryIot, catalog: Catalog, status: str
) -> None:
    # given
    catalog.claim("lamp", "bulb", OTHER_EXECUTION)
    catalog.update("lamp", OTHER_EXECUTION, status=status, certificate_id="old", presence_at=1)
    # when
    create({"thingName": "lamp"})
    # then
    row = catalog.row("lamp")
    assert row
    assert (row["execution_arn"], row["status"]) == (EXECUTION, "PROVISIONING")
    assert not row.keys() & {"certificate_id", "presence_at"}


@pytest.mark.parametrize(("ttl", "seconds"), [("1m", 60), ("2h", 7_200), ("7d", 604_800)])
def test_the_time_of_a_device_begins_when_its_name_is_taken(
    create: Callable[..., dict[str, Any]], catalog: Catalog, ttl: str, seconds: int
) -> None:
    # when
    create({"thingName": "lamp", "ttl": ttl})
    # then
    row = catalog.row("lamp")
    assert row
    assert milliseconds(row["expires_at"]) - milliseconds(row["created_at"]) == seconds * 1000
    assert row["expires_at"].endswith("Z")


def test_another_attempt_does_not_begin_the_time_again(
    create: Callable[..., dict[str, Any]], catalog: Catalog
) -> None:
    # given
    create({"thingName": "lamp", "ttl": "2h"})
    catalog.update("lamp", EXECUTION, expires_at="2026-01-02T03:04:05.678Z")
    # when
    create({"thingName": "lamp", "ttl": "2h"})
    # then
    row = catalog.row("lamp")
    assert row
    assert row["expires_at"] == "2026-01-02T03:04:05.678Z"


@pytest.mark.parametrize("status", ["FAILED", "TERMINATED"])
def test_a_device_without_a_time_inherits_none(
    create: Callable[..., dict[str, Any]], catalog: Catalog, status: str
) -> None:
    # given: a row as no removal leaves it
    catalog.claim("lamp", "bulb", OTHER_EXECUTION, ttl=timedelta(hours=2))
    catalog.update("lamp", OTHER_EXECUTION, status=status)
    # when
    create({"thingName": "lamp"})
    # then
    row = catalog.row("lamp")
    assert row
    assert "expires_at" not in row


def test_a_thing_that_somebody_else_registered_is_left_alone(
    create: Callable[..., dict[str, Any]], iot: MemoryIot, catalog: Catalog
) -> None:
    # given
    iot.things["lamp"] = Thing(attributes={"owner": "accounting"})
    # when
    with pytest.raises(ThingExists, match="lamp"):
        create({"thingName": "lamp"})
    # then
    assert iot.things == {"lamp": Thing(attributes={"owner": "accounting"})}
    assert catalog.row("lamp") is None


def test_a_thing_that_appears_in_between_is_left_alone_and_the_claim_to_clean_up(
    create: Callable[..., dict[str, Any]], iot: MemoryIot, catalog: Catalog
) -> None:
    # given: somebody else registers the thing after the look and before CreateThing
    look = iot.describe_thing

    def look_then_register(thingName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        try:
            return look(thingName)
        finally:
            iot.things["lamp"] = Thing(attributes={"owner": "accounting"})

    iot.describe_thing = look_then_register  # type: ignore[method-assign]
    # when
    with pytest.raises(ThingExists, match="lamp"):
        create({"thingName": "lamp"})
    # then
    assert iot.things == {"lamp": Thing(attributes={"owner": "accounting"})}
    row = catalog.row("lamp")
    assert row is not None
    assert row["status"] == "PROVISIONING"


@pytest.mark.parametrize("operation", ["DescribeThing", "CreateThing", "AddThingToThingGroup"])
def test_throttling_is_worth_a_retry(create: Callable[..., dict[str, Any]], operation: str) -> None:
    # when
    with (
        faults.refused(CLIENTS.client("iot"), operation, "ThrottlingException", 429),
        pytest.raises(TransientError, match="ThrottlingException"),
    ):
        create({})


def test_the_log_tells_which_device_of_which_execution(
    create: Callable[..., dict[str, Any]], printed: Callable[[], str]
) -> None:
    # when
    create({"thingName": "lamp"})
    # then
    entry, metric = (json.loads(line) for line in printed().splitlines())
    assert (entry["thing_name"], entry["execution_arn"]) == ("lamp", EXECUTION)
    assert metric["ThingsCreated"] == [1.0]
