"""The one local cloud that the workflow and the end-to-end tests share."""

import gc
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.mocks import write_mock_configuration
from tests.playground_cloud import Cloud, own_cloud, wait_for

# Property tests are quick by default; `make test` has fewer examples for the unit layer, `make
# proofs` more, and --hypothesis-profile=full is what docs/evidence/conformance.md is made with.
settings.register_profile("few", max_examples=8, deadline=None)
settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("many", max_examples=100, deadline=None)
settings.register_profile("full", max_examples=4_000, deadline=None)
settings.load_profile("quick")


# A runner in the background may ignore it, and what a test starts and interrupts would inherit
# that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The end-to-end tests take longest, so those that are thorough have a cloud for each of these, and
# one for the rest.
CLOUDS = {
    "changes": (
        "test_rotate_cert",
        "test_device_restart",
        "test_firmware",
        "test_hosts",
        "test_jobs",
        "test_images",
        "test_selfcheck",
    ),
    "security": (
        "test_access",
        "test_audit",
        "test_own_key",
        "test_quarantine",
        "test_security",
        "test_switch",
    ),
}
CLOUD_OF = {module: cloud for cloud, modules in CLOUDS.items() for module in modules}
LAYERS = ("e2e", "workflow", "device", "gaps", "unit")
UNIT = Path(__file__).parent / "unit"
FAST, SLOW, THOROUGH = "unit and not thorough", "not unit and not thorough", "thorough"
"""The marks that `make test` asks for: the unit layer, and the rest when that has passed; and those
of `make proofs`.
"""
PROCESSES, PROPERTY = "processes", "hypothesis"
NO_UNIT_TEST = re.compile(r"^pytestmark = [^\n]*\b(thorough|processes)\b", re.MULTILINE)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together what shares a cloud; with --dist loadgroup everything else goes to whichever
    worker is free.

    What takes long comes first, so that no worker is left alone with it in the end.
    """
    for item in items:
        layer, fixtures = _layer(item), getattr(item, "fixturenames", ())
        if layer == "unit" and not item.get_closest_marker(PROCESSES):
            item.add_marker(pytest.mark.unit)
        elif layer in ("workflow", "e2e") and "cloud" in fixtures:
            item.add_marker(pytest.mark.xdist_group(_cloud_of(item, layer)))
        elif layer == "workflow" and "stage" in fixtures:
            item.add_marker(pytest.mark.xdist_group("faults"))
        elif item.path.stem == "test_destroy":
            item.add_marker(pytest.mark.xdist_group("cloud to destroy"))
        elif "tried" in fixtures:
            item.add_marker(pytest.mark.xdist_group("trials"))
    items.sort(key=lambda item: LAYERS.index(_layer(item)) if _layer(item) in LAYERS else 0)


def _layer(item: pytest.Item) -> str:
    """The folder below this one that the test stands in, however deep."""
    return item.path.relative_to(Path(__file__).parent).parts[0]


def _cloud_of(item: pytest.Item, layer: str) -> str:
    """Which tests run one after the other, on one cloud. Those of `make test` have two clouds: it
    has two cores.
    """
    part = CLOUD_OF.get(item.path.stem, "rest")
    if item.get_closest_marker(THOROUGH):
        return f"cloud of {layer}, {part}"
    return "cloud of e2e" if (layer, part) == ("e2e", "rest") else "cloud of workflows and changes"


def pytest_collection_finish() -> None:
    """Modules, models and tests stay to the end: the garbage collector need not look at them again
    and again.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl
def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even read the files in which no test has the mark that is asked for."""
    if not collection_path.name.startswith("test_"):
        return None
    marks, text = config.option.markexpr, collection_path.read_text()
    if marks == THOROUGH:
        return THOROUGH not in text or None
    if PROPERTY in marks:
        return PROPERTY not in text or None
    if UNIT in collection_path.parents:
        fast, slow = marks == FAST, marks == SLOW
        return (
            (slow and f"mark.{PROCESSES}" not in text)
            or (fast and bool(NO_UNIT_TEST.search(text)))
            or None
        )
    return None


@pytest.fixture(scope="session")
def shared_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stack is built once for the clouds of all workers."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "stack"


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory, shared_build: Path) -> Iterator[Cloud]:
    """Real emulator with AUTH=true, real SAM CLI, real task agent, real devices; taken down
    afterwards.
    """
    folder: Path = tmp_path_factory.mktemp("playground")
    # Retries wait a twentieth of their time.
    variables = {"SFN_MOCK_CONFIG": str(write_mock_configuration(folder)), "SFN_WAIT_SCALE": "0.05"}
    with own_cloud(folder / "home", variables, shared_build) as running:
        yield running


@pytest.fixture
def nothing_left(cloud: Cloud) -> Iterator[None]:
    """Fails a test that leaves anything behind in any service, an execution that still makes
    something included.
    """
    from tests.census import census  # noqa: PLC0415 - only the tests that count need it

    before = census(cloud)
    yield
    wait_for("the end of all executions", lambda: not cloud.running(), 60)
    assert census(cloud) == before
