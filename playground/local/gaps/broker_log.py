"""The log of what clients do: `AWSIotLogsV2`, from the level INFO on.

AWS IoT writes an entry for each connection, subscription and message, in and out, into the log
group `AWSIotLogsV2`, once logging is on (`aws iot set-v2-logging-options`).

Source: https://docs.aws.amazon.com/iot/latest/developerguide/cwl-format.html, "Message broker log
entries"

Emulator: it writes no such log. What the device policy refuses is in the stack's own group, by the
task agent (docs/homes.md), whatever the level.
"""

import contextvars
import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from ministack.core import responses
from ministack.services import cloudwatch_logs, iot

from playground.local.gaps import v2_logging

GROUP, STREAM = "AWSIotLogsV2", "broker"
WRITTEN_AT = ("DEBUG", "INFO")
SUCCESS, FAILURE = "Success", "Failure"


def fill() -> None:
    """Have sessions write down what they do, where the account wants it."""
    session = iot._WSSession
    connack, refuse = session._send_connack, session._refuse_connect
    lifecycle, deliver = session._publish_lifecycle, session.deliver_to_client
    publish = iot.broker_publish

    async def connected(self: Any, *arguments: Any, **named: Any) -> None:
        _write_of(self, "Connect")
        await connack(self, *arguments, **named)

    async def refused(self: Any, denied: str) -> bool:
        _write_of(self, "Connect", status=FAILURE, reason="AUTHORIZATION_FAILURE", details=denied)
        return bool(await refuse(self, denied))

    async def lived(self: Any, event: str, **fields: Any) -> None:
        if event == "disconnected":
            _write_of(self, "Disconnect", disconnectReason=fields.get("disconnectReason"))
        elif event in ("subscribed", "unsubscribed"):
            kind = event.removesuffix("d").capitalize()
            for topic in fields.get("topics", ()):
                _write_of(self, kind, topicName=topic)
        await lifecycle(self, event, **fields)

    async def delivered(self: Any, topic: str, payload: bytes, qos: int) -> None:
        # The same question that the session asks before it sends.
        if is_on(self.account_id, self.region) and self._policy_allows(
            "iot:Receive", f"topic/{topic}"
        ):
            _write_of(self, "Publish-Out", topicName=topic)
        await deliver(self, topic, payload, qos)

    async def published(
        account: str, region: str, topic: str, *arguments: Any, **named: Any
    ) -> Any:
        if (client := named.get("client_id")) is not None and is_on(account, region):
            whose = {"clientId": client, "principalId": named.get("principal")}
            _write(account, region, "Publish-In", {**whose, "topicName": topic})
        return await publish(account, region, topic, *arguments, **named)

    session._send_connack, session._refuse_connect = connected, refused
    session._publish_lifecycle, session.deliver_to_client = lived, delivered
    iot.broker_publish = published


def is_on(account: str, region: str) -> bool:
    """Whether the account wants such entries."""
    options = v2_logging.options_of(account, region)
    return (
        options.get("defaultLogLevel") in WRITTEN_AT and options.get("disableAllLogs") is not True
    )


def _write_of(session: Any, event: str, **fields: Any) -> None:
    if session._client_id and is_on(session.account_id, session.region):
        whose = {"clientId": session._client_id, "principalId": session._principal}
        _write(session.account_id, session.region, event, {**whose, **fields})


def _write(account: str, region: str, event: str, fields: dict[str, Any]) -> None:
    status = fields.pop("status", SUCCESS)
    moment = time.time()
    told = {
        "timestamp": datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
        "logLevel": "INFO" if status == SUCCESS else "ERROR",
        "traceId": str(uuid.uuid4()),
        "accountId": account,
        "status": status,
        "eventType": event,
        "protocol": "MQTT",
        **{name: value for name, value in fields.items() if value is not None},
    }
    entry = {"timestamp": int(moment * 1000), "message": json.dumps(told)}
    contextvars.copy_context().run(_put, account, region, entry)


def _put(account: str, region: str, entry: dict[str, Any]) -> None:
    responses.set_request_account_id(account)
    responses.set_request_region(region)
    where = {"logGroupName": GROUP, "logStreamName": STREAM}
    if GROUP not in cloudwatch_logs._log_groups:
        cloudwatch_logs._create_log_group(where)
    if STREAM not in cloudwatch_logs._log_groups[GROUP]["streams"]:
        cloudwatch_logs._create_log_stream(where)
    cloudwatch_logs._put_log_events({**where, "logEvents": [entry]})
