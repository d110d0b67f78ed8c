# ruff: noqa: UP006, UP035
"""What pip and uv say when they fail, and what pip knows of the network that uv has to be told.

Standard library only, and nothing that Python 3.6 cannot parse, as bootstrap.py, which needs it.
"""

import ast
import subprocess
import time
from typing import Dict

CLOCK_SIGNS = (
    "certificate is not yet valid",
    "certificate has expired",
    "notvalidyet",
    "certnotvalidyet",
    "certexpired",
)
CERTIFICATE_SIGNS = (
    "certificate verify failed",
    "certificate_verify_failed",
    "invalid peer certificate",
    "unknownissuer",
    "unknown issuer",
    "self-signed certificate",
    "self signed certificate",
    "unable to get local issuer certificate",
    "certificate signed by unknown authority",
)
# What pip may know of the network, and the variables by which uv takes it.
OF_PIP = {"cert": "SSL_CERT_FILE", "trusted-host": "UV_INSECURE_HOST", "proxy": "HTTPS_PROXY"}
NETWORK_SIGNS = (
    "dns error",
    "error sending request",
    "failed to fetch",
    "connection refused",
    "connection broken",
    "network is unreachable",
    "name resolution",
    "name or service not known",
    "could not connect",
    "timed out",
    "proxyerror",
    "newconnectionerror",
    "from versions: none",
)


def pip_settings(python: str) -> Dict[str, str]:
    """What pip knows from its files and variables, by option; those that hold for all its commands
    go last.
    """
    try:
        listed = subprocess.run(  # noqa: S603
            [python, "-m", "pip", "config", "list"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=60,
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.SubprocessError):
        return {}
    found = {}  # type: Dict[str, str]
    for scope in ("global.", "install.", ":env:."):
        for line in listed.splitlines():
            option, _, value = line.partition("=")
            if option.startswith(scope):
                found[option[len(scope) :]] = (
                    ast.literal_eval(value) if value[:1] in ("'", '"') else value
                )
    return found


def for_uv(settings: Dict[str, str], environ: Dict[str, str]) -> Dict[str, str]:
    """Variables that tell uv of a company's network what pip knows of it; what the user tells uv
    goes before.
    """
    given = {
        variable: " ".join(settings[option].split())
        for option, variable in OF_PIP.items()
        if settings.get(option) and not environ.get(variable) and not environ.get(variable.lower())
    }
    bundle = environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE")
    if bundle and not environ.get("SSL_CERT_FILE"):
        given.setdefault("SSL_CERT_FILE", bundle)
    return given


def is_untrusted(output: str) -> bool:
    """Whether an installer did not trust the server's certificate."""
    return any(sign in output.lower() for sign in CERTIFICATE_SIGNS)


def explain(name: str, output: str, where: str) -> str:
    """One sentence on why an installer failed; `where` is its log."""
    lowered = output.lower()
    if "ensurepip" in lowered:
        return (
            "This Python cannot make virtual environments: install the package python3-venv "
            "of your system."
        )
    if any(sign in lowered for sign in CLOCK_SIGNS):
        return (
            "The package index's certificate is not valid at this time while installing "
            f"{name}: is this machine's "
            f"clock right? It says {time.strftime('%Y-%m-%d', time.gmtime())} (details in {where})."
        )
    if is_untrusted(output):
        return (
            f"The package index's certificate is not trusted while installing {name}, as "
            "behind a company's "
            "proxy: name the file of your company's authorities with `pip config set "
            "global.cert FILE`, or in "
            f"SSL_CERT_FILE, and run it again (details in {where})."
        )
    if any(sign in lowered for sign in NETWORK_SIGNS):
        return (
            f"The package index did not answer while installing {name}: check the "
            "network connection and your pip and "
            f"uv settings, then run it again (details in {where})."
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    last = lines[-1] if lines else "no output"
    return f"Installing {name} failed: {last} (details in {where})."
