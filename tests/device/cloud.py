"""The cloud's side of the broker: the services of shadows and jobs, and an ear on everything that
devices publish.
"""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from awscrt import io, mqtt5

from tests.device.broker import Broker
from tests.device.tls import context_of
from tests.jobs_double import Answer, Execution, Jobs
from tests.shadow_double import Shadow

LIMIT_SECONDS = 120.0


@dataclass(frozen=True)
class Message:
    """A message that a device published."""

    topic: str
    payload: bytes

    @property
    def content(self) -> Any:
        """The payload as JSON."""
        return json.loads(self.payload)


class Cloud:
    """An MQTT client that plays the services of shadows and jobs, and remembers every message of
    the devices.
    """

    def __init__(self, broker: Broker, bootstrap: io.ClientBootstrap) -> None:
        self.shadows: dict[str, Shadow] = defaultdict(Shadow)
        self.jobs: dict[str, Jobs] = defaultdict(Jobs)
        self.deaf = False
        """Nothing that asks for a change of `desired` is heard: jobs that wait for one stay in
        progress.
        """
        self.lost: list[str] = []
        """Requests to the jobs service that get lost on their way, once each, such as
        `start-next`.
        """
        self.requests: list[Message] = []
        self._messages: list[Message] = []
        self._news = threading.Condition(threading.RLock())
        self._connected = threading.Event()
        self._stopped = threading.Event()
        self._client = self._make_client(broker, bootstrap)

    def start(self) -> None:
        """Connect and subscribe."""
        self._client.start()
        assert self._connected.wait(LIMIT_SECONDS)
        self._subscribe()

    def stop(self) -> None:
        """Disconnect."""
        self._client.stop()
        assert self._stopped.wait(LIMIT_SECONDS)

    def change(self, thing: str, **desired: Any) -> None:
        """What an app does: change keys of `desired`."""
        self.request(thing, "update", {"state": {"desired": desired}})

    def request(self, thing: str, operation: str, request: dict[str, Any]) -> None:
        """Carry out a shadow operation and publish the answers."""
        with self._news:
            answers = getattr(self.shadows[thing], operation)(request)
            self._news.notify_all()
            for suffix, content in answers:
                self.publish(f"$aws/things/{thing}/shadow/{suffix}", json.dumps(content).encode())

    def create_job(self, thing: str, document: Any) -> Execution:
        """What a user does: queue a job."""
        with self._news:
            execution, notifications = self.jobs[thing].create(document)
            self._tell_jobs(thing, notifications)
        return execution

    def end_job(self, thing: str, execution: Execution, status: str) -> None:
        """A user cancels it, or its time is up."""
        with self._news:
            self._tell_jobs(thing, self.jobs[thing].end(execution, status))

    def _tell_jobs(self, thing: str, answers: list[Answer]) -> None:
        for path, content in answers:
            self.publish(f"$aws/things/{thing}/jobs/{path}", json.dumps(content).encode())
        self._news.notify_all()

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish anything."""
        self._client.publish(mqtt5.PublishPacket(payload, mqtt5.QoS.AT_LEAST_ONCE, topic=topic))

    def messages(self, topic: str) -> list[Message]:
        """All messages on a topic so far."""
        with self._news:
            return [message for message in self._messages if message.topic == topic]

    def wait_until(self, condition: Callable[[], Any], seconds: float = LIMIT_SECONDS) -> None:
        """Wait until the condition holds; it is looked at whenever something arrives."""
        deadline = time.monotonic() + seconds
        with self._news:
            while not condition():
                left = deadline - time.monotonic()
                assert left > 0, (
                    f"did not come true; last messages: {self._messages[-5:]}, shadows "
                    f"{self.shadows}"
                )
                self._news.wait(min(left, 0.2))

    def wait_for(self, topic: str, count: int = 1) -> list[Message]:
        """Wait for so many messages on a topic."""
        self.wait_until(lambda: len(self.messages(topic)) >= count)
        return self.messages(topic)

    def wait_for_reported(self, thing: str, **expected: Any) -> dict[str, Any]:
        """Wait until `reported` holds these keys."""
        shadow = self.shadows[thing]
        self.wait_until(lambda: {key: shadow.reported.get(key) for key in expected} == expected)
        return shadow.reported

    def _on_connected(self, _data: Any) -> None:
        if self._connected.is_set():
            self._subscribe(wait=False)
        self._connected.set()

    def _subscribe(self, *, wait: bool = True) -> None:
        filters = [f"$aws/things/+/shadow/{operation}" for operation in ("get", "update", "delete")]
        filters += [
            f"$aws/things/+/jobs/{request}" for request in ("start-next", "+/get", "+/update")
        ] + ["#"]
        packet = mqtt5.SubscribePacket(
            [mqtt5.Subscription(name, mqtt5.QoS.AT_LEAST_ONCE) for name in filters]
        )
        future = self._client.subscribe(packet)
        if wait:
            future.result(LIMIT_SECONDS)

    def _on_publish(self, data: Any) -> None:
        message = Message(data.publish_packet.topic, data.publish_packet.payload or b"")
        if message.topic.startswith("$aws/"):
            _, _, thing, service, operation = message.topic.split("/", 4)
            if service == "jobs":
                self._on_jobs_request(thing, operation, message.content)
                return
            self.requests.append(message)
            if not (self.deaf and "desired" in message.content.get("state", {})):
                self.request(thing, operation, message.content)
            return
        with self._news:
            self._messages.append(message)
            self._news.notify_all()

    def _on_jobs_request(self, thing: str, operation: str, request: Any) -> None:
        with self._news:
            if operation in self.lost:
                self.lost.remove(operation)
            else:
                self._tell_jobs(thing, self.jobs[thing].request(operation, request))

    def _make_client(self, broker: Broker, bootstrap: io.ClientBootstrap) -> mqtt5.Client:
        pair = broker.authority.device("cloud")
        return mqtt5.Client(
            mqtt5.ClientOptions(
                host_name=broker.host,
                port=broker.port,
                bootstrap=bootstrap,
                tls_ctx=context_of(
                    pair.certificate, pair.private_key, broker.authority.pem.encode()
                ),
                connect_options=mqtt5.ConnectPacket(client_id="cloud", keep_alive_interval_sec=60),
                min_reconnect_delay_ms=100,
                max_reconnect_delay_ms=200,
                on_publish_callback_fn=self._on_publish,
                on_lifecycle_event_connection_success_fn=self._on_connected,
                on_lifecycle_event_stopped_fn=lambda _: self._stopped.set(),
            )
        )
