"""The environment that points any AWS tool at the local cloud."""

import os
import shlex
from collections.abc import Mapping

from playground.local.state import ACCOUNT, REGION, LocalState
from playground.paths import Paths

# Settings of the user's own that would win over, or break, the ones set here.
UNSET = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CA_BUNDLE")


def exports(paths: Paths, state: LocalState, secret: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables to set; `UNSET` names those to remove."""
    local = "127.0.0.1,localhost"
    before = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    no_proxy = before if local in before else ",".join(filter(None, (before, local)))
    commands = str(paths.root / ".venvs" / "bin")
    path = environ.get("PATH", "")
    return {
        "AWS_ENDPOINT_URL": state.endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "IOT_ENDPOINT": "localhost",
        "IOT_PORT": str(state.mqtt_port),
        "IOT_CA_FILE": str(paths.ca),
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "SAM_CLI_TELEMETRY": "0",
        "PATH": path if commands in path.split(os.pathsep) else f"{commands}{os.pathsep}{path}",
    }


def shell_text(variables: Mapping[str, str]) -> str:
    """The exports for `eval "$(playground env)"` in any POSIX shell."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join([*lines, f"unset {' '.join(UNSET)}"])


def process_env(variables: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for a program started from here, with the same variables set and unset."""
    kept = {name: value for name, value in environ.items() if name not in UNSET and not name.startswith("AWS_")}
    return kept | dict(variables)
