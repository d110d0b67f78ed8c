"""A real broker over mutual TLS, the cloud's side of it, and a workbench to start devices."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from awscrt import io

from tests.device.broker import MOSQUITTO, Broker
from tests.device.cloud import Cloud
from tests.device.hosted import Hosted, hosted
from tests.device.pki import CertificateAuthority
from tests.device.process import Workbench
from tests.device.scripted_broker import ScriptedBroker
from tests.device.trials import Trials, trials


@pytest.fixture(scope="session")
def authority() -> CertificateAuthority:
    return CertificateAuthority()


@pytest.fixture(scope="session")
def bootstrap() -> io.ClientBootstrap:
    group = io.EventLoopGroup(1)
    return io.ClientBootstrap(group, io.DefaultHostResolver(group))


@pytest.fixture
def broker(tmp_path: Path, authority: CertificateAuthority) -> Iterator[Broker]:
    if MOSQUITTO is None:
        reason = "mosquitto is not installed (apt-get install mosquitto)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    directory = tmp_path / "broker"
    directory.mkdir()
    broker = Broker(directory, authority)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def cloud(broker: Broker, bootstrap: io.ClientBootstrap) -> Iterator[Cloud]:
    cloud = Cloud(broker, bootstrap)
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.fixture
def bench(tmp_path: Path, broker: Broker) -> Iterator[Workbench]:
    bench = Workbench(tmp_path, broker)
    yield bench
    bench.stop_all()


@pytest.fixture
def scripted(authority: CertificateAuthority) -> Iterator[ScriptedBroker]:
    """A broker that misbehaves on demand."""
    with ScriptedBroker(authority) as scripted:
        yield scripted


@pytest.fixture
def host(tmp_path: Path, authority: CertificateAuthority) -> Iterator[Hosted]:
    """Devices in this process."""
    with hosted(tmp_path / "hosted", authority) as host:
        yield host


@pytest.fixture(scope="session")
def tried(
    tmp_path_factory: pytest.TempPathFactory, authority: CertificateAuthority
) -> Iterator[Trials]:
    """What many devices did that could not connect, or not for long; takes about half a minute,
    once.
    """
    with trials(tmp_path_factory.mktemp("trials"), authority) as tried:
        yield tried
