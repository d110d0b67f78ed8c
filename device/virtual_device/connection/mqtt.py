"""MQTT 5 over mutual TLS: the only module that knows the MQTT library.

awscrt calls back on its event loop's thread. Nothing is done there but handing over to the reactor;
all of the listener's methods and all `done` callbacks run on the reactor's thread.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from awscrt import mqtt5
from awscrt.io import ClientBootstrap, DefaultHostResolver, EventLoopGroup, TlsCipherPref
from awsiot import mqtt5_client_builder

from virtual_device.base.reactor import Reactor
from virtual_device.connection import reasons
from virtual_device.connection.job_service import Service
from virtual_device.connection.transport import Access, Counting, Done, Failure, Listener, Message

log = logging.getLogger(__name__)

CIPHERS = TlsCipherPref.TLSv1_2_2025_07
"""TLS 1.2 and 1.3 with AES-GCM and forward secrecy: what AWS IoT Core recommends, and nothing that
it doesn't support (AWS IoT Core developer guide, "Transport security"). The library's default also
offers CBC and ChaCha20.
"""

KEEP_ALIVE_SECONDS = 60
"""AWS IoT Core takes 30 to 1200 s; a dead connection is noticed, and the last will sent, after 1.5
times that.
"""

PING_TIMEOUT_MS = 20_000
CONNACK_TIMEOUT_MS = 20_000
ACK_TIMEOUT_SECONDS = 30

PUBACK_DELAY_SECONDS = 0.02
"""The sockets of awscrt run with Nagle's algorithm: an answer that follows a PUBACK waits for the
server's delayed ACK, 40 ms. So the PUBACK waits instead: measured, 50 ms from a change of the
shadow to `reported` became about 10.
"""

MIN_RECONNECT_DELAY_MS = 1_000
MAX_RECONNECT_DELAY_MS = 120_000
"""The delay starts anew after 30 s connected. That is the library's default and must not be given:
awscrt 0.36.1 then takes the 30 s for the minimum delay as well (seen in its debug log), and a
device stays away for up to 30 s.
"""

SESSION_EXPIRY_SECONDS = 3600
"""AWS IoT Core's default. A device that was away for less finds its subscriptions and what was sent
to them.
"""

MAX_FILTERS_IN_SUBSCRIBE = 8
"""Subscriptions in one SUBSCRIBE (AWS IoT Core message broker quotas)."""


class Network:
    """What all connections of the process share: one event loop, hence one thread, and the host
    resolver.
    """

    def __init__(self, reactor: Reactor) -> None:
        self.reactor = reactor
        group = EventLoopGroup(1)
        self.bootstrap = ClientBootstrap(group, DefaultHostResolver(group))

    def connection(self, access: Access, listener: Listener) -> "Connection":
        """A connection that isn't started yet. Raises `ValueError` for a certificate or key that
        can't be used.
        """
        return Connection(self, access, listener)


class _Nobody:
    """Listens to a connection that was replaced."""

    def on_connected(self, *, session_present: bool) -> None:
        """Ignored."""

    def on_connect_failed(self, reason: str) -> None:
        """Ignored."""

    def on_disconnected(self, reason: str) -> None:
        """Ignored."""

    def on_stopped(self) -> None:
        """Ignored."""

    def on_message(self, message: Message) -> None:
        """Ignored."""


_NOBODY = _Nobody()


class Connection:
    """One device's connection, kept up by awscrt with full jitter from 1 s to 120 s.

    The session is resumed after a lost connection (REJOIN_POST_SUCCESS) but not over a restart of
    the process: a new process starts clean, for it doesn't know what the old one had subscribed to.
    Only publishes that wait for their PUBACK outlive a connection, as MQTT 5 demands; all else
    fails with it, so nothing piles up while offline.
    """

    def __init__(self, network: Network, access: Access, listener: Listener) -> None:
        self._post, self._after = network.reactor.post, network.reactor.after
        self._post_unhurried = network.reactor.post_unhurried
        self._listener = listener
        self._taken: list[Any] = []
        self._leaving = False
        try:
            self._client = mqtt5_client_builder.mtls_from_bytes(
                endpoint=access.host,
                cert_bytes=access.certificate,
                pri_key_bytes=access.private_key,
                ca_bytes=access.ca,
                client_options=self._options(network, access),
                cipher_pref=CIPHERS if CIPHERS.is_supported() else TlsCipherPref.DEFAULT,
                # The SDK's own usage metrics: they go into the user name, and looking up the
                # version takes 20 ms.
                enable_metrics_collection=False,
            )
        except Exception as error:  # awscrt raises bare exceptions for what it can't parse
            raise ValueError(
                f"the certificate, its key or the CA can't be used: {error}"
            ) from error

    def start(self) -> None:
        """Connect, and stay connected until `stop`."""
        self._leaving = False
        self._client.start()

    def stop(self, *, goodbye: bool) -> None:
        """End the connection; `on_stopped` follows.

        With a goodbye the server gets a DISCONNECT, forgets the session and drops the last will.
        Without, the socket is closed as if the network were gone: the server sends the last will.
        """
        # awscrt 0.36.1 hangs for good, and sends no DISCONNECT, when a PUBACK overtakes the one
        # that waits: what was taken is acknowledged before, and what is still on its way from the
        # other thread is not acknowledged at all.
        while goodbye and self._taken:
            self._acknowledge()
        self._leaving = goodbye
        packet = (
            mqtt5.DisconnectPacket(mqtt5.DisconnectReasonCode.NORMAL_DISCONNECTION, 0)
            if goodbye
            else None
        )
        self._client.stop(packet)

    def publish(
        self, topic: str, payload: bytes, done: Done, correlation_data: bytes | None = None
    ) -> None:
        """Publish with QoS 1; with correlation data it is the reply to a request."""
        qos = mqtt5.QoS.AT_LEAST_ONCE
        packet = mqtt5.PublishPacket(
            payload, qos, topic=topic, correlation_data_bytes=correlation_data
        )
        self._await(self._client.publish(packet), reasons.puback_refusal, done)

    def send(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 0."""
        self._client.publish(mqtt5.PublishPacket(payload, mqtt5.QoS.AT_MOST_ONCE, topic=topic))

    def subscribe(self, filters: Sequence[str], done: Done) -> None:
        """Subscribe to topic filters with QoS 1, at most 8 in a SUBSCRIBE; `done` gets the first
        failure, if any.
        """
        batches = [
            filters[n : n + MAX_FILTERS_IN_SUBSCRIBE]
            for n in range(0, len(filters), MAX_FILTERS_IN_SUBSCRIBE)
        ]
        failures: list[Failure | None] = []

        def answered(failure: Failure | None) -> None:
            failures.append(failure)
            if len(failures) == len(batches):
                done(next(filter(None, failures), None))

        for batch in batches:
            packet = mqtt5.SubscribePacket(
                [mqtt5.Subscription(name, mqtt5.QoS.AT_LEAST_ONCE) for name in batch]
            )
            self._await(self._client.subscribe(packet), reasons.suback_refusal, answered)

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Take subscriptions back; what can't be taken back is of no harm."""
        self._client.unsubscribe(mqtt5.UnsubscribePacket(list(filters)))

    def discard(self) -> None:
        """It has stopped for good: give back what it holds, and tell the listener no more.

        awscrt's client and this object hold each other, through C, where no garbage collector sees
        it.
        """
        self._taken.clear()
        self._listener = _NOBODY
        self._client = None

    def open_jobs(self, thing_name: str) -> Service:
        """A client of the jobs service, over this connection."""
        # Importing the SDK's part for jobs takes 7 ms and 300 KiB, which a process without jobs
        # need not pay.
        from virtual_device.connection.sdk_job_service import JobsService  # noqa: PLC0415

        return JobsService(self._client, thing_name, self._post)

    def _await(
        self, future: "Future[Any]", refusal: Callable[[Any], Failure | None], done: Done
    ) -> None:
        def finished(finished_future: "Future[Any]") -> None:
            error = finished_future.exception()
            failure = (
                Failure(reasons.text(error), refused=False)
                if error
                else refusal(finished_future.result())
            )
            unhurried = failure is None and isinstance(done, Counting)
            (self._post_unhurried if unhurried else self._post)(partial(done, failure))

        future.add_done_callback(finished)

    def _options(self, network: Network, access: Access) -> Any:
        will = access.will_topic and mqtt5.PublishPacket(
            access.will_payload, mqtt5.QoS.AT_LEAST_ONCE, topic=access.will_topic
        )
        return mqtt5.ClientOptions(
            host_name=access.host,
            port=access.port,
            bootstrap=network.bootstrap,
            connect_options=mqtt5.ConnectPacket(
                client_id=access.client_id,
                keep_alive_interval_sec=KEEP_ALIVE_SECONDS,
                session_expiry_interval_sec=SESSION_EXPIRY_SECONDS,
                will=will or None,
            ),
            session_behavior=mqtt5.ClientSessionBehaviorType.REJOIN_POST_SUCCESS,
            offline_queue_behavior=mqtt5.ClientOperationQueueBehaviorType.FAIL_ALL_ON_DISCONNECT,
            retry_jitter_mode=mqtt5.ExponentialBackoffJitterMode.FULL,
            min_reconnect_delay_ms=MIN_RECONNECT_DELAY_MS,
            max_reconnect_delay_ms=MAX_RECONNECT_DELAY_MS,
            ping_timeout_ms=PING_TIMEOUT_MS,
            connack_timeout_ms=CONNACK_TIMEOUT_MS,
            ack_timeout_sec=ACK_TIMEOUT_SECONDS,
            on_publish_callback_fn=self._on_publish,
            on_lifecycle_event_connection_success_fn=self._on_success,
            on_lifecycle_event_connection_failure_fn=self._on_failure,
            on_lifecycle_event_disconnection_fn=self._on_disconnection,
            on_lifecycle_event_stopped_fn=self._on_stopped,
        )

    def _on_publish(self, data: Any) -> None:
        packet, take = data.publish_packet, data.acquire_publish_acknowledgement_control
        message = Message(
            packet.topic,
            packet.payload or b"",
            packet.response_topic,
            packet.correlation_data_bytes,
        )
        self._post(partial(self._deliver, message, take() if take else None))

    def _deliver(self, message: Message, acknowledgement: Any) -> None:
        """Acknowledge what was dealt with, not what merely arrived, and let the answer go first."""
        try:
            self._listener.on_message(message)
        finally:
            if acknowledgement is not None:
                self._taken.append(acknowledgement)
                self._after(PUBACK_DELAY_SECONDS, self._acknowledge)

    def _acknowledge(self) -> None:
        if not self._taken:
            return
        acknowledgement = self._taken.pop(0)
        if self._leaving:
            return
        try:
            self._client.invoke_publish_acknowledgement(acknowledgement)
        except Exception as error:  # noqa: BLE001 - bare exceptions, again; the connection is gone, and with it the need
            log.debug("PUBACK not sent: %s", error)

    def _on_success(self, data: Any) -> None:
        self._post(
            partial(
                self._listener.on_connected, session_present=data.connack_packet.session_present
            )
        )

    def _on_failure(self, data: Any) -> None:
        packet = data.connack_packet
        self._post(
            partial(self._listener.on_connect_failed, reasons.reason(packet, data.exception))
        )

    def _on_disconnection(self, data: Any) -> None:
        packet = data.disconnect_packet
        self._post(partial(self._listener.on_disconnected, reasons.reason(packet, data.exception)))

    def _on_stopped(self, _data: Any) -> None:
        self._post(self._listener.on_stopped)
