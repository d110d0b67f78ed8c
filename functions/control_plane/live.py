"""Live messages for a browser: an MQTT connection over a WebSocket, signed for 15 minutes.

https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html, "MQTT over the WebSocket
protocol": the URL is signed with Signature Version 4 for the service `iotdevicegateway`, and the
session token stands behind the signature. The credentials are those of a role that may listen, and
nothing else; a session policy narrows them to one client id and to the topics that were asked for.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from common.moments import as_text
from control_plane.request import Answer, Request

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient
    from types_boto3_sts import STSClient

    from control_plane.routes import Act

SECONDS = 900
"""The shortest that AssumeRole gives."""
SERVICE = "iotdevicegateway"
SHADOW = ("accepted", "delta", "rejected", "documents")


def filters(thing_name: str | None) -> list[str]:
    """What all devices, or one, say and are told."""
    name = thing_name or "+"
    tree = f"{thing_name}/#" if thing_name else "#"
    return [
        *(f"{kind}/playground/{tree}" for kind in ("dt", "evt", "cmd")),
        *(f"$aws/things/{name}/shadow/update/{answer}" for answer in SHADOW),
        f"$aws/events/presence/+/{name}",
    ]


def covered(topic_filter: str) -> str:
    """A filter as a policy's resource for `topic/`: MQTT's wildcards are none there."""
    return topic_filter.replace("+", "*").replace("#", "*")


@dataclass(frozen=True)
class Live:
    """`endpoint` is `wss://host:port`, or empty: the account's own for data. `arn_base` is
    `arn:aws:iot:<region>:<account>:`.
    """

    sts: "STSClient"
    iot: "IoTClient"
    role_arn: str
    arn_base: str
    region: str
    endpoint: str = ""
    unique: Callable[[], str] = lambda: uuid.uuid4().hex

    def acts(self) -> "Mapping[str, Act]":
        """By operation id of the OpenAPI document."""
        return {"goLive": self.go}

    def go(self, request: Request) -> Answer:
        """A URL for one connection."""
        wanted = filters(request.body.get("thingName"))
        client_id = f"console-{self.unique()}"
        found = self.sts.assume_role(
            RoleArn=self.role_arn,
            RoleSessionName=client_id,
            DurationSeconds=SECONDS,
            Policy=json.dumps(self._policy(client_id, wanted), separators=(",", ":")),
        )["Credentials"]
        keys = Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
        return Answer(
            200,
            {
                "url": signed(self._endpoint(), self.region, keys),
                "clientId": client_id,
                "expiresAt": as_text(found["Expiration"]),
                "topicFilters": wanted,
            },
        )

    def _endpoint(self) -> str:
        if self.endpoint:
            return self.endpoint
        found = self.iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
        return f"wss://{found}"

    def _policy(self, client_id: str, wanted: list[str]) -> dict[str, Any]:
        # `topic*/` is topic/ and topicfilter/: with each by itself the policy of a long thing name
        # would have more than the 2,048 characters that AssumeRole takes.
        topics = [f"{self.arn_base}topic*/{covered(one)}" for one in wanted]
        grants: list[tuple[Any, list[str]]] = [
            ("iot:Connect", [f"{self.arn_base}client/{client_id}"]),
            (["iot:Subscribe", "iot:Receive"], topics),
        ]
        return {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": action, "Resource": resources}
                for action, resources in grants
            ],
        }


def signed(endpoint: str, region: str, keys: Credentials) -> str:
    """The URL of a WebSocket at `wss://host[:port]`."""
    scheme, _, host = endpoint.partition("://")
    request = AWSRequest("GET", f"https://{host}/mqtt", headers={"Host": host})
    unnamed = Credentials(keys.access_key, keys.secret_key)
    SigV4QueryAuth(unnamed, SERVICE, region, expires=SECONDS).add_auth(request)
    query = str(request.url).partition("?")[2]
    token = quote(keys.token or "", safe="")
    return f"{scheme}://{host}/mqtt?{query}&X-Amz-Security-Token={token}"
