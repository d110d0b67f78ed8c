"""Why a connection ended, in words.

The reasons are those of
https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html, "disconnectReason",
and that of DeleteConnection: https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """`short` goes behind "disconnected: "; `cause` says what AWS IoT saw, `todo` what to try.
    `trouble` is false for an end that the device itself wanted.
    """

    short: str
    cause: str
    todo: tuple[str, ...]
    trouble: bool = True


REASONS: Mapping[str, Reason] = {
    "API_INITIATED_DISCONNECT": Reason(
        "somebody ended its connection",
        "DeleteConnection was called for its client id. A quarantine does that, so that the device "
        "connects anew under its new policy.",
        ("playground why NAME --timeline", "playground findings NAME"),
    ),
    "CLIENT_INITIATED_DISCONNECT": Reason(
        "it said goodbye",
        "The device sent DISCONNECT, so it wanted to go, and no last will was sent.",
        ("Nothing: it connects again when it is started, or after the setting clean.",),
        trouble=False,
    ),
    "AUTH_ERROR": Reason(
        "a policy or its certificate did not allow it",
        "AWS IoT could not authenticate the client, or no policy allowed what it did. Over MQTT "
        "3.1.1 one refused message ends the whole connection.",
        (
            "playground explain NAME connect NAME",
            "aws iot list-attached-policies --target CERTIFICATE_ARN",
            "Look if the certificate is ACTIVE: playground show NAME",
        ),
    ),
    "CLIENT_ERROR": Reason(
        "it broke a rule of MQTT",
        "The client did what the protocol or a limit forbids, for example a payload of more than "
        "128 KB, a second CONNECT, or a topic that it may not use.",
        ("Read the device's own log: playground logs NAME --source devices",),
    ),
    "CONNECTION_LOST": Reason(
        "the network connection broke",
        "The TCP connection ended without DISCONNECT: the process was killed, or the network was "
        "cut. The last will was sent.",
        ("Look if the task runs: playground show NAME", "playground restart NAME"),
    ),
    "DUPLICATE_CLIENTID": Reason(
        "another client connected with its client id",
        "Two clients use one client id, and AWS IoT lets the later one stay. It may be the device "
        "itself, back sooner than the broker noticed, or a copy of it.",
        (
            "playground findings NAME",
            "If it is a copy: playground quarantine NAME --reason 'a copy of it is about'",
        ),
    ),
    "FORBIDDEN_ACCESS": Reason(
        "it may not connect from there",
        "AWS IoT refuses clients of this address, or of this kind of endpoint.",
        ("Look at the conditions of its policies: playground explain NAME connect NAME",),
    ),
    "MQTT_KEEP_ALIVE_TIMEOUT": Reason(
        "it was silent for too long",
        "Nothing came for one and a half times the keep-alive that it had asked for. The last will "
        "was sent.",
        ("Look if the process hangs: playground logs NAME --source devices",),
    ),
    "SERVER_ERROR": Reason(
        "AWS IoT had an error of its own",
        "The broker could not go on. Clients connect again by themselves.",
        ("Wait; if it repeats, look at the AWS Health Dashboard.",),
    ),
    "SERVER_INITIATED_DISCONNECT": Reason(
        "AWS IoT ended the connection",
        "The service closed it, for example because somebody called DeleteConnection, or the "
        "quarantine did.",
        ("playground why NAME", "playground findings NAME"),
    ),
    "THROTTLED": Reason(
        "it sent more than the quota allows",
        "AWS IoT takes 100 publishes a second from one connection, and throttled this one.",
        ("Send less often: playground set NAME time=60",),
    ),
    "WEBSOCKET_TTL_EXPIRATION": Reason(
        "its WebSocket had been open for 24 hours",
        "A WebSocket lives no longer than its credentials, or 24 hours. The client connects again.",
        ("Nothing: it connects again with new credentials.",),
        trouble=False,
    ),
    "CUSTOMAUTH_TTL_EXPIRATION": Reason(
        "the time of its custom authorizer was over",
        "The authorizer had let it in for so long and no longer.",
        ("Nothing: it connects again.",),
        trouble=False,
    ),
    "UNKNOWN": Reason(
        "AWS IoT gave no reason",
        "AWS IoT says that the reason is not known.",
        ("playground logs NAME --source devices",),
    ),
}


def named(reason: str) -> Reason:
    """What there is to say of one that is not in the table."""
    cause = f"AWS IoT gives the reason {reason}, and its developer guide says what that means."
    return Reason(reason, cause, REASONS["UNKNOWN"].todo)
