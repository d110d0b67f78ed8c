"""The functions as Lambda would load them, and the AWS services that they talk to.

DynamoDB and S3 are moto's. IoT, ECS and Step Functions stand in `doubles`: they refuse what AWS
refuses.
"""

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.doubles.clock import Clock
from tests.unit.doubles.ecr import MemoryEcr
from tests.unit.doubles.ecs import MemoryEcs
from tests.unit.doubles.functions import MemoryFunctions
from tests.unit.doubles.iot import MemoryIot, MemoryShadows
from tests.unit.doubles.queues import MemoryQueues
from tests.unit.doubles.topics import MemoryTopics
from tests.unit.doubles.workflows import MemoryWorkflows
from tests.unit.stack import (
    BUCKET,
    IMAGE_TAG,
    RECORDS,
    REPLIES,
    REPOSITORY,
    TURNS,
    set_environment,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_s3 import S3Client

    from tests.unit.world import World


# A function's module makes its own handler when it is loaded, of the environment and the session
# that it finds. Tests make theirs with `built`; what the modules make shares the clients, for more
# than a hundred of their own would take a second. The other layers of tests keep their environment.
with pytest.MonkeyPatch.context() as _patch:
    set_environment(_patch)
    from tests.unit.built import CLIENTS, FUNCTIONS, SESSION, built

    _patch.setattr("common.clients.session", SESSION)
    _MODULES: Mapping[str, ModuleType] = {name: importlib.import_module(name) for name in FUNCTIONS}
    from common.clients import S3_CONFIG
    from common.identifiers import DEVICE_TYPES
    from common.observability import logger
    from devices.catalog import Catalog
    from tests.unit.tables import (
        create_bucket,
        create_catalog,
        create_hosts,
        create_table,
        forget_all,
    )

    _S3 = SESSION.client("s3", config=S3_CONFIG)


class _StandardOutput:
    """Where standard output goes now. The logger keeps that of the moment it was made in, which
    pytest has closed.
    """

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


logger.registered_handler.stream = _StandardOutput()  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def afresh() -> None:
    """No table and no bucket."""
    forget_all()


@dataclass(frozen=True)
class Context:
    """What Lambda tells a handler about itself."""

    function_name: str = "playground"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:playground"
    aws_request_id: str = "00000000-0000-4000-8000-000000000000"
    remaining_ms: int = 30_000

    def get_remaining_time_in_millis(self) -> int:
        """Until Lambda ends the function. Negative: as for one that was killed, and whose time is
        over.
        """
        return self.remaining_ms


@pytest.fixture
def context() -> Any:
    return Context()


@pytest.fixture
def function_clients() -> list[Any]:
    """All clients of all functions, to fail calls on."""
    return CLIENTS.all()


@pytest.fixture
def table(afresh: None) -> "Table":
    """The catalog's table, empty, and that of hosts, which is looked into with it."""
    create_hosts()
    return create_catalog()


@pytest.fixture
def idempotency_records(afresh: None) -> "Table":
    """The table of answers given, empty."""
    return create_table(RECORDS, ["id"], ["id"])


@pytest.fixture
def replies(afresh: None) -> "Table":
    """The table of replies to commands, empty."""
    return create_table(REPLIES, ["thing_name", "id"], ["thing_name", "id"])


@pytest.fixture
def catalog(table: "Table") -> Catalog:
    return Catalog(table)


@pytest.fixture
def s3(afresh: None) -> "S3Client":
    """A client of S3, where the config bucket is there and empty."""
    create_bucket()
    return _S3


@pytest.fixture
def objects(s3: "S3Client") -> Callable[[], dict[str, Any]]:
    """What the config bucket holds now, parsed."""

    def read() -> dict[str, Any]:
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
        return {
            key: json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys
        }

    return read


def _stand_in(double: Any, service: str) -> Iterator[Any]:
    for client in CLIENTS.all(service):
        double.behind(client)
    yield double
    for client in CLIENTS.all(service):
        double.leave(client)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What the functions wait by: no test waits."""
    clock = Clock()
    monkeypatch.setattr("common.waiting.time", clock)
    return clock


@pytest.fixture
def iot(clock: Clock) -> Iterator[MemoryIot]:
    types = {f"playground-{name}" for name in DEVICE_TYPES}
    groups = {"playground-devices", "playground-quarantine"}
    policies = {"playground-device", "playground-quarantine"}
    yield from _stand_in(MemoryIot(types, groups, policies, clock), "iot")


@pytest.fixture
def shadows() -> Iterator[MemoryShadows]:
    yield from _stand_in(MemoryShadows(), "iot-data")


@pytest.fixture
def ecs() -> Iterator[MemoryEcs]:
    yield from _stand_in(MemoryEcs(), "ecs")


@pytest.fixture(autouse=True)
def queues() -> Iterator[MemoryQueues]:
    yield from _stand_in(MemoryQueues(), "sqs")


@pytest.fixture(autouse=True)
def ecr() -> Iterator[MemoryEcr]:
    """The repository, with an image that new tasks run."""
    double = MemoryEcr(REPOSITORY)
    double.push("first", IMAGE_TAG)
    yield from _stand_in(double, "ecr")


@pytest.fixture
def turns(afresh: None) -> "Table":
    """The table of turns, and of whose turn it is to roll; empty."""
    return create_table(TURNS, ["queue"], ["queue"])


@pytest.fixture
def workflows() -> Iterator[MemoryWorkflows]:
    yield from _stand_in(MemoryWorkflows(), "stepfunctions")


def _call(handler: Callable[[Any, Any], Any], context: Any, event: Any) -> Any:
    return handler(event, context)


@pytest.fixture
def topics() -> Iterator[MemoryTopics]:
    yield from _stand_in(MemoryTopics(), "sns")


@pytest.fixture
def functions(context: Any) -> Iterator[MemoryFunctions]:
    """Lambda, with those in it that others call."""
    called = {
        "clean-up": "provisioning.clean_up",
        "link-devices": "links.link_devices",
        "undo-restart": "restart.undo_restart",
        "undo-quarantine": "quarantine.undo_quarantine",
        "tell-hosts": "hosting.tell_hosts",
    }
    handlers = {
        name: partial(_call, built(_MODULES[module]), context) for name, module in called.items()
    }
    yield from _stand_in(MemoryFunctions(handlers), "lambda")


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Everything that the functions have logged or printed since the last look."""
    return lambda: "".join(capsys.readouterr())


@pytest.fixture
def world(
    iot: MemoryIot,
    shadows: MemoryShadows,
    ecs: MemoryEcs,
    workflows: MemoryWorkflows,
    catalog: Catalog,
    idempotency_records: Any,
    objects: Callable[[], dict[str, Any]],
    context: Any,
) -> "World":
    # Its steps are functions, which must not be loaded before their environment is set.
    from tests.unit.world import World  # noqa: PLC0415

    return World(iot, shadows, ecs, workflows, catalog, objects, context)


@dataclass
class _Refusal:
    """An answer 500 as botocore reads it from the network."""

    url: str
    status_code: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b"{}"


@pytest.fixture
def refusing_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], list[str]]]:
    """Lets every request of a client end in an answer 500; gives the list of what was sent, as it
    grows.
    """
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    # moto would answer as well, and load all of the service for that.
    monkeypatch.setattr("moto.core.models.botocore_stubber.enabled", False)
    refusing: list[Any] = []

    def refuse(client: Any) -> list[str]:
        sent: list[str] = []

        def answer(request: Any, **_: Any) -> _Refusal:
            sent.append(request.url)
            return _Refusal(request.url)

        client.meta.events.register_first("before-send", answer, unique_id="refusing-network")
        refusing.append(client)
        return sent

    yield refuse
    for client in refusing:
        client.meta.events.unregister("before-send", unique_id="refusing-network")
