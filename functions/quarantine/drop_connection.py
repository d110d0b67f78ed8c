"""DropConnection: ends the device's live connection, whatever the device thinks of it.

It takes away the session, with the subscriptions and messages in it, and the device reads its
shadow when it is back. AWS IoT caches policies, so that a change may take 6 to 8 minutes to be in
force: https://docs.aws.amazon.com/iot/latest/developerguide/iot-policies.html
https://docs.aws.amazon.com/iot/latest/apireference/API_iot-data_DeleteConnection.html
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.clients import CONFIG, error_code, session, transient_faults_named
from common.environment import Environment, environment
from common.observability import Handler, logger, observed
from devices import wiring
from quarantine.hold import hold_of
from quarantine.request import HeldDevice

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from boto3 import Session
    from types_boto3_iot_data import IoTDataPlaneClient


def drop_connection(iot_data: "IoTDataPlaneClient", client_id: str) -> str:
    """Gives `DELETED`, or `NONE` where there was neither a connection nor a session."""
    try:
        # The last will goes out: who listens to the device hears that it is gone. What its session
        # holds does not reach it any more.
        iot_data.delete_connection(clientId=client_id, cleanSession=True)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return "NONE"
        raise
    return "DELETED"


def build(environment: Environment, session: "Session") -> Handler[dict[str, str]]:
    """State DropConnection. Gives `{connection}`, see `drop_connection`."""
    device_catalog = wiring.catalog(environment, session)
    iot_data_client = session.client("iot-data", config=CONFIG)

    def handler(event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
        device = HeldDevice.from_event(event)
        with transient_faults_named():
            hold = hold_of(device_catalog.table, device.thing_name, device.execution_arn)
            hold.checked(device_catalog.row(device.thing_name))
            dropped = drop_connection(iot_data_client, device.thing_name)
        logger.info("connection dropped", how=dropped)
        return {"connection": dropped}

    return handler


handler = observed(build(environment, session))
