"""docs/evidence/access.md."""

from collections.abc import Iterable, Sequence

from proofs.access.device_attempts import Attempt
from proofs.access.function_attempts import FunctionAttempt


def page(devices: Sequence[Attempt], functions: Sequence[FunctionAttempt]) -> str:
    """Both matrices as tables."""
    return f"""# Who may do what

`make access` tries all of this in a local cloud that enforces AWS IoT policies and IAM, and writes
this page. A test does the same.

## Devices

There are two devices, A and B, with certificates and the stack's device policy, and clients that
are neither. Everything that A tries in B's name, on reserved topics and on rules is refused. So is
its certificate under another client id, or when it is detached, inactive or revoked, a certificate
of another CA, and a client without a certificate. The allowed lines show that A can do its own
work.

Reason code 135 is "not authorized", 143 "topic filter invalid", 144 "topic name invalid" (MQTT 5,
section 2.4). A name that begins with AWS comes from awscrt, for a connection that was closed. A
client without a certificate does not get through the TLS handshake.

| who | action | what | outcome |
|---|---|---|---|
{_lines((one.who, one.action, f"`{one.what}`", one.outcome) for one in devices)}

## Functions

Each function's role tries every action that only other functions have, and its own actions on the
tables and objects of others. {len(functions)} calls, {sum(one.is_refused for one in functions)} refused.

| function | tried | refused |
|---|---|---|
{_lines(_count(name, functions) for name in dict.fromkeys(one.function for one in functions))}

What each function may do, and what fails without it: [least privilege](least-privilege.md).
"""


def _count(name: str, functions: Sequence[FunctionAttempt]) -> tuple[str, str, str]:
    own = [one for one in functions if one.function == name]
    return name, str(len(own)), str(sum(one.is_refused for one in own))


def _lines(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
