"""What `sam local invoke` needs besides SAM: the stack's real names, and a way from a container to the local cloud."""

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

from playground.errors import PlaygroundError
from playground.homes import Home

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_lambda import LambdaClient

CHUNK = 65536

# Where a container finds this machine: Docker Desktop has a name for it, an engine on Linux the bridge's address.
HOST_OF_CONTAINERS = "host.docker.internal" if sys.platform == "darwin" else "172.17.0.1"


def function_variables(home: Home) -> dict[str, dict[str, str]]:
    """Environment of every deployed function by logical id: the file that `sam local invoke --env-vars` takes.

    SAM puts logical ids where the template refers to a resource; this has the physical names, and for the local cloud
    the endpoint as a container sees it.
    """
    endpoint = {"AWS_ENDPOINT_URL": f"http://{HOST_OF_CONTAINERS}:{home.port}"} if home.endpoint else {}
    formation: CloudFormationClient = home.client("cloudformation")
    functions: LambdaClient = home.client("lambda")
    found: dict[str, dict[str, str]] = {}
    for page in formation.get_paginator("list_stack_resources").paginate(StackName=home.stack_name):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::Lambda::Function":
                deployed = functions.get_function_configuration(FunctionName=resource["PhysicalResourceId"])
                found[resource["LogicalResourceId"]] = deployed.get("Environment", {}).get("Variables", {}) | endpoint
    return found


async def relay(host: str, port: int, target_port: int) -> None:
    """Pass TCP connections to `host:port` on to `127.0.0.1:target_port`, until cancelled.

    The local cloud listens on loopback only, where a container can't reach it. Raises PlaygroundError when the address
    can't be listened on.
    """

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            target = await asyncio.open_connection("127.0.0.1", target_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, target[1]), _pump(target[0], writer))

    try:
        server = await asyncio.start_server(connected, host, port)
    except OSError as error:
        raise PlaygroundError(f"Can't listen on {host} port {port}: {error.strerror or error}.") from error
    async with server:
        await server.serve_forever()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
    sink.close()
