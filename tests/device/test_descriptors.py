"""As many devices as there are descriptors for: the limit is raised, and the rest refused."""

import pytest

from tests.device.cloud import Cloud
from tests.device.process import Workbench

pytestmark = pytest.mark.timeout(400)

DEVICES = 60


def things(bench: Workbench) -> list[str]:
    """Configured devices, all with one identity: only their names differ."""
    names = [f"dev-{number:04}" for number in range(DEVICES)]
    pair = bench.broker.authority.device(names[0])
    for name in names:
        bench.config(name, pair=pair)
    return names


def test_the_soft_limit_is_no_limit(cloud: Cloud, bench: Workbench) -> None:
    # Given fewer descriptors than devices, and leave to have more
    names = things(bench)
    process = bench.start(bench.configs, files=(DEVICES // 2, 4096))
    # Then all connect
    for name in names:
        cloud.wait_for(f"evt/playground/{name}/online")
    assert process.terminate() == 0
    assert not [line for line in process.log() if line["level"] == "ERROR"]


def test_what_does_not_fit_is_refused_before_anything_is_connected(
    cloud: Cloud, bench: Workbench
) -> None:
    things(bench)
    process = bench.start(bench.configs, files=(DEVICES, DEVICES + 20))
    assert process.exit_code() == 2
    told = process.log()[-1]
    assert told["error"] == "DescriptorsLackingError"
    assert "60 devices need 131 file descriptors, and this process may have 80" in told["message"]
