"""Another identity is tried over a real connection, with a way back."""

import gc
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.device.broker import Broker
from tests.device.cloud import Cloud
from tests.device.hosted import Hosted
from tests.device.pki import CertificateAuthority, KeyPair
from tests.device.scripted_broker import ScriptedBroker
from virtual_device.state.config import Config, Identity
from virtual_device.state.store import Enrolment
from virtual_device.telemetry.thing import Thing

pytestmark = pytest.mark.timeout(400)
THING = "dev-TRY"


class Trials:
    """A device whose identity is kept, and trials of others."""

    def __init__(self, host: Hosted, broker: Broker) -> None:
        self._host = host
        host.add(THING, broker)
        self.device = host._devices[0]
        self.kept = self.identity(broker.authority, "0")
        config = Config(Thing(THING), broker.host, broker.port)
        self.device.store.save(Enrolment(config, self.kept))
        host.wait_for_log(THING, "connected")

    @staticmethod
    def identity(authority: CertificateAuthority, digit: str) -> Identity:
        pair = authority.device(THING)
        return Identity(digit * 64, pair.certificate, pair.private_key)

    def on_reactor(self, call: Callable[[], Any]) -> None:
        """Call it where everything of the device runs."""
        done = threading.Event()
        self._host.reactor.post(call)
        self._host.reactor.post(done.set)
        assert done.wait(10)

    def attempt(self, identity: Identity, seconds: float = 20.0) -> str | None:
        """What became of it."""
        outcome: list[str | None] = []
        done = threading.Event()

        def tried(reason: str | None) -> None:
            outcome.append(reason)
            done.set()

        self.on_reactor(lambda: self.device.try_identity(identity, seconds, tried))
        assert done.wait(30)
        return outcome[0]


@pytest.fixture
def device(host: Hosted, broker: Broker, cloud: Cloud) -> Trials:
    return Trials(host, broker)


def test_an_identity_that_works_is_connected_and_subscribed(
    device: Trials, host: Hosted, broker: Broker, cloud: Cloud
) -> None:
    # when
    reason = device.attempt(device.identity(broker.authority, "1"))
    # then it left with a goodbye, and follows its shadow over the new connection
    assert reason is None
    assert [line["level"] for line in host.said(THING, "disconnected")] == ["INFO"]
    assert cloud.messages(f"evt/playground/{THING}/lwt") == []
    cloud.change(THING, time=7)
    cloud.wait_for_reported(THING, time=7)


@pytest.mark.thorough
def test_with_an_identity_that_is_refused_it_comes_back_with_its_own(
    device: Trials, host: Hosted, cloud: Cloud
) -> None:
    # when
    reason = device.attempt(device.identity(CertificateAuthority("stranger"), "1"), seconds=3.0)
    # then
    assert reason is not None
    assert "connected, but" not in reason
    host.wait_for_log(THING, "connected", 2)
    cloud.change(THING, time=7)
    cloud.wait_for_reported(THING, time=7)


def test_an_identity_that_can_not_be_used_ends_no_connection(device: Trials, host: Hosted) -> None:
    # when
    reason = device.attempt(replace(device.kept, private_key="nonsense"))
    # then
    assert reason is not None
    assert host.said(THING, "disconnected") == []


def test_there_is_one_trial_at_a_time(device: Trials, broker: Broker) -> None:
    outcomes: list[str | None] = []
    over = threading.Event()

    def twice() -> None:
        device.device.try_identity(
            device.identity(broker.authority, "1"), 20.0, lambda _reason: over.set()
        )
        device.device.try_identity(device.kept, 20.0, outcomes.append)

    device.on_reactor(twice)
    assert outcomes == ["another identity is being tried"]
    assert over.wait(30)


def test_without_a_kept_identity_there_is_no_trial(
    device: Trials, host: Hosted, broker: Broker
) -> None:
    # given
    device.device.store.remove_document(THING, "identity.json")
    # then
    reason = device.attempt(device.identity(broker.authority, "1"))
    assert reason is not None
    assert "no earlier identity is stored" in reason
    assert host.said(THING, "disconnected") == []


def test_a_connection_that_was_replaced_is_given_back(device: Trials, broker: Broker) -> None:
    # given
    before = weakref.ref(device.device._link.connection)
    client = weakref.ref(device.device._link.connection._client)  # type: ignore[attr-defined]
    # when
    assert device.attempt(device.identity(broker.authority, "1")) is None
    gc.collect()
    # then
    assert before() is None
    assert client() is None


@pytest.mark.parametrize("whole", [True, False])
def test_it_shows_all_certificates_that_it_was_given(
    scripted: ScriptedBroker, host: Hosted, authority: CertificateAuthority, *, whole: bool
) -> None:
    """The server trusts who has signed the authority in between, and does not know that one."""
    # given
    between = authority.below("An authority of its owner's")

    def device(thing: str) -> KeyPair:
        made = between.device(thing)
        return KeyPair(made.certificate + (between.pem if whole else ""), made.private_key)

    server = SimpleNamespace(
        authority=SimpleNamespace(device=device), host=scripted.host, port=scripted.port
    )
    # when
    host.add("dev-chain", cast("Any", server))
    # then
    if whole:
        scripted.wait_until(lambda: scripted.of("dev-chain"))
        host.wait_for_log("dev-chain", "connected")
    else:
        host.wait_for_log("dev-chain", "cannot connect")
        assert not scripted.of("dev-chain")
