"""What `sam local invoke` needs besides SAM: the stack's real names."""

import sys
from typing import TYPE_CHECKING

from playground.home.homes import Home

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_lambda import LambdaClient

# Where a container finds this machine: Docker Desktop has a name for it, an engine on Linux the
# bridge's address.
HOST_OF_CONTAINERS = "host.docker.internal" if sys.platform == "darwin" else "172.17.0.1"


def function_variables(home: Home) -> dict[str, dict[str, str]]:
    """Environment of every deployed function by logical id: the file that `sam local invoke
    --env-vars` takes.

    SAM puts logical ids where the template refers to a resource; this has the physical names, and
    for the local cloud the endpoint as a container sees it.
    """
    endpoint = (
        {"AWS_ENDPOINT_URL": f"http://{HOST_OF_CONTAINERS}:{home.port}"} if home.endpoint else {}
    )
    formation: CloudFormationClient = home.client("cloudformation")
    functions: LambdaClient = home.client("lambda")
    found: dict[str, dict[str, str]] = {}
    for page in formation.get_paginator("list_stack_resources").paginate(StackName=home.stack_name):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::Lambda::Function":
                deployed = functions.get_function_configuration(
                    FunctionName=resource["PhysicalResourceId"]
                )
                found[resource["LogicalResourceId"]] = (
                    deployed.get("Environment", {}).get("Variables", {}) | endpoint
                )
    return found
