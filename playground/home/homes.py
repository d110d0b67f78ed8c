"""Where the stack lives: the local cloud when it is up, otherwise AWS.

The AWS SDK is loaded where a home is made: a command that gets to none has no need of it, and it
takes a quarter of a second.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from playground.errors import NoHomeError, NoStackError, NotUpError
from playground.home.paths import Paths
from playground.home.state import ACCOUNT, REGION, LocalState, secret_of

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config

MAKING = Lock()
"""A session of boto3 makes one client at a time; the clients themselves may be shared:
https://docs.aws.amazon.com/boto3/latest/guide/clients.html (multithreading).
"""

Choice = Literal["auto", "local", "aws"]


@dataclass(frozen=True)
class Login:
    """A profile and a region of AWS that the user names; None is what the environment and the AWS
    files say.
    """

    profile: str | None = None
    region: str | None = None

    @property
    def explicit(self) -> bool:
        """Whether one is named: then AWS is meant, also when a local cloud is up."""
        return self.profile is not None or self.region is not None


@dataclass(frozen=True)
class Home:
    """One place the stack can live in.

    `endpoint` is None on AWS; `port` is the MQTT WebSocket's, `mqtt_port` that of MQTT over TLS,
    whose server shows a certificate of `ca_file`, or of the system's authorities. `profile` is the
    one that the user named.
    """

    kind: Literal["local", "aws"]
    session: "boto3.Session"
    region: str
    account: str
    stack_name: str
    endpoint: str | None = None
    port: int = 443
    poll: float = field(default=0.5)
    mqtt_port: int = 8883
    ca_file: Path | None = None
    profile: str | None = None
    trouble: Callable[[], str | None] = lambda: None
    """What keeps devices of this home from starting, in a sentence; None when nothing is known
    to.
    """

    def client(self, service: str, config: "Config | None" = None) -> Any:
        """A boto3 client. Typed loosely, because the callers annotate the service they ask for."""
        from botocore.config import Config  # noqa: PLC0415 - see above

        config = config or Config()
        if self.endpoint is not None:
            config = config.merge(Config(proxies={}, max_pool_connections=32))
        with MAKING:
            return self.session.client(service, endpoint_url=self.endpoint, config=config)  # type: ignore[call-overload]

    def resource(self, service: str) -> Any:
        """A boto3 resource, as `client`."""
        from botocore.config import Config  # noqa: PLC0415 - see above

        config = Config() if self.endpoint is None else Config(proxies={})
        with MAKING:
            return self.session.resource(service, endpoint_url=self.endpoint, config=config)  # type: ignore[call-overload]

    @property
    def label(self) -> str:
        """The home in a few words."""
        if self.endpoint:
            return f"local cloud at {self.endpoint}"
        if elsewhere := os.environ.get("AWS_ENDPOINT_URL"):
            return f"account {self.account} at {elsewhere} (AWS_ENDPOINT_URL), {self.region}"
        return f"AWS account {self.account}, {self.region}"

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs. Raises NoStackError when it is not there or not complete."""
        found = self._stack.get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in found}

    @property
    def parameters(self) -> dict[str, str]:
        """What the stack was deployed with. Raises NoStackError when it is not there."""
        found = self._stack.get("Parameters", [])
        return {given["ParameterKey"]: given["ParameterValue"] for given in found}

    @cached_property
    def _stack(self) -> dict[str, Any]:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - see above

        try:
            found = self.client("cloudformation").describe_stacks(StackName=self.stack_name)
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            how = "playground up" if self.kind == "local" else "make deploy"
            raise NoStackError(
                f"There is no stack {self.stack_name} ({self.label}): run `{how}`."
            ) from error
        stack: dict[str, Any] = found["Stacks"][0]
        return stack

    def output(self, name: str) -> str:
        """One output of the stack. Raises NoStackError when it has none of that name."""
        try:
            return self.outputs[name]
        except KeyError:
            raise NoStackError(
                f"The stack {self.stack_name} has no output {name}: deploy the current template."
            ) from None


NOBODY = Login()


def find_home(
    paths: Paths, stack_name: str | None = None, choice: Choice = "auto", login: Login = NOBODY
) -> Home:
    """The home to use. Raises NotUpError for `local` when nothing is up, NoHomeError when there is
    no AWS either.
    """
    state = LocalState.load(paths)
    if login.explicit or choice == "aws":
        if state.up and os.environ.get("AWS_ENDPOINT_URL") == state.endpoint:
            raise NoHomeError(
                "The AWS_* variables of this shell point to the local cloud (`playground "
                "env`): use another shell "
                "for --profile, --region and --home aws."
            )
        return aws_home(stack_name, login)
    if state.up:
        return local_home(paths, state, stack_name)
    if choice == "local":
        raise NotUpError("The local cloud is not up: run `playground up`.")
    try:
        return aws_home(stack_name)
    except NoHomeError as error:
        # First what leads somewhere without an account.
        raise NoHomeError(
            f"No local cloud is up: run `playground up`. Or, for AWS: {error}"
        ) from error


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
        mqtt_port=state.mqtt_port,
        ca_file=paths.ca,
        trouble=partial(_trouble, paths),
    )


def _trouble(paths: Paths) -> str | None:
    state = LocalState.load(paths)
    if not state.up:
        return "The local cloud has stopped: run `playground up`."
    if state.agent is None or not state.agent.alive():
        return (
            "The task agent is not running, so no device can start: run `playground up`. "
            "What was waiting for it then "
            f"goes on. Its log is {paths.logs / 'agent.log'}."
        )
    return None


def local_session(secret: str) -> "boto3.Session":
    """A session that looks neither at the user's profile nor at the user's AWS files, and asks no
    proxy.
    """
    import boto3  # noqa: PLC0415 - see above
    import botocore.session  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "ca_bundle": (None, None, None, None),
        }
    )
    # An HTTP proxy of the user's does not lead to this machine.
    core.set_default_client_config(Config(proxies={}))
    return boto3.Session(
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key=secret,
        region_name=REGION,
        botocore_session=core,
    )


def aws_home(stack_name: str | None = None, login: Login = NOBODY) -> Home:
    """AWS by the normal credential chain. Raises NoHomeError without valid credentials or
    region.
    """
    import boto3  # noqa: PLC0415 - see above
    from botocore.exceptions import BotoCoreError, ClientError, NoRegionError  # noqa: PLC0415

    from playground.home.credentials import problem  # noqa: PLC0415

    try:
        # boto3 itself reads only AWS_DEFAULT_REGION, unlike the AWS CLI and SAM.
        session = boto3.Session(
            profile_name=login.profile,
            region_name=login.region or os.environ.get("AWS_REGION") or None,
        )
        # STS answers without a region; nothing else does.
        if session.region_name is None:
            raise NoRegionError
        account = session.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        told = problem(error)
        if told is None:
            raise
        raise NoHomeError(told) from error
    return Home(
        "aws",
        session,
        session.region_name,
        account,
        stack_name or "iot-playground",
        profile=login.profile,
    )
