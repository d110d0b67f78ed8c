"""What the AWS SDK and the MQTT client raise, in sentences.

Both take a quarter of a second to load: `failures` loads this for an error of theirs alone.
"""

import os
import re

from awscrt.exceptions import AwsCrtError
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from playground import exit_codes
from playground.home.credentials import problem

LOCAL = re.compile(r"http://(?:127\.0\.0\.1|localhost)[:/]")


def told_of(error: Exception) -> tuple[str, int] | None:
    """What to tell, and the exit code; None for what only a bug can do."""
    if login := problem(error):
        return login, exit_codes.NO_HOME
    if isinstance(error, EndpointConnectionError):
        return _unreachable(error), exit_codes.NO_HOME
    if isinstance(error, BotoCoreError | ClientError):
        return str(error), exit_codes.FAILED
    if isinstance(error, ResponseParserError):
        told = f"The answer came neither from AWS nor from the local cloud: {_first_line(error)}"
        return told, exit_codes.FAILED
    if isinstance(error, AwsCrtError):
        return f"The MQTT connection failed: {error}.", exit_codes.FAILED
    return None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def _unreachable(error: EndpointConnectionError) -> str:
    if LOCAL.match(str(error.kwargs.get("endpoint_url", ""))) and not os.environ.get(
        "AWS_ENDPOINT_URL"
    ):
        return "The local cloud does not answer: run `playground up`."
    if os.environ.get("AWS_ENDPOINT_URL"):
        return (
            f"{error} Run `playground up`, or unset AWS_ENDPOINT_URL if it points at a local "
            "cloud that is down."
        )
    return f"{error} Is this machine connected, and is the region right?"
