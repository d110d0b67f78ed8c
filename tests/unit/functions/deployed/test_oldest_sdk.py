"""Every call of `functions/` is one that the oldest SDK of a supported runtime can make.

Lambda's runtimes bring an SDK of their own, and not the newest one:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html, "Runtime-included SDK versions"
"""

import gzip
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from common.clients import EXTRAS, session
from tests.unit.oldest_sdk import PATH
from tests.unit.sdk_calls import calls, excepted, source_of

pytestmark = pytest.mark.thorough

OLDEST = json.loads(PATH.read_text())


def added() -> dict[str, dict[str, list[str]]]:
    """What functions/common/sdk adds: service, operation, parameters."""
    made: dict[str, dict[str, list[str]]] = {}
    for path in EXTRAS.glob("*/*/service-2.sdk-extras.json"):
        merged = json.loads(path.read_text())["merge"]
        for name, operation in merged["operations"].items():
            members = merged["shapes"][operation["input"]["shape"]]["members"]
            made.setdefault(path.parts[-3], {})[xform_name(name)] = sorted(members)
    return made


def test_the_client_of_every_call_is_known() -> None:
    found, unknown = calls()
    assert {where: source_of(where) for where in unknown} == {}
    assert len(found) > 100


def test_the_oldest_sdk_has_every_operation_and_parameter() -> None:
    known = {
        name: {**OLDEST["operations"][name], **added().get(name, {})}
        for name in OLDEST["operations"]
    }
    lacking = {}
    for call in calls()[0]:
        has = known.get(call.service, {}).get(call.operation)
        # Of a resource's item operations the table is not told.
        missing = None if has is None else set(call.parameters) - set(has)
        if missing is None or missing:
            lacking[call.where] = (call.service, call.operation, missing)
    assert lacking == {}, (
        f"not in botocore {OLDEST['botocore']}: add it to functions/common/sdk, or do without"
    )


def test_the_oldest_sdk_has_every_error_that_is_caught_by_its_class() -> None:
    for service, name, where in excepted():
        assert service, f"{where}: whose error is {name}?"
        assert name in OLDEST["errors"][service] or name == "ClientError", where


def test_what_is_added_is_as_the_newest_sdk_has_it() -> None:
    for service, operations in added().items():
        model = botocore.session.get_session().get_service_model(service)
        spelled = {xform_name(name): name for name in model.operation_names}
        for name, members in operations.items():
            shape = model.operation_model(spelled[name]).input_shape
            assert shape is not None
            assert sorted(shape.members) == members


def test_a_client_of_an_sdk_without_the_operation_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: the model of an SDK that does not know DeleteConnection
    loader = session._session.get_component("data_loader")
    newest = Path(loader.load_data_with_path("iot-data/2015-05-28/service-2")[1] + ".json.gz")
    model: dict[str, Any] = json.loads(gzip.decompress(newest.read_bytes()))
    del model["operations"]["DeleteConnection"]
    for name in ("DeleteConnectionRequest", "CleanSession", "PreventWillMessage"):
        del model["shapes"][name]
    folder = tmp_path / "iot-data" / "2015-05-28"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps(model))
    # when
    core = botocore.session.get_session()
    core.get_component("data_loader").search_paths[:0] = [str(tmp_path)]
    without = core.create_client("iot-data", region_name="eu-west-1")
    core = botocore.session.get_session()
    core.get_component("data_loader").search_paths[:0] = [str(tmp_path)]
    core.get_component("data_loader").search_paths.append(str(EXTRAS))
    with_it: Any = core.create_client("iot-data", region_name="eu-west-1")
    # then
    assert not hasattr(without, "delete_connection")
    sent = []

    def answer(params: Any, **_: Any) -> Any:
        sent.append((params["method"], params["url_path"], params["query_string"]))
        return SimpleNamespace(status_code=200), {}

    with_it.meta.events.register_first("before-call", answer)
    with_it.delete_connection(clientId="lamp", cleanSession=True)
    assert sent == [("DELETE", "/connections/lamp", {"cleanSession": "true"})]
