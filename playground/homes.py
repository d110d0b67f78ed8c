"""Where the stack lives: the local cloud when it is up, otherwise AWS."""

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError

from playground.errors import NoHomeError, NotUpError, StackError
from playground.local.state import ACCOUNT, REGION, LocalState, secret_of
from playground.paths import Paths

Choice = Literal["auto", "local", "aws"]


@dataclass(frozen=True)
class Home:
    """One place the stack can live in. `endpoint` is None on AWS; `host` and `port` are the MQTT WebSocket's."""

    kind: Literal["local", "aws"]
    session: boto3.Session
    region: str
    account: str
    stack_name: str
    endpoint: str | None = None
    port: int = 443
    poll: float = field(default=0.5)

    def client(self, service: str, config: Config | None = None) -> Any:
        """A boto3 client. Typed loosely, because the callers annotate the service they ask for."""
        config = config or Config()
        if self.endpoint is None:
            return self.session.client(service, config=config)  # type: ignore[call-overload]
        # An HTTP proxy of the user's does not lead to this machine.
        config = config.merge(Config(proxies={}, max_pool_connections=32))
        return self.session.client(service, endpoint_url=self.endpoint, config=config)  # type: ignore[call-overload]

    @property
    def label(self) -> str:
        """The home in a few words."""
        return f"local cloud at {self.endpoint}" if self.endpoint else f"AWS account {self.account}, {self.region}"

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs. Raises StackError when it is not there or not complete."""
        try:
            stack = self.client("cloudformation").describe_stacks(StackName=self.stack_name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            how = "playground up" if self.kind == "local" else "make deploy"
            raise StackError(f"There is no stack {self.stack_name} in {self.label}: run `{how}`.") from error
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def output(self, name: str) -> str:
        """One output of the stack. Raises StackError when it has none of that name."""
        try:
            return self.outputs[name]
        except KeyError:
            raise StackError(
                f"The stack {self.stack_name} has no output {name}: deploy the current template."
            ) from None


def find_home(paths: Paths, stack_name: str | None = None, choice: Choice = "auto") -> Home:
    """The home to use. Raises NotUpError for `local` when nothing is up, NoHomeError when there is no AWS either."""
    state = LocalState.load(paths)
    if choice != "aws" and state.up:
        return local_home(paths, state, stack_name)
    if choice == "local":
        raise NotUpError("The local cloud is not up: run `playground up`.")
    return aws_home(stack_name)


def local_home(paths: Paths, state: LocalState, stack_name: str | None = None) -> Home:
    """The local cloud of this state."""
    return Home(
        kind="local",
        session=local_session(secret_of(paths)),
        region=REGION,
        account=ACCOUNT,
        stack_name=stack_name or state.stack_name,
        endpoint=state.endpoint,
        port=state.port,
        poll=0.05,
    )


def local_session(secret: str) -> boto3.Session:
    """A session that looks neither at the user's profile nor at the user's AWS files."""
    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "ca_bundle": (None, None, None, None),
        }
    )
    return boto3.Session(
        aws_access_key_id=ACCOUNT, aws_secret_access_key=secret, region_name=REGION, botocore_session=core
    )


def aws_home(stack_name: str | None = None) -> Home:
    """AWS by the normal credential chain. Raises NoHomeError without credentials or region."""
    # boto3 itself reads only AWS_DEFAULT_REGION, unlike the AWS CLI and SAM.
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    try:
        account = session.client("sts").get_caller_identity()["Account"]
    except (NoCredentialsError, NoRegionError) as error:
        raise NoHomeError(
            "No local cloud is up, and there are no AWS credentials with a region: run `playground up` or "
            "configure AWS."
        ) from error
    return Home("aws", session, session.region_name, account, stack_name or "iot-playground")
