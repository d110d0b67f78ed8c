"""The environment that points any AWS tool at the local cloud, and nowhere else."""

import json
import os
import shlex
from collections.abc import Mapping

from playground.home.paths import DIR_VARIABLE, Paths
from playground.home.state import ACCOUNT, HOST, REGION, LocalState

SETTINGS_OF_TOOLS = ("AWS_", "BOTO_", "SAM_CLI_", "__SAM_CLI_")
"""How the variables begin that AWS SDKs, the AWS CLI and the SAM CLI read; `SAM_CLI_` and the name
of an option stand for that option.
"""

HARMLESS = frozenset(
    {
        "AWS_CLI_AUTO_PROMPT", "AWS_CLI_FILE_ENCODING", "AWS_CLI_HISTORY_FILE",
        "AWS_CLI_OUTPUT_ENCODING",
        "AWS_DEFAULT_OUTPUT", "AWS_EXECUTION_ENV", "AWS_MAX_ATTEMPTS", "AWS_PAGER",
        "AWS_RETRY_MODE",
        "AWS_SDK_LOAD_CONFIG", "AWS_SDK_UA_APP_ID", "AWS_VAULT", "SAM_CLI_POLL_DELAY",
    }
)  # fmt: skip
"""What of these says how a tool prints or repeats, not where it calls or as whom: it stays as it
is. A variable that nobody knew when this was written is taken for one that leads away.
"""

LEADS_AWAY = (
    # Another login goes before the keys, or is tried beside them.
    "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_CREDENTIAL_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_LOGIN_CACHE_DIRECTORY",
    "AWS_ACCOUNT_ID", "BOTO_CONFIG",
    # Another host is asked, or this one in another way.
    "AWS_ACCOUNT_ID_ENDPOINT_MODE", "AWS_ENDPOINT_DISCOVERY_ENABLED",
    "AWS_ENABLE_ENDPOINT_DISCOVERY",
    "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_DATA_PATH",
    "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "AWS_S3_USE_ARN_REGION",
    "AWS_S3_DISABLE_MULTIREGION_ACCESS_POINTS",
    "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "AWS_EC2_METADATA_V1_DISABLED", "AWS_IMDS_USE_IPV6",
    "AWS_CSM_ENABLED", "AWS_CSM_HOST", "AWS_CSM_PORT", "AWS_CSM_CLIENT_ID",
    # What is asked is signed, packed or checked as only AWS takes it.
    "AWS_AUTH_SCHEME_PREFERENCE", "AWS_SIGV4A_SIGNING_REGION_SET", "AWS_DEFAULTS_MODE",
    "AWS_CA_BUNDLE",
    "AWS_DISABLE_REQUEST_COMPRESSION", "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES",
    "AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION",
)  # fmt: skip
"""Those that are documented (AWS SDKs and Tools Reference Guide, "Settings reference"; AWS CLI user
guide, "Environment variables"; botocore). `AWS_ENDPOINT_URL_<SERVICE>` is there once for each
service, see `strays`.
"""

THIS_MACHINE = ("127.0.0.1", "localhost")
# the year 3000, in seconds: the SAM CLI looks for its next version a week after the last look
NEVER = 32_503_680_000.0


def exports(
    paths: Paths, state: LocalState, secret: str, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Variables to set; `strays` names those to remove."""
    past = no_proxy(environ)
    commands = str(paths.root / ".venvs" / "bin")
    path = environ.get("PATH", "")
    files = paths.home.absolute() / "aws"
    # A relative one would mean another folder elsewhere.
    named = {DIR_VARIABLE: str(paths.home)} if paths.directory else {}
    return {
        "AWS_ENDPOINT_URL": state.endpoint,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        # A name such as sync-127.0.0.1 is asked of a name server.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # The user's own may hold endpoints, roles, a CA, FIPS and more.
        "AWS_CONFIG_FILE": str(files / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(files / "credentials"),
        "IOT_ENDPOINT": HOST,
        "IOT_PORT": str(state.mqtt_port),
        "IOT_CA_FILE": str(paths.ca),
        **named,
        "NO_PROXY": past,
        "no_proxy": past,
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(files),
        "PATH": path if commands in path.split(os.pathsep) else f"{commands}{os.pathsep}{path}",
    }


def no_proxy(environ: Mapping[str, str] = os.environ) -> str:
    """What no proxy is asked for: all that the user says, in either way to write the variable, and
    this machine.
    """
    named = f"{environ.get('NO_PROXY', '')},{environ.get('no_proxy', '')}".split(",")
    return ",".join(dict.fromkeys([*filter(None, map(str.strip, named)), *THIS_MACHINE]))


def lay_out(paths: Paths) -> None:
    """The files that the variables name; what the AWS CLI is told in such a shell (`aws configure`)
    stays there.
    """
    files = paths.home / "aws"
    paths.make()
    files.mkdir(mode=0o700, exist_ok=True)
    for name in ("config", "credentials"):
        (files / name).touch(mode=0o600)
    # Else `sam` asks the package index once a week whether there is a newer one.
    (files / "metadata.json").write_text(
        json.dumps({"telemetryEnabled": False, "lastVersionCheck": NEVER})
    )


def strays(variables: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> list[str]:
    """Variables to remove: what is documented to lead away from the local cloud, and what is here
    and may.
    """
    found = (name for name in environ if name.startswith(SETTINGS_OF_TOOLS) and not _stays(name))
    return sorted({*LEADS_AWAY, *found} - variables.keys())


def _stays(name: str) -> bool:
    return (
        name in HARMLESS
        or name.startswith("SAM_CLI_BETA_")
        or not (name.isascii() and name.isidentifier())
    )


def shell_text(variables: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> str:
    """The exports for `eval "$(playground env)"` in any POSIX shell."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join([*lines, f"unset {' '.join(strays(variables, environ))}"])


def process_env(
    variables: Mapping[str, str], environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment for a program started from here, with the same variables set and removed."""
    # How this terminal writes is nothing for a log.
    removed = [*strays(variables, environ), "PYTHONIOENCODING"]
    return {name: value for name, value in environ.items() if name not in removed} | dict(variables)
