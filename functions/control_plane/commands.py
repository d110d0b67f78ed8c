"""Commands: a request to a device over MQTT 5, and its reply.

A function can't listen to a topic. So the reply goes to a topic of its own below
`cmd/playground/<thing>/res/api/`, a rule of AWS IoT writes it into a table under the thing's name,
which it takes from the topic, and there it is awaited. The device policy lets a device publish
under its own name only: none can answer for another.
"""

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.waiting import Patience
from control_plane.command_reply import Reply
from control_plane.present import present
from control_plane.problem import Problem
from control_plane.request import Answer, Request
from devices.catalog import Catalog

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table
    from types_boto3_iot_data import IoTDataPlaneClient

    from control_plane.routes import Act

DEFAULT_SECONDS = 10
FIRST_LOOK_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 0.5
"""Most devices answer within a tenth of a second. Each look is one read unit: twenty seconds are
some fifty of them.
"""


@dataclass(frozen=True)
class Commands:
    """Gives commands to devices."""

    catalog: Catalog
    iot_data: "IoTDataPlaneClient"
    table: "Table"
    """Of replies, by `thing_name` and `id`."""

    def acts(self) -> "Mapping[str, Act]":
        """By operation id of the OpenAPI document."""
        return {"giveCommand": self.give}

    def give(self, request: Request) -> Answer:
        """The device's reply. Raises Problem 404, 409 when it is not online, 422 when it refuses,
        502 or 504.
        """
        thing_name, command = request.parameters["thingName"], request.body["command"]
        status = present(self.catalog, thing_name)["status"]
        if status != "ONLINE":
            detail = f"{thing_name} is {status}: a command needs a device that is online"
            raise Problem(409, "device-not-online", "The device is not online", detail)
        # JSON knows no integers: 20.0 is one, for a schema.
        seconds = int(request.body.get("timeout", DEFAULT_SECONDS))
        reply = self._reply(thing_name, self._ask(thing_name, request.body, seconds), seconds)
        if reply is None:
            detail = (
                f"{thing_name} has not replied within {seconds} s; it may carry out the "
                "command nevertheless"
            )
            raise Problem(504, "no-reply", "The device has not replied", detail)
        result = Reply.from_payload(reply).result()
        return Answer(
            200,
            {"thingName": thing_name, "command": command, "status": "accepted", "result": result},
        )

    def _ask(self, thing_name: str, body: Mapping[str, Any], seconds: int) -> str:
        """Send the request; gives its id. It expires with our patience: nothing is done that nobody
        waits for.
        """
        asked = {"command": body["command"], "arguments": body.get("arguments", {})}
        token = uuid.uuid4()
        self.iot_data.publish(
            topic=f"cmd/playground/{thing_name}/req",
            qos=1,
            # Half as long as a message may be at most: the request's own body has at most 64 KB.
            payload=json.dumps(asked, ensure_ascii=False).encode(),
            responseTopic=f"cmd/playground/{thing_name}/res/api/{token.hex}",
            correlationData=base64.b64encode(token.bytes).decode(),
            messageExpiry=seconds,
        )
        return token.hex

    def _reply(self, thing_name: str, token: str, seconds: int) -> bytes | None:
        key = {"thing_name": thing_name, "id": token}
        for _ in Patience(seconds, FIRST_LOOK_SECONDS, 1.5, LONGEST_PAUSE_SECONDS).tries():
            item = self.table.get_item(Key=key, ConsistentRead=True).get("Item")
            if item:
                return base64.b64decode(str(item["reply"]))
        return None
